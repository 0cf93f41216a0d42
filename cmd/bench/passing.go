package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// Passing: how fast the listener gets past the log of tables that nobody watches. Between two submissions on a watched table lies a
// stretch of log of another one; the time between the two is measured: at the listener as it hands them to its outbox, and at a bare
// replication client as it reads their events. Both ask the same server for the same log in turn, A B A B, so that neither has a
// warmer cache or a quieter machine.

const passingTables = `CREATE DATABASE bench DEFAULT CHARACTER SET utf8mb4; USE bench;
CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1) NOT NULL, body TEXT);
CREATE TABLE other (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), at DATETIME(3), price DECIMAL(12,2), n INT UNSIGNED, note VARCHAR(400),
  KEY (at));`

// A stretch is what is measured.
type stretch struct {
	server *testserver.SQLServer
	file   string
	begin  uint64 // where reading begins
	from   uint64 // end of the first submission's transaction
	to     uint64 // end of the second one's
}

func (s stretch) megabytes() float64 { return float64(s.to-s.from) / 1e6 }

// A moment is a point in time, and how much this process has computed until then.
type moment struct {
	wall time.Time
	cpu  time.Duration
}

// spent is what lies between two moments.
type spent struct{ wall, cpu time.Duration }

func (m moment) since(before moment) spent { return spent{m.wall.Sub(before.wall), m.cpu - before.cpu} }

func now() moment {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // it fails only for a wrong argument
	return moment{time.Now(), time.Duration(use.Utime.Nano() + use.Stime.Nano())}
}

// passing measures every server that this machine has.
func passing(ctx context.Context, b *bench) ([]result, error) {
	sources := testserver.AllSources()
	if len(sources) == 0 {
		return nil, errors.New("there is no MariaDB or MySQL on this machine")
	}
	var results []result
	for _, source := range sources {
		more, err := passingOn(ctx, b.progress, source, b.megabytes, b.rounds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source.Name, err)
		}
		results = append(results, more...)
	}
	return results, nil
}

func passingOn(ctx context.Context, progress io.Writer, source testserver.Source, megabytes, rounds int) ([]result, error) {
	dir, err := os.MkdirTemp("", "tbb")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	m, err := source.New(dir, "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--max-binlog-size=1073741824")
	if err != nil {
		return nil, err
	}
	defer m.Stop()
	s, err := writeStretch(ctx, m, megabytes)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%s: %.0f MB of log written\n", source.Name, s.megabytes())
	ways := []struct {
		name  string
		time  func(context.Context, stretch) (spent, error)
		rates []float64
		cpu   []float64
	}{{name: "listener", time: listen}, {name: "raw", time: rawEvents}, {name: "decoded", time: decoded}}
	for round := range rounds + 1 { // the first is for the caches
		for i := range ways {
			if i == 2 && round > 3 { // the full decode is far away from its bound, and slow
				continue
			}
			runtime.GC()
			took, err := ways[i].time(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", ways[i].name, err)
			}
			rate := s.megabytes() / took.wall.Seconds()
			fmt.Fprintf(progress, "%s, round %d, %s: %.0f MB/s\n", source.Name, round, ways[i].name, rate)
			if round > 0 {
				ways[i].rates, ways[i].cpu = append(ways[i].rates, rate), append(ways[i].cpu, s.megabytes()/took.cpu.Seconds())
			}
		}
	}
	listener, raw, full := median(ways[0].rates), median(ways[1].rates), median(ways[2].rates)
	cpu, rawCPU := median(ways[0].cpu), median(ways[1].cpu)
	const what = "unwatched log passed, against "
	return []result{
		against(what+"raw events, "+source.Name, "MB/s", listener, raw, atLeast(0.95)),
		against(what+"a full decode, "+source.Name, "MB/s", listener, full, atLeast(3)),
		// What does not depend on what else the machine does: how much log a second of this process's own computing passes.
		against("the same for each second of computing, against raw events, "+source.Name, "MB/s", cpu, rawCPU, target{}),
	}, nil
}

// writeStretch makes the stretch: transactions of a hundred rows of some 200 bytes each, by two clients.
func writeStretch(ctx context.Context, m *testserver.SQLServer, megabytes int) (stretch, error) {
	s := stretch{server: m}
	if err := m.Exec(passingTables); err != nil {
		return s, err
	}
	db := m.DB("bench")
	defer db.Close()
	submit := func(id int) error {
		_, err := db.ExecContext(ctx, "INSERT INTO talk VALUES (?, '1', 'x')", id)
		return err
	}
	var err error
	if s.file, s.begin, err = end(ctx, m); err != nil {
		return s, err
	}
	if err := submit(1); err != nil {
		return s, err
	}
	if _, s.from, err = end(ctx, m); err != nil {
		return s, err
	}
	row := "('" + strings.Repeat("n", 30) + "', NOW(3), 1234.56, 4000000000, '" + strings.Repeat("谈话记录 ", 11) + "')"
	//nolint:gosec // all of it stands here
	statement := "INSERT INTO other (name, at, price, n, note) VALUES " + row + strings.Repeat(", "+row, 99)
	var clients sync.WaitGroup
	failed := make([]error, 2)
	for i := range failed {
		clients.Go(func() {
			for n := 0; failed[i] == nil; n++ {
				if n%50 == 0 {
					_, at, err := end(ctx, m)
					if failed[i] = err; err != nil || at > s.from+uint64(megabytes)*1_000_000 {
						return
					}
				}
				_, failed[i] = db.ExecContext(ctx, statement)
			}
		})
	}
	clients.Wait()
	if err := errors.Join(failed...); err != nil {
		return s, err
	}
	if err := submit(2); err != nil {
		return s, err
	}
	file := ""
	if file, s.to, err = end(ctx, m); err == nil && file != s.file {
		err = errors.New("the stretch does not fit into one file of the log; take less than 1,000 MB")
	}
	return s, err
}

// end asks where the log ends.
func end(ctx context.Context, m *testserver.SQLServer) (file string, pos uint64, err error) {
	db := m.DB("")
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return "", 0, fmt.Errorf("ask for the logs: %w", err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return "", 0, err
	}
	var encrypted any
	targets := []any{&file, &pos, &encrypted}[:len(names)]
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return "", 0, err
		}
	}
	return file, pos, rows.Err()
}

// listen is the listener as a bridge runs it.
func listen(ctx context.Context, s stretch) (spent, error) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	box := &clock{stop: stop}
	source, err := canal.New(canal.Options{
		Addr: s.server.Addr, User: "root", Password: testserver.RootPassword, Namespace: "bench", TLS: canal.TLSOptions{Mode: canal.TLSOff},
		Start: canal.Start{Mode: canal.StartFile, File: s.file, Pos: s.begin}, Outbox: box,
		Routes: []canal.Route{{
			Name: "talk", Schema: "bench", Table: "talk", Columns: []string{"body"},
			Submit: canal.Submit{Column: "flag", Mode: canal.ModeBecomes, Values: []string{"1"}},
		}},
	})
	if err != nil {
		return spent{}, err
	}
	defer func() { _ = source.Close() }()
	if err := source.Run(ctx); err != nil {
		return spent{}, err
	}
	if len(box.seen) != 2 {
		return spent{}, fmt.Errorf("%d submissions came, not 2", len(box.seen))
	}
	return box.seen[1].since(box.seen[0]), nil
}

// A clock is an outbox that notes when submissions come.
type clock struct {
	stop  func()
	saved *bridge.Checkpoint
	seen  []moment
}

// Checkpoint implements canal.Outbox.
func (c *clock) Checkpoint(context.Context) (bridge.Checkpoint, bool, error) {
	if c.saved == nil {
		return bridge.Checkpoint{}, false, nil
	}
	return *c.saved, true, nil
}

// Append implements canal.Outbox.
func (c *clock) Append(_ context.Context, changes []bridge.Change, position *bridge.Checkpoint) error {
	if position != nil {
		c.saved = position
	}
	for range changes {
		c.seen = append(c.seen, now())
	}
	if len(c.seen) == 2 {
		c.stop()
	}
	return nil
}

// rawEvents is a replication client that looks at nothing but the events' headers.
func rawEvents(ctx context.Context, s stretch) (spent, error) { return replicate(ctx, s, true) }

// decoded is one that decodes every row.
func decoded(ctx context.Context, s stretch) (spent, error) { return replicate(ctx, s, false) }

func replicate(ctx context.Context, s stretch, raw bool) (spent, error) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	w := &watch{stretch: s, stop: stop}
	var flags uint16
	if zeroPositions(s.server) {
		flags = replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		DumpCommandFlag: flags,
		ServerID:        4_294_000_001, Flavor: s.server.Flavor, Host: s.server.Addr, User: "root", Password: testserver.RootPassword,
		RawModeEnabled: raw, SynchronousEventHandler: w, DisableRetrySync: true, HeartbeatPeriod: 2 * time.Second, ReadTimeout: 20 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	})
	defer syncer.Close()
	streamer, err := syncer.StartSync(mysql.Position{Name: s.file, Pos: uint32(s.begin)})
	if err != nil {
		return spent{}, err
	}
	if _, err := streamer.GetEvent(ctx); ctx.Err() == nil {
		return spent{}, err
	}
	if w.to.wall.IsZero() {
		return spent{}, errors.New("the second submission did not come")
	}
	return w.to.since(w.from), nil
}

// zeroPositions tells whether the server leaves positions out of its log (MariaDB 11.4 and later). There the listener asks for the
// statements' texts too, which stand in the log beside the rows, since it counts the sizes of all events; who compares has to read the same.
func zeroPositions(m *testserver.SQLServer) bool {
	var major, minor int
	_, _ = fmt.Sscanf(m.Version, "%d.%d", &major, &minor)
	return m.Flavor == "mariadb" && (major > 11 || major == 11 && minor >= 4)
}

// A watch notes when the two places are passed. Where MariaDB writes no positions (11.4 and later) it counts sizes.
type watch struct {
	stretch  stretch
	stop     func()
	at       uint64
	from, to moment
}

// HandleEvent implements replication.EventHandler.
func (w *watch) HandleEvent(e *replication.BinlogEvent) error {
	switch h := e.Header; {
	case h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0, h.EventType == replication.HEARTBEAT_EVENT, h.EventType == replication.FORMAT_DESCRIPTION_EVENT,
		h.EventType == replication.ROTATE_EVENT:
		return nil
	case h.LogPos != 0:
		w.at = uint64(h.LogPos)
	default:
		w.at += uint64(h.EventSize)
	}
	if w.from.wall.IsZero() && w.at >= w.stretch.from {
		w.from = now()
	}
	if w.to.wall.IsZero() && w.at >= w.stretch.to {
		w.to = now()
		w.stop()
	}
	return nil
}
