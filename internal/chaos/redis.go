package chaos

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// A redisServer is a Redis with the append-only file, written to the disk every second, and with a clock that can be set: it is
// the store's clock.
type redisServer struct {
	*rig.Process

	addr   string
	dir    string
	clock  *clock // nil: it cannot be set
	client *redis.Client
}

func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is not installed (make chaos installs it): %w", err)
	}
	port, err := testserver.FreePort()
	if err != nil {
		return nil, err
	}
	r := &redisServer{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: filepath.Join(dir, "redis")}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	r.client = redis.NewClient(&redis.Options{Addr: r.addr, DialTimeout: time.Second, MaxRetries: -1, DisableIdentity: true})
	r.Process = &rig.Process{
		Name: "redis", Path: path, Log: filepath.Join(dir, "redis.log"),
		Args: []string{
			"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "everysec",
			"--save", "", "--maxmemory-policy", "noeviction",
		},
		Ready: func(ctx context.Context) error { return r.client.Ping(ctx).Err() },
	}
	if r.clock, err = newClock(ctx, dir); err != nil {
		return nil, err
	}
	if r.clock != nil {
		r.Env = r.clock.env
	}
	return r, r.Start(ctx)
}

func (r *redisServer) do(ctx context.Context, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := r.client.Do(ctx, args...).Err(); err != nil {
		return fmt.Errorf("redis %v: %w", args[0], err)
	}
	return nil
}

func (r *redisServer) files() string { return filepath.Join(r.dir, "appendonlydir") }

// keep copies the append-only file as it is now, the last command maybe half written, as a power cut would leave it.
func (r *redisServer) keep(to string) error {
	if err := os.RemoveAll(to); err != nil {
		return fmt.Errorf("copy Redis' file: %w", err)
	}
	if err := os.CopyFS(to, os.DirFS(r.files())); err != nil {
		return fmt.Errorf("copy Redis' file: %w", err)
	}
	return nil
}

// putBack starts Redis on a copy.
func (r *redisServer) putBack(ctx context.Context, from string) error {
	r.Kill()
	if err := os.RemoveAll(r.files()); err != nil {
		return fmt.Errorf("put Redis' file back: %w", err)
	}
	if err := os.CopyFS(r.files(), os.DirFS(from)); err != nil {
		return fmt.Errorf("put Redis' file back: %w", err)
	}
	return r.Start(ctx)
}
