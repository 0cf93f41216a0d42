package state_test

import (
	"bytes"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func number(n int) string { return strconv.Itoa(n) }

// A proxy stands between store and Redis. It loses the replies to scripts: the script ran, the connection ends.
type proxy struct {
	addr   string
	losses atomic.Int32
	group  sync.WaitGroup
}

// lose loses the next n replies to scripts.
func (p *proxy) lose(n int32) { p.losses.Store(n) }

func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{addr: l.Addr().String()}
	p.group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.group.Go(func() { p.serve(conn, to) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.group.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	var lost atomic.Bool
	p.group.Go(func() { // replies
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if err != nil || lost.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("evalsha")) && p.losses.Add(-1) >= 0 {
			lost.Store(true)
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
