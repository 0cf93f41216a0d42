package state_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// BenchmarkRecord is one record's way through the store: appended alone, leased alone, settled.
func BenchmarkRecord(b *testing.B) {
	b.Run("redis", func(b *testing.B) { benchRecord(b, redisOptions(testserver.StartRedis(b).URL())) })
	b.Run("embedded", func(b *testing.B) { benchRecord(b, fileOptions(filepath.Join(b.TempDir(), "store.db"))) })
}

func benchRecord(b *testing.B, o state.Options) {
	b.Helper()
	s, epoch := benchStore(b, o)
	for i := 0; b.Loop(); i++ {
		_, err := s.Append(b.Context(), epoch, benchChanges(i, 1), &bridge.Checkpoint{Pos: uint64(i)})
		require.NoError(b, err)
		leases, err := s.Lease(b.Context(), 1, time.Minute)
		require.NoError(b, err)
		require.Len(b, leases, 1)
		require.NoError(b, s.Settle(b.Context(), leases[0], bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0"}))
	}
}

// BenchmarkBatch appends a thousand changes in one write.
func BenchmarkBatch(b *testing.B) {
	b.Run("redis", func(b *testing.B) { benchBatch(b, redisOptions(testserver.StartRedis(b).URL())) })
	b.Run("embedded", func(b *testing.B) { benchBatch(b, fileOptions(filepath.Join(b.TempDir(), "store.db"))) })
}

func benchBatch(b *testing.B, o state.Options) {
	b.Helper()
	s, epoch := benchStore(b, o)
	for i := 0; b.Loop(); i += 1000 {
		_, err := s.Append(b.Context(), epoch, benchChanges(i, 1000), nil)
		require.NoError(b, err)
	}
}

func benchStore(b *testing.B, o state.Options) (*state.Store, uint64) {
	b.Helper()
	s, err := state.Open(b.Context(), o)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	epoch, _, err := s.Lead(b.Context(), "a", time.Hour)
	require.NoError(b, err)
	return s, epoch
}

func benchChanges(from, n int) []bridge.Change {
	changes := make([]bridge.Change, n)
	for i := range changes {
		at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(from + i)}
		changes[i] = storetest.Change("one", number(from+i), strings.Repeat("x", 1500), at, start)
	}
	return changes
}
