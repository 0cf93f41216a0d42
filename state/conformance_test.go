package state_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is where the clocks of tests begin.
var start = time.Date(2025, 9, 1, 8, 0, 0, 0, time.UTC)

func TestEmbeddedConforms(t *testing.T) {
	storetest.Run(t, embeddedWorld)
}

func TestRedisConforms(t *testing.T) {
	r := testserver.StartRedis(t)
	storetest.Run(t, redisWorlds(r.URL(), r.URL()))
}

// A clock is moved by hand.
type clock struct {
	mu sync.Mutex // guards t
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func embeddedWorld(t *testing.T) *storetest.World {
	t.Helper()
	c := &clock{t: start}
	path := filepath.Join(t.TempDir(), "store.db")
	options := state.Options{
		URL: "file:" + path, Namespace: "test", Key: storetest.Key, Retention: storetest.Retention, Now: c.now,
	}
	var current *state.Store
	reopen := func() *state.Store {
		if current != nil {
			require.NoError(t, current.Close())
		}
		s, err := state.Open(context.Background(), options)
		require.NoError(t, err)
		current = s
		return s
	}
	w := &storetest.World{Store: reopen(), Now: c.now, Advance: c.advance, Restart: reopen}
	t.Cleanup(func() { require.NoError(t, current.Close()) })
	edit := func(fn func(records *bolt.Bucket)) {
		require.NoError(t, current.Close())
		db, err := bolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			fn(tx.Bucket([]byte("rec")))
			return nil
		}))
		require.NoError(t, db.Close())
		current = nil
		w.Store = reopen()
	}
	w.Spoil = func(id string, at int) {
		edit(func(b *bolt.Bucket) { require.NoError(t, b.Put([]byte(id), flip(b.Get([]byte(id)), at))) })
	}
	w.Moved = func(from, to string) {
		edit(func(b *bolt.Bucket) {
			require.NoError(t, b.Put([]byte(to), withContentOf(b.Get([]byte(to)), b.Get([]byte(from)))))
		})
	}
	return w
}

// redisWorlds makes worlds in one Redis, a namespace each. raw is the URL by which the test itself reaches it.
func redisWorlds(url, raw string) func(t *testing.T) *storetest.World {
	n := 0
	return func(t *testing.T) *storetest.World {
		t.Helper()
		n++
		return redisWorld(t, url, raw, fmt.Sprintf("test-%d", n))
	}
}

func redisWorld(t *testing.T, url, rawURL, namespace string) *storetest.World {
	t.Helper()
	c := &clock{t: start}
	raw := rawClient(t, rawURL)
	set := func() {
		require.NoError(t, raw.Set(context.Background(), state.ClockKey(namespace), c.now().UnixMilli(), 0).Err())
	}
	set()
	open := func() *state.Store {
		s, err := state.OpenAtClock(context.Background(), state.Options{
			URL: url, Namespace: namespace, Key: storetest.Key, Retention: storetest.Retention,
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
	key := func(id string) string { return "talkbridge:{" + namespace + "}:rec:" + id }
	get := func(id string) []byte {
		b, err := raw.Get(context.Background(), key(id)).Bytes()
		require.NoError(t, err)
		return b
	}
	put := func(id string, b []byte) { require.NoError(t, raw.Set(context.Background(), key(id), b, 0).Err()) }
	return &storetest.World{
		Store: open(), Now: c.now, Restart: open, Other: open,
		Advance: func(d time.Duration) { c.advance(d); set() },
		Spoil:   func(id string, at int) { put(id, flip(get(id), at)) },
		Moved:   func(from, to string) { put(to, withContentOf(get(to), get(from))) },
	}
}

// rawClient sees what is really in Redis.
func rawClient(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	if hosts, ok := strings.CutPrefix(url, "redis+cluster://"); ok {
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: strings.Split(hosts, ",")})
		t.Cleanup(func() { client.Close() })
		return client
	}
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

func flip(value []byte, at int) []byte {
	out := append([]byte(nil), value...)
	if at < 0 {
		at += len(out)
	}
	out[at] ^= 1
	return out
}

// withContentOf is the head of one record of the suite, which has no outcome yet, before the content of another.
func withContentOf(head, content []byte) []byte {
	const size = 142
	return append(append([]byte(nil), head[:size]...), content[size:]...)
}
