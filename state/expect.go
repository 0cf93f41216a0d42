package state

import (
	"bytes"
	"context"
	"errors"
	"slices"
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

	// A wish is of its moment: told counts how often there was another word of the workers since, a new wish, none any more, or a Lease. An
	// append that took the wish before may be under way all the while. withdrawn is the last word that was none.
	told, withdrawn uint64
}

// take takes the wish for one append, and says of which moment it is.
func (e *expected) take() (w wish, told uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w, e.wish = e.wish, wish{}
	return w, e.told
}

// fulfil keeps what the append leased; where that was nothing, and the workers have said nothing since, the wish stands again. It gives what
// nobody waits for any more, to be released.
func (e *expected) fulfil(w wish, told uint64, given []held) (late []held) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(given) > 0 && e.withdrawn > told:
		return given
	case len(given) == 0 && e.told == told:
		e.wish = w
	}
	e.ready = append(e.ready, given...)
	return nil
}

// recall puts what this process has just sealed beside the leases that came with its append: the same bytes need not be opened.
func recall(given []held, list []entry) {
	for i := range given {
		at := slices.IndexFunc(list, func(e entry) bool { return e.id == given[i].id && bytes.Equal(e.content, given[i].content) })
		if at >= 0 {
			change := list[at].change // a copy: a lease must not keep the whole batch
			given[i].change = &change
		}
	}
}

// collect gives out what appends have leased. It is a Lease, so the wish that was set before it holds no more.
func (e *expected) collect(limit int) []held {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told++
	e.wish = wish{}
	n := min(limit, len(e.ready))
	ready := e.ready[:n:n]
	e.ready = e.ready[n:]
	return ready
}

// expect sets the wish. None takes it back, and gives back what was leased for it and is not given out.
func (e *expected) expect(ctx context.Context, from outbox, w wish) error {
	e.mu.Lock()
	e.told++
	e.wish = w
	if w.limit == 0 {
		e.withdrawn = e.told
	}
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
