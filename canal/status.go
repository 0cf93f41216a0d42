package canal

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Status is how the reading stands at one moment.
type Status struct {
	Connected bool          `json:"connected"` // the server is sending its log
	Scanning  bool          `json:"scanning"`  // flagged rows are being read from their tables
	Flavor    Flavor        `json:"flavor"`
	Version   string        `json:"version"`
	Server    string        `json:"server"`    // the server's identity, as in bridge.Coordinates
	ServerID  uint32        `json:"server_id"` // ours, as the server lists it
	File      string        `json:"file"`      // with Pos and GTID: behind the last transaction that was taken in
	Pos       uint64        `json:"pos"`
	GTID      string        `json:"gtid"`
	Lag       time.Duration `json:"-"`
	LagBytes  *uint64       `json:"lag_bytes,omitempty"` // of the log that have not been read; nil: not known
	// Until the server purges the log that the saved position needs, by its settings. Nil: it never does, or that is not known.
	PurgeHeadroomBytes   *uint64   `json:"purge_headroom_bytes,omitempty"`
	PurgeHeadroomSeconds *float64  `json:"purge_headroom_seconds,omitempty"`
	LagSeconds           float64   `json:"lag_seconds"`
	CommittedAt          time.Time `json:"committed_at,omitzero"`  // of the last transaction that was taken in, by the server's clock
	LastEventAt          time.Time `json:"last_event_at,omitzero"` // when the server last sent anything, heartbeats included
	LastError            string    `json:"last_error,omitempty"`   // why the connection was lost or could not be made
}

// A tracker keeps the Status and the metrics. The counters of every event are atomic; the rest changes once a transaction.
type tracker struct {
	bytesRead atomic.Uint64
	events    atomic.Uint64
	lastEvent atomic.Int64 // Unix nanoseconds

	mu       sync.Mutex // guards what follows
	status   Status
	inflight int       // batches that the writer has not finished
	idle     bool      // nothing has come since the last heartbeat
	caughtUp time.Time // when everything that the server had was last taken in
	fresh    time.Duration
	reading  logPlace // behind the last transaction that was read, whether or not the writer has it
	survey   *survey  // nil: not known
	reads    bool     // Run is under way; before and after it this process knows nothing of the log that still counts

	captured *prometheus.CounterVec
}

// A logPlace is a file and an offset.
type logPlace struct {
	file string
	pos  uint64
}

// newTracker makes the metrics. fresh is how long a heartbeat counts.
func newTracker(registry prometheus.Registerer, routes []*route, fresh time.Duration) (*tracker, error) {
	t := &tracker{
		fresh: fresh,
		captured: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "talkbridge_changes_captured_total", Help: "Submissions that were found, by route.",
		}, []string{"route"}),
	}
	for _, r := range routes {
		t.captured.WithLabelValues(r.Name)
	}
	if registry == nil {
		return t, nil
	}
	for _, c := range []prometheus.Collector{
		t.captured,
		// Read from what is counted anyway: an event costs no more than it must.
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "talkbridge_source_events_total", Help: "Events of the log that were read."},
			func() float64 { return float64(t.events.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "talkbridge_source_read_bytes_total", Help: "Bytes of the log that were read."},
			func() float64 { return float64(t.bytesRead.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_source_connected", Help: "1 while the server is sending its log.",
		}, func() float64 {
			if t.snapshot().Connected {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_source_lag_seconds",
			Help: "How far reading is behind the server's last commit; 0 when it has nothing more, NaN where this process does not read.",
		}, t.lagSeconds),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_source_lag_bytes", Help: "Bytes of the log that have not been read; NaN while that is not known.",
		}, func() float64 { return t.figures().lag }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_source_purge_headroom_seconds",
			Help: "Estimated time until the server purges the log that the saved position needs; +Inf where it never does, NaN while that is not known.",
		}, func() float64 { return t.figures().headroomSeconds }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "talkbridge_source_purge_headroom_bytes",
			Help: "Bytes that the server may write until it purges the log that the saved position needs; +Inf where it has no such bound.",
		}, func() float64 { return t.figures().headroomBytes }),
	} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// begun and ended frame a Run. Between two of them another bridge may read: what this one knew last grows old, and is not shown as if it were so.
func (t *tracker) begun() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads, t.idle, t.caughtUp, t.status.CommittedAt = true, false, time.Time{}, time.Time{}
}

func (t *tracker) ended() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Connected, t.status.Scanning = false, false
	t.reads = false
}

// lagSeconds is the lag as a metric: a bridge that stands by, or has not come to its first place yet, is not 0 seconds behind.
func (t *tracker) lagSeconds() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.reads || t.status.CommittedAt.IsZero() && t.caughtUp.IsZero() {
		return math.NaN()
	}
	return t.lag(time.Now()).Seconds()
}

// received counts one event. The clock is looked at for the first of sixteen, and by heard at the end of each transaction: looking at it for each
// was a good part of what passing an event costs.
func (t *tracker) received(size uint32) {
	t.bytesRead.Add(uint64(size))
	if t.events.Add(1)%16 == 1 {
		t.heard(time.Now())
	}
}

// heard notes when the server last sent something.
func (t *tracker) heard(now time.Time) { t.lastEvent.Store(now.UnixNano()) }

func (t *tracker) bytes() uint64 { return t.bytesRead.Load() }

// change changes the Status under the lock.
func (t *tracker) change(f func(*Status)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.status)
}

// passed notes a transaction that nobody watches.
func (t *tracker) passed(p place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = false
	t.reading = logPlace{p.file, p.pos}
	if t.inflight == 0 && p.committed.After(t.status.CommittedAt) {
		t.status.CommittedAt = p.committed
	}
}

// queued notes a batch on its way to the writer.
func (t *tracker) queued(b batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inflight++
	t.idle = t.idle && b.idle
	t.reading = logPlace{b.place.file, b.place.pos}
}

// written notes that the writer is done with n batches, the last of which was b.
func (t *tracker) written(b batch, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inflight -= n
	t.at(b.place)
	if b.idle && t.inflight == 0 {
		t.idle, t.caughtUp = true, time.Now()
	}
	for _, c := range b.changes {
		t.captured.WithLabelValues(c.Route).Inc()
	}
}

// anchored notes where reading begins.
func (t *tracker) anchored(p place, caughtUp time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inflight = 0
	t.reading = logPlace{p.file, p.pos}
	t.at(p)
	t.caughtUp = caughtUp
}

// at sets the place; the lock is held.
func (t *tracker) at(p place) {
	t.status.File, t.status.Pos, t.status.GTID = p.file, p.pos, ""
	if p.gtids != nil {
		t.status.GTID = p.gtids.String()
	}
	if !p.committed.IsZero() {
		t.status.CommittedAt = p.committed
	}
}

// snapshot is the Status now.
func (t *tracker) snapshot() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.status
	if n := t.lastEvent.Load(); n > 0 {
		s.LastEventAt = time.Unix(0, n)
	}
	now := time.Now()
	s.Lag = t.lag(now)
	s.LagSeconds = s.Lag.Seconds()
	f := t.measured(now)
	s.LagBytes, s.PurgeHeadroomBytes = whole(f.lag), whole(f.headroomBytes)
	if !math.IsInf(f.headroomSeconds, 0) && !math.IsNaN(f.headroomSeconds) {
		s.PurgeHeadroomSeconds = &f.headroomSeconds
	}
	return s
}

// whole is a figure that JSON can hold; nil where it is none.
func whole(f float64) *uint64 {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	n := uint64(f)
	return &n
}

// The figures that come from a survey; NaN while they are not known.
type figures struct{ lag, headroomBytes, headroomSeconds float64 }

// surveyed takes in what the server says about its logs; nil: it does not say.
func (t *tracker) surveyed(v *survey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.survey = v
}

func (t *tracker) figures() figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.measured(time.Now())
}

// measured holds the places against the last survey. The lock is held.
func (t *tracker) measured(now time.Time) figures {
	f := figures{math.NaN(), math.NaN(), math.NaN()}
	if t.survey == nil {
		return f
	}
	// What ends a file or begins one is log too, but holds no transaction: reading is not behind for its sake.
	if behind, ok := t.survey.behind(t.reading.file, t.reading.pos); t.quiet(now) {
		f.lag = 0
	} else if ok {
		f.lag = float64(behind)
	}
	f.headroomBytes, f.headroomSeconds = t.survey.headroom(t.status.File, t.status.CommittedAt, now)
	return f
}

// quiet tells whether the server has said lately that it has nothing more. A heartbeat counts for a few of its periods: a server that
// falls silent altogether is not idle. The lock is held.
func (t *tracker) quiet(now time.Time) bool {
	return t.status.Connected && t.idle && t.inflight == 0 && now.Sub(t.caughtUp) <= t.fresh
}

// lag is how far reading is behind: 0 while the server says that nothing is left to read, else the time since the last transaction
// that was taken in was committed, or since nothing was left. Where nothing is read it is 0 too: JSON has no NaN. Commit times are the server's, so its clock counts. The lock is held.
func (t *tracker) lag(now time.Time) time.Duration {
	if t.quiet(now) || !t.reads {
		return 0
	}
	since := t.status.CommittedAt
	if t.survey != nil && !since.IsZero() {
		since = since.Add(-t.survey.skew)
	}
	if t.caughtUp.After(since) {
		since = t.caughtUp
	}
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since), 0)
}
