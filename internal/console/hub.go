package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// Live is how the bridge stands just now, as far as this process knows by itself.
type Live struct {
	Leader          bool      `json:"leader"`
	Connected       bool      `json:"connected"`
	Scanning        bool      `json:"scanning"`
	Source          string    `json:"source"` // flavor and version
	LagSeconds      float64   `json:"lag_seconds"`
	LagBytes        *uint64   `json:"lag_bytes"`        // nil: not known
	HeadroomBytes   *uint64   `json:"headroom_bytes"`   // nil: no bound, or not known
	HeadroomSeconds *float64  `json:"headroom_seconds"` // likewise
	LastError       string    `json:"last_error,omitempty"`
	TokenExpires    time.Time `json:"token_expires,omitzero"`
	BreakerOpen     bool      `json:"breaker_open"`
	InFlight        int       `json:"in_flight"`
	Delivered       uint64    `json:"delivered"` // by this process, since it started
	Paused          bool      `json:"paused"`
	PauseReason     string    `json:"pause_reason,omitempty"`
	PausedSince     time.Time `json:"paused_since,omitzero"`
}

// A Snapshot is Live with what the store says.
type Snapshot struct {
	Live

	At            time.Time             `json:"at"`
	StoreError    string                `json:"store_error,omitempty"`
	Records       map[bridge.Status]int `json:"records"`
	OldestSeconds float64               `json:"oldest_seconds"`
	PerMinute     float64               `json:"per_minute"` // deliveries of this process over the last minute
	Refused       []bridge.Record       `json:"-"`          // the latest few
	Reconciled    []state.Reconciled    `json:"-"`          // the last run over each route that had one
}

// A Point is one place on the charts.
type Point struct {
	At      int64   `json:"at"` // seconds since 1970
	Lag     float64 `json:"lag"`
	Backlog int     `json:"backlog"`
	Rate    float64 `json:"rate"` // deliveries a minute
}

const refusedShown = 5

const (
	snapshotEvery = time.Second
	idleEvery     = 5 * time.Second // while nobody looks
	historyLength = 720             // one hour of points every five seconds
	pointEvery    = 5 * time.Second
)

// A hub takes one snapshot for all who look, however many they are.
type hub struct {
	mu      sync.Mutex // guards what follows
	last    Snapshot
	waiting map[chan struct{}]struct{}
	points  []Point
	counts  []countAt // of the last minute
	wake    chan struct{}
	done    chan struct{} // closed when Run ends: so do the streams
}

type countAt struct {
	at        time.Time
	delivered uint64
}

func newHub() *hub {
	return &hub{waiting: map[chan struct{}]struct{}{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Run takes snapshots until ctx ends: every second while somebody looks, else every five.
func (c *Console) Run(ctx context.Context) error {
	defer close(c.hub.done)
	for {
		c.hub.take(c.snapshot(ctx))
		every := idleEvery
		if c.hub.watched() {
			every = snapshotEvery
		}
		timer := time.NewTimer(every)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-c.hub.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (c *Console) snapshot(ctx context.Context) Snapshot {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	s := Snapshot{At: time.Now(), Live: c.Live(ctx)}
	counts, oldest, err := c.Ledger.Counts(ctx)
	if err != nil {
		s.StoreError = err.Error()
		return s
	}
	s.Records = counts
	if counts[bridge.StatusRejected] > 0 {
		if s.Refused, _, err = c.Ledger.Records(ctx, state.Filter{Status: bridge.StatusRejected, Limit: refusedShown}); err != nil {
			s.StoreError = err.Error()
		}
	}
	if s.Reconciled, err = c.Ledger.Reconciled(ctx, c.Routes); err != nil {
		s.StoreError = err.Error()
	}
	if !oldest.IsZero() {
		s.OldestSeconds = max(time.Since(oldest).Seconds(), 0)
	}
	return s
}

func (h *hub) take(s Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts = append(h.counts, countAt{s.At, s.Delivered})
	for len(h.counts) > 1 && s.At.Sub(h.counts[0].at) > time.Minute {
		h.counts = h.counts[1:]
	}
	first := h.counts[0]
	if span := s.At.Sub(first.at); span > 0 {
		s.PerMinute = float64(s.Delivered-first.delivered) / max(span.Minutes(), 1.0/60)
	}
	h.last = s
	if n := len(h.points); n == 0 || s.At.Unix()-h.points[n-1].At >= int64(pointEvery/time.Second) {
		backlog := s.Records[bridge.StatusPending] + s.Records[bridge.StatusSending]
		if s.StoreError != "" && n > 0 { // not known is not none
			backlog = h.points[n-1].Backlog
		}
		h.points = append(h.points, Point{s.At.Unix(), s.LagSeconds, backlog, s.PerMinute})
		if len(h.points) > historyLength {
			h.points = h.points[len(h.points)-historyLength:]
		}
	}
	for w := range h.waiting {
		select {
		case w <- struct{}{}:
		default: // it has not looked at the one before yet
		}
	}
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting) > 0
}

func (h *hub) now() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// soon has the next snapshot taken at once: something was done.
func (h *hub) soon() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *hub) join() (news chan struct{}, leave func()) {
	news = make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting[news] = struct{}{}
	h.soon()
	return news, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting, news)
	}
}

// events is the stream of snapshots (server-sent events). A session that ended ends it.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	news, leave := c.hub.join()
	defer leave()
	ended := time.NewTimer(streamLimit)
	defer ended.Stop()
	for !c.Guard.Over(r) {
		text, err := json.Marshal(c.hub.now())
		if err != nil {
			return
		}
		if out.SetWriteDeadline(time.Now().Add(10*time.Second)) != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-news:
		case <-r.Context().Done():
			return
		case <-c.hub.done:
			return
		case <-ended.C: // the browser asks again, and has to be logged in still
			return
		}
	}
}

// streamLimit is how long one stream lasts.
const streamLimit = 5 * time.Minute

// history is the last hour, for the charts.
func (c *Console) history(w http.ResponseWriter, _ *http.Request) {
	c.hub.mu.Lock()
	points := append([]Point{}, c.hub.points...)
	c.hub.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(w).Encode(points); err != nil {
		return
	}
}
