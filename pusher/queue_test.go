package pusher

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
)

// slowOutbox takes its time, as one does that is elsewhere.
type slowOutbox struct {
	*memoryOutbox

	lease, settle time.Duration
	most          atomic.Int64 // records that were under a lease at once
}

func (o *slowOutbox) Lease(ctx context.Context, n int, ttl time.Duration) ([]bridge.Lease, error) {
	time.Sleep(o.lease)
	leases, err := o.memoryOutbox.Lease(ctx, n, ttl)
	o.mu.Lock()
	defer o.mu.Unlock()
	held := int64(0)
	for _, r := range o.records {
		if r.token != "" {
			held++
		}
	}
	o.most.Store(max(o.most.Load(), held))
	return leases, err
}

func (o *slowOutbox) Settle(ctx context.Context, l bridge.Lease, s bridge.Settlement) error {
	time.Sleep(o.settle)
	return o.memoryOutbox.Settle(ctx, l, s)
}

// Calls are what a drain spends its time on: neither the next lease nor the last settlement keeps a worker from its next call.
func TestWorkersDoNotWaitForTheOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const records, concurrency, answer = 1600, 8, 50 * time.Millisecond
		var now, most atomic.Int64
		outbox := &slowOutbox{memoryOutbox: newMemoryOutbox(), lease: 3 * time.Millisecond, settle: 30 * time.Millisecond}
		outbox.submit(changes(records)...)
		begun := time.Now()
		p := startPool(t, func(o *WorkersOptions) {
			o.Outbox, o.Concurrency = outbox, concurrency
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(answer)
				return Result{Outcome: Delivered}
			})
		})
		for len(outbox.settlements()) < records {
			time.Sleep(time.Millisecond)
		}
		ideal := records / concurrency * answer
		assert.Less(t, time.Since(begun), ideal*100/97, "97 of 100 of the time somebody calls, in each place")
		assert.EqualValues(t, concurrency, most.Load(), "and no more than that many do")
		assert.Less(t, outbox.most.Load(), int64(2*concurrency+8), "nobody hoards: with a platform this slow hardly anything is leased ahead")
		p.end(t)
	})
}

// What was leased ahead while the platform was quick does not wait for it when it has become slow. Invariant 3: no call begins that might
// outlive its lease, and none is broken off early because its record had waited.
func TestWhatWaitedTooLongForAWorkerIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const records, quick = 2000, 1000
		var calls atomic.Int64
		p := startPool(t, func(o *WorkersOptions) {
			o.Concurrency, o.CallTimeout = 4, 10*time.Second
			outbox := o.Outbox.(*memoryOutbox)
			outbox.submit(changes(records)...)
			o.Client = pusherFunc(func(ctx context.Context, _ string, payload []byte) Result {
				deadline, _ := ctx.Deadline()
				assert.GreaterOrEqual(t, time.Until(deadline), PushLimit(10*time.Second), "there is time for as long a call as may be")
				outbox.mu.Lock()
				assert.True(t, deadline.Before(outbox.records["one/"+string(payload)].due))
				outbox.mu.Unlock()
				switch n := calls.Add(1); {
				case n <= quick:
					time.Sleep(time.Millisecond)
				case n <= quick+20:
					time.Sleep(9 * time.Second)
				}
				return Result{Outcome: Delivered}
			})
		})
		time.Sleep(time.Minute)
		p.end(t)
		assert.Greater(t, len(p.outbox.givenBack()), 10, "what waited for a worker")
		assert.Zero(t, p.outbox.attempts(), "which is no attempt")
		assert.EqualValues(t, records, calls.Load(), "each is sent once")
		for i := range records {
			assert.Equal(t, bridge.VerdictDelivered, p.outbox.verdict(fmt.Sprintf("one/%d", i)))
		}
	})
}

// No more is expected with an append than could be sent at once: by the workers that are free, at the rate that is allowed, and by a platform
// that is not taken for down.
func TestNoMoreIsExpectedThanCanBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outcome atomic.Value
		outcome.Store(Delivered)
		p := startPool(t, func(o *WorkersOptions) {
			o.Concurrency, o.Breaker = 4, BreakerOptions{Failures: 1, OpenFor: time.Minute}
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				time.Sleep(10 * time.Second)
				return Result{Outcome: outcome.Load().(Outcome)}
			})
		})
		expected := func() int {
			synctest.Wait()
			p.outbox.mu.Lock()
			defer p.outbox.mu.Unlock()
			return p.outbox.expected
		}
		assert.Equal(t, 4, expected())
		p.outbox.submit(changes(3)...)
		assert.Equal(t, 1, expected(), "three workers have a record")
		time.Sleep(15 * time.Second)
		assert.Equal(t, 4, expected())
		outcome.Store(Retry)
		p.outbox.submit(change("3"))
		time.Sleep(15 * time.Second)
		assert.True(t, p.BreakerOpen())
		assert.Zero(t, expected(), "the platform is down")
		p.end(t)
		assert.Zero(t, expected())
	})
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) { o.Rate = 1 })
		assert.Equal(t, 1, p.outbox.expected)
		p.end(t)
	})
}
