package state_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// A backup and its restore hold a batch of records in memory, not all of them (on Redis 16 bytes of each besides). TALKBRIDGE_BACKUP_RECORDS=1000000
// is the size that this is meant for; by default it looks at a small one.
func TestABackupDoesNotHoldItsRecords(t *testing.T) {
	n := 20_000
	if text := os.Getenv("TALKBRIDGE_BACKUP_RECORDS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	from := openStore(t, redisOptions(testserver.StartRedis(t, "--appendonly", "no").URL()))
	fill(t, from, n)
	to := openStore(t, fileOptions(filepath.Join(t.TempDir(), "to.db")))
	to.Hurry()
	file, err := os.Create(filepath.Join(t.TempDir(), "big.backup"))
	require.NoError(t, err)
	defer file.Close()

	limit := uint64(40<<20 + 100*n)
	var sum state.Summary
	within(t, limit, "backup", func() { sum, err = from.Backup(t.Context(), file, nil) })
	require.NoError(t, err)
	require.Equal(t, n, sum.Records)
	_, err = file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	within(t, limit, "verify", func() { _, err = state.Verify(t.Context(), file, storetest.Key, nil) })
	require.NoError(t, err)
	_, err = file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	within(t, limit, "restore", func() { _, err = to.Restore(t.Context(), file, state.RestoreOptions{}) })
	require.NoError(t, err)
	t.Logf("%d records, %d bytes", sum.Records, sum.Bytes)
}

// fill appends n records of 1 KB.
func fill(t *testing.T, s *state.Store, n int) {
	t.Helper()
	epoch, _, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	text := strings.Repeat("x", 1000)
	for i := 0; i < n; i += 1000 {
		changes := make([]bridge.Change, 1000)
		for j := range changes {
			at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(i + j)}
			changes[j] = storetest.Change("one", number(i+j), text, at, start)
		}
		_, err := s.Append(t.Context(), epoch, changes, &bridge.Checkpoint{Pos: uint64(i)})
		require.NoError(t, err)
	}
	require.NoError(t, s.Resign(t.Context(), "a"))
}

// within runs what and wants the live heap to stay below limit meanwhile. Each look collects garbage first: how much of it lies about between
// two collections says how busy the machine is, not what is held.
func within(t *testing.T, limit uint64, name string, what func()) {
	t.Helper()
	runtime.GC()
	var peak uint64
	var group sync.WaitGroup
	done := make(chan struct{})
	group.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	begun := time.Now()
	what()
	close(done)
	group.Wait()
	t.Logf("%s: %v, heap at most %d MB", name, time.Since(begun).Round(time.Millisecond), peak>>20)
	require.Less(t, peak, limit)
}
