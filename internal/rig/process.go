// Package rig holds what the programs that try the bridge out share: processes that can be killed and started again, lines of TCP
// that can be cut, slowed and silenced, and patience. Nothing here is part of the bridge.
package rig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 30 * time.Second
	stopLimit  = 20 * time.Second
)

// A Process is a program that can be killed and started again, with its output appended to a file.
type Process struct {
	Name  string // of what it is in the story
	Path  string
	Args  []string
	Env   []string                        // beside our own
	Log   string                          // file
	Ready func(ctx context.Context) error // polled after each start; nil: started is enough

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read it after done
}

// Start starts the process and waits until it is ready. It dies with us, whatever happens.
func (p *Process) Start(ctx context.Context) error {
	out, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	defer out.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.Path, p.Args...) //nolint:gosec // our own programs and servers
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // Ctrl-C is for us: we end them in order
	done, started := make(chan struct{}), make(chan error, 1)
	go func() {
		// The death signal follows the thread that forked, so that thread has to live as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			err = cmd.Wait()
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.mu.Lock()
	p.cmd, p.done, p.err = cmd, done, nil
	p.mu.Unlock()
	if p.Ready == nil {
		return nil
	}
	return p.await(ctx, done)
}

func (p *Process) await(ctx context.Context, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := p.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Errorf("%s ended while starting (%w): see %s", p.Name, p.err, p.Log)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %v: %w", p.Name, startLimit, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// Kill ends the process as a power cut would.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop ends the process in an orderly way and tells whether it ended well, within the limit.
func (p *Process) Stop() error {
	if p == nil || p.cmd == nil {
		return nil
	}
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopLimit):
		p.Kill()
		return fmt.Errorf("%s did not stop within %v", p.Name, stopLimit)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return fmt.Errorf("%s stopped with %w", p.Name, p.err)
	}
	return nil
}

// Answers is a ready function: the address answers 200.
func Answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err //nolint:wrapcheck // it names the address
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	}
}

// Ended is closed when the process that was started last has ended; nil before the first start.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// How tells how the process ended that was started last; nil for exit code 0, or while it runs.
func (p *Process) How() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Pid is the process's id, 0 before the first start.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}
