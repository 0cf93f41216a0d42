package canal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"talkbridge/internal/bridge"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
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
	window *semaphore.Weighted // bytes between reader and writer
}

// run appends until the queue is closed. When ctx ends it goes on for a grace time, to save what is finished.
func (w *writer) run(ctx context.Context, queue <-chan batch) error {
	ctx, cancel := withGrace(ctx, w.tuning.grace)
	defer cancel()
	for b := range queue {
		n := 1
	gather:
		for len(b.changes) < w.tuning.batch && b.bytes < w.tuning.batchBytes {
			select {
			case next, ok := <-queue:
				if !ok {
					break gather
				}
				b = b.merge(next)
				n++
			default:
				break gather
			}
		}
		if err := w.append(ctx, b); err != nil {
			return err
		}
		w.status.written(b, n)
		w.window.Release(b.window)
	}
	return nil
}

// append writes one batch, with the place that is to be saved. Behind a part of a transaction alone there is none.
func (w *writer) append(ctx context.Context, b batch) error {
	var cp *bridge.Checkpoint
	switch {
	case !b.part && (len(b.changes) > 0 || b.save):
		cp = b.safe.checkpoint(w.flavor, w.server)
	case len(b.changes) == 0:
		return nil
	}
	return appendTo(ctx, w.outbox, b.changes, cp, w.tuning, w.log)
}

// merge puts the next batch behind this one. The place to save is the last that either has: changes from behind it may go with it, since
// they come again after a crash and the store knows them by their ids.
func (b batch) merge(next batch) batch {
	safe := next.safe
	if next.part {
		safe = b.safe
	}
	return batch{
		changes: append(b.changes, next.changes...), bytes: b.bytes + next.bytes, window: b.window + next.window,
		place: next.place, safe: safe, part: b.part && next.part, idle: next.idle, save: b.save || next.save,
	}
}

// windowBytes is how much may lie between the reader and the writer.
const windowBytes = 4 << 20

// appendTo appends, again and again until it succeeds, ctx ends or the outbox says that it never will.
//
// Invariant 1: the position goes into the same Append as the changes that it covers, and there is no other way to save one.
func appendTo(ctx context.Context, outbox Outbox, changes []bridge.Change, cp *bridge.Checkpoint, t tuning, log *zap.Logger) error {
	pause, begun := t.backoff(), time.Now()
	pause.MaxInterval = min(pause.MaxInterval, t.storeRetryMax)
	for refused := false; ; refused = true {
		err := outbox.Append(ctx, changes, cp)
		switch {
		case err == nil && refused:
			log.Info("the store takes changes again; reading goes on", zap.Duration("waited", time.Since(begun).Round(time.Millisecond)))
			return nil
		case err == nil:
			return nil
		case errors.Is(err, ErrHalt) || ctx.Err() != nil:
			return fmt.Errorf("append to the outbox: %w", err)
		}
		wait := pause.NextBackOff()
		log.Error("the store takes nothing; reading waits where it is and goes on by itself", zap.Error(err), zap.Int("changes", len(changes)),
			zap.Duration("again_in", wait))
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
	batchBytes  int           // bytes in one Append, about
	queue       int           // transactions between reader and writer
	grace       time.Duration // for the last Append after a stop
	chunk       int           // rows of a table read at once
	settle      time.Duration // see anchorMySQL
	retryFirst  time.Duration
	retryMax    time.Duration

	surveyEvery   time.Duration // how often the server is asked what logs it has
	storeRetryMax time.Duration // the store is ours: asking it every few seconds burdens nobody
}

func defaultTuning() tuning {
	return tuning{
		heartbeat: 2 * time.Second, readTimeout: 20 * time.Second, saveEvery: 5 * time.Second, saveBytes: 64 << 20, batch: 500, batchBytes: 4 << 20, queue: 64,
		grace: 10 * time.Second, chunk: 500, settle: time.Second, retryFirst: 500 * time.Millisecond, retryMax: 30 * time.Second,
		storeRetryMax: 5 * time.Second, surveyEvery: 5 * time.Second,
	}
}

func (t tuning) backoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = t.retryFirst, t.retryMax, 2, 0.2
	return b
}
