package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// A store that is full takes nothing for as long as it is, and the reader waits with a full queue. That is no reason to start the bridge
// anew: it stays healthy for longer than a listener may be silent, and goes on by itself.
func TestAFullRedisIsNoReasonToStartAnew(t *testing.T) {
	onlyIf(t, true)
	r := testserver.StartRedis(t)
	c := newCollege(t, r.URL())
	c.quick(t)
	f := newFlow(t, c, 100)
	n := c.node(t, "one")
	n.takesOver(20 * time.Second)
	health := func(path string) int {
		t.Helper()
		resp, err := http.Get("http://" + n.admin + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	eventually(t, 30*time.Second, func() error { // it streams, and does not scan
		if code := health("/readyz"); code != http.StatusOK {
			return fmt.Errorf("readyz answers %d", code)
		}
		return nil
	})
	o, err := redis.ParseURL(r.URL())
	require.NoError(t, err)
	client := redis.NewClient(o)
	defer client.Close()
	require.NoError(t, client.Do(t.Context(), "CONFIG", "SET", "maxmemory", "1mb").Err())
	f.submit(t, 300)
	n.says(20*time.Second, "Raise maxmemory")
	for full := time.Now(); time.Since(full) < 80*time.Second; time.Sleep(time.Second) {
		require.Equal(t, http.StatusOK, health("/healthz"), "after %s", time.Since(full))
	}
	require.NoError(t, client.Do(t.Context(), "CONFIG", "SET", "maxmemory", "0").Err())
	f.arrives(t, time.Minute)
	require.Equal(t, http.StatusOK, health("/healthz"))
}
