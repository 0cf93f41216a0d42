package canal

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// onEveryOwn runs the test on a server of its own of every kind: for tests that stop theirs, reset its log or purge it. A MySQL without
// GTIDs is one more kind.
func onEveryOwn(t *testing.T, test func(t *testing.T, m *testserver.SQLServer), args ...string) {
	t.Helper()
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		test(t, s.Start(t, args...))
		if s.Flavor == "mysql" {
			t.Run("without GTIDs", func(t *testing.T) { test(t, s.Start(t, append(testserver.NoGTID(), args...)...)) })
		}
	})
}

// execOn runs statements in one session of the server.
func execOn(t *testing.T, m *testserver.SQLServer, schema string, statements ...string) {
	t.Helper()
	require.NoError(t, m.Exec("USE "+schema+"; "+strings.Join(statements, "; ")))
}

// resetLog begins the server's log anew.
func resetLog(t *testing.T, m *testserver.SQLServer) {
	t.Helper()
	if m.Flavor == "mariadb" {
		require.NoError(t, m.Exec("RESET MASTER"))
		return
	}
	require.NoError(t, m.Exec("RESET BINARY LOGS AND GTIDS"))
}

// status is where the server's log ends.
func logEnd(t *testing.T, m *testserver.SQLServer) map[string]string {
	t.Helper()
	db := m.DB("")
	defer db.Close()
	status, err := mysqlStatus(t.Context(), db)
	require.NoError(t, err)
	return status
}

// A tunnel passes TCP connections on to another address, until it is told to swallow what comes: then both ends still have their
// connection, and nothing arrives any more, as with a firewall that forgot it.
type tunnel struct {
	addr   string
	target atomic.Pointer[string]
	silent atomic.Bool
	twist  atomic.Pointer[func([]byte)] // what is done to what comes from the server; nil: nothing
	conns  sync.WaitGroup
	bytes  atomic.Int64 // that came from the server
}

func newTunnel(t *testing.T, target string) *tunnel {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &tunnel{addr: l.Addr().String()}
	p.target.Store(&target)
	p.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); p.conns.Wait() })
	return p
}

// serve passes one connection on.
func (p *tunnel) serve(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", *p.target.Load())
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { p.copy(far, near, false) })
	both.Go(func() { p.copy(near, far, true) })
	both.Wait()
}

func (p *tunnel) copy(to, from net.Conn, count bool) {
	defer to.Close()
	buffer := make([]byte, 1<<16)
	mute := p.silent.Load() // a connection made in silence stays silent, and one that fell silent too
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if mute = mute || p.silent.Load(); mute {
			continue
		}
		if count {
			p.bytes.Add(int64(n))
			if twist := p.twist.Load(); twist != nil {
				(*twist)(buffer[:n])
			}
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// gtidOf is the GTIDs at the end of the server's log, as a checkpoint has them.
func gtidOf(t *testing.T, m *testserver.SQLServer) string {
	t.Helper()
	if m.Flavor == "mysql" {
		return strings.Join(strings.Fields(logEnd(t, m)["Executed_Gtid_Set"]), "")
	}
	db := m.DB("")
	defer db.Close()
	var pos string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&pos))
	return pos
}

// gtidPattern is a regular expression for the server's GTIDs.
func gtidPattern(m *testserver.SQLServer) string {
	if m.Flavor == "mysql" {
		return `[0-9a-f-]{36}:\d+`
	}
	return `0-1-\d+`
}
