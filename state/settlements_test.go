package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// slowOutbox settles what it is told to and takes a second for each write.
type slowOutbox struct {
	outbox

	mu     sync.Mutex // guards what follows
	writes [][]ending
	fail   error
}

func (o *slowOutbox) settle(ctx context.Context, list []ending) ([]ended, error) {
	time.Sleep(time.Second)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes = append(o.writes, list)
	if o.fail != nil {
		return nil, o.fail
	}
	out := make([]ended, len(list))
	for i, e := range list {
		out[i].dueNow = e.seq%2 == 1
		if e.seq%3 == 0 {
			out[i].err = ErrLeaseLost
		}
	}
	return out, ctx.Err()
}

func end(n int) ending { return ending{leaseRef: leaseRef{id: fmt.Sprint(n), seq: uint32(n)}} }

func TestSettlementsShareWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s settlements
		to := &slowOutbox{}
		begun := time.Now()
		var all sync.WaitGroup
		for n := range 601 {
			all.Go(func() {
				due, err := s.settle(t.Context(), to, end(n))
				if n%3 == 0 {
					require.ErrorIs(t, err, ErrLeaseLost)
					return
				}
				require.NoError(t, err)
				require.Equal(t, n%2 == 1, due, "each gets its own answer")
			})
			synctest.Wait()
		}
		all.Wait()
		var sizes []int
		for _, w := range to.writes {
			sizes = append(sizes, len(w))
		}
		require.Equal(t, []int{1, writeAtOnce, writeAtOnce, 601 - 1 - 2*writeAtOnce}, sizes, "what came meanwhile goes with the next")
		require.Equal(t, 4*time.Second, time.Since(begun))
		_, err := s.settle(t.Context(), to, end(1))
		require.NoError(t, err, "it goes on after a rest")
	})
}

// A write that failed is told to all that were in it, and to nobody else: no settlement counts as done that was not acknowledged.
func TestASettlementThatWasNotWrittenIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s settlements
		to := &slowOutbox{fail: errors.New("away")}
		var all sync.WaitGroup
		for n := range 10 {
			all.Go(func() {
				_, err := s.settle(t.Context(), to, end(n))
				require.ErrorIs(t, err, to.fail)
			})
		}
		all.Wait()
		to.fail = nil
		_, err := s.settle(t.Context(), to, end(1))
		require.NoError(t, err)
	})
}

// Whoever gives up leaves the others' settlements alone, and is not told that his was written.
func TestASettlementDoesNotEndWithAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s settlements
		to := &slowOutbox{}
		hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := s.settle(hasty, to, end(1)) // starts the write
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		all.Go(func() {
			_, err := s.settle(t.Context(), to, end(2))
			require.NoError(t, err)
		})
		all.Wait()
		require.Len(t, to.writes, 2)
		_, err := s.settle(hasty, to, end(3))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, to.writes, 2, "who comes too late writes nothing")
	})
}
