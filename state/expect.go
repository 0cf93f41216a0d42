package state

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A submission reaches the platform after two writes of the store, its Append and its Lease: two ways to Redis, or two waits for the disk.
// Where workers wait already when it is appended, the append leases it to them in its own write, and the time of the second is saved.

// A wish is what the workers would lease now if there were anything; none with limit 0.
type wish struct {
	limit int
	ttl   time.Duration
	token leaseToken
}

// expected is the wish, and what came of it.
type expected struct {
	mu    sync.Mutex // guards what follows
	wish  wish
	ready []held // leased, and not given out yet
}

// take takes the wish for one append.
func (e *expected) take() wish {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.wish
	e.wish = wish{}
	return w
}

// fulfil keeps what the append leased; where that was nothing, the wish stands again.
func (e *expected) fulfil(w wish, given []held) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ready = append(e.ready, given...)
	if len(given) == 0 && e.wish.limit == 0 {
		e.wish = w
	}
}

// collect gives out what appends have leased.
func (e *expected) collect(limit int) []held {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := min(limit, len(e.ready))
	ready := e.ready[:n:n]
	e.ready = e.ready[n:]
	return ready
}

// expect sets the wish. None takes it back, and gives back what was leased for it and is not given out.
func (e *expected) expect(ctx context.Context, from outbox, w wish) error {
	e.mu.Lock()
	e.wish = w
	e.mu.Unlock()
	if w.limit > 0 {
		return nil
	}
	return e.giveBack(ctx, from)
}

// giveBack releases what was leased and is not given out.
func (e *expected) giveBack(ctx context.Context, from outbox) error {
	e.mu.Lock()
	ready := e.ready
	e.ready = nil
	e.mu.Unlock()
	return releaseAll(ctx, from, ready)
}

func releaseAll(ctx context.Context, from outbox, leases []held) error {
	var problems []error
	for _, h := range leases {
		if err := from.release(ctx, leaseRef{h.id, h.token, h.seq}); !errors.Is(err, ErrLeaseLost) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
