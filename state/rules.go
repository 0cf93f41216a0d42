package state

import "time"

// The rules of a record, as the embedded store applies them. lua/common.lua and the scripts have the same for Redis.

// beside is submit for who does not listen. What a record holds of another server's log cannot be ordered against the change, and stays:
// the listener may put one in the other's place, for it goes on at another server only after that has proven to have all of the position.
func beside(r *rec, e entry, now int64, again bool) (next *rec, taken bool) {
	if r == nil || r.ident.sameLine(&e.ident) {
		return submit(r, e, now, again)
	}
	if !again || r.status == pending || !r.ident.sameEvent(&e.ident) && !r.ident.sameDigest(&e.ident) {
		return nil, false
	}
	e.ident = r.ident // the same content once more: its place stays the one that later events are ordered by
	return submit(r, e, now, again)
}

// submit takes a submission, or says that it is none: an event that the record holds already, one that is older, or a scanned
// row with nothing new. r is nil for a record that is not there yet. With again a record that is done with takes what it holds already
// once more.
func submit(r *rec, e entry, now int64, again bool) (next *rec, taken bool) {
	next = &rec{}
	if r != nil {
		anew := again && r.status != pending
		known := r.ident.sameEvent(&e.ident) || (e.scanned || again) && r.ident.sameDigest(&e.ident)
		if e.ident.olderThan(&r.ident) || known && !anew {
			return nil, false
		}
		*next = *r
	}
	// Invariant 4: the newest submission takes the place of any other. A call that is in flight keeps its lease (Invariant 3:
	// no second call beside it) and is told by seq, when it is settled, that it carried older content.
	next.seq++
	next.status, next.attempts, next.since, next.due = pending, 0, now, now
	next.ident, next.content, next.outcome = e.ident, e.content, nil
	if !next.leasedAt(now) {
		next.until, next.token = 0, leaseToken{}
	}
	return next, true
}

// grantLease puts the record under a lease.
func (r *rec) grantLease(token leaseToken, now int64, ttl time.Duration) {
	r.attempts++
	r.token, r.until = token, now+ttl.Milliseconds()
}

// take puts a record that waits under a lease, whether or not it is due.
func (r *rec) take(token leaseToken, now int64, ttl time.Duration) error {
	switch {
	case r.status != pending:
		return ErrNotWaiting
	case r.leasedAt(now): // Invariant 3: one lease at a time
		return ErrSending
	}
	r.grantLease(token, now, ttl)
	return nil
}

// settle ends the lease.
func (r *rec) settle(l leaseRef, verdict byte, after time.Duration, outcome []byte, now int64) (dueNow bool, err error) {
	if r == nil || r.token != l.token {
		return false, ErrLeaseLost
	}
	if r.until == 0 { // settled before; the reply got lost
		return false, nil
	}
	r.until = 0 // the token stays, to know a second settlement by
	if r.seq != l.seq {
		r.due = now
		return true, nil
	}
	r.outcome = outcome
	switch verdict {
	case verdictDelivered:
		// Invariant 8: content is gone once it is delivered.
		r.status, r.since, r.due, r.content = delivered, now, 0, nil
	case verdictRejected:
		r.status, r.since, r.due = rejected, now, 0
	default: // Invariant 5: tried again for ever
		r.due = now + after.Milliseconds()
	}
	return false, nil
}

// release ends the lease as if it had not been given.
func (r *rec) release(l leaseRef, now int64) error {
	if r == nil || r.token != l.token || r.until == 0 {
		return ErrLeaseLost
	}
	r.until, r.token, r.due = 0, leaseToken{}, now
	if r.attempts > 0 { // 0: newer content came meanwhile
		r.attempts--
	}
	return nil
}

func (r *rec) retry(now int64) error {
	switch {
	case r == nil:
		return ErrNotFound
	case r.status == pending && r.leasedAt(now):
		return nil
	case r.status == pending:
		r.until, r.token, r.due = 0, leaseToken{}, now
		return nil
	case len(r.content) == 0:
		return ErrNoContent
	default:
		r.status, r.since, r.due, r.attempts, r.outcome = pending, now, now, 0, nil
		return nil
	}
}

func (r *rec) discard(now int64) error {
	switch {
	case r == nil:
		return ErrNotFound
	case r.status == discarded:
		return nil
	case r.status == delivered:
		return ErrNoContent
	case r.leasedAt(now):
		return ErrSending
	default:
		r.status, r.since, r.due, r.until, r.token, r.content = discarded, now, 0, 0, leaseToken{}, nil
		return nil
	}
}

// damaged is what becomes of a record whose bytes cannot be read: rejected, with the bytes kept.
func damaged(raw []byte, now int64) *rec {
	return &rec{status: rejected, seq: 1, since: now, outcome: []byte(damagedOutcome), content: raw}
}

// damagedOutcome is also what the scripts write.
const damagedOutcome = `{"stage":"mapping","code":"record_unreadable","message":"存储中的记录已损坏，无法读取。请在学工系统中重新递交。"}`
