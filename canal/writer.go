package canal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"talkbridge/internal/bridge"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
)

// A writer appends what the reader found. It runs beside the reader, so that several small transactions go into one write when
// they come faster than the store takes them; a change never waits for a later one.
type writer struct {
	outbox Outbox
	flavor Flavor
	server string
	status *tracker
	tuning tuning
	log    *zap.Logger
}

// run appends until the queue is closed. When ctx ends it goes on for a grace time, to save what is finished.
func (w *writer) run(ctx context.Context, queue <-chan batch) error {
	ctx, cancel := withGrace(ctx, w.tuning.grace)
	defer cancel()
	for b := range queue {
		n := 1
	gather:
		for len(b.changes) < w.tuning.batch {
			select {
			case next, ok := <-queue:
				if !ok {
					break gather
				}
				b = batch{append(b.changes, next.changes...), next.place, next.idle, b.save || next.save}
				n++
			default:
				break gather
			}
		}
		if len(b.changes) > 0 || b.save {
			if err := appendTo(ctx, w.outbox, b.changes, b.place.checkpoint(w.flavor, w.server), w.tuning, w.log); err != nil {
				return err
			}
		}
		w.status.written(b, n)
	}
	return nil
}

// appendTo appends, again and again until it succeeds, ctx ends or the outbox says that it never will.
//
// Invariant 1: the position goes into the same Append as the changes that it covers, and there is no other way to save one.
func appendTo(ctx context.Context, outbox Outbox, changes []bridge.Change, cp *bridge.Checkpoint, t tuning, log *zap.Logger) error {
	pause := t.backoff()
	for {
		err := outbox.Append(ctx, changes, cp)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrHalt) || ctx.Err() != nil {
			return fmt.Errorf("append to the outbox: %w", err)
		}
		wait := pause.NextBackOff()
		log.Error("the store takes nothing; reading waits", zap.Error(err), zap.Int("changes", len(changes)), zap.Duration("again_in", wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("append to the outbox: %w", err)
		}
	}
}

// withGrace is a context that ends d after ctx does.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(d, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// tuning is what tests turn.
type tuning struct {
	heartbeat   time.Duration // how often a server that has nothing to send says so
	readTimeout time.Duration // without a heartbeat for this long the connection is dead
	saveEvery   time.Duration // how often a position without changes is saved
	saveBytes   uint64        // or after how much log
	batch       int           // changes in one Append, about
	queue       int           // transactions between reader and writer
	grace       time.Duration // for the last Append after a stop
	chunk       int           // rows of a table read at once
	settle      time.Duration // see anchorMySQL
	retryFirst  time.Duration
	retryMax    time.Duration
}

func defaultTuning() tuning {
	return tuning{
		heartbeat: 2 * time.Second, readTimeout: 20 * time.Second, saveEvery: 5 * time.Second, saveBytes: 64 << 20, batch: 500, queue: 64,
		grace: 10 * time.Second, chunk: 500, settle: time.Second, retryFirst: 500 * time.Millisecond, retryMax: 30 * time.Second,
	}
}

func (t tuning) backoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = t.retryFirst, t.retryMax, 2, 0.2
	return b
}
