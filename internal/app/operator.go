package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"go.uber.org/zap"

	"talkbridge/internal/config"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// An Operator does what a person asks for, over a store that is open: in the bridge that holds it, on behalf of the command line and
// the console, or in the command's own process.
//
// To add an operation: write a method func (o *Operator) Name(ctx, by, args, tell) (answer, error) with types of its own, whose JSON
// is part of the product's interface; name it in Operations, audited if it changes anything; ask for it with
// control.Ask. by is who asks, for the audit trail.
type Operator struct {
	config  *config.Config
	store   *state.Store
	log     *zap.Logger
	running bool // in a bridge, not in a command
	parts   func() (*sending, error)
}

// Operations are what can be asked for, by the names that the command line and the audit trail use.
func (o *Operator) Operations() control.Operations {
	return control.Operations{
		"pause":           audited(o, "pause", o.Pause),
		"resume":          audited(o, "resume", o.Resume),
		"row.compare":     control.Do(o.CompareRow),
		"ledger.record":   control.Do(o.ShowRecord),
		"ledger.records":  control.Do(o.ListRecords),
		"ledger.position": control.Do(o.ShowPosition),
		"records.retry":   audited(o, "records.retry", o.RetryRecords),
		"records.discard": audited(o, "records.discard", o.DiscardRecords),
		"push":            audited(o, "push", o.Push),
		"reconcile":       audited(o, "reconcile", o.Reconcile),
		"backfill":        audited(o, "backfill", o.Backfill),
		"replay":          audited(o, "replay", o.Replay),
		"position.set":    audited(o, "position.set", o.SetPosition),
		"position.clear":  audited(o, "position.clear", o.ClearPosition),
		"token.show":      control.Do(o.ShowToken),
		"token.refresh":   audited(o, "token.refresh", o.RefreshToken),
	}
}

// A Tell is told how far an operation is.
type Tell = func(control.Progress)

// A Bridge is asked for operations and for a backup: a store that was opened, or a running bridge.
type Bridge interface {
	control.Asker
	Backup(ctx context.Context, w io.Writer, progress state.Progress) (state.Summary, error)
}

// OpenControl opens the store, or, where it is an embedded file that a running bridge holds, asks that bridge (ADR 0008, 0012).
func OpenControl(ctx context.Context, c *config.Config) (b Bridge, closeIt func() error, err error) {
	adoptRedisLog(zap.NewNop())
	var done closers
	store, err := state.Open(ctx, storeOptions(c))
	switch {
	case err == nil:
		done.add(store.Close)
		o := &Operator{config: c, store: store, log: zap.NewNop(), parts: lazily(c, store, &done)}
		return opened{o.Operations(), store}, done.close, nil
	case !errors.Is(err, state.ErrLocked):
		return nil, nil, err
	}
	client, err := control.NewClient(c.Admin.Listen, c.State.Key, c.State.Namespace, c.Admin.TLS.Cert)
	if err != nil {
		return nil, nil, err
	}
	return asked{client, c.Admin.Listen}, client.Close, nil
}

// opened is a store that this process opened.
type opened struct {
	control.Operations
	*state.Store
}

// asked is a bridge that runs, with what to do where it cannot be asked.
type asked struct {
	*control.Client
	listen string
}

func (a asked) Ask(ctx context.Context, r control.Request, tell func(control.Progress)) (json.RawMessage, error) {
	answer, err := a.Client.Ask(ctx, r, tell)
	return answer, a.explained(err)
}

func (a asked) Backup(ctx context.Context, w io.Writer, progress state.Progress) (state.Summary, error) {
	sum, err := a.Client.Backup(ctx, w, progress)
	return sum, a.explained(err)
}

// explained adds a way out where no bridge answers.
func (a asked) explained(err error) error {
	if !errors.Is(err, control.ErrNoAnswer) {
		return err
	}
	return fmt.Errorf("%w. The store's file is held by a running process, and only that one can do this: see that admin.listen (%s) is the "+
		"one it runs with, or stop it and ask again", err, a.listen)
}

// operator is the Operator of this process.
func (b *bridgeParts) operator() *Operator {
	return &Operator{
		config: b.options.Config, store: b.store, log: b.options.Logger.Named("operator"), running: true,
		parts: func() (*sending, error) {
			return &sending{source: b.source, mapper: b.mapper, client: b.client, workers: b.workers, writer: b.writer}, nil
		},
	}
}

// control is what the command line may ask of this process, until ctx ends.
func (b *bridgeParts) control(ctx context.Context) http.Handler {
	c := b.options.Config.State
	signer, err := control.NewSigner(c.Key, c.Namespace)
	if err != nil { // the store is open, so the key is one
		b.options.Logger.Error("nothing can be asked of this process from the command line", zap.Error(err))
		return nil
	}
	handler := control.Handler(b.operator().Operations(), b.store, signer, b.options.Logger.Named("control"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asking, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()      // an operation does not outlive the bridge's parts
		handler.ServeHTTP(w, r.WithContext(asking)) //nolint:contextcheck // it is the request's own, which ends with ctx too
	})
}
