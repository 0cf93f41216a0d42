package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// filled is an embedded store with n records that wait and a position, led by nobody.
func filled(t *testing.T, n int) *state.Store {
	t.Helper()
	s := openStore(t, fileOptions(filepath.Join(t.TempDir(), "store.db")))
	leadAndAppend(t, s, n, bridge.Checkpoint{File: "binlog.000001", Pos: 7})
	require.NoError(t, s.Resign(t.Context(), "a"))
	return s
}

func backupOf(t *testing.T, s *state.Store) ([]byte, state.Summary) {
	t.Helper()
	var file bytes.Buffer
	sum, err := s.Backup(t.Context(), &file, nil)
	require.NoError(t, err)
	return file.Bytes(), sum
}

func restoreInto(t *testing.T, s *state.Store, file []byte) error {
	t.Helper()
	_, err := s.Restore(t.Context(), bytes.NewReader(file), state.RestoreOptions{})
	return err
}

// A backup that lost a byte anywhere, or had one changed, is refused, and says which of the two it is; nothing is restored.
func TestADamagedBackupIsRefused(t *testing.T) {
	file, _ := backupOf(t, filled(t, 20))
	target := openStore(t, fileOptions(filepath.Join(t.TempDir(), "target.db")))
	refused := func(spoilt []byte, want ...error) {
		t.Helper()
		_, err := state.Verify(t.Context(), bytes.NewReader(spoilt), storetest.Key, nil)
		require.Condition(t, func() bool {
			for _, w := range want {
				if errors.Is(err, w) {
					return true
				}
			}
			return false
		}, "%v", err)
		require.Error(t, restoreInto(t, target, spoilt))
	}
	header := bytes.IndexByte(file[20:], '\n') + 21
	step := max(1, len(file)/400)
	for cut := 0; cut < len(file); cut += step {
		if cut < 20 {
			refused(file[:cut], state.ErrNotBackup)
		} else {
			refused(file[:cut], state.ErrTruncated)
		}
	}
	for at := 0; at < len(file); at += step {
		switch spoilt := flip(file, at); {
		case at < 20:
			refused(spoilt, state.ErrNotBackup)
		case at < header:
			refused(spoilt, state.ErrAltered, state.ErrWrongKey, state.ErrTruncated)
		default:
			refused(spoilt, state.ErrAltered, state.ErrTruncated) // a length that grew reads past the end
		}
	}
	refused(append(bytes.Clone(file), 'x'), state.ErrAltered)
	counts, _, err := target.Counts(t.Context())
	require.NoError(t, err)
	require.Zero(t, counts[bridge.StatusPending])
	_, paused, err := target.Paused(t.Context())
	require.NoError(t, err)
	require.False(t, paused, "nothing was begun")
	require.NoError(t, restoreInto(t, target, file))
}

// Chunks of one backup do not fit into another, and not into another place of their own.
func TestABackupIsNotPutTogetherFromParts(t *testing.T) {
	s := filled(t, 20)
	one, _ := backupOf(t, s)
	two, _ := backupOf(t, s)
	body := func(file []byte) int { return bytes.IndexByte(file[20:], '\n') + 21 }
	mixed := append(bytes.Clone(one[:body(one)]), two[body(two):]...)
	_, err := state.Verify(t.Context(), bytes.NewReader(mixed), storetest.Key, nil)
	require.ErrorIs(t, err, state.ErrAltered)
}

func TestABackupOfAnotherKeyOrNamespaceIsRefused(t *testing.T) {
	file, _ := backupOf(t, filled(t, 3))
	_, err := state.Verify(t.Context(), bytes.NewReader(file), "QUJDREVGR0hJSktMTU5PUA==", nil)
	require.ErrorIs(t, err, state.ErrWrongKey)
	require.ErrorContains(t, err, "Put the key that the bridge had then into state.key")

	o := fileOptions(filepath.Join(t.TempDir(), "other.db"))
	o.Namespace = "other"
	require.ErrorContains(t, restoreInto(t, openStore(t, o), file), `the backup is of namespace "test" and state.namespace is "other"`)
}

// What one back end wrote the other takes, whole.
func TestABackupGoesToTheOtherBackEnd(t *testing.T) {
	r := testserver.StartRedis(t)
	for name, open := range map[string][2]func() *state.Store{
		"embedded to redis": {
			func() *state.Store { return openStore(t, fileOptions(filepath.Join(t.TempDir(), "a.db"))) },
			func() *state.Store { return openStore(t, redisOptions(r.URL())) },
		},
		"redis to embedded": {
			func() *state.Store { return openStore(t, redisOptions(strings.TrimSuffix(r.URL(), "0")+"1")) },
			func() *state.Store { return openStore(t, fileOptions(filepath.Join(t.TempDir(), "b.db"))) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := open[0]()
			from.Hurry()
			lifeOf(t, from)
			file, sum := backupOf(t, from)
			to := open[1]()
			require.NoError(t, restoreInto(t, to, file))
			_, after := backupOf(t, to)
			require.Equal(t, sum.Digest, after.Digest)
			require.Equal(t, sum.Statuses, after.Statuses)
			require.Equal(t, list(t, from), list(t, to))
		})
	}
}

// lifeOf leaves some hundred records in all statuses.
func lifeOf(t *testing.T, s *state.Store) {
	t.Helper()
	epoch, _, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), epoch, benchChanges(0, 700), &bridge.Checkpoint{Pos: 700})
	require.NoError(t, err)
	leases, err := s.Lease(t.Context(), 500, time.Minute)
	require.NoError(t, err)
	for i, l := range leases[:400] {
		v := []bridge.Verdict{bridge.VerdictDelivered, bridge.VerdictRejected, bridge.VerdictRetry}[i%3]
		require.NoError(t, s.Settle(t.Context(), l, bridge.Settlement{Verdict: v, After: time.Hour, Code: "1", Message: "因为"}))
	}
	for _, l := range leases[400:] {
		require.NoError(t, s.Release(t.Context(), l))
	}
	require.NoError(t, s.Discard(t.Context(), "one/650"))
}

// list is every record of a store.
func list(t *testing.T, s *state.Store) map[string]bridge.Record {
	t.Helper()
	out := map[string]bridge.Record{}
	f := state.Filter{Limit: 1000}
	for {
		records, next, err := s.Records(t.Context(), f)
		require.NoError(t, err)
		for _, r := range records {
			out[r.ID] = r
		}
		if f.After = next; next == "" {
			return out
		}
	}
}

// A restore that dies on the way leaves a store that delivers nothing and says why; doing it again mends it.
func TestARestoreThatDies(t *testing.T) {
	source := openStore(t, redisOptions(testserver.StartRedis(t).URL()))
	lifeOf(t, source)
	fill(t, source, 5000) // more than one batch
	file, sum := backupOf(t, source)
	for name, o := range map[string]state.Options{
		"embedded": fileOptions(filepath.Join(t.TempDir(), "b.db")),
		"redis":    redisOptions(testserver.StartRedis(t).URL()),
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, o)
			s.Hurry()
			_, err := s.Restore(t.Context(), &dying{Reader: bytes.NewReader(file), after: len(file) - 1000}, state.RestoreOptions{})
			require.ErrorIs(t, err, errDied)
			leases, err := s.Lease(t.Context(), 10, time.Minute)
			require.NoError(t, err)
			require.Empty(t, leases)
			for _, force := range []bool{false, true} {
				_, _, err = s.Resume(t.Context(), force)
				require.ErrorIs(t, err, state.ErrHalfRestored)
			}
			require.ErrorIs(t, restoreInto(t, s, file), state.ErrNotEmpty)
			_, err = s.Restore(t.Context(), bytes.NewReader(file), state.RestoreOptions{Replace: true})
			require.NoError(t, err)
			_, after := backupOf(t, s)
			require.Equal(t, sum.Digest, after.Digest)
		})
	}
}

var errDied = errors.New("died")

// A dying file is read well once, and the second time only so far.
type dying struct {
	*bytes.Reader
	after int
	again bool
}

func (d *dying) Seek(offset int64, whence int) (int64, error) {
	d.again = true
	return d.Reader.Seek(offset, whence)
}

func (d *dying) Read(p []byte) (int, error) {
	if !d.again {
		return d.Reader.Read(p)
	}
	if d.after <= 0 {
		return 0, errDied
	}
	n, err := d.Reader.Read(p[:min(len(p), d.after)])
	d.after -= n
	return n, err
}

// A backup taken while a bridge submits and delivers holds everything that its own position covers.
func TestABackupUnderWayHoldsWhatItsPositionCovers(t *testing.T) {
	for name, o := range map[string]state.Options{
		"embedded": fileOptions(filepath.Join(t.TempDir(), "b.db")),
		"redis":    redisOptions(testserver.StartRedis(t).URL()),
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, o)
			epoch, _, err := s.Lead(t.Context(), "a", time.Hour)
			require.NoError(t, err)
			stop, ended := make(chan struct{}), make(chan error, 1)
			go func() { ended <- busy(t.Context(), s, epoch, stop) }()
			defer func() {
				close(stop)
				require.NoError(t, <-ended)
			}()
			for range 5 {
				file, sum := backupOf(t, s)
				if sum.Position == nil {
					continue
				}
				to := openStore(t, fileOptions(filepath.Join(t.TempDir(), "to.db")))
				to.Hurry()
				require.NoError(t, restoreInto(t, to, file))
				held := list(t, to)
				for i := range int(sum.Position.Pos) {
					require.Contains(t, held, fmt.Sprintf("one/%d", i), "of %d", sum.Position.Pos)
				}
			}
		})
	}
}

// busy submits and delivers until stop.
func busy(ctx context.Context, s *state.Store, epoch uint64, stop chan struct{}) error {
	for i := 0; ; i += 10 {
		select {
		case <-stop:
			return nil
		default:
		}
		if _, err := s.Append(ctx, epoch, benchChanges(i, 10), &bridge.Checkpoint{Pos: uint64(i + 10)}); err != nil {
			return err
		}
		leases, err := s.Lease(ctx, 8, time.Minute)
		if err != nil {
			return err
		}
		for _, l := range leases {
			if err := s.Settle(ctx, l, bridge.Settlement{Verdict: bridge.VerdictDelivered}); err != nil {
				return err
			}
		}
	}
}

// A backup that its reader takes slowly holds nobody up: submissions are taken meanwhile, however much the file grows.
func TestASlowBackupHoldsNobodyUp(t *testing.T) {
	s := openStore(t, fileOptions(filepath.Join(t.TempDir(), "store.db")))
	s.Hurry()
	fill(t, s, 1000)
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Backup(t.Context(), w, nil)
		ended <- errors.Join(err, w.Close())
	}()
	_, err := io.ReadFull(r, make([]byte, 1)) // it is under way, and stands still
	require.NoError(t, err)
	epoch, _, err := s.Lead(t.Context(), "b", time.Hour)
	require.NoError(t, err)
	for i := range 4 {
		_, err := s.Append(t.Context(), epoch, benchChanges(10_000+1000*i, 1000), nil)
		require.NoError(t, err)
	}
	file, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	sum, err := state.Verify(t.Context(), io.MultiReader(strings.NewReader("t"), bytes.NewReader(file)), storetest.Key, nil)
	require.NoError(t, err)
	require.Equal(t, 1000, sum.Records, "of the moment at which it began")
}

// A full disk, or a client that went away, ends a backup with the writer's error.
func TestABackupThatCannotBeWritten(t *testing.T) {
	_, err := filled(t, 20).Backup(t.Context(), failing{}, nil)
	require.ErrorIs(t, err, io.ErrShortWrite)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
