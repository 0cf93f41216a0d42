package app_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// A weather is what can happen to Redis under a running bridge.
type weather struct {
	c      *college
	f      *flow
	bridge *node
	server *testserver.Redis
	client *redis.Client // past the line
	line   *line
}

// newWeather starts everything, with Redis at the end of a line that can be made slow, and some records delivered.
func newWeather(t *testing.T) *weather {
	t.Helper()
	w := &weather{server: testserver.StartRedis(t)}
	w.client = redis.NewClient(&redis.Options{Addr: w.server.Addr, DialTimeout: time.Second, MaxRetries: 5})
	t.Cleanup(func() { w.client.Close() })
	w.line = newLine(t, w.server.Addr)
	w.c = newCollege(t, "redis://"+w.line.addr+"/0")
	w.c.quick(t)
	w.f = newFlow(t, w.c, 40)
	w.bridge = w.c.node(t, "listener")
	w.bridge.takesOver(10 * time.Second)
	w.f.submit(t, 40)
	w.f.arrives(t, 20*time.Second)
	return w
}

func (w *weather) do(t *testing.T, args ...any) {
	t.Helper()
	require.NoError(t, w.client.Do(t.Context(), args...).Err())
}

// from is where the bridge's log ends now.
func (w *weather) from() int { return len(w.bridge.said()) }

// Whatever happens to Redis, the bridge waits or recovers by itself and says so, and in the end nothing is missing. Redis loses no
// confirmed write here, so nothing arrives in the wrong order either.
func TestRedisFailsUnderARunningBridge(t *testing.T) {
	t.Parallel()
	w := newWeather(t)
	for _, fault := range []struct {
		name     string
		long     bool // only where there is time for it
		begin    func(t *testing.T)
		lasts    time.Duration
		end      func(t *testing.T)
		says     []string // one of them
		recovers string
	}{
		{
			name: "gone and back", lasts: 4 * time.Second,
			begin: func(*testing.T) { w.server.Kill() },
			end:   func(t *testing.T) { t.Helper(); require.NoError(t, w.server.Start()) },
			says:  []string{"the outbox does not answer"}, recovers: "the outbox answers again",
		},
		{
			name: "full", lasts: 4 * time.Second,
			begin: func(t *testing.T) { t.Helper(); w.do(t, "CONFIG", "SET", "maxmemory", "1mb") },
			end:   func(t *testing.T) { t.Helper(); w.do(t, "CONFIG", "SET", "maxmemory", "0") },
			says:  []string{"Raise maxmemory"}, recovers: "the store takes changes again",
		},
		{
			name: "slow", long: true, lasts: 4 * time.Second,
			begin: func(*testing.T) { w.line.delay.Store(int64(300 * time.Millisecond)) },
			end:   func(*testing.T) { w.line.delay.Store(0) },
		},
		{
			name: "read-only", long: true, lasts: 15 * time.Second,
			begin: func(t *testing.T) { t.Helper(); w.do(t, "REPLICAOF", "127.0.0.1", "1") },
			end:   func(t *testing.T) { t.Helper(); w.do(t, "REPLICAOF", "NO", "ONE") },
			says:  []string{"Point state.url at the master"}, recovers: "the store answers again",
		},
		{
			name: "asleep for longer than the lead", long: true, lasts: 20 * time.Second,
			begin: func(*testing.T) { _ = syscall.Kill(w.server.Pid(), syscall.SIGSTOP) },
			end:   func(*testing.T) { _ = syscall.Kill(w.server.Pid(), syscall.SIGCONT) },
			says:  []string{"the store does not answer"}, recovers: "the store answers again",
		},
		{
			name: "gone for longer than the lead", long: true, lasts: 20 * time.Second,
			begin: func(*testing.T) { w.server.Kill() },
			end:   func(t *testing.T) { t.Helper(); require.NoError(t, w.server.Start()) },
			says:  []string{"the store does not answer"}, recovers: "the store answers again",
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			onlyIf(t, fault.long)
			before := w.from()
			w.f.submit(t, 20)
			fault.begin(t)
			w.f.submit(t, 60)
			for end := time.Now().Add(fault.lasts); time.Now().Before(end); {
				w.f.submit(t, 1)
				time.Sleep(100 * time.Millisecond) // the fault lasts for a while; this is its length, not a wait for something
			}
			fault.end(t)
			took := w.f.arrives(t, 60*time.Second)
			w.f.submit(t, 20)
			w.f.arrives(t, 30*time.Second)
			t.Logf("everything had arrived %v after the end of the fault", took.Round(10*time.Millisecond))
			for _, sentence := range fault.says {
				require.Contains(t, w.bridge.said()[before:], sentence)
			}
			require.Contains(t, w.bridge.said()[before:], fault.recovers)
		})
	}
	require.Zero(t, w.f.stale(), "older content after newer")
	require.Zero(t, w.c.sim.Stats().Overlaps)
}

// Redis comes back without what it had confirmed. Position and outbox went back together, so the log is read again from there:
// everything arrives, some of it twice.
func TestRedisForgetsUnderARunningBridge(t *testing.T) {
	t.Parallel()
	w := newWeather(t)
	copied := filepath.Join(t.TempDir(), "copy")
	files := filepath.Join(w.server.Dir(), "appendonlydir")
	keep := func(t *testing.T) {
		t.Helper()
		require.NoError(t, os.RemoveAll(copied))
		require.NoError(t, os.CopyFS(copied, os.DirFS(files)))
	}
	putBack := func(t *testing.T) {
		t.Helper()
		w.server.Kill()
		require.NoError(t, os.RemoveAll(files))
		require.NoError(t, os.CopyFS(files, os.DirFS(copied)))
		require.NoError(t, w.server.Start())
	}
	keep(t)
	for _, fault := range []struct {
		name string
		long bool
		do   func(t *testing.T)
		says string
	}{
		{"flushed", false, func(t *testing.T) { t.Helper(); w.do(t, "FLUSHALL") }, "the store went back in time"},
		{"restarted without its last writes", true, func(t *testing.T) {
			t.Helper()
			keep(t)
			w.f.submit(t, 80)
			w.f.arrives(t, 20*time.Second) // delivered, and Redis forgets it
			w.f.submit(t, 20)
			putBack(t)
		}, "reading goes on from the saved position"},
		{"restored from a copy of long ago", false, func(t *testing.T) {
			t.Helper()
			w.f.submit(t, 200)
			w.f.arrives(t, 30*time.Second)
			w.f.submit(t, 20)
			putBack(t)
		}, "the store went back in time"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			onlyIf(t, fault.long)
			w.f.submit(t, 60)
			before := w.from()
			fault.do(t)
			w.f.submit(t, 60)
			took := w.f.arrives(t, 60*time.Second)
			w.bridge.says(20*time.Second, fault.says)
			require.Contains(t, w.bridge.said()[before:], fault.says)
			// What the bridge reads and delivers again must not end on something old.
			took += w.f.arrives(t, 30*time.Second)
			t.Logf("everything had arrived %v later", took.Round(10*time.Millisecond))
		})
	}
	require.Zero(t, w.c.sim.Stats().Overlaps)
	t.Logf("older content arrived after newer, and was overwritten again: %d times", w.f.stale())
}

// A line passes connections on, as slowly as it is told.
type line struct {
	addr  string
	to    string
	delay atomic.Int64 // of every piece, nanoseconds
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{addr: listener.Addr().String(), to: to}
	var open sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); open.Wait() })
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { l.pass(ctx, conn) })
		}
	})
	return l
}

func (l *line) pass(ctx context.Context, in net.Conn) {
	defer in.Close()
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.to)
	if err != nil {
		return
	}
	defer out.Close()
	defer context.AfterFunc(ctx, func() { _ = in.Close(); _ = out.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.copy(out, in)
		_ = out.Close()
	}()
	l.copy(in, out)
	_ = in.Close()
	<-done
}

func (l *line) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		time.Sleep(time.Duration(l.delay.Load()))
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
