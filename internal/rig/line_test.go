package rig

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ends are a client and the server at the other end of a line.
type ends struct {
	t      *testing.T
	at     net.Listener // of the server
	line   *Line
	client *net.TCPConn
	server net.Conn
}

func connect(t *testing.T) *ends {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	line, err := NewLine(listener.Addr().String())
	require.NoError(t, err)
	e := &ends{t: t, at: listener, line: line}
	e.client = e.dial()
	e.server, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = e.client.Close()
		_ = e.server.Close()
		line.Close()
		_ = listener.Close()
	})
	e.says(e.client, "hello")
	require.Equal(t, "hello", e.hears(e.server))
	return e
}

func (e *ends) dial() *net.TCPConn {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.line.Addr)
	require.NoError(e.t, err)
	return conn.(*net.TCPConn)
}

func (e *ends) says(c net.Conn, text string) {
	e.t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(e.t, err)
}

// hears gives what arrives within a while; nothing where nothing does.
func (e *ends) hears(c net.Conn) string {
	e.t.Helper()
	require.NoError(e.t, c.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	buf := make([]byte, 100)
	n, _ := c.Read(buf)
	return string(buf[:n])
}

// ended gives how a connection ends, over which nothing more comes.
func (e *ends) ended(c net.Conn) error {
	e.t.Helper()
	require.NoError(e.t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	text, err := io.ReadAll(c)
	require.Empty(e.t, text)
	return err
}

func TestALineThatHoldsPassesItLater(t *testing.T) {
	e := connect(t)
	e.line.Set(Weather{Hold: true})
	e.says(e.client, "later")
	require.Empty(t, e.hears(e.server))
	e.line.Set(Weather{})
	require.Equal(t, "later", e.hears(e.server))
}

// Who closes a connection leaves what he said to his kernel, which delivers it; who resets it takes it back.
func TestWhatWasClosedArrivesAndWhatWasResetDoesNot(t *testing.T) {
	e := connect(t)
	e.line.Set(Weather{Hold: true})
	e.says(e.client, "closed")
	require.NoError(t, e.client.Close())
	e.line.Set(Weather{})
	require.Equal(t, "closed", e.hears(e.server))

	e = connect(t)
	e.line.Set(Weather{Hold: true})
	e.says(e.client, "reset")
	require.NoError(t, e.client.SetLinger(0))
	require.NoError(t, e.client.Close())
	require.Empty(t, e.hears(e.server))
	e.line.Set(Weather{})
	require.ErrorIs(t, e.ended(e.server), syscall.ECONNRESET)
}

func TestALineThatIsBrokenForThoseThereAre(t *testing.T) {
	e := connect(t)
	e.line.Set(Weather{Hold: true, OldOnly: true})
	e.says(e.client, "held")
	require.Empty(t, e.hears(e.server))
	other := e.dial()
	defer other.Close()
	e.says(other, "new ones pass")
	accepted, err := e.at.Accept()
	require.NoError(t, err)
	defer accepted.Close()
	require.Equal(t, "new ones pass", e.hears(accepted))
	e.line.Set(Weather{})
	require.Equal(t, "held", e.hears(e.server))
}

func TestALineThatIsMuteLetsOneSideBeHeard(t *testing.T) {
	e := connect(t)
	e.line.Set(Weather{Mute: true})
	e.says(e.client, "question")
	require.Equal(t, "question", e.hears(e.server))
	e.says(e.server, "answer")
	require.Empty(t, e.hears(e.client))
	e.line.Set(Weather{})
	require.Equal(t, "answer", e.hears(e.client))
}

func TestALineThatIsCutOrRefuses(t *testing.T) {
	e := connect(t)
	e.line.Cut()
	require.ErrorIs(t, e.ended(e.client), syscall.ECONNRESET)
	require.ErrorIs(t, e.ended(e.server), syscall.ECONNRESET)

	e = connect(t)
	e.line.Set(Weather{Refuse: true})
	require.ErrorIs(t, e.ended(e.client), syscall.ECONNRESET)
	conn, err := net.Dial("tcp", e.line.Addr)
	if err == nil { // the reset may come a moment later
		defer conn.Close()
		err = e.ended(conn)
	}
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestALineThatIsSlow(t *testing.T) {
	e := connect(t)
	e.line.Set(Weather{Delay: 100 * time.Millisecond})
	begun := time.Now()
	e.says(e.client, "slow")
	require.Equal(t, "slow", e.hears(e.server))
	require.GreaterOrEqual(t, time.Since(begun), 100*time.Millisecond)
}
