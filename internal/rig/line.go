package rig

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Weather is what a Line does to what passes. The zero Weather is a line that works.
type Weather struct {
	Refuse bool          // new connections are reset, and those there are are cut
	Hold   bool          // nothing passes, either way, on any connection: a half-open line. What was held passes when it ends
	Mute   bool          // what the server says does not pass: it hears, and is not heard
	Delay  time.Duration // of every piece
	// OldOnly spares connections that are made from now on: a path that broke under those there are, and works for others.
	OldOnly bool
}

// A Line passes TCP connections on to a server, as well as the weather allows.
type Line struct {
	Addr string // where it listens

	to       string
	listener net.Listener
	open     sync.WaitGroup
	cancel   context.CancelFunc

	mu      sync.Mutex // guards what follows
	weather Weather
	changed chan struct{} // closed when the weather changes
	since   time.Time     // of this weather
	pairs   map[*pair]bool
}

// A pair is a connection and the one that it is passed on to.
type pair struct {
	client, server *net.TCPConn

	born time.Time
}

// NewLine makes a line to a server.
func NewLine(to string) (*Line, error) {
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return nil, fmt.Errorf("make a line: %w", err)
	}
	l := &Line{
		Addr: listener.Addr().String(), to: to, listener: listener, cancel: cancel,
		changed: make(chan struct{}), pairs: map[*pair]bool{},
	}
	l.open.Go(func() { l.accept(ctx) })
	return l, nil
}

// Close ends the line and every connection on it.
func (l *Line) Close() {
	l.cancel()
	_ = l.listener.Close()
	l.Set(Weather{})
	l.Cut()
	l.open.Wait()
}

// Set changes the weather.
func (l *Line) Set(w Weather) {
	l.mu.Lock()
	l.weather, l.since = w, time.Now()
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
	if w.Refuse {
		l.Cut()
	}
}

// Cut resets every connection.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.pairs {
		p.reset()
	}
}

func (l *Line) accept(ctx context.Context) {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.open.Go(func() { l.pass(ctx, conn.(*net.TCPConn)) }) //nolint:forcetypeassert // we listen for TCP
	}
}

func (l *Line) pass(ctx context.Context, client *net.TCPConn) {
	p := &pair{client: client, born: time.Now()}
	if w, _ := l.over(p); w.Refuse {
		p.reset()
		return
	}
	// A line that holds holds the first packet already: the client's connection stands, the server hears of it later.
	if !l.calm(ctx, p, func(w Weather) bool { return w.Hold }) || gone(client) {
		p.reset()
		return
	}
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.to)
	if err != nil {
		p.reset()
		return
	}
	p.server = server.(*net.TCPConn) //nolint:forcetypeassert // we dialled TCP
	l.mu.Lock()
	l.pairs[p] = true
	l.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.copy(ctx, p, p.server, p.client, func(w Weather) bool { return w.Hold }) })
	both.Go(func() { l.copy(ctx, p, p.client, p.server, func(w Weather) bool { return w.Hold || w.Mute }) })
	both.Wait()
	l.mu.Lock()
	delete(l.pairs, p)
	l.mu.Unlock()
	p.reset()
}

// over is the weather over a connection.
func (l *Line) over(p *pair) (w Weather, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.weather.OldOnly && p.born.After(l.since) {
		return Weather{}, l.changed
	}
	return l.weather, l.changed
}

// calm waits while the weather is bad; false where ctx ended.
func (l *Line) calm(ctx context.Context, p *pair, bad func(Weather) bool) bool {
	for {
		w, changed := l.over(p)
		if !bad(w) {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// copy passes one direction on until it ends. Weather that comes while a piece is on its way catches it.
func (l *Line) copy(ctx context.Context, p *pair, to, from *net.TCPConn, bad func(Weather) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if w, _ := l.over(p); w.Delay > 0 {
			Pause(ctx, w.Delay)
		}
		if !l.calm(ctx, p, bad) {
			return
		}
		// Whoever reset the connection meanwhile took back what was not delivered; whoever closed it did not: his machine goes on
		// sending what it holds until it arrives. A line does as the network does.
		if n > 0 && !gone(from) {
			if _, err := to.Write(buf[:n]); err != nil {
				p.reset()
				return
			}
		}
		if err != nil {
			if gone(from) {
				p.reset()
			} else {
				_ = to.CloseWrite()
			}
			return
		}
	}
}

// reset ends both halves the hard way.
func (p *pair) reset() {
	for _, c := range []*net.TCPConn{p.client, p.server} {
		if c != nil {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}
}

// gone tells whether the other side has reset a connection, and not only closed it in an orderly way.
func gone(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	if err := raw.Control(func(fd uintptr) { closed = tcpState(int(fd)) == tcpClose }); err != nil {
		return true
	}
	return closed
}

// tcpClose is the state TCP_CLOSE of tcp(7), include/net/tcp_states.h.
const tcpClose = 7

// tcpState asks the kernel.
func tcpState(fd int) byte {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return tcpClose
	}
	return info.State
}
