package pusher

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countingTokens gives out tok-1, tok-2, … after a moment, and counts the fetches that ran beside another one.
type countingTokens struct {
	issued, running, overlaps atomic.Int64
	status                    atomic.Int64 // 0: 200
	expires                   string
}

func (c *countingTokens) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if c.running.Add(1) > 1 {
		c.overlaps.Add(1)
	}
	defer c.running.Add(-1)
	time.Sleep(20 * time.Millisecond) // long enough for the others to come
	n := c.issued.Add(1)
	if status := c.status.Load(); status != 0 {
		w.WriteHeader(int(status))
		return
	}
	expires := c.expires
	if expires == "" {
		expires = "3600"
	}
	_, _ = w.Write([]byte(`{"access_token":"tok-` + strconv.FormatInt(n, 10) + `","expires_in":` + expires + `}`))
}

func (c *countingTokens) start(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return server.URL
}

func TestOneFetchForFiftyCallersInTwoProcesses(t *testing.T) {
	tokens := &countingTokens{}
	o := testOptions(tokens.start(t))
	sources := []*TokenSource{newTestClient(t, o).Tokens(), newTestClient(t, o).Tokens()} // two processes, one cache
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			if token, err := sources[i%2].Token(t.Context()); assert.NoError(t, err) {
				assert.Equal(t, "tok-1", token.Value.Reveal())
			}
		})
	}
	callers.Wait()
	assert.EqualValues(t, 1, tokens.issued.Load())

	failed := bridge.Token{Value: "tok-1"}
	for i := range 50 { // all find it refused, and all drop it
		callers.Go(func() {
			if err := sources[i%2].Drop(t.Context(), failed); assert.NoError(t, err) {
				_, err = sources[i%2].Token(t.Context())
				assert.NoError(t, err)
			}
		})
	}
	callers.Wait()
	token, err := sources[0].Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "tok-2", token.Value.Reveal(), "a late Drop of the old token leaves its successor alone")
	assert.Zero(t, tokens.overlaps.Load(), "never two fetches at once: they would void each other's token")
}

func TestARefusedFetchIsNotRepeatedAtOnce(t *testing.T) {
	tokens := &countingTokens{}
	tokens.status.Store(http.StatusUnauthorized)
	source := newTestClient(t, testOptions(tokens.start(t))).Tokens()
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			_, err := source.Token(t.Context())
			var failure *TokenError
			assert.ErrorAs(t, err, &failure)
		})
	}
	callers.Wait()
	assert.EqualValues(t, 1, tokens.issued.Load())
	tokens.status.Store(0)
	token, err := source.Refresh(t.Context()) // a person who asks gets an answer
	require.NoError(t, err)
	assert.Equal(t, "tok-2", token.Value.Reveal())
}

func TestAShortTokenIsUsedForHalfItsLife(t *testing.T) {
	tokens := &countingTokens{expires: "2"}
	source := newTestClient(t, testOptions(tokens.start(t))).Tokens()
	for range 5 {
		token, err := source.Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "tok-1", token.Value.Reveal())
	}
	require.Eventually(t, func() bool {
		token, err := source.Token(t.Context())
		return err == nil && token.Value.Reveal() == "tok-2"
	}, 5*time.Second, 20*time.Millisecond)
}

func TestATokenOfAnotherProcessIsUsed(t *testing.T) {
	tokens := &countingTokens{}
	o := testOptions(tokens.start(t))
	cache := &memoryCache{}
	o.Cache = cache
	source := newTestClient(t, o).Tokens()
	save := func(value bridge.Secret) {
		cache.token = bridge.Token{Value: value, Account: source.account, FetchedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	}
	save("theirs")
	token, err := source.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "theirs", token.Value.Reveal())
	assert.Zero(t, tokens.issued.Load())

	save("newer")
	require.NoError(t, source.Drop(t.Context(), token))
	assert.Zero(t, cache.drops, "what is in the cache now is not what failed")
	token, err = source.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "newer", token.Value.Reveal())
	require.NoError(t, source.Drop(t.Context(), bridge.Token{Value: "theirs"}))
	assert.Equal(t, token, source.current, "nor is it what this process has now")
}

// The secret was changed: what was cached under the old one is not used, though it has not expired.
func TestATokenOfOtherCredentialsIsNotUsed(t *testing.T) {
	tokens := &countingTokens{}
	o := testOptions(tokens.start(t))
	cache := &memoryCache{}
	o.Cache = cache
	first, err := newTestClient(t, o).Tokens().Token(t.Context())
	require.NoError(t, err)
	again, err := newTestClient(t, o).Tokens().Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, again)
	o.ClientSecret = "Q5v/nsxmaCdFiWJxIz+TCQ=="
	_, err = newTestClient(t, o).Tokens().Token(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 2, tokens.issued.Load())
}

func TestAWaitForAnotherProcessEndsWithTheCaller(t *testing.T) {
	o := testOptions("http://127.0.0.1:1")
	o.Cache = &memoryCache{owner: "another", until: time.Now().Add(time.Hour)}
	source := newTestClient(t, o).Tokens()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := source.Token(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestACacheThatIsAwayIsAnErrorNotAFetch(t *testing.T) {
	tokens := &countingTokens{}
	o := testOptions(tokens.start(t))
	o.Cache = &memoryCache{fail: errors.New("connection refused")}
	_, err := newTestClient(t, o).Tokens().Token(t.Context())
	require.ErrorContains(t, err, "cached token")
	assert.Zero(t, tokens.issued.Load(), "fetching beside other processes could void their token")
}

func TestTokenExpiryIsAMetric(t *testing.T) {
	registry := prometheus.NewRegistry()
	o := testOptions((&countingTokens{}).start(t))
	o.Registry = registry
	token, err := newTestClient(t, o).Tokens().Token(t.Context())
	require.NoError(t, err)
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	assert.Equal(t, "talkbridge_token_expiry_timestamp_seconds", families[0].GetName())
	assert.InDelta(t, token.ExpiresAt.Unix(), families[0].GetMetric()[0].GetGauge().GetValue(), 1)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}
