package app

import (
	"context"
	"errors"
	"fmt"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// A Ledger is what the command line reads.
type Ledger interface {
	Record(ctx context.Context, id string) (bridge.Record, bool, error)
	Records(ctx context.Context, f state.Filter) ([]bridge.Record, string, error)
	Position(ctx context.Context) (admin.Position, bool, error)
}

// OpenLedger opens the store, or, where it is an embedded file that a running bridge holds, asks that bridge (ADR 0007, 0008).
func OpenLedger(ctx context.Context, c *config.Config) (ledger Ledger, closeIt func() error, err error) {
	store, err := state.Open(ctx, storeOptions(c))
	switch {
	case err == nil:
		return storeLedger{store}, store.Close, nil
	case !errors.Is(err, state.ErrLocked):
		return nil, nil, err
	}
	b, closeIt, openErr := OpenControl(ctx, c)
	if openErr != nil {
		return nil, nil, openErr
	}
	l := askedLedger{b}
	if _, _, askErr := l.Position(ctx); askErr != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w; and no bridge answers on admin.listen: %w", err, askErr), closeIt())
	}
	return l, closeIt, nil
}

func storeOptions(c *config.Config) state.Options {
	return state.Options{URL: c.State.URL.Reveal(), Namespace: c.State.Namespace, Key: c.State.Key, Retention: c.State.Retention}
}

type storeLedger struct{ *state.Store }

func (l storeLedger) Position(ctx context.Context) (admin.Position, bool, error) {
	cp, ok, err := l.Checkpoint(ctx)
	return admin.PositionOf(cp), ok, err
}

// askedLedger reads through a running bridge.
type askedLedger struct{ asker control.Asker }

func (l askedLedger) Record(ctx context.Context, id string) (bridge.Record, bool, error) {
	a, err := control.Ask[Found[bridge.Record]](ctx, l.asker, "ledger.record", "", RecordArgs{ID: id}, nil)
	return a.Value, a.Found, err
}

func (l askedLedger) Records(ctx context.Context, f state.Filter) ([]bridge.Record, string, error) {
	a, err := control.Ask[admin.RecordPage](ctx, l.asker, "ledger.records", "", f, nil)
	return a.Records, a.Next, err
}

func (l askedLedger) Position(ctx context.Context) (admin.Position, bool, error) {
	a, err := control.Ask[Found[admin.Position]](ctx, l.asker, "ledger.position", "", Nothing{}, nil)
	return a.Value, a.Found, err
}

// Found is an answer that may be none.
type Found[T any] struct {
	Found bool `json:"found"`
	Value T    `json:"value"`
}

// RecordArgs name a record.
type RecordArgs struct {
	ID string `json:"id"`
}

// ShowRecord gives one record.
func (o *Operator) ShowRecord(ctx context.Context, _ string, a RecordArgs, _ Tell) (Found[bridge.Record], error) {
	r, ok, err := o.store.Record(ctx, a.ID)
	return Found[bridge.Record]{ok, r}, err
}

// ListRecords gives a page of records.
func (o *Operator) ListRecords(ctx context.Context, _ string, f state.Filter, _ Tell) (admin.RecordPage, error) {
	records, next, err := o.store.Records(ctx, f)
	return admin.RecordPage{Records: records, Next: next}, err
}

// ShowPosition gives the saved position.
func (o *Operator) ShowPosition(ctx context.Context, _ string, _ Nothing, _ Tell) (Found[admin.Position], error) {
	p, ok, err := storeLedger{o.store}.Position(ctx)
	return Found[admin.Position]{ok, p}, err
}
