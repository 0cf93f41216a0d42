package testserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// SentinelMaster is the name under which Sentinels know the primary.
const SentinelMaster = "talkbridge"

// A Watched is a primary with a replica, and three Sentinels that make the replica the primary when the other is gone for a
// second.
type Watched struct {
	Primary, Replica *Redis
	Sentinels        []*Sentinel
}

// A Sentinel is one of them.
type Sentinel struct {
	*Process

	Addr string
}

// URL is the whole as talkbridge's state.url.
func (w *Watched) URL() string {
	addrs := make([]string, 0, len(w.Sentinels))
	for _, s := range w.Sentinels {
		addrs = append(addrs, s.Addr)
	}
	return "redis+sentinel://" + strings.Join(addrs, ",") + "/" + SentinelMaster + "/0"
}

// Patience is how long the primary may say nothing before the Sentinels take it for dead; a second at first. A large write
// keeps a server busy, and a loaded machine keeps it waiting.
func (w *Watched) Patience(d time.Duration) error {
	for _, s := range w.Sentinels {
		if _, err := ask(s.Addr, "SENTINEL", "SET", SentinelMaster, "down-after-milliseconds", d.Milliseconds()); err != nil {
			return fmt.Errorf("set a Sentinel's patience: %w", err)
		}
	}
	return nil
}

// Stop ends all of it.
func (w *Watched) Stop() {
	for _, s := range w.Sentinels {
		s.Kill() // it would take its time, and has nothing to lose
	}
	w.Replica.Stop()
	w.Primary.Stop()
}

// NewWatched starts all five under dir. args are more options for both servers.
func NewWatched(dir string, args ...string) (*Watched, error) {
	folder := func(name string) string { return filepath.Join(dir, name) }
	names := []string{"primary", "replica", "sentinel-0", "sentinel-1", "sentinel-2"}
	for _, name := range names {
		if err := os.Mkdir(folder(name), 0o700); err != nil {
			return nil, fmt.Errorf("make a folder: %w", err)
		}
	}
	primary, err := NewRedis(folder("primary"), args...)
	if err != nil {
		return nil, err
	}
	replica, err := NewReplica(folder("replica"), primary, args...)
	if err != nil {
		primary.Stop()
		return nil, err
	}
	w := &Watched{Primary: primary, Replica: replica}
	for _, name := range names[2:] {
		s, err := newSentinel(folder(name), primary)
		if err != nil {
			w.Stop()
			return nil, err
		}
		w.Sentinels = append(w.Sentinels, s)
	}
	for _, s := range w.Sentinels {
		if err := s.waitFor(func() error { return s.knows(len(w.Sentinels)) }); err != nil {
			w.Stop()
			return nil, err
		}
	}
	return w, nil
}

// NewReplica starts a replica of primary, the same server, and waits until it has everything.
func NewReplica(dir string, primary *Redis, args ...string) (*Redis, error) {
	r, err := newRedis(primary.install, dir, append([]string{"--replicaof", "127.0.0.1 " + strconv.Itoa(primary.Port)}, args...))
	if err != nil {
		return nil, err
	}
	err = r.waitFor(func() error {
		info, err := ask(r.Addr, "INFO")
		if err != nil {
			return err
		}
		// While it writes its first append-only file it does not end when it is told to, and is not told again.
		for _, want := range []string{"master_link_status:up", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"} {
			if !strings.Contains(info, "\n"+want+"\r\n") {
				return fmt.Errorf("the replica has not caught up: %s", info)
			}
		}
		return nil
	})
	if err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func newSentinel(dir string, primary *Redis) (*Sentinel, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`port %d
bind 127.0.0.1
dir %s
sentinel monitor %[3]s 127.0.0.1 %[4]d 2
sentinel down-after-milliseconds %[3]s 1000
sentinel failover-timeout %[3]s 4000
`, port, dir, SentinelMaster, primary.Port)
	path := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configure a Sentinel: %w", err)
	}
	p, err := launch(primary.install.command(path, "--sentinel"))
	if err != nil {
		return nil, err
	}
	return &Sentinel{Process: p, Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, nil
}

// knows tells whether the Sentinel sees the replica and the n Sentinels.
func (s *Sentinel) knows(n int) error {
	info, err := ask(s.Addr, "INFO", "sentinel")
	if err == nil && !strings.Contains(info, "status=ok") || !strings.Contains(info, fmt.Sprintf("slaves=1,sentinels=%d", n)) {
		err = fmt.Errorf("the Sentinel does not see everyone: %s", info)
	}
	return err
}

// ask sends one command.
func ask(addr string, args ...any) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DisableIdentity: true})
	defer client.Close()
	return client.Do(ctx, args...).Text()
}

// StartWatched starts all of it for a test.
func StartWatched(tb testing.TB, args ...string) *Watched {
	tb.Helper()
	w, err := NewWatched(shortDir(tb), args...)
	if err != nil {
		skipOrFail(tb, err)
	}
	tb.Cleanup(w.Stop)
	return w
}

// StartReplica starts a replica of primary for a test.
func StartReplica(tb testing.TB, primary *Redis, args ...string) *Redis {
	tb.Helper()
	r, err := NewReplica(shortDir(tb), primary, args...)
	if err != nil {
		skipOrFail(tb, err)
	}
	tb.Cleanup(func() { r.Stop() })
	return r
}
