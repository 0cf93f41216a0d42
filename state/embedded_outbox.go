package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"
)

func (b *embedded) append(ctx context.Context, f fence, list []entry, checkpoint []byte) (queued int, err error) {
	var given []held
	w, told := b.expected.take()
	err = b.update(ctx, func(tx *bolt.Tx) error {
		now := b.clock()
		s := shelf{tx, now.UnixMilli()}
		var l leaderRow
		// Invariant 7: the epoch is checked in the transaction that writes.
		if ok, err := getJSON(tx, singleLeader, &l); err != nil {
			return err
		} else if !ok || l.Owner != f.owner || l.Epoch != f.epoch || l.Writes < f.low || l.Writes >= f.write {
			return ErrFenced
		}
		if queued, err = s.submit(list, false, submit); err != nil {
			return err
		}
		// Invariant 1: the position goes into the same transaction as the changes.
		if err := s.position(checkpoint); err != nil {
			return err
		}
		if queued > 0 {
			if given, err = s.grantWish(w, now); err != nil {
				return err
			}
		}
		l.Writes = f.write
		return putJSON(tx, singleLeader, l)
	})
	if err != nil {
		given = nil
	}
	recall(given, list)
	_ = releaseAll(ctx, b, b.expected.fulfil(w, told, given)) // what cannot be released is due again when its lease ends
	return queued, err
}

func (b *embedded) submit(ctx context.Context, list []entry, again bool) (queued int, err error) {
	err = b.update(ctx, func(tx *bolt.Tx) error {
		queued, err = shelf{tx, b.ms()}.submit(list, again, beside)
		return err
	})
	return queued, err
}

func (s shelf) submit(list []entry, again bool, rule func(r *rec, e entry, now int64, again bool) (*rec, bool)) (queued int, err error) {
	for _, e := range list {
		old := s.get(e.id)
		next, taken := rule(old, e, s.now, again)
		if !taken {
			continue
		}
		if err := s.put(e.id, old, next); err != nil {
			return queued, err
		}
		queued++
	}
	return queued, nil
}

// position saves a checkpoint, or takes the saved one away.
func (s shelf) position(checkpoint []byte) error {
	switch string(checkpoint) {
	case "":
		return nil
	case forgotten:
		return s.bucket(bucketSingles).Delete([]byte(singleCheckpoint))
	default:
		return putJSON(s.tx, singleCheckpoint, positionRow{SavedAt: s.now, Position: checkpoint})
	}
}

func (b *embedded) lease(ctx context.Context, limit int, ttl time.Duration, token leaseToken) ([]held, error) {
	ready, err := b.ready(ctx, limit)
	if err != nil {
		return nil, err
	}
	if idle, err := b.idle(ctx); idle || err != nil || limit == len(ready) {
		return ready, err
	}
	more, err := b.leaseDue(ctx, limit-len(ready), ttl, token)
	return append(ready, more...), err
}

func (b *embedded) leaseDue(ctx context.Context, limit int, ttl time.Duration, token leaseToken) (out []held, err error) {
	err = b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		if s.paused() {
			return nil
		}
		if err := s.forget(b.retention, max(limit, 10)); err != nil {
			return err
		}
		out, err = s.grant(limit, ttl, token)
		return err
	})
	return out, err
}

// grant leases at most limit records that are due.
func (s shelf) grant(limit int, ttl time.Duration, token leaseToken) (out []held, err error) {
	for _, m := range upTo(s.bucket(bucketDue), nil, s.now, limit) {
		old := s.get(m.id)
		if old == nil {
			if err := s.putAside(m); err != nil {
				return nil, err
			}
			continue
		}
		r := *old
		r.grantLease(token, s.now, ttl) // Invariant 3: the lease moves the due time to its own end
		if err := s.put(m.id, old, &r); err != nil {
			return nil, err
		}
		out = append(out, held{id: m.id, rec: &r})
	}
	return out, nil
}

// idle tells whether a lease would find nothing to do. It costs no write, and so no fsync.
func (b *embedded) idle(ctx context.Context) (idle bool, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		idle = s.paused() || len(upTo(s.bucket(bucketDue), nil, s.now, 1)) == 0 && len(s.forgettable(b.retention, 1)) == 0
		return nil
	})
	return idle, err
}

// forgettable lists what the ledger need not remember any longer.
func (s shelf) forgettable(retention time.Duration, limit int) []mark {
	if retention <= 0 {
		return nil
	}
	before := s.now - retention.Milliseconds()
	out := upTo(s.bucket(bucketIndex), []byte{delivered}, before, limit)
	return append(out, upTo(s.bucket(bucketIndex), []byte{discarded}, before, limit)...)
}

func (s shelf) forget(retention time.Duration, limit int) error {
	for _, m := range s.forgettable(retention, limit) {
		if err := s.put(m.id, s.get(m.id), nil); err != nil {
			return err
		}
	}
	return nil
}

// putAside rejects a record that is due but cannot be read, or takes the due time of one that is not there away.
func (s shelf) putAside(m mark) error {
	if err := s.bucket(bucketDue).Delete(timeKey(m.at, m.id)); err != nil {
		return err
	}
	raw := s.bucket(bucketRecords).Get([]byte(m.id))
	if raw == nil {
		return nil
	}
	return s.put(m.id, nil, damaged(bytes.Clone(raw), s.now))
}

func (b *embedded) take(ctx context.Context, id string, change *entry, ttl time.Duration, token leaseToken) (out held, refused error) {
	err := b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		if s.paused() {
			refused = ErrPaused
			return nil
		}
		old := s.get(id)
		if old == nil && change == nil {
			refused = ErrNotFound
			if s.bucket(bucketRecords).Get([]byte(id)) != nil {
				refused = errDamaged
			}
			return nil
		}
		var r rec
		if old != nil {
			r = *old
		}
		if change != nil {
			if next, taken := submit(old, *change, s.now, false); taken {
				r = *next
			}
		}
		refused = r.take(token, s.now, ttl)
		out = held{id: id, rec: &r}
		return s.put(id, old, &r) // what was submitted stays, also where the lease is refused
	})
	if err != nil {
		return held{}, err
	}
	return out, refused
}

// settle has one transaction, and so one wait for the disk, for all of them.
func (b *embedded) settle(ctx context.Context, list []ending) ([]ended, error) {
	out := make([]ended, len(list))
	err := b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		for i := range list {
			e := &list[i]
			out[i].err = nil
			err := s.change(e.id, func(r *rec) (err error) {
				out[i].dueNow, err = r.settle(e.leaseRef, e.verdict, e.after, e.outcome, s.now)
				return err
			})
			if errors.Is(err, ErrLeaseLost) { // says it of this one; the others go on
				out[i].err, err = err, nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (b *embedded) release(ctx context.Context, l leaseRef) error {
	return b.update(ctx, func(tx *bolt.Tx) error {
		s := shelf{tx, b.ms()}
		return s.change(l.id, func(r *rec) error { return r.release(l, s.now) })
	})
}

func (b *embedded) nextDue(ctx context.Context) (wait time.Duration, ok bool, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		k, _ := tx.Bucket([]byte(bucketDue)).Cursor().First()
		if ok = k != nil; ok {
			at, _ := cutTimeKey(k)
			wait = time.Duration(at-b.ms()) * time.Millisecond
		}
		return nil
	})
	return wait, ok, err
}

// positionRow is the saved position.
type positionRow struct {
	SavedAt  int64           `json:"saved_at"`
	Position json.RawMessage `json:"position"`
}

func (b *embedded) checkpoint(ctx context.Context) (text []byte, savedAt int64, err error) {
	err = b.view(ctx, func(tx *bolt.Tx) error {
		var p positionRow
		_, err := getJSON(tx, singleCheckpoint, &p)
		text, savedAt = p.Position, p.SavedAt
		return err
	})
	return text, savedAt, err
}
