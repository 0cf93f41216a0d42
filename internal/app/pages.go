package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"talkbridge/canal"
	"talkbridge/internal/admin"
)

// pages are the bridge's HTTP side. stop ends what a page has begun.
func (b *bridgeParts) pages(stop context.Context) http.Handler {
	return admin.Handler(admin.Options{
		Version: b.options.Version, Ledger: b.store, Gatherer: b.registry, Logger: b.options.Logger.Named("admin"),
		Leader: b.isLeader, Routes: routeNames(b.options.Config),
		Source: func() any { return b.source.Status() },
		Ready:  b.ready, Alive: b.alive, Paused: b.store.Paused, Control: b.control(stop),
		Guard: b.guard, Console: b.console.Register, TLS: b.options.Config.Admin.TLS.Cert != "",
	})
}

func (b *bridgeParts) isLeader() bool { return b.leading.Load() != 0 }

// ready tells whether this process does its part: the store answers, and if it is the one that listens, the source sends.
func (b *bridgeParts) ready(ctx context.Context) error {
	if _, _, err := b.store.Checkpoint(ctx); err != nil {
		return err
	}
	if !b.leader.known.Load() { // ready now and not a moment later would be no truth
		return errors.New("it is not decided yet whether this bridge listens or stands by")
	}
	if b.isLeader() && !b.source.Status().Connected {
		return errors.New("the source is not connected")
	}
	return nil
}

// stuckAfter is how long a listener that is connected may go without a sign of life: the server sends a heartbeat every two seconds, a
// connection that broke is noticed within twenty, and a store that takes nothing is asked again every few.
const stuckAfter = time.Minute

// alive tells whether this process makes progress, or waits for something that is away. One that does neither should be started anew.
func (b *bridgeParts) alive(ctx context.Context) error {
	silent, still := standsStill(b.source.Status(), b.isLeader(), time.Unix(0, b.answered.Load()), time.Now())
	if !still {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, _, err := b.store.Checkpoint(ctx); err != nil {
		return nil // reading waits for the store, as it should
	}
	return fmt.Errorf("the listener is connected and has taken in nothing for %s, not even a heartbeat", silent.Round(time.Second))
}

// standsStill tells whether a listener is connected and shows no sign of life, and for how long. What the server sent is one, and so is each
// answer of the store, a refusal too: while a store that is full takes nothing, the reader waits for it with a full queue and hears nothing.
func standsStill(s canal.Status, leading bool, answered, now time.Time) (silent time.Duration, still bool) {
	last := s.LastEventAt
	if answered.After(last) {
		last = answered
	}
	silent = now.Sub(last)
	return silent, leading && s.Connected && !s.LastEventAt.IsZero() && silent >= stuckAfter
}
