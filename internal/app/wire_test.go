package app_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A wire is the network between a bridge and its source, with as many bytes a second from the source as a test lets through.
type wire struct {
	addr   string
	target string
	rate   atomic.Int64 // bytes a second on each connection; 0: as they come
	conns  sync.WaitGroup
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{addr: listener.Addr().String(), target: target}
	w.conns.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			w.conns.Go(func() { w.carry(near) })
		}
	})
	t.Cleanup(func() { listener.Close(); w.conns.Wait() })
	return w
}

func (w *wire) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { w.copy(far, near, func() int64 { return 0 }) })
	both.Go(func() { w.copy(near, far, w.rate.Load) })
	both.Wait()
}

func (w *wire) copy(to, from net.Conn, rate func() int64) {
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		room := buffer
		if rate() > 0 {
			room = buffer[:512]
		}
		n, err := from.Read(room)
		if err != nil {
			return
		}
		if _, err := to.Write(room[:n]); err != nil {
			return
		}
		if r := rate(); r > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(r))
		}
	}
}
