package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"
)

// ahead maps a submission while the store still writes it, where there is nothing else to do: the way from the source to the platform is
// shorter by the time of a mapping. What comes of it goes to the worker that leases the submission a moment later, or to nobody: nothing of it
// leaves the process before the write is done (Invariant 1), and nothing depends on it. See ADR 0030.
type ahead struct {
	*mapper.Mapper

	busy func() bool // tells that there is other work

	running sync.WaitGroup
	// wanted is whether anything was mapped since the last time: while nobody delivers (paused, or the platform is down) it would be in vain.
	wanted atomic.Bool

	mu  sync.Mutex // guards what follows
	job *aheadJob  // nil: none
}

// An aheadJob is a mapping under way, or done. What it gave is there when over is closed.
type aheadJob struct {
	id    string
	event string
	begun time.Time
	over  chan struct{}

	done     bool // it came to an end; else the worker maps, and meets what stood in the way
	payload  []byte
	problems []bridge.Problem
}

// aheadFresh is how long what was mapped ahead is good for. It is wanted within milliseconds; a record that is tried again later is mapped anew.
const aheadFresh = time.Second

func newAhead(m *mapper.Mapper, busy func() bool) *ahead {
	a := &ahead{Mapper: m, busy: busy}
	a.wanted.Store(true)
	return a
}

// begin maps what is about to be appended. Of several at once none, since then there is enough to do; nor one for which something is looked
// up, since that waits for the source to commit.
func (a *ahead) begin(ctx context.Context, changes []bridge.Change) {
	if len(changes) != 1 || a.LooksUp(changes[0].Route) || a.busy() || !a.wanted.Swap(false) {
		return
	}
	change := changes[0]
	job := &aheadJob{id: change.ID(), event: change.EventID, begun: time.Now(), over: make(chan struct{})}
	a.mu.Lock()
	a.job = job
	a.mu.Unlock()
	a.running.Go(func() {
		defer close(job.over)
		defer func() { _ = recover() }() // the worker meets the same fault, and tells of it
		payload, problems, err := a.Mapper.Map(ctx, change)
		job.payload, job.problems, job.done = payload, problems, err == nil
	})
}

// Map implements pusher.Mapper.
func (a *ahead) Map(ctx context.Context, change bridge.Change) ([]byte, []bridge.Problem, error) {
	a.wanted.Store(true)
	if job := a.take(change); job != nil {
		select {
		case <-job.over:
			if job.done {
				return job.payload, job.problems, nil
			}
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	return a.Mapper.Map(ctx, change)
}

// take takes the job of a change, if there is one. That of another change stays: its own may be mapped next.
func (a *ahead) take(change bridge.Change) *aheadJob {
	a.mu.Lock()
	defer a.mu.Unlock()
	job := a.job
	if job == nil || job.event != change.EventID || job.id != change.ID() {
		return nil
	}
	a.job = nil
	if time.Since(job.begun) > aheadFresh {
		return nil
	}
	return job
}

// Close waits for what is under way.
func (a *ahead) Close() error {
	a.running.Wait()
	return nil
}
