package pusher

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hangingOutbox is one whose settlements get no answer.
type hangingOutbox struct{ *memoryOutbox }

func (hangingOutbox) Settle(ctx context.Context, _ bridge.Lease, _ bridge.Settlement) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hangingOutbox) Release(ctx context.Context, _ bridge.Lease) error {
	<-ctx.Done()
	return ctx.Err()
}

// An outbox that hangs while the bridge stops costs the time of a settlement, not that of a whole lease.
func TestAnOutboxThatHangsDoesNotKeepTheBridgeFromStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) {
			memory := o.Outbox.(*memoryOutbox)
			memory.submit(changes(2)...)
			o.Outbox, o.CallTimeout, o.Drain = hangingOutbox{memory}, time.Minute, 3*time.Second
		})
		require.Greater(t, p.ttl, 2*time.Minute)
		begun := time.Now()
		p.stop()
		require.NoError(t, <-p.done)
		assert.LessOrEqual(t, time.Since(begun), 3*time.Second+settleMargin)
	})
}

// sleeper is a context of a process that slept past its deadline: the clock is past it, and the timer has not run yet.
type sleeper struct{ context.Context }

func (sleeper) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

func TestAProcessThatSleptPastItsDeadlineSendsNothing(t *testing.T) { // Invariant 3
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
	require.NoError(t, err)
	_, what, err := exchange(sleeper{t.Context()}, server.Client(), req)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, faultNotSent, what)
	assert.Zero(t, calls.Load())
}
