package state_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
	"talkbridge/state"
)

// A walkWorld is a store that can be put back to a state that it was in.
type walkWorld struct {
	store   *state.Store
	save    func() any
	load    func(saved any)
	advance func(d time.Duration)
}

func embeddedWalk(t *testing.T) *walkWorld {
	t.Helper()
	c := &clock{t: start}
	o := fileOptions(t.TempDir() + "/store.db")
	o.Now = c.now
	s := openStore(t, o)
	s.Hurry()
	type saved struct {
		pages state.Pages
		at    time.Time
	}
	return &walkWorld{
		store: s, advance: c.advance,
		save: func() any {
			p, err := s.Pages()
			require.NoError(t, err)
			return saved{p, c.now()}
		},
		load: func(from any) {
			c.advance(from.(saved).at.Sub(c.now()))
			require.NoError(t, s.SetPages(from.(saved).pages))
		},
	}
}

func redisWalk(t *testing.T) *walkWorld {
	t.Helper()
	url := testserver.StartRedis(t, "--appendonly", "no").URL()
	w := redisWorld(t, url, url, "walk")
	raw := rawClient(t, url)
	ctx := context.Background()
	// From now on the store has had a life: one that goes back to before that was flushed, and is quiet for a while.
	_, err := w.Lease(ctx, 1, walkLease)
	require.NoError(t, err)
	return &walkWorld{
		store: w.Store,
		save: func() any {
			keys, err := raw.Keys(ctx, "*").Result()
			require.NoError(t, err)
			values := map[string]*redis.StringCmd{}
			_, err = raw.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, k := range keys {
					values[k] = p.Dump(ctx, k)
				}
				return nil
			})
			require.NoError(t, err)
			return values
		},
		load: func(from any) {
			_, err := raw.Pipelined(ctx, func(p redis.Pipeliner) error {
				p.FlushDB(ctx)
				for k, v := range from.(map[string]*redis.StringCmd) {
					p.Restore(ctx, k, 0, v.Val())
				}
				return nil
			})
			require.NoError(t, err)
		},
		advance: func(d time.Duration) {
			require.NoError(t, raw.IncrBy(ctx, state.ClockKey("walk"), d.Milliseconds()).Err())
		},
	}
}
