package pusher

import (
	"context"
	"sync/atomic"
	"time"

	"talkbridge/internal/bridge"

	"go.uber.org/zap"
)

// A job is a leased record on its way to a worker.
type job struct {
	lease bridge.Lease
	until time.Time // the lease's end
	mode  breakerState
	over  chan struct{} // closed when the call is over; nil: nobody waits for it
}

const (
	// maxAhead is how many records are leased beyond those that the workers have in hand, so that no worker waits for the outbox.
	maxAhead = 128
	// aheadTime is how much work that may be at most, by the speed at which calls ended lately: with a platform that takes its time
	// hardly any. What is leased ahead is nobody else's, and would wait for its lease's end if this process were killed.
	aheadTime = 20 * time.Millisecond
	// paceTime is how long the speed is measured.
	paceTime = 50 * time.Millisecond
	// longestWait is how long a leased record may wait for a worker. Its lease runs meanwhile, so a lease is as much longer, and a record
	// that waited for more, because the platform became slow, is given back unsent.
	longestWait = 2 * time.Second
)

// A queue is what Run's goroutine, which leases, and the workers share.
type queue struct {
	jobs  chan job      // leased, and in no worker's hand yet; closed when no more come
	open  atomic.Int64  // leased, and the call not over yet: those in jobs and in the workers' hands
	ended atomic.Uint64 // calls that are over
	moved chan struct{} // a hint: a job was taken, or is over

	since time.Time // paceTime begins; only Run's goroutine uses what follows
	from  uint64    // ended then
	pace  float64   // calls a second before that
}

func newQueue(concurrency int) *queue {
	return &queue{jobs: make(chan job, concurrency+maxAhead), moved: make(chan struct{}, 1)}
}

func (q *queue) hint() {
	select {
	case q.moved <- struct{}{}:
	default:
	}
}

// wait sleeps until something moves.
func (q *queue) wait(ctx context.Context) {
	select {
	case <-q.moved:
	case <-ctx.Done():
	}
}

// ahead is how many records may wait for a worker just now.
func (q *queue) ahead(now time.Time) int {
	if d := now.Sub(q.since); d >= paceTime {
		ended := q.ended.Load()
		q.pace = float64(ended-q.from) / d.Seconds()
		q.since, q.from = now, ended
	}
	return min(maxAhead, int(q.pace*aheadTime.Seconds()))
}

// room is how many records to lease now; 0: enough are waiting, or all workers have one.
func (q *queue) room(concurrency int) int {
	ahead := q.ahead(time.Now())
	if len(q.jobs) > ahead/2 {
		return 0 // later, and more at once
	}
	return max(0, min(concurrency+ahead-int(q.open.Load()), maxAhead))
}

// work is one worker: it takes jobs until there are no more.
//
// Invariant 3: a worker makes one call at a time, and a record is in one worker's hand. The settlement, which no call depends on, is
// written beside the next call; until it is, the record is under its lease, and nobody else can have it.
func (w *Workers) work(stop, work context.Context, q *queue) {
	for j := range q.jobs {
		q.hint()
		w.aloft.Add(1)
		settlement, sent := w.try(stop, work, j)
		q.open.Add(-1)
		if sent { // what is given back took no time, and says nothing of the platform
			q.ended.Add(1)
		}
		q.hint()
		if j.over != nil {
			close(j.over)
		}
		w.unsettled <- struct{}{}
		w.flying.Go(func() {
			defer func() {
				<-w.unsettled
				w.aloft.Add(-1)
			}()
			w.end(work, j.lease, j.until, settlement, sent)
		})
	}
}

// try processes a job before the end of its lease.
func (w *Workers) try(stop, work context.Context, j job) (s bridge.Settlement, sent bool) {
	if time.Until(j.until) < w.ttl-longestWait {
		return s, false // not enough of the lease is left for a call that takes as long as it may
	}
	ctx, cancel := context.WithDeadline(work, j.until.Add(-settleMargin))
	defer cancel()
	return w.process(stop, ctx, j.lease, j.mode)
}

// end ends a lease: by its settlement, or as if it had not been where nothing was sent.
func (w *Workers) end(work context.Context, lease bridge.Lease, until time.Time, settlement bridge.Settlement, sent bool) {
	ctx, cancel := w.settling(work, until)
	defer cancel()
	if !sent {
		if err := w.Outbox.Release(ctx, lease); err != nil && !w.LeaseLost(err) {
			w.outbox.away(err) // the lease ends by itself, and the record is due again
		}
		return
	}
	w.settle(ctx, work, lease, settlement)
	if entry := w.Logger.Check(zap.DebugLevel, "delivery ended"); entry != nil {
		entry.Write(zap.String("record", lease.ID), zap.String("verdict", string(settlement.Verdict)),
			zap.String("stage", string(settlement.Stage)), zap.Int("attempts", lease.Attempts+1))
	}
}
