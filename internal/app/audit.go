package app

import (
	"context"
	"errors"

	"talkbridge/internal/audit"
	"talkbridge/internal/config"
	"talkbridge/state"
)

// OpenAudit opens the audit log of a configuration, with the store's anchors where the store can be opened. Where a running bridge
// holds an embedded store, its anchors are out of reach, and anchored is false.
func OpenAudit(ctx context.Context, c *config.Config) (log *audit.Log, anchored bool, closeIt func() error, err error) {
	store, err := state.Open(ctx, storeOptions(c))
	switch {
	case err == nil:
		log, err = audit.New(c.Admin.AuditLog, c.State.Key, store)
		if err != nil {
			return nil, false, nil, errors.Join(err, store.Close())
		}
		return log, true, store.Close, nil
	case !errors.Is(err, state.ErrLocked):
		return nil, false, nil, err
	}
	log, err = audit.New(c.Admin.AuditLog, c.State.Key, nil)
	return log, false, func() error { return nil }, err
}
