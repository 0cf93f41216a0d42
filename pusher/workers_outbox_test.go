package pusher

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
)

func TestStoppingFinishesWhatIsInFlightAndGivesBackTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) {
			o.Mapper = mapperFunc(func(ctx context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
				if c.Key == "1" { // is being mapped when the stop comes
					time.Sleep(3 * time.Second)
				}
				return mapKey(ctx, c)
			})
			o.Client = pusherFunc(func(ctx context.Context, _ string, payload []byte) Result {
				assert.Equal(t, "0", string(payload), "nothing is sent after the stop")
				time.Sleep(5 * time.Second)
				assert.NoError(t, ctx.Err(), "a call under way is left to end")
				return Result{Outcome: Delivered}
			})
		})
		p.outbox.submit(changes(2)...)
		time.Sleep(time.Second)
		assert.Equal(t, 2, p.InFlight())
		stopped := time.Now()
		p.end(t)
		assert.Equal(t, 4*time.Second, time.Since(stopped))
		assert.Equal(t, bridge.VerdictDelivered, p.outbox.verdict("one/0"))
		assert.Equal(t, []string{"one/1"}, p.outbox.givenBack())
		assert.Zero(t, p.InFlight())
	})
}

func TestStoppingEndsWithinItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) {
			o.Drain, o.Breaker.Failures = 3*time.Second, 1
			o.Client = pusherFunc(func(ctx context.Context, _ string, _ []byte) Result {
				<-ctx.Done()
				return Result{Outcome: Unknown, Code: "timeout"}
			})
		})
		p.outbox.submit(change("1"))
		synctest.Wait()
		stopped := time.Now()
		p.end(t)
		assert.Equal(t, 3*time.Second, time.Since(stopped))
		require.Len(t, p.outbox.settlements(), 1, "and the record is not left under its lease")
		assert.Equal(t, bridge.VerdictRetry, p.outbox.settlements()[0].Verdict)
		assert.False(t, p.BreakerOpen(), "a call that we broke off says nothing about the platform")
	})
}

func TestStoppingDuringAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) {
			o.Drain, o.Breaker = 3*time.Second, BreakerOptions{Failures: 1, OpenFor: time.Second}
			o.Client = pusherFunc(func(ctx context.Context, _ string, _ []byte) Result {
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Second):
				}
				return Result{Outcome: Unknown}
			})
		})
		p.outbox.submit(change("1"))
		time.Sleep(13 * time.Second) // the first call has failed, the probe is under way
		stopped := time.Now()
		p.end(t)
		assert.LessOrEqual(t, time.Since(stopped), 3*time.Second)
	})
}

func TestAnOutboxThatIsAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(*WorkersOptions) {})
		p.outbox.breakDown(errors.New("connection refused"))
		p.outbox.submit(changes(3)...)
		time.Sleep(time.Hour)
		assert.Len(t, p.logs.FilterLevelExact(zapcore.WarnLevel).All(), 1, "said once")
		assert.Less(t, p.outbox.asked(), 1000)
		p.outbox.breakDown(nil)
		time.Sleep(6 * time.Second)
		assert.Len(t, p.logs.FilterMessageSnippet("answers again").All(), 1)
		assert.Len(t, p.outbox.settlements(), 3)
		p.end(t)
	})
}

func TestASettlementIsTriedUntilTheLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		p := startPool(t, func(o *WorkersOptions) {
			outbox := o.Outbox.(*memoryOutbox)
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				calls.Add(1)
				outbox.breakDown(errors.New("connection reset"))
				return Result{Outcome: Delivered}
			})
		})
		p.outbox.submit(change("1"))
		time.Sleep(10 * time.Second)
		p.outbox.breakDown(nil)
		time.Sleep(10 * time.Second)
		assert.Equal(t, bridge.VerdictDelivered, p.outbox.verdict("one/1"))
		assert.EqualValues(t, 1, calls.Load(), "the outbox was away for 10 s, and no second call was needed")
		p.end(t)
	})
}

func TestALeaseThatWasLostIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) {
			outbox := o.Outbox.(*memoryOutbox)
			var once sync.Once
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				once.Do(func() { // another worker took the record over
					outbox.mu.Lock()
					outbox.records["one/1"].token, outbox.records["one/1"].due = "another's", time.Now().Add(time.Minute)
					outbox.mu.Unlock()
				})
				return Result{Outcome: Delivered}
			})
		})
		p.outbox.submit(change("1"))
		time.Sleep(time.Second)
		assert.Empty(t, p.outbox.settlements())
		assert.Len(t, p.logs.FilterMessageSnippet("lease ended").All(), 1)
		p.end(t)
	})
}
