package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// Leadership: of the bridges that share a store one listens, the others stand by and deliver.
const (
	// leaseTTL is how long a listener that fell silent keeps the lead: another takes over within it and one renewal.
	leaseTTL = 10 * time.Second
	renewal  = leaseTTL / 4
)

// errLostLead ends a listener whose lead passed to another process.
var errLostLead = errors.New("the lead passed to another bridge")

// A leader holds the lead while it can, and listens while it holds it.
type leader struct {
	store  *state.Store
	owner  string
	source *canal.Source
	epoch  *atomic.Uint64 // shared with outbox; 0: not leading
	log    *zap.Logger
}

// outbox is the store as the listener sees it: writing under the epoch of the lead, or not at all (Invariant 7).
type outbox struct {
	store *state.Store
	epoch *atomic.Uint64
}

func (o outbox) Checkpoint(ctx context.Context) (bridge.Checkpoint, bool, error) {
	return o.store.Checkpoint(ctx)
}

func (o outbox) Append(ctx context.Context, changes []bridge.Change, position *bridge.Checkpoint) error {
	_, err := o.store.Append(ctx, o.epoch.Load(), changes, position)
	if errors.Is(err, state.ErrFenced) {
		return fmt.Errorf("%w: %w", canal.ErrHalt, errLostLead)
	}
	return err
}

// Run stands by and listens in turn until ctx ends or the listener stops for a reason that does not mend itself.
func (l *leader) Run(ctx context.Context) error {
	for standby := false; ; {
		epoch, ok, err := l.lead(ctx)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				l.log.Warn("cannot ask the store for the lead, trying again", zap.Error(err))
			}
		case !ok && !standby:
			standby = true
			l.log.Info("another bridge listens to the source; this one delivers and stands by")
		case ok:
			standby = false
			if err := l.listen(ctx, epoch); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(renewal):
		}
	}
}

// listen runs the source for as long as the lead is held. It gives nil when the lead was lost or ctx ended.
func (l *leader) listen(ctx context.Context, epoch uint64) error {
	l.epoch.Store(epoch)
	defer l.epoch.Store(0)
	l.log.Info("this bridge listens to the source", zap.Uint64("epoch", epoch))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.renew(ctx, epoch) })
	group.Go(func() error {
		if err := l.source.Run(ctx); err != nil {
			return err
		}
		return errStopped // ends renew
	})
	err := group.Wait()
	switch {
	case errors.Is(err, errLostLead):
		l.log.Warn("lead lost: another bridge listens now")
		return nil
	case errors.Is(err, errStopped):
		err = nil
	}
	l.resign(context.WithoutCancel(ctx))
	return err
}

var errStopped = errors.New("stopped")

// renew keeps the lead. A lead that could not be renewed for its whole length is taken for lost: whoever takes over next must be
// alone, and the store's fence makes sure of it even if this clock is wrong.
func (l *leader) renew(ctx context.Context, epoch uint64) error {
	held := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(renewal):
		}
		now, ok, err := l.lead(ctx)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				l.log.Warn("cannot renew the lead, trying again", zap.Error(err))
			}
			if time.Since(held) > leaseTTL {
				return errLostLead
			}
		case !ok || now != epoch:
			return errLostLead
		default:
			held = time.Now()
		}
	}
}

// lead asks for the lead, and never for longer than the lead would last.
func (l *leader) lead(ctx context.Context) (epoch uint64, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTTL-renewal)
	defer cancel()
	return l.store.Lead(ctx, l.owner, leaseTTL)
}

// resign gives the lead back, so that another bridge need not wait for it to run out.
func (l *leader) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := l.store.Resign(ctx, l.owner); err != nil {
		l.log.Warn("cannot give back the lead; it runs out by itself", zap.Error(err))
	}
}
