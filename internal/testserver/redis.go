package testserver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Redis is a private Redis or Valkey with the append-only file on, fsynced every second, and no eviction.
type Redis struct {
	*Process

	Addr string // host:port
	Port int
	dir  string
	args []string

	install install
}

// NewRedis starts a server whose data lies under dir: the system's own Redis, or what TALKBRIDGE_TEST_STORE names. args are more
// options for its program.
func NewRedis(dir string, args ...string) (*Redis, error) {
	in, err := chosen()
	if err != nil {
		return nil, err
	}
	return newRedis(in, dir, args)
}

func newRedis(in install, dir string, args []string) (*Redis, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	r := &Redis{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Port: port, dir: dir, args: args, install: in}
	if err := r.Start(); err != nil {
		return nil, err
	}
	return r, nil
}

// Start starts the server on its folder and port: the first time, or again after Stop or Kill.
func (r *Redis) Start() error {
	p, err := launch(r.install.command(append([]string{
		"--port", strconv.Itoa(r.Port), "--bind", "127.0.0.1", "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "everysec",
		"--save", "", "--maxmemory-policy", "noeviction",
	}, r.args...)...))
	if err != nil {
		return err
	}
	r.Process = p
	return p.waitFor(r.ping)
}

// Dir is the folder with the server's files.
func (r *Redis) Dir() string { return r.dir }

// URL is the server's address as talkbridge's state.url.
func (r *Redis) URL() string { return "redis://" + r.Addr + "/0" }

func (r *Redis) ping() error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(context.Background(), "tcp", r.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "+PONG") { // -LOADING while it reads its file
		return errors.New(strings.TrimSpace(line))
	}
	return nil
}

// StartRedis starts a private server for a test, or skips the test where there is none (fails it under CI=true).
func StartRedis(tb testing.TB, args ...string) *Redis {
	tb.Helper()
	r, err := NewRedis(shortDir(tb), args...)
	if err != nil {
		skipOrFail(tb, err)
	}
	tb.Cleanup(func() { r.Stop() })
	return r
}
