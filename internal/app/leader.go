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
	// leaseTTL is how long a listener that fell silent keeps the lead: another takes over within it and one look.
	leaseTTL = 10 * time.Second
	// renewal is how often a listener renews, look how often a bridge that stands by asks, and askLimit how long either waits for
	// the answer: short enough for several attempts within a lease.
	renewal  = leaseTTL / 5
	look     = time.Second
	askLimit = leaseTTL / 4
)

// Why a listener ends that may listen again.
var (
	errLostLead = errors.New("the lead passed to another bridge")
	errRewound  = errors.New("the store went back in time: what it had confirmed to this bridge is gone")
	errSilent   = errors.New("the store did not answer for as long as the lead lasts")
	errFenced   = errors.New("the store refused a write: it no longer takes this bridge for the one that listens, or it went back in time")
)

// A leader holds the lead while it can, and listens while it holds it.
type leader struct {
	store  *state.Store
	owner  string
	source *canal.Source
	epoch  *atomic.Uint64 // shared with outbox; 0: not leading
	scan   *scanCount     // likewise
	log    *zap.Logger
	away   outage
	known  atomic.Bool // it is decided whether this bridge listens or stands by
}

// outbox is the store as the listener sees it: writing under the epoch of the lead, or not at all (Invariant 7).
type outbox struct {
	store    *state.Store
	ahead    *ahead
	epoch    *atomic.Uint64
	answered *atomic.Int64 // when an Append last came back from the store, with a refusal too; Unix nanoseconds
	scan     *scanCount
}

func (o outbox) Checkpoint(ctx context.Context) (bridge.Checkpoint, bool, error) {
	cp, ok, err := o.store.Checkpoint(ctx)
	return cp, ok, explained(err)
}

func (o outbox) Append(ctx context.Context, changes []bridge.Change, position *bridge.Checkpoint) error {
	o.ahead.begin(ctx, changes)
	err := o.scan.look(ctx, changes)
	if err == nil {
		_, err = o.store.Append(ctx, o.epoch.Load(), changes, position)
	}
	o.answered.Store(time.Now().UnixNano())
	if errors.Is(err, state.ErrFenced) {
		return fmt.Errorf("%w: %w", canal.ErrHalt, errFenced)
	}
	if err == nil {
		o.scan.appended(ctx, position)
	}
	return explained(err)
}

// Run stands by and listens in turn until ctx ends or the listener stops for a reason that does not mend itself.
func (l *leader) Run(ctx context.Context) error {
	for standby := false; ctx.Err() == nil; {
		epoch, ok, err := l.lead(ctx)
		l.told(ctx, err)
		switch {
		case err != nil:
		case !ok && !standby:
			standby = true
			l.known.Store(true)
			l.log.Info("another bridge listens to the source; this one delivers, and takes over when that one falls silent",
				zap.Duration("takes_over_within", leaseTTL+look))
		case ok:
			standby = false
			again, err := l.listen(ctx, epoch)
			if err != nil {
				return err
			}
			if again {
				continue
			}
		}
		sleep(ctx, look)
	}
	return nil
}

// told says once that the store is away, and once that it is back.
func (l *leader) told(ctx context.Context, err error) {
	switch begun, ended, length := l.away.note(err); {
	case ctx.Err() != nil:
	case begun:
		l.log.Warn("the store does not answer; this bridge cannot listen without it and asks again every second. "+
			"Nothing is lost: the source's log waits", zap.Error(explained(err)))
	case ended:
		l.log.Info("the store answers again", zap.Duration("was_away", length.Round(time.Millisecond)))
	}
}

// listen runs the source for as long as the lead is held. It gives nil when the lead was lost or ctx ended; again tells that
// there is nothing to wait for before asking for the lead anew.
func (l *leader) listen(ctx context.Context, epoch uint64) (again bool, err error) {
	l.epoch.Store(epoch)
	defer l.epoch.Store(0)
	l.known.Store(true)
	l.scan.found = nil // of a scan under an earlier lead
	l.log.Info("this bridge listens to the source", zap.Uint64("epoch", epoch))
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return l.renew(running, epoch) })
	group.Go(func() error {
		if err := l.source.Run(running); err != nil {
			return err
		}
		return errStopped // ends renew
	})
	err = group.Wait()
	if ctx.Err() == nil && l.stopped(ctx, err, epoch) {
		err = errLostLead
	}
	switch {
	case errors.Is(err, errStopped):
		err = nil
	case errors.Is(err, errRewound):
		l.log.Warn("the store went back in time (restarted without its last writes, flushed, or restored from an older copy). " +
			"Position and outbox went back together: the source's log is read again from there, and what is delivered twice does no harm")
		return true, nil
	case errors.Is(err, errFenced):
		l.log.Warn("the store refused this bridge's write and nothing was written: another bridge listens by now, or the store went " +
			"back in time; this bridge asks for the lead anew")
		return true, nil
	case errors.Is(err, errSilent):
		l.log.Warn("the store did not answer for longer than the lead lasts; another bridge may listen by now; this bridge asks for the lead anew",
			zap.Duration("lead_lasts", leaseTTL))
		return true, nil
	case errors.Is(err, errLostLead):
		l.log.Warn("another bridge took the lead while this one stood still or could not reach the store; it stands by now, and goes on delivering")
		return true, nil
	}
	l.resign(context.WithoutCancel(ctx))
	return false, err
}

// stopped tells a reader that stopped because another bridge took over from one that stopped for good. A server ends the log of
// the older of two readers with the same id, as bridges on one machine are: to a bridge that slept through its lead this looks
// like a wrong configuration, and only the store knows better.
func (l *leader) stopped(ctx context.Context, err error, epoch uint64) bool {
	for _, known := range []error{nil, errStopped, errRewound, errFenced, errSilent, errLostLead} {
		if errors.Is(err, known) {
			return false
		}
	}
	now, ok, asked := l.lead(ctx)
	if asked != nil || !ok || now != epoch {
		l.log.Info("reading ended; this bridge does not hold the lead any more", zap.Error(err))
		return true
	}
	return false
}

var errStopped = errors.New("stopped")

// renew keeps the lead. A lead that could not be renewed for its whole length is taken for lost: whoever takes over next must be
// alone, and the store's fence makes sure of it even if this clock is wrong.
func (l *leader) renew(ctx context.Context, epoch uint64) error {
	held := time.Now()
	for {
		if !sleep(ctx, renewal) {
			return nil
		}
		asked := time.Now()
		now, ok, err := l.lead(ctx)
		l.told(ctx, err)
		switch {
		case ctx.Err() != nil: // the next look ends it
		case err != nil:
			if time.Since(held) > leaseTTL {
				return errSilent
			}
		case !ok:
			return errLostLead
		case now != epoch:
			// Ours still, under a new epoch: nobody else had it, and the store lacks what it had confirmed; or our lead had run
			// out unnoticed and somebody had it in between. Either way reading goes back to the saved position.
			return errRewound
		default:
			held = asked
		}
	}
}

// lead asks for the lead.
func (l *leader) lead(ctx context.Context) (epoch uint64, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return l.store.Lead(ctx, l.owner, leaseTTL)
}

// resign gives the lead back, so that another bridge need not wait for it to run out.
func (l *leader) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := l.store.Resign(ctx, l.owner); err != nil {
		l.log.Warn("cannot give back the lead; it runs out by itself", zap.Error(err), zap.Duration("within", leaseTTL))
	}
}

// sleep waits; false where ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
