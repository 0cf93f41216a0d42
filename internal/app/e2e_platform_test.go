package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// The ways a platform can be out of order. None of them rejects a record; each ends with everything delivered.
func TestThePlatformIsOutOfOrder(t *testing.T) {
	t.Parallel()
	c := newCollege(t, "file:talkbridge.db")
	c.quick(t)
	f := newFlow(t, c, 30)
	b := c.node(t, "listener")
	client := admin.NewClient(b.admin)
	f.submit(t, 30)
	f.arrives(t, 20*time.Second)
	for _, fault := range []struct {
		name string
		is   platformsim.Fault
		code string // of a record that waits
		long bool
	}{
		{"throttles", platformsim.Fault{Kind: platformsim.FaultThrottle, RetryAfter: "1"}, "429", false},
		{"answers 503", platformsim.Fault{Kind: platformsim.FaultStatus, Status: http.StatusServiceUnavailable}, "503", true},
		{"answers 500 with its own code", platformsim.Fault{Kind: platformsim.FaultStatus, Status: 500, Code: 500, Msg: "系统繁忙"}, "500", true},
		{"shows a gateway's page", platformsim.Fault{Kind: platformsim.FaultHTML}, "502", true},
		{"shows a login page under 200", platformsim.Fault{Kind: platformsim.FaultHTML, Status: http.StatusOK}, "200", false},
		{"hangs", platformsim.Fault{Kind: platformsim.FaultHang}, "timeout", false},
		{"resets connections", platformsim.Fault{Kind: platformsim.FaultReset}, "network", false},
		{"takes records and loses the answer", platformsim.Fault{Kind: platformsim.FaultReset, Apply: true}, "network", false},
		{"voids every token before each call", platformsim.Fault{Kind: platformsim.FaultVoidTokens}, "401", false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			onlyIf(t, fault.long)
			before := len(b.said())
			_, err := c.sim.Inject(fault.is)
			require.NoError(t, err)
			f.submit(t, 15)
			waiting := waits(t, client, fault.code)
			require.Positive(t, waiting.Attempts, "an attempt is counted")
			require.NotEmpty(t, waiting.Message)
			eventually(t, 15*time.Second, func() error { // five failures in a row
				if !strings.Contains(page(t, "http://"+b.admin+"/metrics"), "talkbridge_breaker_open 1") {
					return fmt.Errorf("the breaker is not open")
				}
				return nil
			})
			calls := c.sim.Stats().Calls
			f.submit(t, 60) // newer ones: they take the place of those that wait
			require.LessOrEqual(t, c.sim.Stats().Calls-calls, 20, "a platform that is down is probed, not hammered")
			c.sim.ClearFaults()
			f.arrives(t, 20*time.Second)
			said := b.said()[before:]
			require.Contains(t, said, "the platform is not called for a while; records wait, nothing is dropped")
			require.Contains(t, said, "the platform takes records again; delivery goes on")
		})
	}
	records, _, err := client.Records(t.Context(), stateFilter(bridge.StatusRejected))
	require.NoError(t, err)
	require.Empty(t, records, "nothing is rejected for what is not its fault")
	require.Zero(t, f.stale())
	require.Zero(t, c.sim.Stats().Overlaps)
}

// waits waits for a record that waits with this code.
func waits(t *testing.T, client *admin.Client, code string) (found bridge.Record) {
	t.Helper()
	eventually(t, 15*time.Second, func() error {
		records, _, err := client.Records(t.Context(), stateFilter(bridge.StatusPending))
		for _, r := range records {
			if r.Code == code && r.Stage == bridge.StagePlatform {
				found = r
				return nil
			}
		}
		return fmt.Errorf("no record waits with code %s: %v %w", code, records, err)
	})
	return found
}

// A week without the platform, in small: everything waits, records that are submitted again wait once, and the backlog drains.
func TestABacklogDrainsAfterALongOutage(t *testing.T) {
	t.Parallel()
	c := newCollege(t, testserver.StartRedis(t).URL())
	c.quick(t)
	f := newFlow(t, c, 300)
	down, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultReset})
	require.NoError(t, err)
	_, err = c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultStatus, Endpoint: "token", Status: http.StatusBadGateway})
	require.NoError(t, err)
	b := c.node(t, "listener") // a platform that is down is no reason not to start
	b.takesOver(10 * time.Second)
	f.submit(t, 900)
	eventually(t, 60*time.Second, func() error {
		s, err := b.status()
		if err == nil && s.Records[bridge.StatusPending]+s.Records[bridge.StatusSending] != 300 {
			err = fmt.Errorf("waiting: %v", s.Records)
		}
		metrics := page(t, "http://"+b.admin+"/metrics")
		for _, read := range []string{`talkbridge_changes_captured_total{route="one"} 900`, "talkbridge_source_lag_bytes 0"} {
			if err == nil && !strings.Contains(metrics, read+"\n") { // what is not read yet supersedes nothing
				err = errors.New("not all of it is read")
			}
		}
		return err
	})
	require.Zero(t, c.sim.Stats().Applied)
	require.True(t, c.sim.ClearFault(down))
	c.sim.ClearFaults()
	took := f.arrives(t, 30*time.Second)
	t.Logf("300 records, each submitted three times: drained %v after the platform was back", took.Round(10*time.Millisecond))
	require.Equal(t, 300, c.sim.Stats().Applied, "what was superseded was never sent")
	require.Zero(t, c.sim.Stats().Overlaps)
}

// SIGTERM with calls in flight: those that end in time are finished and settled; those that hang are broken off and given back; what was
// leased and not sent is given back. The process ends with 0 within its deadline, and the next one goes on.
func TestSIGTERMWithCallsInFlight(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name  string
		fault platformsim.Fault
		limit time.Duration
	}{
		{"that end", platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(700 * time.Millisecond)}, 5 * time.Second},
		{"that hang", platformsim.Fault{Kind: platformsim.FaultHang}, 8 * time.Second},
	} {
		t.Run(way.name, func(t *testing.T) {
			c := newCollege(t, testserver.StartRedis(t).URL())
			c.quick(t)
			f := newFlow(t, c, 40)
			b := c.node(t, "listener")
			b.takesOver(10 * time.Second)
			_, err := c.sim.Inject(way.fault)
			require.NoError(t, err)
			f.submit(t, 40)
			eventually(t, 10*time.Second, func() error {
				if n := c.sim.Stats().InFlight; n < 8 {
					return fmt.Errorf("%d calls in flight", n)
				}
				return nil
			})
			took, err := b.stops()
			require.NoError(t, err, "it ends with 0")
			require.Less(t, took, way.limit)
			t.Logf("stopped in %v", took.Round(10*time.Millisecond))
			taken := c.sim.Stats().Applied
			if way.fault.Kind == platformsim.FaultDelay {
				require.GreaterOrEqual(t, taken, 8, "calls under way are finished")
			}
			c.sim.ClearFaults()
			b.start()
			recovered := f.arrives(t, 5*time.Second) // far less than a lease: everything was given back
			t.Logf("the rest arrived %v after the next start", recovered.Round(10*time.Millisecond))
			require.Equal(t, 40, c.sim.Stats().Applied, "what was finished was settled, and is not sent again")
			require.Zero(t, c.sim.Stats().Overlaps)
		})
	}
}

// A token dialect that no code knows, by configuration alone, through the whole bridge: the request is signed, and the platform voids
// each token at the next fetch and says so under HTTP 200.
func TestASignedTokenRequestThroughTheWholeBridge(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.restartPlatform(t, platformsim.Options{Dialect: "K", VoidOnFetch: true})
	c.edit(t, "path: /oauth2/token ", "path: /oauth/token/signed ")
	c.edit(t, "    skew: 30s ", "    sign: {algorithm: hmac-sha1, message: \"{client_id}{timestamp}\", timestamp_header: TimeStamp}\n    skew: 30s ")
	c.run(t)
	c.press(t, "1001")
	c.taken(t, "one", "1001", 1)
	c.sim.VoidTokens()
	c.press(t, "1015")
	c.taken(t, "one", "1015", 1)
	require.Equal(t, 2, c.sim.Stats().TokensIssued)
	require.Zero(t, c.sim.Stats().TokenRefused)
}

// A store that hangs does not keep the process from ending: what it holds runs out by itself and is delivered after the next start.
func TestSIGTERMWhileRedisHangs(t *testing.T) {
	onlyIf(t, true)
	t.Parallel()
	r := testserver.StartRedis(t)
	c := newCollege(t, r.URL())
	c.quick(t)
	f := newFlow(t, c, 40)
	b := c.node(t, "listener")
	b.takesOver(10 * time.Second)
	_, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(300 * time.Millisecond)})
	require.NoError(t, err)
	f.submit(t, 40)
	eventually(t, 10*time.Second, func() error {
		if c.sim.Stats().InFlight < 8 {
			return fmt.Errorf("too few calls in flight")
		}
		return nil
	})
	require.NoError(t, syscall.Kill(r.Pid(), syscall.SIGSTOP))
	took, err := b.stops()
	require.NoError(t, err, "it ends with 0")
	require.Less(t, took, 20*time.Second)
	t.Logf("stopped in %v", took.Round(10*time.Millisecond))
	require.NoError(t, syscall.Kill(r.Pid(), syscall.SIGCONT))
	c.sim.ClearFaults()
	b.start()
	f.arrives(t, 40*time.Second) // what was in flight waits for the end of its lease
	require.Zero(t, c.sim.Stats().Overlaps)
}
