package canal

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// A Source reads the submissions of its routes from one server.
type Source struct {
	options    Options
	routes     []*route
	encryption *tls.Config // nil: off
	db         *sql.DB
	log        *zap.Logger
	status     *tracker
	tuning     tuning
	serverID   atomic.Uint32 // ours; an automatic one changes when another replica turns out to have it

	running sync.Mutex // held by Run: one at a time
	horizon horizon    // see Visible
}

// New checks the options and gives every fault in them. It does not connect.
func New(o Options) (*Source, error) { return newSource(o, defaultTuning()) }

func newSource(o Options, t tuning) (*Source, error) {
	o.Flavor = cmp.Or(o.Flavor, FlavorAuto)
	o.TLS.Mode = cmp.Or(o.TLS.Mode, TLSPreferred)
	o.Start.Mode = cmp.Or(o.Start.Mode, StartReconcile)
	o.OnPurged = cmp.Or(o.OnPurged, PurgedReconcile)
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	problems := checkOptions(o)
	s := &Source{options: o, log: o.Logger, tuning: t}
	for _, r := range o.Routes {
		compiled, err := newRoute(r)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.routes = append(s.routes, compiled)
	}
	var err error
	if s.encryption, err = tlsConfig(o); err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if s.status, err = newTracker(o.Registry, s.routes, 3*t.heartbeat); err != nil {
		return nil, fmt.Errorf("register the source's metrics: %w", err)
	}
	s.number(cmp.Or(o.ServerID, autoServerID(o.Namespace, o.Instance)))
	if s.db, err = openPool(o); err != nil {
		return nil, err
	}
	return s, nil
}

// checkOptions finds what is wrong beside the routes themselves.
func checkOptions(o Options) (problems []error) {
	if err := checkAddr(o.Addr); err != nil {
		problems = append(problems, err)
	}
	if o.User == "" {
		problems = append(problems, errors.New("source.user is empty"))
	}
	if o.Outbox == nil {
		problems = append(problems, errors.New("no outbox to append to"))
	}
	if len(o.Routes) == 0 {
		problems = append(problems, errors.New("there are no routes"))
	}
	names := map[string]bool{}
	for _, r := range o.Routes {
		if names[r.Name] {
			problems = append(problems, fmt.Errorf("two routes are called %s", r.Name))
		}
		names[r.Name] = true
	}
	switch o.Flavor {
	case FlavorAuto, FlavorMySQL, FlavorMariaDB:
	default:
		problems = append(problems, fmt.Errorf("source.flavor: %q is not auto, mysql or mariadb", o.Flavor))
	}
	switch o.TLS.Mode {
	case TLSOff, TLSPreferred, TLSRequired, TLSVerify:
	default:
		problems = append(problems, fmt.Errorf("source.tls: %q is not off, preferred, required or verify", o.TLS.Mode))
	}
	switch o.OnPurged {
	case PurgedReconcile, PurgedStop:
	default:
		problems = append(problems, fmt.Errorf("source.on_purged: %q is not reconcile or stop", o.OnPurged))
	}
	return append(problems, checkStart(o.Start)...)
}

func checkStart(s Start) []error {
	switch {
	case s.Mode == StartGTID && s.GTID == "":
		return []error{errors.New("source.start: gtid is empty")}
	case s.Mode == StartFile && s.File == "":
		return []error{errors.New("source.start: file is empty")}
	}
	switch s.Mode {
	case StartReconcile, StartLatest, StartEarliest, StartGTID, StartFile:
		return nil
	default:
		return []error{fmt.Errorf("source.start: %q is not reconcile, latest, earliest, {gtid} or {file, pos}", s.Mode)}
	}
}

// Status says how the reading stands.
func (s *Source) Status() Status { return s.status.snapshot() }

// Close lets go of the connections that Preflight and Row use. Run has to have ended.
func (s *Source) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the source's connections: %w", err)
	}
	return nil
}

// Run reads from the saved position on, or from where Options.Start says, until ctx ends; then it saves the last position that can
// be resumed from and returns nil. What can come back by itself is tried again for ever, with growing pauses and a line in the log
// for each attempt. Anything else is returned: a message that says what to do.
func (s *Source) Run(ctx context.Context) error {
	s.running.Lock()
	defer s.running.Unlock()
	s.status.begun()
	defer s.status.ended()
	pause := s.tuning.backoff()
	var clashes clashCount
	var at *standing
	for attempt := 1; ; attempt++ {
		next, live, err := s.attempt(ctx, at)
		if next != nil {
			at = next
		}
		err = classify(err)
		if lost := (*lostError)(nil); errors.As(err, &lost) && ctx.Err() == nil {
			if next, err = s.decide(ctx, at, lost); err == nil {
				at, attempt = next, 0
				continue
			}
			err = classify(err)
		}
		if ctx.Err() != nil {
			return s.ended(err)
		}
		err = s.renumber(err, &clashes)
		if stops(err) {
			s.status.change(func(st *Status) { st.LastError = err.Error() })
			return fmt.Errorf("read the server's log: %w", err)
		}
		if live {
			pause.Reset()
			attempt = 1
		}
		renew(s.db)
		if !s.wait(ctx, pause.NextBackOff(), attempt, reachable(s.options.Addr, err)) {
			return nil
		}
	}
}

// wait says why the connection is gone and waits before the next one; false where ctx ended.
func (s *Source) wait(ctx context.Context, d time.Duration, attempt int, err error) bool {
	s.status.change(func(st *Status) { st.LastError = err.Error() })
	s.log.Warn("the connection to the server ended or could not be made; it is tried again",
		zap.Error(err), zap.Int("attempt", attempt), zap.Duration("again_in", d))
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// ended is Run's answer when it was told to end. Only a failure to save is worth one: the rest is the ending itself.
func (s *Source) ended(err error) error {
	if errors.Is(err, ErrHalt) || err == nil {
		return err
	}
	s.log.Debug("reading ended", zap.Error(err))
	return nil
}

// A standing is where reading stands between two attempts.
type standing struct {
	place place
	// server is the identity under which coordinates are written. It is the server's own, with a mark behind it after a
	// decision to go on at a server whose log does not continue the old one: positions before and after cannot be compared.
	server string
}

// attempt makes one connection and reads until it ends. It gives where reading stands afterwards and whether the log was flowing.
func (s *Source) attempt(ctx context.Context, at *standing) (next *standing, live bool, err error) {
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return at, false, err
	}
	s.status.change(func(st *Status) { st.Flavor, st.Version, st.Server = srv.flavor, srv.version, srv.identity })
	if at == nil {
		if at, err = s.resume(ctx, srv); err != nil {
			return nil, false, err
		}
	}
	if err := s.verifyPosition(ctx, srv, at); err != nil {
		return at, false, err
	}
	return s.stream(ctx, srv, at)
}

// resume takes the saved position, or begins where there is none.
func (s *Source) resume(ctx context.Context, srv *server) (*standing, error) {
	cp, ok, err := s.options.Outbox.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the saved position: %w", err)
	}
	if !ok {
		return s.begin(ctx, srv)
	}
	if cp.Flavor != "" && Flavor(cp.Flavor) != srv.flavor {
		return nil, &stopError{fmt.Errorf("the saved position is one of %s, but the server is %s (%s). Check source.addr; to go on at this "+
			"server clear the position: talkbridge position clear", cp.Flavor, srv.flavor, srv.version)}
	}
	p, err := placeOf(cp, srv.flavor)
	if err != nil {
		return nil, &stopError{err}
	}
	at := &standing{place: p, server: cmp.Or(cp.ServerUUID, srv.identity)}
	s.status.anchored(p, time.Time{})
	s.log.Info("reading goes on from the saved position", zap.String("position", p.describe()), zap.Time("saved_at", cp.SavedAt))
	return at, nil
}

// begin is for a store that holds no position. Invariant 10: what it decides is in the log.
func (s *Source) begin(ctx context.Context, srv *server) (*standing, error) {
	s.log.Info("no position is saved; reading begins as source.start says", zap.String("start", string(s.options.Start.Mode)))
	if s.options.Start.Mode == StartReconcile {
		return s.scan(ctx, srv, srv.identity, ScanStart)
	}
	p, err := s.startPlace(ctx, srv)
	if err != nil {
		return nil, err
	}
	at := &standing{place: p, server: srv.identity}
	if err := appendTo(ctx, s.options.Outbox, nil, p.checkpoint(srv.flavor, at.server), s.tuning, s.log); err != nil {
		return nil, err
	}
	s.status.anchored(p, time.Now())
	s.log.Info("reading begins", zap.String("position", p.describe()))
	return at, nil
}

// decide is for a position that the server cannot go on from.
//
// Invariant 10: a purged or foreign position is a decision that the configuration made and the log says.
func (s *Source) decide(ctx context.Context, at *standing, lost *lostError) (*standing, error) {
	if s.options.OnPurged == PurgedStop {
		return nil, &stopError{fmt.Errorf("the saved position %s cannot be resumed from: %w. Either set source.on_purged: reconcile, "+
			"which queues every row that is flagged now and goes on from the present, or set a position that the server has: "+
			"talkbridge position set", at.place.describe(), lost)}
	}
	s.log.Error("the saved position cannot be resumed from; as source.on_purged says, every row that is flagged now is queued, and reading "+
		"goes on from the present. What was submitted and taken back in between is not seen",
		zap.Error(lost), zap.String("position", at.place.describe()), zap.Bool("foreign", lost.foreign))
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return nil, err
	}
	identity := srv.identity
	if lost.foreign {
		identity = fmt.Sprintf("%s/%d", srv.identity, time.Now().Unix())
	}
	return s.scan(ctx, srv, identity, ScanPurged)
}

// of tells whether the standing is one of this server's, with or without a mark behind its identity.
func (at *standing) of(srv *server) bool {
	return at.server == srv.identity || strings.HasPrefix(at.server, srv.identity+"/")
}
