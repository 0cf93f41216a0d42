package state_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

func fileOptions(path string) state.Options {
	return state.Options{URL: "file:" + path, Namespace: "test", Key: storetest.Key}
}

func openStore(t *testing.T, o state.Options) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// leadAndAppend submits n records and a checkpoint in one write.
func leadAndAppend(t *testing.T, s *state.Store, n int, cp bridge.Checkpoint) uint64 {
	t.Helper()
	epoch, ok, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, n, appendN(t, s, epoch, n, cp))
	return epoch
}

func appendN(t *testing.T, s *state.Store, epoch uint64, n int, cp bridge.Checkpoint) int {
	t.Helper()
	queued, err := s.Append(t.Context(), epoch, someChanges(n, cp.Pos), &cp)
	require.NoError(t, err)
	return queued
}

func someChanges(n int, pos uint64) []bridge.Change {
	var changes []bridge.Change
	for i := range n {
		at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: pos, Row: uint64(i)}
		changes = append(changes, storetest.Change("one", string(rune('a'+i)), "text", at, start))
	}
	return changes
}

// What Append returned from is on the disk: a copy of the file as it is at that moment, of a store that never gets to close it,
// holds it.
func TestEmbeddedAppendIsDurableWhenItReturns(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, fileOptions(filepath.Join(dir, "store.db")))
	for pos := range uint64(3) {
		cp := bridge.Checkpoint{File: "binlog.000001", Pos: pos + 1}
		leadAndAppend(t, s, 5, cp)
		raw, err := os.ReadFile(filepath.Join(dir, "store.db"))
		require.NoError(t, err)
		left := filepath.Join(t.TempDir(), "left.db")
		require.NoError(t, os.WriteFile(left, raw, 0o600))

		after := openStore(t, fileOptions(left))
		got, ok, err := after.Checkpoint(t.Context())
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, cp.Pos, got.Pos)
		leases, err := after.Lease(t.Context(), 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, leases, 5)
		require.Equal(t, cp.Pos, leases[0].Change.At.Pos, "position and outbox are of the same moment")
	}
}

func TestEmbeddedFileHasOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	first := openStore(t, fileOptions(path))
	_, err := state.Open(t.Context(), fileOptions(path))
	require.ErrorIs(t, err, state.ErrLocked)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "Stop that one first")
	require.NoError(t, first.Close())
	openStore(t, fileOptions(path))
}

func TestEmbeddedOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	_, err := state.Open(t.Context(), fileOptions(filepath.Join(dir, "missing", "store.db")))
	require.ErrorContains(t, err, "mkdir -p "+filepath.Join(dir, "missing"))

	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, make([]byte, 20_000), 0o600))
	_, err = state.Open(t.Context(), fileOptions(text))
	require.ErrorContains(t, err, "not a store of talkbridge")

	path := filepath.Join(dir, "store.db")
	require.NoError(t, openStore(t, fileOptions(path)).Close())
	o := fileOptions(path)
	o.Namespace = "other"
	_, err = state.Open(t.Context(), o)
	require.ErrorContains(t, err, "it holds the namespace test, state.namespace is other")

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestEmbeddedPathIsRelativeToDir(t *testing.T) {
	dir := t.TempDir()
	openStore(t, state.Options{Dir: dir, Namespace: "test", Key: storetest.Key})
	require.FileExists(t, filepath.Join(dir, "talkbridge.db"))
	openStore(t, state.Options{URL: "file:sub.db", Dir: dir, Namespace: "test", Key: storetest.Key})
	require.FileExists(t, filepath.Join(dir, "sub.db"))
}

func TestAnotherKeyIsRefused(t *testing.T) {
	o := fileOptions(filepath.Join(t.TempDir(), "store.db"))
	require.NoError(t, openStore(t, o).Close())
	o.Key = "QUJDREVGR0hJSktMTU5PUA=="
	_, err := state.Open(t.Context(), o)
	require.ErrorIs(t, err, state.ErrWrongKey)
	require.ErrorContains(t, err, "Put the former key back into state.key")
	require.NotContains(t, err.Error(), o.Key.Reveal())
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct{ namespace, key, want string }{
		{"", string(storetest.Key), "state.namespace"},
		{"a b", string(storetest.Key), "state.namespace"},
		{"a}b", string(storetest.Key), "state.namespace"},
		{"test", "", "state.key: missing; make one with: head -c 16 /dev/urandom | base64"},
		{"test", "0123456789abcdef!", "state.key: not Base64; make one with"},
		{"test", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "must be Base64 of 16 bytes, these are 32"},
	} {
		_, err := state.Open(t.Context(), state.Options{
			URL: "file:" + filepath.Join(t.TempDir(), "x.db"), Namespace: c.namespace, Key: bridge.Secret(c.key),
		})
		require.ErrorContains(t, err, c.want)
		if c.key != "" {
			require.NotContains(t, err.Error(), c.key)
		}
	}
	o := fileOptions(filepath.Join(t.TempDir(), "store.db"))
	o.Key = " " + storetest.Key + "\n" // as read from a file
	openStore(t, o)
}

// What is appended while workers wait is leased in the append's own write: its way to the platform waits for the disk once.
func TestEmbeddedAppendLeasesToWhoWaits(t *testing.T) {
	s := openStore(t, fileOptions(filepath.Join(t.TempDir(), "store.db")))
	require.NoError(t, s.Expect(t.Context(), 3, time.Minute))
	leadAndAppend(t, s, 5, bridge.Checkpoint{File: "binlog.000001", Pos: 1})
	n, _, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n[bridge.StatusSending])
	require.Equal(t, 2, n[bridge.StatusPending])
	leases, err := s.Lease(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, leases, 5)
}

// A pause between the append and the lease holds.
func TestEmbeddedPauseHoldsForWhatWasExpected(t *testing.T) {
	s := openStore(t, fileOptions(filepath.Join(t.TempDir(), "store.db")))
	require.NoError(t, s.Expect(t.Context(), 3, time.Minute))
	leadAndAppend(t, s, 1, bridge.Checkpoint{File: "binlog.000001", Pos: 1})
	_, _, err := s.Pause(t.Context(), "")
	require.NoError(t, err)
	leases, err := s.Lease(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, leases)
	n, _, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n[bridge.StatusPending], "and it was given back")
}
