package state

import (
	"context"
	"errors"
	"time"
)

// grantWish leases what is due to whoever waits, unless delivery is paused. Invariant 3: the end is counted from before the write, by the
// clock that the worker goes by.
func (s shelf) grantWish(w wish, now time.Time) ([]held, error) {
	if w.limit == 0 || s.paused() {
		return nil, nil
	}
	out, err := s.grant(w.limit, w.ttl, w.token)
	for i := range out {
		out[i].end = now.Add(w.ttl)
	}
	return out, err
}

func (b *embedded) expect(ctx context.Context, limit int, ttl time.Duration, token leaseToken) error {
	return b.expected.expect(ctx, b, wish{limit, ttl, token})
}

// ready gives out what appends have leased. A pause that came meanwhile holds for it too: to look costs nothing here.
func (b *embedded) ready(ctx context.Context, limit int) ([]held, error) {
	ready := b.expected.collect(limit)
	if len(ready) == 0 {
		return nil, nil
	}
	note, _, err := b.paused(ctx)
	if err != nil || note != nil {
		return nil, errors.Join(err, releaseAll(ctx, b, ready))
	}
	return ready, nil
}
