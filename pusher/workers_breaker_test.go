package pusher

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
)

func TestTheBreakerSparesAPlatformThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []time.Time
		var up atomic.Bool
		registry := prometheus.NewRegistry()
		p := startPool(t, func(o *WorkersOptions) {
			o.Registry, o.Concurrency, o.Breaker = registry, 1, BreakerOptions{Failures: 3, OpenFor: 30 * time.Second}
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				calls = append(calls, time.Now())
				if up.Load() {
					return Result{Outcome: Delivered}
				}
				return Result{Outcome: Retry, Code: "502"}
			})
		})
		p.outbox.submit(changes(100)...)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.True(t, p.BreakerOpen())
		assert.InDelta(t, 1, testutil.ToFloat64(p.metrics.breaker), 0)
		assert.InDelta(t, 3+20, len(calls), 2, "three failures, then one probe every 30 s")
		assert.Equal(t, len(calls), p.outbox.attempts(), "nothing but calls counts as an attempt")
		up.Store(true)
		time.Sleep(2 * time.Minute)
		assert.False(t, p.BreakerOpen())
		for i := range 100 {
			assert.Equal(t, bridge.VerdictDelivered, p.outbox.verdict(fmt.Sprintf("one/%d", i)))
		}
		p.end(t)
		assert.Len(t, p.logs.FilterLevelExact(zapcore.WarnLevel).All(), 1, "said once")
		assert.Len(t, p.logs.FilterMessageSnippet("takes records again").All(), 1)
	})
}

func TestRecordsLeasedWhenTheBreakerOpensAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		p := startPool(t, func(o *WorkersOptions) {
			o.Concurrency, o.Breaker = 10, BreakerOptions{Failures: 1, OpenFor: time.Minute}
			o.Mapper = mapperFunc(func(ctx context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
				if c.Key != "0" {
					time.Sleep(time.Second)
				}
				return mapKey(ctx, c)
			})
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				calls.Add(1)
				time.Sleep(100 * time.Millisecond) // until the pool waits for a slot
				return Result{Outcome: Retry, Code: "502"}
			})
		})
		p.outbox.submit(changes(11)...) // one more than there are slots
		time.Sleep(10 * time.Second)
		p.end(t)
		assert.EqualValues(t, 1, calls.Load())
		assert.Len(t, p.outbox.givenBack(), 9)
		assert.Equal(t, 1, p.outbox.attempts())
		assert.Equal(t, 10, p.outbox.leases, "the eleventh is not leased for nothing")
	})
}

func TestARefusalShowsThatThePlatformWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) {
			o.Breaker.Failures, o.Client = 3, always(Result{Outcome: Rejected, Code: "500"})
		})
		p.outbox.submit(changes(100)...)
		time.Sleep(time.Second)
		p.end(t)
		assert.False(t, p.BreakerOpen())
		assert.Len(t, p.outbox.settlements(), 100)
	})
}

func TestRetryAfterHoldsTheRecordAndThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := map[string][]time.Duration{}
		started := time.Now()
		p := startPool(t, func(o *WorkersOptions) {
			o.Concurrency, o.Breaker.OpenFor = 1, 10*time.Second
			o.Client = pusherFunc(func(_ context.Context, _ string, payload []byte) Result {
				id := string(payload)
				calls[id] = append(calls[id], time.Since(started))
				if id == "0" && len(calls[id]) == 1 {
					return Result{Outcome: Retry, Code: "429", RetryAfter: 25 * time.Second}
				}
				return Result{Outcome: Delivered}
			})
		})
		p.outbox.submit(changes(2)...)
		time.Sleep(time.Minute)
		p.end(t)
		assert.Equal(t, []time.Duration{10 * time.Second}, calls["1"], "others wait too, but not longer than a breaker is open")
		require.Len(t, calls["0"], 2)
		assert.InDelta(t, 25, calls["0"][1].Seconds(), 0.1)
	})
}
