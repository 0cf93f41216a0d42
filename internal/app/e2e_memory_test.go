package app_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
	"talkbridge/state"
)

// residentLimit is what a bridge may hold of the machine's memory, whatever waits in Redis: kB.
const residentLimit = 64 << 10

// A million records wait in Redis. The bridge, a process of its own, holds less than 64 MB resident: idle, while it is asked for its
// pages, and while it drains for a minute as fast as it can.
func TestAMillionRecordsWait(t *testing.T) {
	if os.Getenv("TALKBRIDGE_MEMORY") == "" {
		t.Skip("SKIPPED, NOT TESTED: takes minutes and 3 GB; make memory runs it")
	}
	const records = 1_000_000
	url := testserver.StartRedis(t, "--appendonly", "no").URL()
	c := newCollege(t, url)
	c.quick(t)
	down, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultStatus, Status: http.StatusServiceUnavailable})
	require.NoError(t, err)
	template := captured(t, c, url)
	load(t, url, template, records)

	b := c.node(t, "listener")
	b.takesOver(10 * time.Second)
	measure(t, b, "idle: a million wait, the platform is down", 20*time.Second)
	measure(t, b, "idle, and asked for pages and metrics", 10*time.Second, func() {
		page(t, "http://"+b.admin+"/metrics")
		page(t, "http://"+b.admin+"/api/v1/records?status=pending&limit=500")
	})
	require.True(t, c.sim.ClearFault(down))
	eventually(t, 20*time.Second, func() error {
		if n := c.sim.Stats().Applied; n < 100 {
			return fmt.Errorf("%d delivered", n)
		}
		return nil
	})
	before, begun := c.sim.Stats().Applied, time.Now()
	measure(t, b, "draining", time.Minute)
	rate := float64(c.sim.Stats().Applied-before) / time.Since(begun).Seconds()
	t.Logf("%-45s %.0f records a second", "drained at", rate)
	require.Positive(t, rate)
}

// captured submits a record while the platform is down and takes it out of the store as the listener left it there.
func captured(t *testing.T, c *college, url string) bridge.Change {
	t.Helper()
	b := c.node(t, "first")
	b.takesOver(10 * time.Second)
	c.press(t, "1001")
	eventually(t, 10*time.Second, func() error {
		s, err := b.status()
		if err == nil && s.Records[bridge.StatusPending] == 0 {
			err = errors.New("nothing waits")
		}
		return err
	})
	_, err := b.stops()
	require.NoError(t, err)
	store := openStore(t, url)
	var change bridge.Change
	eventually(t, 30*time.Second, func() error {
		leases, err := store.Lease(t.Context(), 1, time.Second)
		if err != nil || len(leases) == 0 {
			return fmt.Errorf("nothing is due yet: %w", err)
		}
		change = leases[0].Change
		return nil
	})
	return change
}

func openStore(t *testing.T, url string) *state.Store {
	t.Helper()
	store, err := state.Open(t.Context(), state.Options{URL: url, Namespace: "nbufe", Key: stateKey})
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

// load puts copies of a change into the store, each a record of its own, in batches as large as the store takes.
func load(t *testing.T, url string, template bridge.Change, records int) {
	t.Helper()
	store := openStore(t, url)
	begun := time.Now()
	var epoch uint64
	for first := 0; first < records; first += state.MaxBatch {
		epoch = leadOf(t, store)
		changes := make([]bridge.Change, 0, state.MaxBatch)
		for i := first; i < min(first+state.MaxBatch, records); i++ {
			change := template
			change.Key = strconv.Itoa(1_000_000_000 + i)
			change.EventID = "load-" + change.Key
			change.Columns = maps.Clone(template.Columns)
			change.Columns["id"] = bridge.Value{Kind: template.Columns["id"].Kind, Text: change.Key}
			changes = append(changes, change)
		}
		queued, err := store.Append(t.Context(), epoch, changes, nil)
		require.NoError(t, err)
		require.Len(t, changes, queued)
	}
	require.NoError(t, store.Resign(t.Context(), "loader"))
	t.Logf("%d records loaded in %v", records, time.Since(begun).Round(time.Second))
}

func leadOf(t *testing.T, store *state.Store) (epoch uint64) {
	t.Helper()
	eventually(t, 15*time.Second, func() error {
		e, ok, err := store.Lead(t.Context(), "loader", time.Minute)
		if err == nil && !ok {
			err = errors.New("another leads")
		}
		epoch = e
		return err
	})
	return epoch
}

// measure watches the process for a while and prints what it held.
func measure(t *testing.T, b *node, what string, lasts time.Duration, meanwhile ...func()) {
	t.Helper()
	highest, last := 0, 0
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		for _, do := range meanwhile {
			do()
		}
		last = b.memory("VmRSS")
		highest = max(highest, last)
		time.Sleep(100 * time.Millisecond) // between two looks
	}
	peak := b.memory("VmHWM")
	t.Logf("%-45s resident %.1f MB, at most %.1f MB; ever %.1f MB", what, mb(last), mb(highest), mb(peak))
	require.Less(t, peak, residentLimit, "kB resident")
}

func mb(kilobytes int) float64 { return float64(kilobytes) / 1024 }

// memory reads one of the process's figures, kB.
func (n *node) memory(figure string) int {
	n.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	require.NoError(n.t, err)
	_, rest, _ := strings.Cut(string(text), figure+":")
	fields := strings.Fields(rest)
	require.NotEmpty(n.t, fields)
	kilobytes, err := strconv.Atoi(fields[0])
	require.NoError(n.t, err)
	return kilobytes
}
