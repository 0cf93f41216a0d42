package state_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

func redisOptions(url string) state.Options {
	return state.Options{URL: url, Namespace: "test", Key: storetest.Key}
}

func TestRedisKeepsOutboxAndPositionOverARestart(t *testing.T) {
	r := testserver.StartRedis(t)
	s := openStore(t, redisOptions(r.URL()))
	epoch := leadAndAppend(t, s, 5, bridge.Checkpoint{Pos: 7})
	r.Stop()
	_, err := s.Append(t.Context(), epoch, someChanges(1, 8), &bridge.Checkpoint{Pos: 8})
	require.Error(t, err, "Redis is away")
	require.NotErrorIs(t, err, state.ErrFenced)
	require.NoError(t, r.Start())
	got, ok, err := s.Checkpoint(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 7, got.Pos)
	require.Equal(t, 1, appendN(t, s, epoch, 1, bridge.Checkpoint{Pos: 9}), "the same leader goes on")
	leases, err := s.Lease(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, leases, 5)
}

// A Redis that lost its tail takes nothing from a leader that believes it written: the position would cover what is gone.
func TestRedisThatWentBackFencesItsLeader(t *testing.T) {
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	s := openStore(t, redisOptions(r.URL()))
	epoch := leadAndAppend(t, s, 1, bridge.Checkpoint{Pos: 1})
	older := dump(t, raw)
	appendN(t, s, epoch, 2, bridge.Checkpoint{Pos: 2})

	restore(t, raw, older)
	_, err := s.Append(t.Context(), epoch, someChanges(1, 3), &bridge.Checkpoint{Pos: 3})
	require.ErrorIs(t, err, state.ErrFenced)
	got, _, err := s.Checkpoint(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Pos)
	next, ok, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	require.Greater(t, next, epoch, "a new epoch sends the listener back to the checkpoint")
	appendN(t, s, next, 3, bridge.Checkpoint{Pos: 3})

	require.NoError(t, raw.FlushDB(t.Context()).Err()) // and where everything is lost
	_, err = s.Append(t.Context(), next, someChanges(1, 4), nil)
	require.ErrorIs(t, err, state.ErrFenced)
	last, ok, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	require.Greater(t, last, next)
}

func dump(t *testing.T, raw redis.UniversalClient) map[string]string {
	t.Helper()
	out := map[string]string{}
	keys, err := raw.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	for _, k := range keys {
		out[k], err = raw.Dump(t.Context(), k).Result()
		require.NoError(t, err)
	}
	return out
}

func restore(t *testing.T, raw redis.UniversalClient, keys map[string]string) {
	t.Helper()
	require.NoError(t, raw.FlushDB(t.Context()).Err())
	for k, v := range keys {
		require.NoError(t, raw.Restore(t.Context(), k, 0, v).Err())
	}
}

// An Append whose reply gets lost is sent again and counts once; one that is given up is not known to have arrived, and the next
// goes on from either.
func TestRedisLostReplies(t *testing.T) {
	r := testserver.StartRedis(t)
	proxy := startProxy(t, r.Addr)
	s := openStore(t, redisOptions("redis://"+proxy.addr))
	epoch := leadAndAppend(t, s, 1, bridge.Checkpoint{Pos: 1})

	proxy.lose(1)
	require.Equal(t, 2, appendN(t, s, epoch, 2, bridge.Checkpoint{Pos: 2}), "the answer of the first try")
	leases, err := s.Lease(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, leases, 2)
	require.EqualValues(t, 2, leases[0].Seq, "submitted at 1 and 2")
	require.EqualValues(t, 1, leases[1].Seq, "submitted once")

	proxy.lose(100)
	_, err = s.Append(t.Context(), epoch, someChanges(3, 3), &bridge.Checkpoint{Pos: 3})
	require.Error(t, err)
	require.NotErrorIs(t, err, state.ErrFenced)
	proxy.lose(0)
	require.Equal(t, 0, appendN(t, s, epoch, 3, bridge.Checkpoint{Pos: 3}), "it had arrived")
	require.Equal(t, 4, appendN(t, s, epoch, 4, bridge.Checkpoint{Pos: 4}))
	again, ok, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, epoch, again)

	proxy.lose(1)
	require.NoError(t, s.Settle(t.Context(), leases[0], bridge.Settlement{Verdict: bridge.VerdictDelivered}))
}

func TestRedisForgetsTheScripts(t *testing.T) {
	r := testserver.StartRedis(t)
	s := openStore(t, redisOptions(r.URL()))
	epoch := leadAndAppend(t, s, 1, bridge.Checkpoint{Pos: 1})
	require.NoError(t, rawClient(t, r.URL()).ScriptFlush(t.Context()).Err())
	require.Equal(t, 2, appendN(t, s, epoch, 2, bridge.Checkpoint{Pos: 2}))
}

// A Redis at its memory limit takes nothing new, whole, but can still be drained.
func TestRedisThatIsFull(t *testing.T) {
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	s := openStore(t, redisOptions(r.URL()))
	epoch := leadAndAppend(t, s, 3, bridge.Checkpoint{Pos: 1})
	require.NoError(t, raw.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err := s.Append(t.Context(), epoch, someChanges(4, 2), &bridge.Checkpoint{Pos: 2})
	require.ErrorContains(t, err, "OOM")
	got, _, err := s.Checkpoint(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Pos)

	leases, err := s.Lease(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, leases, 3)
	for i, v := range []bridge.Verdict{bridge.VerdictDelivered, bridge.VerdictRejected, bridge.VerdictRetry} {
		require.NoError(t, s.Settle(t.Context(), leases[i], bridge.Settlement{Verdict: v}))
	}
	again, ok, err := s.Lead(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	require.True(t, ok, "the leader stays")
	require.Equal(t, epoch, again)
	ok, err = s.LockToken(t.Context(), "a", time.Minute)
	require.NoError(t, err)
	require.True(t, ok)

	require.NoError(t, raw.ConfigSet(t.Context(), "maxmemory", "0").Err())
	require.Equal(t, 4, appendN(t, s, epoch, 4, bridge.Checkpoint{Pos: 2}))
}

func TestRedisWarnings(t *testing.T) {
	good := openStore(t, redisOptions(testserver.StartRedis(t).URL()))
	require.Empty(t, good.Warnings(t.Context()))

	r := testserver.StartRedis(t, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
	bad := openStore(t, redisOptions(r.URL())).Warnings(t.Context())
	require.Len(t, bad, 2)
	require.Contains(t, bad[0], "appendonly yes")
	require.Contains(t, bad[1], "allkeys-lru. Set it to noeviction")

	require.NoError(t, rawClient(t, r.URL()).Do(t.Context(), "ACL", "SETUSER", "default", "-info").Err())
	bad = openStore(t, redisOptions(r.URL())).Warnings(t.Context())
	require.Len(t, bad, 1)
	require.Contains(t, bad[0], "could not be checked")
}

func TestRedisWithAnAccountOfItsOwn(t *testing.T) {
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	grant := func(rights ...any) {
		args := append([]any{"ACL", "SETUSER", "t@lk", "reset", "on", ">p/w:%", "~talkbridge:{test}:*", "+@all", "-@dangerous", "+info"}, rights...)
		require.NoError(t, raw.Do(t.Context(), args...).Err())
	}
	grant("&talkbridge:*")
	s := openStore(t, redisOptions("redis://t%40lk:p%2Fw%3A%25@"+r.Addr+"/0"))
	wakeups := s.Wake()
	<-wakeups // the subscription
	epoch := leadAndAppend(t, s, 2, bridge.Checkpoint{Pos: 1})
	require.Empty(t, s.Warnings(t.Context()))

	grant() // no channel: no wake-ups from other processes, but everything else
	require.Equal(t, 2, appendN(t, s, epoch, 2, bridge.Checkpoint{Pos: 2}))

	_, err := state.Open(t.Context(), redisOptions("redis://t%40lk:wrong@"+r.Addr))
	require.ErrorContains(t, err, "reach Redis at "+r.Addr)
	require.ErrorContains(t, err, "Check user and password in state.url")
	require.NotContains(t, err.Error(), "wrong@")
}

func TestRedisOpenSaysWhatIsWrong(t *testing.T) {
	port, err := testserver.FreePort()
	require.NoError(t, err)
	_, err = state.Open(t.Context(), redisOptions("redis://u:hunter2@127.0.0.1:"+number(port)))
	require.ErrorContains(t, err, "state.url: reach Redis at 127.0.0.1:"+number(port))
	require.ErrorContains(t, err, "Check that it runs")
	require.NotContains(t, err.Error(), "hunter2")

	r := testserver.StartRedis(t)
	require.NoError(t, openStore(t, redisOptions(r.URL())).Close())
	o := redisOptions(r.URL())
	o.Key = "QUJDREVGR0hJSktMTU5PUA=="
	_, err = state.Open(t.Context(), o)
	require.ErrorIs(t, err, state.ErrWrongKey)
	require.ErrorContains(t, err, r.Addr)
	o.Namespace = "another"
	openStore(t, o)
}

// Invariant 8: whatever a record goes through, no word of it and no token is in what the store keeps.
func TestNothingIsKeptInClear(t *testing.T) {
	const canary = "我最近很难过-canary"
	secrets := []string{canary, "tok-canary", "thnr", storetest.Key.Reveal(), "0123456789abcdef"}
	live := func(w *storetest.World) {
		t.Helper()
		epoch, _, err := w.Lead(t.Context(), "a", time.Hour)
		require.NoError(t, err)
		changes := someChanges(4, 1)
		for i := range changes {
			changes[i].Columns["thnr"] = bridge.Value{Kind: bridge.KindText, Text: canary}
		}
		_, err = w.Append(t.Context(), epoch, changes, &bridge.Checkpoint{Pos: 1})
		require.NoError(t, err)
		leases, err := w.Lease(t.Context(), 4, time.Minute)
		require.NoError(t, err)
		for i, v := range []bridge.Verdict{bridge.VerdictDelivered, bridge.VerdictRejected, bridge.VerdictRetry} {
			require.NoError(t, w.Settle(t.Context(), leases[i], bridge.Settlement{Verdict: v, Code: "kept-in-clear"}))
		}
		require.NoError(t, w.SaveToken(t.Context(), bridge.Token{Value: "tok-canary"}))
	}
	t.Run("embedded", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store.db")
		live(&storetest.World{Store: openStore(t, fileOptions(path))})
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(raw), "kept-in-clear", "this finds what is in clear")
		for _, secret := range secrets {
			require.NotContains(t, string(raw), secret)
		}
	})
	t.Run("redis", func(t *testing.T) {
		r := testserver.StartRedis(t)
		s := openStore(t, redisOptions(r.URL()))
		live(&storetest.World{Store: s})
		raw := rawClient(t, r.URL())
		folder, err := raw.ConfigGet(t.Context(), "dir").Result()
		require.NoError(t, err)
		kept, err := raw.Get(t.Context(), "talkbridge:{test}:rec:one/a").Result()
		require.NoError(t, err)
		require.Less(t, len(kept), 250, "the content of a delivered record is gone")
		r.Stop() // with it, everything is in the append-only file, uncompressed
		all := folderText(t, folder["dir"])
		require.Contains(t, all, "kept-in-clear", "this finds what is in clear")
		for _, secret := range secrets {
			require.NotContains(t, all, secret)
		}
	})
}

func folderText(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(&all, f)
		return err
	}))
	return all.String()
}

// A waiting record costs Redis little more than its sealed content. Counted key by key: what the process takes in all moves
// with its buffers.
func TestRedisMemoryPerRecord(t *testing.T) {
	r := testserver.StartRedis(t)
	raw := rawClient(t, r.URL())
	for _, size := range []int{1500, 1700, 2000, 3000} {
		const n = 1000
		o := redisOptions(r.URL())
		o.Namespace = "size-" + number(size)
		s := openStore(t, o)
		epoch, _, err := s.Lead(t.Context(), "a", time.Hour)
		require.NoError(t, err)
		changes := make([]bridge.Change, n)
		for i := range changes {
			at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(i)}
			changes[i] = storetest.Change("one", number(10000+i), strings.Repeat("x", size), at, start)
		}
		_, err = s.Append(t.Context(), epoch, changes, nil)
		require.NoError(t, err)
		prefix := "talkbridge:{" + o.Namespace + "}:"
		value, err := raw.StrLen(t.Context(), prefix+"rec:one/10000").Result()
		require.NoError(t, err)
		keys, err := raw.Keys(t.Context(), prefix+"*").Result()
		require.NoError(t, err)
		var used int64
		for _, key := range keys {
			u, err := raw.MemoryUsage(t.Context(), key, 0).Result()
			require.NoError(t, err)
			used += u + 16 // the key's place in the table of keys
		}
		sealed := value - 142
		ratio := float64(used) / n / float64(sealed)
		t.Logf("%d bytes of text, %d sealed: %.2f of that in Redis", size, sealed, ratio)
		require.Less(t, ratio, 1.6)
	}
}
