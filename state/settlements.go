package state

import (
	"context"
	"sync"
	"time"
)

// Settlements of many workers share writes: what arrives while a write is under way waits for its end and goes together with the next
// one. A worker that is alone waits for nothing, and under load a write costs little for each: Redis one script in the place of
// hundreds, the embedded store one fsync.
//
// Nobody is told more than is true: each waits until the write that holds its own settlement was answered, and gets that answer.
type settlements struct {
	done sync.WaitGroup // the goroutine that writes, while there is one

	mu      sync.Mutex // guards what follows
	waiting []*waiter
	writing bool
}

// A waiter is a settlement that waits for its write. answer and err are there when ready is closed.
type waiter struct {
	ending

	answer ended
	err    error
	ready  chan struct{}
}

const (
	// writeAtOnce is how many settlements one write takes at most: Redis does nothing else for the millisecond or two that it lasts.
	writeAtOnce = 256
	// writeLimit is how long one write may take. Whoever waits may give up before.
	writeLimit = 30 * time.Second
)

// settle gives what became of the settlement. Where ctx ends first, or the write fails, that is not known: it may be written all the same.
func (s *settlements) settle(ctx context.Context, to outbox, e ending) (dueNow bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	w := &waiter{ending: e, ready: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	if !s.writing {
		s.writing = true
		s.done.Go(func() { s.drain(context.WithoutCancel(ctx), to) }) // one who gives up must not fail the others' settlements
	}
	s.mu.Unlock()
	select {
	case <-w.ready:
		if w.err != nil {
			return false, w.err
		}
		return w.answer.dueNow, w.answer.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// drain writes until nothing waits.
func (s *settlements) drain(ctx context.Context, to outbox) {
	for {
		batch := s.next()
		if len(batch) == 0 {
			return
		}
		settleAll(ctx, to, batch)
	}
}

func (s *settlements) next() []*waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.waiting), writeAtOnce)
	batch := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	if n == 0 {
		s.waiting, s.writing = nil, false
	}
	return batch
}

func settleAll(ctx context.Context, to outbox, batch []*waiter) {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	list := make([]ending, len(batch))
	for i, w := range batch {
		list[i] = w.ending
	}
	answers, err := to.settle(ctx, list)
	for i, w := range batch {
		if w.err = err; err == nil {
			w.answer = answers[i]
		}
		close(w.ready)
	}
}
