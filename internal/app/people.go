package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/audit"
	"talkbridge/internal/console"
	"talkbridge/internal/control"
)

// people makes what people meet: who may log in, the audit trail, and the console.
func (b *bridgeParts) people() error {
	c := b.options.Config
	users := make([]access.User, 0, len(c.Admin.Users))
	for _, u := range c.Admin.Users {
		users = append(users, access.User{Name: u.Name, Hash: u.Password, Role: access.Role(u.Role)})
	}
	var err error
	if b.guard, err = access.New(users, c.Admin.TLS.Cert != ""); err != nil {
		return err
	}
	if b.trail, err = audit.New(c.Admin.AuditLog, c.State.Key, b.store); err != nil {
		return err
	}
	b.guard.Refused = b.keptOut
	b.console, err = console.New(console.Options{
		Version: b.options.Version, Namespace: c.State.Namespace, Platform: c.Platform.BaseURL, Routes: routeNames(c),
		Guard: b.guard, Ledger: b.store, Live: b.live, Actions: b.actions(), Preview: b.shown,
		Trail: b.trail, Location: c.Source.Location, Logger: b.options.Logger.Named("console"),
	})
	return err
}

// actions are what the console may ask for. It keeps its own audit trail, for it knows more of who asked, so these leave none.
func (b *bridgeParts) actions() control.Operations {
	o := b.operator()
	return control.Operations{
		"pause": control.Do(o.Pause), "resume": control.Do(o.Resume),
		"records.retry": control.Do(o.RetryRecords), "records.discard": control.Do(o.DiscardRecords),
	}
}

// keptOut writes into the trail that somebody was not let in, by the login page or by a program's password.
func (b *bridgeParts) keptOut(name, from string, why error) {
	if name == "" {
		name = "unknown"
	}
	e := audit.Event{Actor: name, From: from, Action: "login", Result: audit.Refused, Reason: why.Error()}
	if err := b.trail.Append(context.Background(), e); err != nil {
		b.options.Logger.Warn("a refused login is not in the audit trail, or not anchored yet", zap.Error(err))
	}
}

// certificate is admin.tls; nil: none.
func (b *bridgeParts) certificate() (*tls.Certificate, error) {
	t := b.options.Config.Admin.TLS
	if t.Cert == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("admin.tls: %w. cert is the certificate with its chain, key its private key, both PEM", err)
	}
	return &pair, nil
}

// began writes the bridge's start into the trail. A trail that cannot be written ends the start: what is done later could not be proved.
func (b *bridgeParts) began(ctx context.Context) error {
	err := b.trail.Append(ctx, audit.Event{Actor: "bridge", Action: "bridge.start", Object: b.options.Version, Result: audit.Done})
	if errors.Is(err, audit.ErrNotAnchored) {
		b.options.Logger.Warn("the audit trail is written, but the store does not know its last line yet", zap.Error(err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w. admin.audit_log names a file that this account can write", err)
	}
	return nil
}

// ended writes the bridge's end into the trail.
func (b *bridgeParts) ended(ctx context.Context, err error) {
	e := audit.Event{Actor: "bridge", Action: "bridge.stop", Object: b.options.Version, Result: audit.ResultOf(err)}
	if failed := b.trail.Append(context.WithoutCancel(ctx), e); failed != nil {
		b.options.Logger.Warn("the bridge's end is not in the audit trail", zap.Error(failed))
	}
}

// live is how this process stands, for the console.
func (b *bridgeParts) live(ctx context.Context) console.Live {
	s := b.source.Status()
	l := console.Live{
		Leader: b.isLeader(), Connected: s.Connected, Scanning: s.Scanning, Source: fmt.Sprintf("%s %s · %s", s.Flavor, s.Version, b.options.Config.Source.Addr),
		LagSeconds: s.LagSeconds, LagBytes: s.LagBytes, HeadroomBytes: s.PurgeHeadroomBytes, HeadroomSeconds: s.PurgeHeadroomSeconds, LastError: s.LastError,
		BreakerOpen: b.workers.BreakerOpen(), InFlight: b.workers.InFlight(), Delivered: b.workers.Delivered(),
	}
	if t, ok, err := b.store.Token(ctx); err == nil && ok {
		l.TokenExpires = t.ExpiresAt
	}
	if p, paused, err := b.store.Paused(ctx); err == nil && paused {
		l.Paused, l.PauseReason, l.PausedSince = true, p.Reason, p.Since
	}
	return l
}

// shown is one row as it would be sent, for an operator who asked.
func (b *bridgeParts) shown(ctx context.Context, route, key string) (console.Preview, error) {
	p, err := PreviewRow(ctx, b.options.Config, route, key)
	if err != nil {
		return console.Preview{}, err
	}
	var text bytes.Buffer
	if len(p.Payload) > 0 {
		if err := json.Indent(&text, p.Payload, "", "  "); err != nil {
			return console.Preview{}, err
		}
	}
	return console.Preview{Payload: text.String(), Problems: p.Problems, Why: p.Why}, nil
}
