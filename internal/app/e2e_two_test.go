package app_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// handOver is how long a listener that died may go unnoticed.
const handOver = 15 * time.Second

// Two bridges on one Redis, on the same configuration file but for admin.listen: one listens, both deliver. When the listener is
// killed the other takes over; one that slept through its lead cannot write any more, and stands by.
func TestTwoBridgesOnOneRedis(t *testing.T) {
	t.Parallel()
	c := newCollege(t, testserver.StartRedis(t).URL())
	c.quick(t)
	f := newFlow(t, c, 60)
	// Every call takes a while, so that there is work for both.
	_, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(20 * time.Millisecond)})
	require.NoError(t, err)
	first := c.node(t, "first")
	first.takesOver(10 * time.Second)
	second := c.node(t, "second")
	second.says(10*time.Second, "another bridge listens to the source")
	f.submit(t, 240)
	f.arrives(t, 30*time.Second)
	require.False(t, second.leads())
	second.knowsNothingOfTheLog()
	require.Equal(t, 1, c.dumpThreads(t))
	require.Positive(t, first.delivered(), "both deliver")
	require.Positive(t, second.delivered(), "both deliver")

	first.kill()
	f.submit(t, 60)
	took := second.takesOver(handOver)
	t.Logf("kill -9 of the listener: the other listened %v later", took.Round(10*time.Millisecond))
	f.arrives(t, 30*time.Second)

	first.start()
	asleep(t, c, f, second, first)
	require.Zero(t, f.stale(), "older content after newer")
	require.Zero(t, c.sim.Stats().Overlaps)
}

// asleep stops the listener past its lease with events of the log already in its hands, lets the other take over and go further,
// and wakes it.
func asleep(t *testing.T, c *college, f *flow, listener, other *node) {
	t.Helper()
	listener.signal(syscall.SIGSTOP)
	f.submit(t, 60) // the server has sent these to the one that sleeps
	took := other.takesOver(handOver)
	t.Logf("SIGSTOP of the listener: the other listened %v later", took.Round(10*time.Millisecond))
	f.arrives(t, 60*time.Second) // some were in the sleeper's calls: their leases have to run out
	f.submit(t, 60)
	f.arrives(t, 30*time.Second)
	taken := c.sim.Stats().Applied
	listener.signal(syscall.SIGCONT)
	listener.says(10*time.Second, "this bridge asks for the lead anew", "it stands by now")
	eventually(t, 10*time.Second, func() error {
		if n := c.dumpThreads(t); n != 1 || listener.leads() || !other.leads() {
			return fmt.Errorf("%d dump threads; listening: %v and %v", n, listener.leads(), other.leads())
		}
		return nil
	})
	listener.knowsNothingOfTheLog()
	require.LessOrEqual(t, c.sim.Stats().Applied-taken, 8, "what it held in its hands when it fell asleep, at most")
	before := listener.delivered()
	f.submit(t, 120)
	f.arrives(t, 30*time.Second)
	require.Greater(t, listener.delivered(), before, "the one that slept delivers again")
}

// knowsNothingOfTheLog wants what a bridge that stands by says of the source's log: that it does not know, neither 0 nor what it last knew.
func (n *node) knowsNothingOfTheLog() {
	n.t.Helper()
	metrics := page(n.t, "http://"+n.admin+"/metrics")
	for _, line := range []string{"connected 0", "lag_seconds NaN", "lag_bytes NaN", "purge_headroom_seconds NaN", "purge_headroom_bytes NaN"} {
		require.Contains(n.t, metrics, "\ntalkbridge_source_"+line+"\n")
	}
}
