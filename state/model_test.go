package state_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"talkbridge/state"
)

// The model: what a store is, said as shortly as possible. It is a third telling of the rules, over versions instead of bytes, and
// TestTheStoreIsItsModel holds both back ends against it.

// modelRec is a record. Times are milliseconds of the store's clock.
type modelRec struct {
	status        byte
	event         int // the submission that it holds: its place in the log
	order         int // where it was found: twice the submission's place, or one less than twice that of the first behind a scan
	seq, attempts uint32
	due, until    int64
	lease         int // the number of the lease that it is, or was last, under; 0: none
}

type model struct {
	records map[int]*modelRec
	covered int // the position: this many submissions of the log are in the store
	leader  struct {
		owner string
		until int64
		epoch uint64
	}
	leases int
	paused bool
}

// A sourceLog is the record of each submission, in order.
type sourceLog []int

// modelID is a record's name; names sort as their numbers do.
func modelID(record int) string { return fmt.Sprintf("one/%d", record) }

// mayLead tells whether owner would get the lead.
func (m *model) mayLead(owner string, now int64) bool {
	l := m.leader
	return l.owner == "" || l.owner == owner || l.until <= now
}

func (m *model) lead(owner string, epoch uint64, now int64, ttl time.Duration) {
	renewed := m.leader.owner == owner && m.leader.epoch == epoch
	if !renewed {
		m.leader.epoch++
	}
	m.leader.owner, m.leader.until = owner, now+ttl.Milliseconds()
}

// append takes submissions from..to of the log, and the position after them if covered.
func (m *model) append(log sourceLog, from, to int, covers bool, now int64) (queued int) {
	for event := from; event < to; event++ {
		r := m.records[log[event]]
		if r == nil {
			r = &modelRec{event: -1, order: -1}
			m.records[log[event]] = r
		}
		if 2*event <= r.order { // the same, or an older one
			continue
		}
		queued++
		r.submit(event, 2*event, now)
	}
	if covers {
		m.covered = to
	}
	return queued
}

func (r *modelRec) submit(event, order int, now int64) {
	r.event, r.order, r.status, r.attempts, r.due = event, order, 'p', 0, now
	r.seq++
	if r.until <= now {
		r.until, r.lease = 0, 0
	}
}

// take leases a record by name, after submitting what a scan found behind the first n of the log; a negative event: nothing was.
func (m *model) take(record, event, n int, now int64, ttl time.Duration) (lease int, refused error) {
	r := m.records[record]
	switch {
	case m.paused:
		return 0, state.ErrPaused
	case r == nil && event < 0:
		return 0, state.ErrNotFound
	case r == nil:
		r = &modelRec{}
		m.records[record] = r
	}
	if event >= 0 {
		r.submit(event, 2*n-1, now)
	}
	switch {
	case r.status != 'p':
		return 0, state.ErrNotWaiting
	case r.until > now:
		return 0, state.ErrSending
	}
	return m.grant(record, now, ttl), nil
}

// due is the record that a lease gets next; -1: none.
func (m *model) due(now int64) int {
	best, at := -1, int64(0)
	for id, r := range m.records {
		if r.status != 'p' {
			continue
		}
		score := r.due
		if r.until > 0 {
			score = r.until
		}
		if score <= now && (best < 0 || cmp.Or(cmp.Compare(score, at), cmp.Compare(id, best)) < 0) {
			best, at = id, score
		}
	}
	return best
}

// grant leases the record and numbers the lease.
func (m *model) grant(record int, now int64, ttl time.Duration) int {
	m.leases++
	r := m.records[record]
	r.attempts++
	r.lease, r.until = m.leases, now+ttl.Milliseconds()
	return m.leases
}

// settle gives false where the lease is not the record's.
func (m *model) settle(record, lease int, seq uint32, verdict byte, after time.Duration, now int64) bool {
	r := m.records[record]
	if r == nil || r.lease != lease {
		return false
	}
	if r.until == 0 {
		return true
	}
	r.until = 0
	switch {
	case r.seq != seq:
		r.due = now
	case verdict == 't':
		r.due = now + after.Milliseconds()
	default:
		r.status, r.due = verdict, 0
	}
	return true
}

func (m *model) release(record, lease int, now int64) bool {
	r := m.records[record]
	if r == nil || r.lease != lease || r.until == 0 {
		return false
	}
	r.until, r.lease, r.due = 0, 0, now
	if r.attempts > 0 {
		r.attempts--
	}
	return true
}

func (m *model) retry(record int, now int64) {
	r := m.records[record]
	switch {
	case r == nil, r.status == 'd', r.status == 'p' && r.until > now:
	case r.status == 'p':
		r.until, r.lease, r.due = 0, 0, now
	default:
		r.status, r.due, r.attempts = 'p', now, 0
	}
}

// peeks are the records as the store would show them.
func (m *model) peeks(ids []int) (out []state.Peek) {
	for _, id := range ids {
		r := m.records[id]
		if r == nil {
			out = append(out, state.Peek{})
			continue
		}
		out = append(out, state.Peek{Status: r.status, Seq: r.seq, Attempts: r.attempts, Due: r.due, Until: r.until})
	}
	return out
}

// invariants are those that can be seen in the model, and so, as the store is equal to it, in the store.
func (m *model) invariants(rt *rapid.T, log sourceLog, submitted int) {
	for record := range m.records {
		last := -1
		for event := range min(m.covered, submitted) {
			if log[event] == record {
				last = event
			}
		}
		if m.records[record].event < last {
			rt.Fatalf("Invariant 1: the position covers submission %d of record %d, and the store holds %d", last, record, m.records[record].event)
		}
	}
	for event := range m.covered {
		if m.records[log[event]] == nil {
			rt.Fatalf("Invariant 1: the position covers record %d, which is not there", log[event])
		}
	}
	if m.covered > submitted || !slices.IsSorted([]int{0, m.covered, submitted}) {
		rt.Fatalf("Invariant 2: the position is at %d of %d", m.covered, submitted)
	}
}
