package state_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
	"talkbridge/state"
)

// A call is under way and Redis forgets its lease. Nothing is given out until that lease would have been over: neither the record once more,
// nor newer content of it that the listener brings, which the call could overtake.
func TestNothingGoesOutBesideACallThatRedisForgot(t *testing.T) {
	t.Parallel() // it mostly waits
	const ttl = 2 * time.Second
	for name, forget := range map[string]func(t *testing.T, r *testserver.Redis, cut int64){
		"started anew without its last second": func(t *testing.T, r *testserver.Redis, cut int64) {
			t.Helper()
			r.Kill()
			require.NoError(t, os.Truncate(aof(t, r), cut))
			require.NoError(t, r.Start())
		},
		"flushed": func(t *testing.T, r *testserver.Redis, _ int64) {
			t.Helper()
			require.NoError(t, rawClient(t, r.URL()).FlushAll(t.Context()).Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testserver.StartRedis(t)
			u := use(t, openStore(t, redisOptions(r.URL())))
			u.submit(1)
			u.listenAll()
			leases, err := u.s.Lease(t.Context(), 1, ttl)
			require.NoError(t, err)
			require.Len(t, leases, 1, "a new namespace has nothing to forget: nobody waits")
			require.NoError(t, u.s.Release(t.Context(), leases[0]))
			cut := aofSize(t, r)
			leases, err = u.s.Lease(t.Context(), 1, ttl)
			require.NoError(t, err)
			require.Len(t, leases, 1, "the call that will be under way")
			forget(t, r, cut)
			other := openStore(t, redisOptions(r.URL())) // another bridge, which knows nothing
			u.log = append(u.log, u.log[0])              // submitted again
			u.listenAll()
			begun := time.Now()
			for time.Since(begun) < ttl/2 {
				for _, s := range []*state.Store{u.s, other} {
					more, err := s.Lease(t.Context(), 1, ttl)
					require.NoError(t, err)
					require.Empty(t, more, "a call for it may be under way")
					_, err = s.Take(t.Context(), leases[0].ID, nil, ttl)
					require.ErrorIs(t, err, state.ErrSending, "nor to who names it")
				}
				time.Sleep(20 * time.Millisecond)
			}
			u.patiently(func(ctx context.Context) error {
				more, err := u.s.Lease(ctx, 1, ttl)
				if err == nil && len(more) == 0 {
					err = errMore
				}
				return err
			})
		})
	}
}
