package app

import (
	"context"
	"errors"
	"fmt"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/state"
)

// A Ledger is what the command line reads.
type Ledger interface {
	Record(ctx context.Context, id string) (bridge.Record, bool, error)
	Records(ctx context.Context, f state.Filter) ([]bridge.Record, string, error)
	Position(ctx context.Context) (admin.Position, bool, error)
}

// OpenLedger opens the store, or, where it is an embedded file that a running bridge holds, asks that bridge.
func OpenLedger(ctx context.Context, c *config.Config) (ledger Ledger, closeIt func() error, err error) {
	store, err := state.Open(ctx, storeOptions(c))
	switch {
	case err == nil:
		return storeLedger{store}, store.Close, nil
	case !errors.Is(err, state.ErrLocked):
		return nil, nil, err
	}
	client := admin.NewClient(c.Admin.Listen)
	if _, _, askErr := client.Position(ctx); askErr != nil {
		return nil, nil, fmt.Errorf("%w; and no bridge answers on admin.listen: %w", err, askErr)
	}
	return client, func() error { return nil }, nil
}

func storeOptions(c *config.Config) state.Options {
	return state.Options{URL: c.State.URL.Reveal(), Namespace: c.State.Namespace, Key: c.State.Key, Retention: c.State.Retention}
}

type storeLedger struct{ *state.Store }

func (l storeLedger) Position(ctx context.Context) (admin.Position, bool, error) {
	cp, ok, err := l.Checkpoint(ctx)
	return admin.PositionOf(cp), ok, err
}
