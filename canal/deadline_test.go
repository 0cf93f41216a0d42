package canal

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// silentConn is a connection on which nothing ever comes.
func silentConn(t *testing.T) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// counted counts how often the deadline of a connection is really moved.
type counted struct {
	net.Conn
	moved int
}

func (c *counted) SetReadDeadline(t time.Time) error {
	c.moved++
	return c.Conn.SetReadDeadline(t)
}

// A connection that falls silent is given up in time, though its deadline was moved a thousand times before and set only once.
func TestALazyDeadlineIsKept(t *testing.T) {
	const timeout = 800 * time.Millisecond
	under := &counted{Conn: silentConn(t)}
	conn := newLazyDeadline(under, timeout)
	begun := time.Now()
	for i := range 1000 {
		require.NoError(t, conn.SetReadDeadline(begun.Add(timeout+time.Duration(i))))
	}
	require.Equal(t, 1, under.moved)
	require.NoError(t, conn.SetReadDeadline(begun.Add(timeout+timeout/deadlineSlack)))
	require.Equal(t, 2, under.moved, "by the slack it is moved")

	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.GreaterOrEqual(t, time.Since(begun), timeout)
}

// An earlier deadline, by which a reader is woken to end, holds at once; so does one that follows it, and none at all.
func TestAnEarlierDeadlineHoldsAtOnce(t *testing.T) {
	conn := newLazyDeadline(silentConn(t), time.Hour)
	begun := time.Now()
	require.NoError(t, conn.SetReadDeadline(begun.Add(time.Hour)))
	require.NoError(t, conn.SetReadDeadline(begun.Add(time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	for _, set := range []func(time.Time) error{conn.SetReadDeadline, conn.SetDeadline} {
		require.NoError(t, set(time.Time{}))
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Millisecond)))
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	require.Less(t, time.Since(begun), time.Minute)
}
