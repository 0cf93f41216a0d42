package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// A usage is what a store is used by: a log of submissions, a listener that reads it from the saved position, a platform. It
// behaves as canal and pusher do, in little.
type usage struct {
	t        *testing.T
	s        *state.Store
	log      []string // the record of each submission
	epoch    uint64
	pos      int
	rereads  int            // how often the listener was sent back
	platform map[string]int // the newest submission of each record
}

func use(t *testing.T, s *state.Store) *usage {
	t.Helper()
	return &usage{t: t, s: s, platform: map[string]int{}}
}

// submit adds n submissions, of ten records in turn.
func (u *usage) submit(n int) {
	for range n {
		u.log = append(u.log, strconv.Itoa(len(u.log)%10))
	}
}

// listen does one round of the listener's work: keeps the lead, goes back to the saved position where the epoch is new, writes a
// little.
func (u *usage) listen(ctx context.Context) error {
	epoch, ok, err := u.s.Lead(ctx, "listener", 10*time.Second)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("another leads")
	}
	if epoch != u.epoch {
		cp, _, err := u.s.Checkpoint(ctx)
		if err != nil {
			return err
		}
		if u.epoch != 0 {
			u.rereads++
		}
		u.epoch, u.pos = epoch, int(cp.Pos)
	}
	to := min(u.pos+7, len(u.log))
	var changes []bridge.Change
	for i := u.pos; i < to; i++ {
		at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(i)}
		changes = append(changes, storetest.Change("one", u.log[i], strconv.Itoa(i), at, start))
	}
	if _, err := u.s.Append(ctx, epoch, changes, &bridge.Checkpoint{Pos: uint64(to)}); err != nil {
		return err
	}
	u.pos = to
	return nil
}

// listenAll reads to the end of the log, through whatever is wrong, until a minute is over.
func (u *usage) listenAll() {
	u.t.Helper()
	u.patiently(func(ctx context.Context) error {
		err := u.listen(ctx)
		if err == nil && u.pos < len(u.log) {
			err = errMore
		}
		return err
	})
}

var errMore = errors.New("there is more to do")

// patiently tries until there is no error, and no call may take longer than a bridge's would.
func (u *usage) patiently(what func(ctx context.Context) error) {
	u.t.Helper()
	limit := time.Now().Add(time.Minute)
	for {
		ctx, cancel := context.WithTimeout(u.t.Context(), 5*time.Second)
		err := what(ctx)
		cancel()
		if err == nil {
			return
		}
		require.True(u.t, time.Now().Before(limit), "it does not recover: %v", err)
		if !errors.Is(err, errMore) {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// deliver delivers n records, or all of them that are due if n is 0.
func (u *usage) deliver(ctx context.Context, n int) error {
	for i := 0; n == 0 || i < n; i++ {
		leases, err := u.s.Lease(ctx, 1, time.Second)
		if err != nil {
			return err
		}
		if len(leases) == 0 {
			if _, waits, err := u.s.NextDue(ctx); err != nil || !waits || n > 0 {
				return err
			}
			return errMore
		}
		event, err := strconv.Atoi(leases[0].Change.Columns["thnr"].Text)
		if err != nil {
			return err
		}
		u.platform[leases[0].Change.Key] = event
		if err := u.s.Settle(ctx, leases[0], bridge.Settlement{Verdict: bridge.VerdictDelivered}); err != nil && !errors.Is(err, state.ErrLeaseLost) {
			return err
		}
	}
	return nil
}

// nothingIsMissing reads to the end, delivers everything, and wants the last submission of each record at the platform.
func (u *usage) nothingIsMissing() {
	u.t.Helper()
	u.listenAll()
	u.patiently(func(ctx context.Context) error { return u.deliver(ctx, 0) })
	last := map[string]int{}
	for i, record := range u.log {
		last[record] = i
	}
	require.Equal(u.t, last, u.platform)
	counts, _, err := u.s.Counts(u.t.Context())
	require.NoError(u.t, err)
	require.Equal(u.t, len(last), counts[bridge.StatusDelivered])
}

// begin submits and delivers a little, so that there is something to lose.
func (u *usage) begin() {
	u.t.Helper()
	u.submit(25)
	u.listenAll()
	require.NoError(u.t, u.deliver(u.t.Context(), 4))
	u.submit(5)
	u.listenAll()
}

// Redis goes away in the middle and comes back: each call says so at once, or within its time, and afterwards goes on.
func TestRedisAway(t *testing.T) {
	t.Parallel() // it mostly waits
	// With everysec a Redis whose disk is busy puts a write off for up to two seconds, and a kill takes it away: another test's matter.
	r := testserver.StartRedis(t, "--appendfsync", "always")
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	r.Kill()
	u.submit(5)
	begun := time.Now()
	require.ErrorContains(t, u.listen(t.Context()), "take the lead")
	require.ErrorContains(t, u.deliver(t.Context(), 1), "lease: ")
	_, _, err := u.s.Counts(t.Context())
	require.Error(t, err)
	require.Less(t, time.Since(begun), 20*time.Second)
	require.NoError(t, r.Start())
	u.nothingIsMissing()
	require.Zero(t, u.rereads, "it lost nothing, and nobody went back")
}

// Redis that does not answer for a while holds nobody up for longer than the caller allows; what was sent may have arrived, and
// sending it again is safe.
func TestRedisSlow(t *testing.T) {
	t.Parallel() // it mostly waits
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	require.NoError(t, raw.Do(t.Context(), "CLIENT", "PAUSE", 1500, "ALL").Err())
	u.submit(5)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	require.Error(t, u.listen(ctx))
	require.Less(t, time.Since(begun), time.Second)
	u.nothingIsMissing()
	require.Zero(t, u.rereads)
}

// Redis at its memory limit refuses what is new, whole and with the word OOM, lets what waits be delivered, and takes the rest
// when there is room.
func TestRedisFull(t *testing.T) {
	t.Parallel() // it mostly waits
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	require.NoError(t, raw.ConfigSet(t.Context(), "maxmemory", "1").Err())
	u.submit(5)
	require.ErrorContains(t, u.listen(t.Context()), "OOM")
	_, changed, err := u.s.Pause(t.Context(), "")
	require.NoError(t, err)
	require.True(t, changed, "a pause works here too")
	_, _, err = u.s.Resume(t.Context(), false)
	require.NoError(t, err)
	require.NoError(t, u.deliver(t.Context(), 3))
	require.NoError(t, raw.ConfigSet(t.Context(), "maxmemory", "0").Err())
	u.nothingIsMissing()
	require.Zero(t, u.rereads)
}

// A Redis that became a replica says READONLY, to a bridge that runs and to one that starts.
func TestRedisReadOnlyReplica(t *testing.T) {
	t.Parallel() // it mostly waits
	primary := testserver.StartRedis(t)
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	require.NoError(t, raw.Do(t.Context(), "REPLICAOF", "127.0.0.1", primary.Port).Err())
	u.submit(5)
	require.ErrorContains(t, u.listen(t.Context()), "READONLY")
	require.ErrorContains(t, u.deliver(t.Context(), 1), "READONLY")
	fresh := redisOptions(r.URL())
	fresh.Namespace = "fresh"
	_, err := state.Open(t.Context(), fresh)
	require.ErrorContains(t, err, "READONLY")
	require.ErrorContains(t, err, "read-only replica")

	require.NoError(t, raw.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())
	u.nothingIsMissing() // it took over the other's data, which is none: everything is read again
}

// With appendfsync everysec a power cut takes the last second. Cutting the end off the file does the same.
func TestRedisRestartedWithItsLastSecondLost(t *testing.T) {
	t.Parallel() // it mostly waits
	r := testserver.StartRedis(t, "--aof-load-truncated", "yes")
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	cut := aofSize(t, r)
	u.submit(20)
	u.listenAll()
	require.NoError(t, u.deliver(t.Context(), 3))
	r.Kill()
	require.NoError(t, os.Truncate(aof(t, r), cut+10)) // within a command
	require.NoError(t, r.Start())
	u.nothingIsMissing()
	require.Equal(t, 1, u.rereads, "the listener noticed, and went back")
}

func aof(t *testing.T, r *testserver.Redis) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.Dir(), "appendonlydir", "*.incr.aof"))
	require.NoError(t, err)
	if len(files) == 0 { // Redis 6 and before
		return filepath.Join(r.Dir(), "appendonly.aof")
	}
	return files[len(files)-1]
}

func aofSize(t *testing.T, r *testserver.Redis) int64 {
	t.Helper()
	info, err := os.Stat(aof(t, r))
	require.NoError(t, err)
	return info.Size()
}

// FLUSHALL under a running bridge: everything that was submitted is read again from the start of the log, as far as the source
// still has it.
func TestRedisFlushed(t *testing.T) {
	t.Parallel() // it mostly waits
	r := testserver.StartRedis(t)
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	require.NoError(t, rawClient(t, r.URL()).FlushAll(t.Context()).Err())
	u.submit(5)
	_, err := u.s.Append(t.Context(), u.epoch, nil, &bridge.Checkpoint{Pos: uint64(len(u.log))})
	require.ErrorIs(t, err, state.ErrFenced, "no position is saved over a hole")
	u.nothingIsMissing()
	require.Equal(t, 1, u.rereads)
}

// An older copy put in the place of Redis' data, under a running bridge and its listener.
func TestRedisRestoredFromAnOlderCopy(t *testing.T) {
	t.Parallel() // it mostly waits
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	u := use(t, openStore(t, redisOptions(r.URL())))
	u.begin()
	older := dump(t, raw)
	u.submit(20)
	u.listenAll()
	require.NoError(t, u.deliver(t.Context(), 0))
	restore(t, raw, older)
	u.submit(5)
	_, err := u.s.Append(t.Context(), u.epoch, nil, &bridge.Checkpoint{Pos: uint64(len(u.log))})
	require.ErrorIs(t, err, state.ErrFenced, "no position is saved over a hole")
	u.nothingIsMissing()
	require.Equal(t, 1, u.rereads)
}

// The primary dies; the Sentinels make the replica the primary. The store says what is wrong meanwhile, and goes on by itself.
func TestRedisFailsOver(t *testing.T) {
	t.Parallel() // it mostly waits
	w := testserver.StartWatched(t)
	u := use(t, openStore(t, redisOptions(w.URL())))
	u.begin()
	waitForReplica(t, w)
	w.Primary.Kill()
	u.submit(5)
	begun := time.Now()
	require.Error(t, u.listen(t.Context()), "nobody has taken over yet")
	u.listenAll()
	t.Logf("the store took writes again %v after the primary was killed; sent back %d times", time.Since(begun).Round(10*time.Millisecond), u.rereads)
	u.nothingIsMissing()
	require.NoError(t, w.Primary.Start())
}

// The same with a replica that had not got the last writes: they are lost, the listener is fenced, and reads them again.
func TestRedisFailsOverToAReplicaThatLagged(t *testing.T) {
	t.Parallel() // it mostly waits
	w := testserver.StartWatched(t)
	raw := rawClient(t, w.Primary.URL())
	u := use(t, openStore(t, redisOptions(w.URL())))
	u.begin()
	waitForReplica(t, w)
	// Connections that are there stay; the replica, once cut off, does not get in any more.
	require.NoError(t, raw.ConfigSet(t.Context(), "requirepass", "locked-out").Err())
	require.NoError(t, raw.Do(t.Context(), "CLIENT", "KILL", "TYPE", "replica").Err())
	before := len(u.log)
	u.submit(20)
	require.NoError(t, u.listen(t.Context()), "by a connection that was there")
	require.Greater(t, u.pos, before-1)
	w.Primary.Kill()
	u.nothingIsMissing()
	require.Equal(t, 1, u.rereads, "what was lost was noticed")
}

func waitForReplica(t *testing.T, w *testserver.Watched) {
	t.Helper()
	raw := rawClient(t, w.Primary.URL())
	n, err := raw.Do(t.Context(), "WAIT", 1, 5000).Int()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	// Of a connection of its own WAIT knows nothing: compare what both have.
	require.Eventually(t, func() bool {
		a, err1 := raw.DBSize(t.Context()).Result()
		b, err2 := rawClient(t, w.Replica.URL()).DBSize(t.Context()).Result()
		return err1 == nil && err2 == nil && a == b
	}, 10*time.Second, 20*time.Millisecond)
}
