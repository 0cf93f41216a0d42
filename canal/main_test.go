package canal

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopShared()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared holds one server of each kind, for all tests that do not stop theirs.
var shared = struct {
	mu      sync.Mutex
	servers map[string]*testserver.SQLServer
	dirs    []string
}{servers: map[string]*testserver.SQLServer{}}

// sharedServer gives the shared server of a kind.
func sharedServer(t *testing.T, s testserver.Source) *testserver.SQLServer {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if m := shared.servers[s.Name]; m != nil {
		return m
	}
	dir, err := os.MkdirTemp("", "tbc") //nolint:usetesting // it outlives the test, and t.TempDir is too long for a socket
	require.NoError(t, err)
	shared.dirs = append(shared.dirs, dir)
	m, err := s.New(dir)
	require.NoError(t, err)
	shared.servers[s.Name] = m
	return m
}

func stopShared() {
	for _, m := range shared.servers {
		m.Stop()
	}
	for _, dir := range shared.dirs {
		_ = os.RemoveAll(dir)
	}
}

// onEvery runs the test on the shared server of every kind that this machine has.
func onEvery(t *testing.T, test func(t *testing.T, m *testserver.SQLServer)) {
	t.Helper()
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		test(t, sharedServer(t, s))
	})
}

// mariadb gives the shared MariaDB of this system.
func mariadb(t *testing.T) *testserver.MariaDB {
	t.Helper()
	for _, s := range testserver.AllSources() {
		if s.Flavor == "mariadb" {
			return sharedServer(t, s)
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no MariaDB")
	}
	t.Skip("SKIPPED, NOT TESTED: there is no MariaDB")
	return nil
}

// database makes a database of the test's own and gives its name.
func database(t *testing.T, m *testserver.MariaDB, statements string) string {
	t.Helper()
	name := "t_" + strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("/#- ,:.", r) {
			return '_'
		}
		return r
	}, t.Name()))
	if len(name) > 55 { // names end at 64 characters, and subtests differ at their end
		h := fnv.New32a()
		_, _ = h.Write([]byte(name))
		name = fmt.Sprintf("%s_%08x", name[:46], h.Sum32())
	}
	require.NoError(t, m.Exec("DROP DATABASE IF EXISTS "+name+"; CREATE DATABASE "+name+" DEFAULT CHARACTER SET utf8mb4; USE "+name+"; "+statements))
	return name
}

// memory is an Outbox in memory.
type memory struct {
	mu       sync.Mutex
	changes  []bridge.Change
	saved    *bridge.Checkpoint
	appends  int
	saves    int
	onAppend func(changes []bridge.Change, cp *bridge.Checkpoint) error
}

func (m *memory) Checkpoint(context.Context) (bridge.Checkpoint, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved == nil {
		return bridge.Checkpoint{}, false, nil
	}
	return *m.saved, true, nil
}

func (m *memory) Append(_ context.Context, changes []bridge.Change, cp *bridge.Checkpoint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.onAppend != nil {
		if err := m.onAppend(changes, cp); err != nil {
			return err
		}
	}
	m.appends++
	m.changes = append(m.changes, changes...)
	if cp != nil {
		m.saves++
		m.saved = cp
	}
	return nil
}

func (m *memory) all() []bridge.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]bridge.Change(nil), m.changes...)
}

func (m *memory) checkpoint() *bridge.Checkpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved
}

func (m *memory) counts() (appends, saves int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.appends, m.saves
}

// fast is the tuning of tests.
func fast() tuning {
	t := defaultTuning()
	t.heartbeat, t.readTimeout, t.saveEvery = 100*time.Millisecond, 5*time.Second, 200*time.Millisecond
	t.retryFirst, t.retryMax, t.settle = 50*time.Millisecond, 500*time.Millisecond, 0
	return t
}

// options are those of a test on server m, with one route unless told otherwise.
func options(t *testing.T, m *testserver.MariaDB, outbox Outbox, routes ...Route) Options {
	t.Helper()
	return Options{
		Addr: m.Addr, User: "root", Password: testserver.RootPassword, Namespace: "test", Location: shanghai,
		Start: Start{Mode: StartLatest}, Routes: routes, Outbox: outbox, Logger: zaptest.NewLogger(t, zaptest.Level(zap.InfoLevel)),
	}
}

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// a run is a Source that reads.
type run struct {
	*Source

	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// start runs a Source until the test or stop ends it.
func startRun(t *testing.T, o Options, tune ...func(*tuning)) *run {
	t.Helper()
	tu := fast()
	for _, f := range tune {
		f(&tu)
	}
	s, err := newSource(o, tu)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{Source: s, t: t, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.done:
		case <-time.After(30 * time.Second):
			t.Error("Run does not end")
		}
		_ = s.Close()
	})
	return r
}

// end stops the run and gives its error.
func (r *run) end() error {
	r.t.Helper()
	r.stop()
	return r.wait()
}

// wait waits for Run to end by itself.
func (r *run) wait() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.done <- nil
		return err
	case <-time.After(30 * time.Second):
		r.t.Fatal("Run does not end")
		return nil
	}
}

// connected waits until the log flows.
func (r *run) connected() *run {
	r.t.Helper()
	eventually(r.t, func() bool { return r.Status().Connected })
	return r
}

// eventually polls until ok.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 30*time.Second, 10*time.Millisecond)
}

// changes waits until the outbox holds n changes and gives them.
func changes(t *testing.T, m *memory, n int) []bridge.Change {
	t.Helper()
	eventually(t, func() bool { return len(m.all()) >= n })
	got := m.all()
	require.Len(t, got, n)
	return got
}

// keys are the changes' keys, in order.
func keys(cs []bridge.Change) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.Key
	}
	return out
}

func observed() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	return zap.New(core), logs
}

// ownMariaDB is a server for a test that stops it or purges its log.
func ownMariaDB(t *testing.T, args ...string) *testserver.MariaDB {
	t.Helper()
	return testserver.StartMariaDB(t, args...)
}

func itoa(n int) string { return fmt.Sprint(n) }
