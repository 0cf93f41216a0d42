package canal

import (
	"net"
	"sync/atomic"
	"time"
)

// deadlineSlack is how much of a read's time-out may be missing, as a part of it.
const deadlineSlack = 16

// A lazyDeadline is a connection whose deadline for reading is moved only when that makes a difference. go-mysql moves it before each
// packet, by nothing worth the work while the log streams: a fifteenth of what passing it costs.
type lazyDeadline struct {
	net.Conn
	slack time.Duration
	armed atomic.Int64 // the deadline that is set, Unix time in ns; 0: none, or not known
}

func newLazyDeadline(c net.Conn, timeout time.Duration) *lazyDeadline {
	return &lazyDeadline{Conn: c, slack: timeout / deadlineSlack}
}

// SetReadDeadline implements net.Conn. The deadline that holds is never later than the one asked for, and earlier by less than the slack.
func (c *lazyDeadline) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		c.armed.Store(0)
		return c.Conn.SetReadDeadline(t)
	}
	if later := t.UnixNano() - c.armed.Load(); later >= 0 && later < int64(c.slack) {
		return nil
	}
	c.armed.Store(t.UnixNano())
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *lazyDeadline) SetDeadline(t time.Time) error {
	c.armed.Store(0)
	return c.Conn.SetDeadline(t)
}
