package state

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A submission reaches the platform after two writes, its Append and its Lease, and each waits for the disk. Where workers wait already
// when it is appended, the append leases it to them in its own write, and the time of the second is saved.

// A wish is what the workers would lease now if there were anything.
type wish struct {
	limit int
	ttl   time.Duration
	token leaseToken
}

// expected is the wish, and what came of it.
type expected struct {
	mu    sync.Mutex // guards what follows
	wish  *wish      // nil: nobody waits
	ready []held     // leased, and not given out yet
}

// take takes the wish for one append.
func (e *expected) take() *wish {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.wish
	e.wish = nil
	return w
}

// fulfil keeps what the append leased; where that was nothing, the wish stands again.
func (e *expected) fulfil(w *wish, given []held) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ready = append(e.ready, given...)
	if len(given) == 0 && e.wish == nil {
		e.wish = w
	}
}

// grantWish leases what is due to whoever waits, unless delivery is paused. Invariant 3: the end is counted from before the write, by the
// clock that the worker goes by.
func (s shelf) grantWish(w *wish, now time.Time) ([]held, error) {
	if w == nil || s.paused() {
		return nil, nil
	}
	out, err := s.grant(w.limit, w.ttl, w.token)
	for i := range out {
		out[i].end = now.Add(w.ttl)
	}
	return out, err
}

func (b *embedded) expect(ctx context.Context, limit int, ttl time.Duration, token leaseToken) error {
	b.expected.mu.Lock()
	b.expected.wish = &wish{limit, ttl, token}
	if limit == 0 {
		b.expected.wish = nil
	}
	b.expected.mu.Unlock()
	if limit == 0 {
		return b.giveBack(ctx)
	}
	return nil
}

// collect gives out what appends have leased. A pause that came meanwhile holds for it too.
func (b *embedded) collect(ctx context.Context, limit int) ([]held, error) {
	b.expected.mu.Lock()
	n := min(limit, len(b.expected.ready))
	ready := b.expected.ready[:n:n]
	b.expected.ready = b.expected.ready[n:]
	b.expected.mu.Unlock()
	if n == 0 {
		return nil, nil
	}
	note, _, err := b.paused(ctx)
	if err != nil || note != nil {
		return nil, errors.Join(err, b.releaseAll(ctx, ready))
	}
	return ready, nil
}

// giveBack releases what was leased and is not given out.
func (b *embedded) giveBack(ctx context.Context) error {
	b.expected.mu.Lock()
	ready := b.expected.ready
	b.expected.ready = nil
	b.expected.mu.Unlock()
	return b.releaseAll(ctx, ready)
}

func (b *embedded) releaseAll(ctx context.Context, leases []held) error {
	var problems []error
	for _, h := range leases {
		if err := b.release(ctx, leaseRef{h.id, h.token, h.seq}); !errors.Is(err, ErrLeaseLost) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
