package app_test

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// A look is one way to look at the console.
type look struct {
	language, theme string
	width           int64
}

func full() bool { return os.Getenv("TALKBRIDGE_SCREENSHOTS") != "" }

// looks are all ways, or where the pictures of all are not asked for (make screenshots), each language, theme and width once.
func looks() []look {
	if !full() {
		return []look{{"zh", "light", 1440}, {"en", "dark", 390}}
	}
	var all []look
	for _, language := range []string{"zh", "en"} {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int64{1440, 390} {
				all = append(all, look{language, theme, width})
			}
		}
	}
	return all
}

// faults are what a browser complains about: exceptions, errors on the console, assets that are not there, what a policy forbids.
type faults struct {
	mu   sync.Mutex // guards list
	list []string
}

func (f *faults) listen(b *tab) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Listen(b.ctx, func(ev any) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch ev := ev.(type) {
		case *cdpruntime.EventExceptionThrown:
			f.list = append(f.list, "exception: "+ev.ExceptionDetails.Text)
		case *cdpruntime.EventConsoleAPICalled:
			if ev.Type == "error" {
				f.list = append(f.list, fmt.Sprintf("console: %v", ev.Args))
			}
		case *cdplog.EventEntryAdded:
			if ev.Entry.Level == cdplog.EntryLevelError {
				f.list = append(f.list, ev.Entry.Text+" "+ev.Entry.URL)
			}
		}
	}))
}

func (f *faults) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.list
	f.list = nil
	return list
}

// Every page, with nothing, with one record and with very many, on a telephone and on a desk, in both languages and both themes: it has a
// title, it is no wider than its window, the browser has nothing to complain about, and no word is missing. make screenshots takes a
// picture of each.
func TestPagesOfEverySize(t *testing.T) {
	for _, n := range []int{0, 1, 100_000} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			c := newCollege(t, "file:talkbridge.db")
			c.withUsers(t)
			c.fillLedger(t, n)
			if n > 0 {
				c.press(t, "1008") // refused
			}
			c.run(t)
			if n > 0 {
				c.push(t, 1, "1008") // it need not wait for those in front of it; the bridge may have been faster
				c.becomes(t, "one/1008", bridge.StatusRejected)
			}
			pages := []string{"/", "/records", "/position", "/preview", "/records?key=nothing"}
			if n > 0 {
				pages = append(pages, "/records?status=rejected", "/records/one/1008", "/records/gone/100000")
			}
			ops := c.tab(t)
			ops.login("ops", consolePassword)
			for _, l := range looks() {
				ops.looks(l, n, pages...)
			}
			if n == 1 || full() { // what these show has nothing to do with how many records there are
				auditor, nobody := c.tab(t), c.tab(t)
				auditor.login("audit", consolePassword)
				for _, l := range looks() {
					auditor.looks(l, n, "/audit")
					nobody.looks(l, n, "/login")
				}
			}
			ops.open("/records")
			require.Equal(t, min(n+min(n, 1), 50), value[int](ops, `document.querySelectorAll('#list tbody tr').length`))
		})
	}
}

// looks opens pages in a way and looks at each.
func (b *tab) looks(l look, n int, paths ...string) {
	b.t.Helper()
	f := &faults{}
	f.listen(b)
	b.do(chromedp.EmulateViewport(l.width, 900))
	b.open("/language?to=" + l.language + "&next=" + url.QueryEscape("/login"))
	value[bool](b, `localStorage.setItem('talkbridge-theme', '`+l.theme+`') === undefined`)
	for _, path := range paths {
		begun := time.Now()
		b.open(path)
		b.do(chromedp.WaitReady("footer"))
		b.until(`document.readyState === 'complete'`)
		at := fmt.Sprintf("%s with %d records, %+v", path, n, l)
		require.Less(b.t, time.Since(begun), time.Minute, at)
		require.Equal(b.t, l.theme+" "+map[string]string{"zh": "zh-CN", "en": "en"}[l.language],
			value[string](b, `document.documentElement.dataset.theme + " " + document.documentElement.lang`), at)
		require.Regexp(b.t, `^[^ _]+.* · talkbridge$`, value[string](b, `document.title`), at)
		require.Zero(b.t, value[float64](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`), "wider than its window: %s", at)
		require.Empty(b.t, value[string](b, missingWords), "a word that is not in the list: %s", at)
		if l.language == "en" && !strings.HasPrefix(path, "/records/") {
			require.Empty(b.t, value[string](b, chineseWords), "Chinese in English: %s", at)
		}
		require.Empty(b.t, f.taken(), at)
		b.shot(fmt.Sprintf("%s-%s-%d-%d-%s", l.language, l.theme, l.width, n, strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path), "-")))
	}
}

// What stands for a word that is not in the list is its key: small letters with an underscore.
const missingWords = `[...document.body.innerText.matchAll(/\b(status|stage|role|cause|unit)_[a-z_]*/g)].map((m) => m[0])
	.concat([...document.querySelectorAll('h1,h2,dt,th,button,label,small,figcaption,p,option')].map((e) => e.textContent.trim()).filter((s) => /^[a-z]+(_[a-z]+)+$/.test(s))).join(' ')`

// chineseWords are what an English page says in Chinese, but for the reasons, which are for counsellors, and the way back.
const chineseWords = `[...document.querySelectorAll('h1,h2,dt,th,button,label,small,figcaption,p:not(.reason),option,footer,.who')]
	.map((e) => e.textContent.trim()).filter((s) => /[\u4e00-\u9fff]/.test(s)).join(' ')`

// fillLedger puts records into the store that wait for a long time, before any bridge runs.
func (c *college) fillLedger(t *testing.T, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	store, closeIt := c.openStore(t)
	defer closeIt()
	epoch, ok, err := store.Lead(t.Context(), "filler", time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	const chunk = 5000
	for from := 0; from < n; from += chunk {
		var changes []bridge.Change
		for i := from; i < min(n, from+chunk); i++ {
			changes = append(changes, bridge.Change{
				Route: "gone", Key: strconv.Itoa(100_000 + i), KeyColumns: []string{"id"}, EventID: fmt.Sprint("fill#", i), Origin: bridge.OriginBinlog,
				At: bridge.Coordinates{Server: "filler", File: "binlog.000001", Pos: uint64(i + 1)}, CommittedAt: time.Now(), CapturedAt: time.Now(),
			})
		}
		_, err := store.Append(t.Context(), epoch, changes, nil)
		require.NoError(t, err)
	}
	require.NoError(t, store.Resign(t.Context(), "filler"))
}

func (c *college) openStore(t *testing.T) (*state.Store, func()) {
	t.Helper()
	cfg := c.load(t)
	store, err := state.Open(t.Context(), state.Options{URL: cfg.State.URL.Reveal(), Namespace: cfg.State.Namespace, Key: cfg.State.Key})
	require.NoError(t, err)
	return store, func() { require.NoError(t, store.Close()) }
}
