package app

import (
	"context"
	"errors"
	"net/http"

	"talkbridge/internal/admin"
)

// pages are the bridge's HTTP side. stop ends what a page has begun.
func (b *bridgeParts) pages(stop context.Context) http.Handler {
	return admin.Handler(admin.Options{
		Version: b.options.Version, Ledger: b.store, Gatherer: b.registry, Logger: b.options.Logger.Named("admin"),
		Leader: b.isLeader, Routes: routeNames(b.options.Config),
		Source: func() any { return b.source.Status() },
		Ready:  b.ready, Paused: b.store.Paused, Control: b.control(stop),
		Guard: b.guard, Console: b.console.Register, TLS: b.options.Config.Admin.TLS.Cert != "",
	})
}

func (b *bridgeParts) isLeader() bool { return b.leading.Load() != 0 }

// ready tells whether this process does its part: the store answers, and if it is the one that listens, the source sends.
func (b *bridgeParts) ready(ctx context.Context) error {
	if _, _, err := b.store.Checkpoint(ctx); err != nil {
		return err
	}
	if b.isLeader() && !b.source.Status().Connected {
		return errors.New("the source is not connected")
	}
	return nil
}
