// What keeps a page up to date: a stream of snapshots, the parts of the page that follow it, and two charts.
(() => {
  'use strict';
  const body = document.body;
  const byItself = { 'Talkbridge-By-Itself': '1' }; // no person asks: this does not keep a session alive

  document.getElementById('theme')?.addEventListener('click', () => {
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    const now = document.documentElement.dataset.theme || (dark ? 'dark' : 'light');
    const next = now === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    localStorage.setItem('talkbridge-theme', next);
    charts.forEach((c) => c.draw());
  });

  document.addEventListener('submit', (e) => {
    const sure = e.target.dataset.sure;
    if (sure && !confirm(sure)) e.preventDefault();
  });

  // The parts of this page that follow the bridge are fetched anew, as the server makes them, and put in the place of the old ones.
  let busy = false;
  async function refresh() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: byItself, redirect: 'manual' });
      if (answer.type === 'opaqueredirect') { location.reload(); return; } // the session ended
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      document.querySelectorAll('[data-live]').forEach((old) => {
        const fresh = page.getElementById(old.id);
        if (fresh && fresh.outerHTML !== old.outerHTML) old.replaceWith(document.importNode(fresh, true));
      });
    } catch { /* the stream says that the bridge is away */ } finally { busy = false; }
  }

  let before = '';
  function follow(s) {
    const sign = JSON.stringify([s.records, s.paused, s.leader, s.connected, s.breaker_open, s.scanning, s.store_error, Math.round(s.lag_seconds), s.in_flight]);
    const always = document.querySelector('[data-live="always"]:not([data-ends="true"])');
    if (sign !== before || always || body.dataset.page === 'overview') refresh();
    before = sign;
    add(s);
  }

  // The same clock as the rest of the page: the source's, not the browser's.
  let clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
  try { clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: body.dataset.zone }); } catch { /* a zone without a name */ }
  const charts = [];
  function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  class Chart {
    constructor(id, pick, stepped) {
      this.box = document.getElementById(id);
      if (this.box) { this.pick = pick; this.stepped = stepped; this.data = [[], []]; charts.push(this); }
    }
    draw() {
      this.plot?.destroy();
      const axis = { stroke: css('--dim'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px sans-serif' };
      this.plot = new uPlot({
        width: this.box.clientWidth, height: 170, legend: { show: false }, cursor: { y: false },
        scales: { x: { time: true, range: (u, low, high) => { const end = high > 1e9 ? high : Date.now() / 1000; return [low > 1e9 ? Math.min(low, end - 600) : end - 600, end]; } }, y: { range: (u, low, high) => [0, Math.max(high * 1.1, 1)] } },
        axes: [{ ...axis, size: 30, values: (u, at) => at.map((t) => clock.format(new Date(t * 1000))) }, { ...axis, size: 46 }],
        series: [{}, { stroke: css('--accent'), width: 1.5, fill: css('--accent-soft'), points: { show: false }, paths: this.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined }],
      }, this.data, this.box);
      this.box.dataset.last = this.data[1].length ? Math.max(...this.data[1].slice(-12)) : 0;
    }
    set(points) { // before the first point stands an empty place: ten minutes are shown at least
      const first = points.length ? points[0].at : Math.floor(Date.now() / 1000) - 2;
      this.data = [[first - 600, ...points.map((p) => p.at)], [null, ...points.map(this.pick)]];
      this.draw();
    }
    add(p) {
      const [at, values] = this.data;
      if (at.length && p.at - at[at.length - 1] < 2) return;
      at.push(p.at); values.push(this.pick(p));
      while (at.length > 1800) { at.shift(); values.shift(); }
      this.plot.setData(this.data);
      this.box.dataset.last = Math.max(...values.slice(-12));
    }
  }
  let ready = false;
  function add(s) {
    if (!ready) return;
    const waiting = (s.records?.pending || 0) + (s.records?.sending || 0);
    const p = { at: Math.floor(Date.parse(s.at) / 1000), lag: s.lag_seconds, backlog: waiting };
    charts.forEach((c) => c.add(p));
  }
  async function begin() {
    new Chart('chart-lag', (p) => p.lag, false);
    new Chart('chart-backlog', (p) => p.backlog, true);
    if (!charts.length) return;
    const answer = await fetch('/history', { headers: byItself });
    if (!answer.ok) return;
    const points = await answer.json();
    charts.forEach((c) => c.set(points));
    ready = true;
    let wait;
    addEventListener('resize', () => { clearTimeout(wait); wait = setTimeout(() => charts.forEach((c) => c.draw()), 150); });
  }

  if (body.dataset.known === 'true' && body.dataset.page !== 'login') {
    const lost = document.getElementById('lost');
    let stream, late;
    const open = () => {
      stream = new EventSource('/events');
      stream.onmessage = (e) => { lost.hidden = true; follow(JSON.parse(e.data)); };
      stream.onopen = () => { clearTimeout(late); lost.hidden = true; };
      stream.onerror = () => {
        clearTimeout(late);
        const gone = stream.readyState === EventSource.CLOSED; // not let in any more, or a bridge that is going: it does not ask again by itself
        late = setTimeout(() => {
          if (gone) { stream.close(); refresh(); open(); }
          lost.hidden = stream.readyState === EventSource.OPEN;
        }, 4000);
      };
    };
    open();
    // A browser has six connections to one address: a page that nobody looks at holds none.
    document.addEventListener('visibilitychange', () => { clearTimeout(late); stream.close(); if (!document.hidden) { open(); refresh(); } });
    begin();
  }
})();
