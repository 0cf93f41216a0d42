// Package testserver starts real servers for tests and for the demonstration: each with a data folder, a socket and a port of
// its own on loopback, each ended by its own handle. Nothing is ever found or ended by name. A server that is not installed is
// ErrMissing; under CI=true a test fails on it instead of skipping.
package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ErrMissing says that the server's program is not on this machine.
var ErrMissing = errors.New("server is not installed")

// startLimit bounds how long a server may take to answer: a loaded machine of two cores needs a few seconds.
const startLimit = 60 * time.Second

// stopLimit is how long a server may take to end before it is killed.
const stopLimit = 20 * time.Second

// A Process is a server that runs, with the tail of what it printed.
type Process struct {
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process has ended
	output tail
	once   sync.Once
}

// launch starts a program with arguments. The child dies with us: a test that is killed leaves no server behind.
func launch(command []string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(context.Background(), command[0], command[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go func() {
		// The death signal follows the thread that forked, not the process, so that thread has to live as long as the server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	return p, nil
}

// Pid is the process's id, for the signals that a test sends.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the process as a power cut would: SIGKILL, no clean-up.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop ends the process in an orderly way, and by force when it does not end.
func (p *Process) Stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(stopLimit):
			p.Kill()
		}
	})
}

// waitFor polls until ready answers nil, the process ends, or the limit is over.
func (p *Process) waitFor(ready func() error) error {
	limit := time.After(startLimit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended while starting: %s", filepath.Base(p.cmd.Path), p.output.String())
		case <-limit:
			p.Kill()
			return fmt.Errorf("%s did not answer within %v (%w): %s", filepath.Base(p.cmd.Path), startLimit, err, p.output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec"} { // not on every user's PATH
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrMissing)
}

// FreePort finds a loopback port that nothing listens on just now.
func FreePort() (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// skipOrFail ends a test that cannot have its server: loudly, and as a failure where CI requires it.
func skipOrFail(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		tb.Skipf("SKIPPED, NOT TESTED: %v (make test installs it)", err)
	}
	tb.Fatalf("start server: %v", err)
}

// tail keeps the last few kilobytes of a server's output.
type tail struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - 8192; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
