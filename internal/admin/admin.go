// Package admin is the bridge's own HTTP side: what an operator, a monitor and the command line ask it. It answers; it changes
// nothing, but for what package control lets the command line do. No row content passes through it, only what the ledger keeps.
package admin

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/internal/faults"
	"talkbridge/state"
)

// Ledger is what the pages read from the store.
type Ledger interface {
	Checkpoint(ctx context.Context) (bridge.Checkpoint, bool, error)
	Record(ctx context.Context, id string) (bridge.Record, bool, error)
	Records(ctx context.Context, f state.Filter) ([]bridge.Record, string, error)
	Counts(ctx context.Context) (map[bridge.Status]int, time.Time, error)
	Reconciled(ctx context.Context, routes []string) ([]state.Reconciled, error)
}

// Status is the answer of /api/v1/status.
type Status struct {
	Version   string                `json:"version"`
	Leader    bool                  `json:"leader"` // this process listens to the source
	Source    any                   `json:"source"`
	Records   map[bridge.Status]int `json:"records"`
	OldestAge float64               `json:"oldest_seconds"` // age of the oldest record that waits, seconds
	Paused    *state.Pause          `json:"paused"`         // null: delivery is not paused
	Reconcile []state.Reconciled    `json:"reconcile"`      // the last run over each route that had one
}

// RecordPage is the answer of /api/v1/records.
type RecordPage struct {
	Records []bridge.Record `json:"records"`
	Next    string          `json:"next,omitempty"` // pass as after= to read on
}

// Options are what the pages need.
type Options struct {
	Version  string
	Ledger   Ledger
	Routes   []string // for finding a key on all of them
	Leader   func() bool
	Source   func() any                                           // the listener's status
	Ready    func(ctx context.Context) error                      // nil: ready to do the bridge's work
	Alive    func(ctx context.Context) error                      // nil, or a nil error: it makes progress, or waits as it should
	Paused   func(ctx context.Context) (state.Pause, bool, error) // nil: never
	Control  http.Handler                                         // below control.Path; nil: none
	Gatherer prometheus.Gatherer
	Guard    *access.Guard        // who may ask
	Console  func(*http.ServeMux) // puts the console's pages there; nil: none
	TLS      bool                 // the listener speaks it
	Logger   *zap.Logger
}

// Handler serves the pages. Whether the process lives and is ready anybody may ask, since a load balancer has no password; figures
// without names are for this machine and for users; everything else is for users, where there are any.
func Handler(o Options) http.Handler {
	p := pages{o}
	mux := http.NewServeMux()
	user := func(h http.HandlerFunc) http.Handler {
		return access.Require(h, access.DenyPlain, access.Viewer, access.Operator, access.Auditor)
	}
	metrics := promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /healthz", p.alive)
	mux.HandleFunc("GET /readyz", p.ready)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if access.FromLoopback(r) {
			metrics.ServeHTTP(w, r)
			return
		}
		user(metrics.ServeHTTP).ServeHTTP(w, r)
	})
	mux.Handle("GET /api/v1/status", user(p.status))
	mux.Handle("GET /api/v1/position", user(p.position))
	mux.Handle("GET /api/v1/records", user(p.records))
	mux.Handle("GET /api/v1/records/{id...}", user(p.record))
	if o.Control != nil {
		mux.Handle("POST "+control.Path, o.Control)
	}
	if o.Console != nil {
		o.Console(mux)
	} else {
		mux.HandleFunc("GET /{$}", p.index)
	}
	return faultless(sameHost(access.Headers(http.NewCrossOriginProtection().Handler(o.Guard.Identify(mux)), o.TLS)), o.Logger)
}

// faultless ends a request in which the program has a fault, as net/http would, but without printing the fault's value on standard
// error, where it may hold what the ledger keeps (Invariant 8).
func faultless(next http.Handler, log *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault != http.ErrAbortHandler { //nolint:errorlint // it is given bare
				log.Error("a page ended in a fault of the program; please report it", zap.String("type", faults.Type(fault)),
					zap.Strings("at", faults.Frames()))
			}
			panic(http.ErrAbortHandler) // the connection ends, and nothing is printed
		}()
		next.ServeHTTP(w, r)
	})
}

// sameHost refuses requests that a browser was lured into sending: a page of another site that resolves its own name to the
// loopback address (DNS rebinding) would otherwise read the ledger.
func sameHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ok && isLoopback(local) && host != "localhost" && net.ParseIP(host) == nil {
			http.Error(w, "this listener is on loopback: ask for it by address or as localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

type pages struct{ Options }

func (p pages) index(w http.ResponseWriter, _ *http.Request) {
	p.text(w, http.StatusOK, "talkbridge "+p.Version+"\n\n/api/v1/status\n/api/v1/records?status=rejected\n/api/v1/position\n/metrics\n/healthz\n/readyz")
}

// alive is for whoever starts a process anew that stands still. One that waits for the store, the source or the platform does not.
func (p pages) alive(w http.ResponseWriter, r *http.Request) {
	if p.Alive != nil {
		if err := p.Alive(r.Context()); err != nil {
			p.text(w, http.StatusServiceUnavailable, err.Error())
			return
		}
	}
	p.text(w, http.StatusOK, "ok")
}

func (p pages) ready(w http.ResponseWriter, r *http.Request) {
	if err := p.Ready(r.Context()); err != nil {
		p.text(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	p.text(w, http.StatusOK, "ready")
}

func (p pages) status(w http.ResponseWriter, r *http.Request) {
	counts, oldest, err := p.Ledger.Counts(r.Context())
	if err != nil {
		p.fail(w, err)
		return
	}
	s := Status{Version: p.Version, Leader: p.Leader(), Source: p.Source(), Records: counts}
	if !oldest.IsZero() {
		s.OldestAge = time.Since(oldest).Seconds()
	}
	if s.Reconcile, err = p.Ledger.Reconciled(r.Context(), p.Routes); err != nil {
		p.fail(w, err)
		return
	}
	if p.Paused != nil {
		pause, ok, err := p.Paused(r.Context())
		if err != nil {
			p.fail(w, err)
			return
		}
		if ok {
			s.Paused = &pause
		}
	}
	p.json(w, s)
}

func (p pages) position(w http.ResponseWriter, r *http.Request) {
	cp, ok, err := p.Ledger.Checkpoint(r.Context())
	switch {
	case err != nil:
		p.fail(w, err)
	case !ok:
		p.text(w, http.StatusNotFound, "no position is saved yet")
	default:
		p.json(w, PositionOf(cp))
	}
}

// Position is a checkpoint as it is shown: without the listener's own notes.
type Position struct {
	File        string    `json:"file"`
	Pos         uint64    `json:"pos"`
	GTID        string    `json:"gtid"`
	ServerUUID  string    `json:"server_uuid"`
	CommittedAt time.Time `json:"committed_at,omitzero"`
	SavedAt     time.Time `json:"saved_at,omitzero"`
}

// PositionOf shows cp.
func PositionOf(cp bridge.Checkpoint) Position {
	return Position{File: cp.File, Pos: cp.Pos, GTID: cp.GTID, ServerUUID: cp.ServerUUID, CommittedAt: cp.CommittedAt, SavedAt: cp.SavedAt}
}

const (
	pageDefault = 100
	pageLimit   = 1000
)

func (p pages) records(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := state.Filter{Status: bridge.Status(q.Get("status")), Route: q.Get("route"), After: q.Get("after"), Limit: pageDefault}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageLimit {
			p.text(w, http.StatusBadRequest, fmt.Sprintf("limit is a number from 1 to %d", pageLimit))
			return
		}
		f.Limit = n
	}
	if key := q.Get("key"); key != "" {
		found, err := p.find(r.Context(), key, f)
		if err != nil {
			p.fail(w, err)
			return
		}
		p.json(w, RecordPage{Records: found})
		return
	}
	records, next, err := p.Ledger.Records(r.Context(), f)
	if err != nil {
		p.fail(w, err)
		return
	}
	if records == nil {
		records = []bridge.Record{}
	}
	p.json(w, RecordPage{Records: records, Next: next})
}

// find looks a key up on every route, or on the one that is asked for.
func (p pages) find(ctx context.Context, key string, f state.Filter) ([]bridge.Record, error) {
	out := []bridge.Record{}
	for _, route := range p.Routes {
		if f.Route != "" && f.Route != route {
			continue
		}
		record, ok, err := p.Ledger.Record(ctx, bridge.RecordID(route, key))
		if err != nil {
			return nil, err
		}
		if ok && (f.Status == "" || f.Status == record.Status) {
			out = append(out, record)
		}
	}
	return out, nil
}

func (p pages) record(w http.ResponseWriter, r *http.Request) {
	record, ok, err := p.Ledger.Record(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		p.fail(w, err)
	case !ok:
		p.text(w, http.StatusNotFound, "no such record: its id is ROUTE/KEY, for example one/1001")
	default:
		p.json(w, record)
	}
}

func (p pages) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		p.Logger.Debug("answer not sent", zap.Error(err))
	}
}

func (p pages) text(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if _, err := io.WriteString(w, text+"\n"); err != nil { //nolint:gosec // plain text, and no browser may think otherwise
		p.Logger.Debug("answer not sent", zap.Error(err))
	}
}

func (p pages) fail(w http.ResponseWriter, err error) {
	p.Logger.Warn("cannot answer from the store", zap.Error(err))
	p.text(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
}

// Serve answers on l until ctx ends, then lets requests that run finish, for a moment. With a certificate it speaks TLS 1.2 or later.
func Serve(ctx context.Context, l net.Listener, h http.Handler, cert *tls.Certificate) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	if cert != nil {
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"}})
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve admin pages: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if closed := <-ended; !errors.Is(closed, http.ErrServerClosed) {
		return fmt.Errorf("serve admin pages: %w", closed)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("end admin pages: %w", err)
	}
	return nil
}
