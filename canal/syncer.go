package canal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"golang.org/x/sync/semaphore"
)

// stream makes one connection for the log, from at, and reads until it ends. It gives the place that was reached in every case.
func (s *Source) stream(ctx context.Context, srv *server, at *standing) (next *standing, live bool, err error) {
	reading, end := context.WithCancel(ctx)
	defer end()
	queue := make(chan batch, s.tuning.queue)
	w := &writer{
		outbox: s.options.Outbox, flavor: srv.flavor, server: at.server, status: s.status, tuning: s.tuning, log: s.log,
		window: semaphore.NewWeighted(windowBytes),
	}
	surveyed := make(chan struct{})
	go func() {
		defer close(surveyed)
		s.watch(reading)
	}()
	defer func() { end(); <-surveyed }()
	written := make(chan error, 1)
	go func() {
		written <- w.run(ctx, queue)
		end() // nobody takes what the reader finds any more
	}()
	r := s.newReader(ctx, srv, at)
	line := &line{dialing: ctx, timeout: s.tuning.readTimeout}
	r.send = line.sender(reading, queue, w.window, s.tuning.readTimeout)
	defer r.release()
	syncer := replication.NewBinlogSyncer(s.syncerConfig(srv, line, r))
	err = s.read(reading, syncer, srv, at.place)

	// The order of ending: first the syncer, so that the reader stands still; then what it had reached goes to the writer; then the
	// queue is closed and the writer finishes.
	line.close(ctx.Err() != nil)
	syncer.Close()
	s.status.change(func(st *Status) { st.Connected = false })
	if r.failure != nil && !errors.Is(r.failure, errClosing) {
		err = r.failure
	}
	if r.unsaved {
		last := batch{place: r.place.clone(), safe: r.safe(), save: true}
		s.status.queued(last)
		select {
		case queue <- last:
		case <-reading.Done():
			select { // a stop, not a writer that is gone: then the queue still moves
			case queue <- last:
			case werr := <-written:
				written <- werr
			}
		}
	}
	close(queue)
	if werr := <-written; werr != nil {
		return at, r.live, werr
	}
	return &standing{place: r.safe(), server: at.server}, r.live, err
}

// newReader makes the reader of one connection.
func (s *Source) newReader(ctx context.Context, srv *server, at *standing) *reader {
	f := newFilter(s.routes, srv.fold)
	return &reader{
		opener: newOpener(srv.flavor, s.options.Location, f.watched, f.decode), filter: f,
		flavor: srv.flavor, server: at.server, sets: srv.sets, status: s.status, tuning: s.tuning,
		place: at.place.clone(), reached: at.place.pos, resumed: at.place.clone(), savedAt: time.Now(), savedFrom: s.status.bytes(),
		verify: func() error { return s.checkTables(ctx) },
		fold:   srv.fold,
		shapes: func(file string, pos uint64) *history {
			h, err := s.shapesAt(ctx, srv, file, pos)
			if err != nil {
				s.log.Debug("what the watched tables look like could not be read", zap.Error(err))
			}
			return h
		},
		flows: func(p place) {
			s.status.anchored(p, time.Time{})
			s.status.change(func(st *Status) { st.Connected, st.LastError = true, "" })
			s.log.Info("the server sends its log", zap.String("from", p.describe()), zap.String("flavor", string(srv.flavor)),
				zap.String("version", srv.version), zap.Bool("encrypted", srv.encrypted))
		},
	}
}

// read asks for the log and waits until it ends.
func (s *Source) read(ctx context.Context, syncer *replication.BinlogSyncer, srv *server, from place) error {
	streamer, err := start(syncer, srv, from)
	if err != nil {
		return fmt.Errorf("ask for the log: %w", err)
	}
	_, err = streamer.GetEvent(ctx) // the events go to the reader; only the end comes here
	return err
}

// start asks for the log, by GTID where the place and the server have them.
func start(syncer *replication.BinlogSyncer, srv *server, from place) (*replication.BinlogStreamer, error) {
	if srv.gtid && from.byGTID() {
		return syncer.StartSyncGTID(from.gtids.Clone()) // the syncer changes the set that it is given
	}
	if from.pos >= 1<<32 {
		return nil, &stopError{fmt.Errorf("a server can be asked for its log by file and position only within the first 4 GiB of a file, "+
			"not at %s:%d. Switch GTIDs on, or set the position to the start of the next file", from.file, from.pos)}
	}
	return syncer.StartSync(mysql.Position{Name: from.file, Pos: uint32(from.pos)})
}

// syncerConfig is the configuration of go-mysql for one connection.
func (s *Source) syncerConfig(srv *server, l *line, handler replication.EventHandler) replication.BinlogSyncerConfig {
	cfg := replication.BinlogSyncerConfig{
		ServerID:  s.serverID.Load(),
		Flavor:    string(srv.flavor),
		Host:      s.options.Addr, // with its port: go-mysql takes it whole where Port is 0
		User:      s.options.User,
		Password:  s.options.Password.Reveal(),
		Localhost: replicaName(s.options.Namespace),
		Charset:   "utf8mb4",

		HeartbeatPeriod:  s.tuning.heartbeat,
		ReadTimeout:      s.tuning.readTimeout,
		DisableRetrySync: true, // a reconnect goes back to our own position, and that is what Run does
		DiscardGTIDSet:   true, // we keep our own

		RawModeEnabled:          true, // the handler's opener decodes what is needed
		SynchronousEventHandler: handler,
		Dialer:                  l.dial,
		Option:                  l.prepare,
		Logger:                  slog.New(quiet{zapslog.NewHandler(s.log.Core())}),
	}
	if srv.encrypted {
		cfg.TLSConfig = s.encryption.Clone()
	}
	if srv.flavor == FlavorMariaDB && zeroPositions(srv.version) {
		// Where the log has no positions they are counted from the sizes of the events, so every event has to come.
		cfg.DumpCommandFlag = replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
	}
	return cfg
}

// A line is the network connection of the log.
type line struct {
	dialing context.Context //nolint:containedctx // go-mysql's Dialer is given one that never ends
	timeout time.Duration   // of a read
	closing atomic.Int32    // lineClosing, lineBroken
	conn    atomic.Pointer[client.Conn]
}

const (
	lineClosing = 1 // we end it
	lineBroken  = 2 // it ended
)

// close says that the connection is to end. go-mysql then dials once more to KILL the old one: right when we leave a server that
// runs, so that it does not go on sending; wrong when the connection broke, since the number may be another client's by now.
func (l *line) close(ours bool) {
	if ours {
		l.closing.Store(lineClosing)
		return
	}
	l.closing.Store(lineBroken)
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch l.closing.Load() {
	case lineBroken:
		return nil, errClosing
	case lineClosing:
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return (&net.Dialer{}).DialContext(short, network, address)
	default:
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(l.dialing, func() { cancel(errClosing) })() //nolint:contextcheck // two contexts end this
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newLazyDeadline(conn, l.timeout), nil
	}
}

// prepare is run on the connection before the log is asked for. While the store takes nothing the reader waits and the server
// cannot send; it is asked to be patient for ten minutes instead of one.
func (l *line) prepare(conn *client.Conn) error {
	l.conn.Store(conn)
	if _, err := conn.Execute("SET SESSION net_write_timeout = 600"); err != nil {
		return fmt.Errorf("set net_write_timeout: %w", err)
	}
	return nil
}

// sender makes the reader's send. After a long wait for the writer the time-out of the next read has run down; it is started anew.
func (l *line) sender(reading context.Context, queue chan<- batch, window *semaphore.Weighted, timeout time.Duration) func(batch) error {
	return func(b batch) error {
		begun := time.Now()
		b.window = min(int64(b.bytes), windowBytes)
		if window.Acquire(reading, b.window) != nil {
			return errClosing
		}
		select {
		case queue <- b:
		case <-reading.Done():
			return errClosing
		}
		if conn := l.conn.Load(); conn != nil && time.Since(begun) > timeout/8 {
			_ = conn.SetReadDeadline(time.Now().Add(timeout))
		}
		return nil
	}
}

// quiet passes go-mysql's lines on as debug lines: whatever of it matters comes back as an error and is said once, by Run. Its
// first line, which prints the whole configuration, is dropped.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == "create BinlogSyncer" {
		return nil
	}
	record.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
