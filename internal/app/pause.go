package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"talkbridge/internal/config"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// OpenControl opens the store, or, where it is an embedded file that a running bridge holds, asks that bridge (ADR 0008).
func OpenControl(ctx context.Context, c *config.Config) (store control.Store, closeIt func() error, err error) {
	opened, err := state.Open(ctx, storeOptions(c))
	switch {
	case err == nil:
		return opened, opened.Close, nil
	case !errors.Is(err, state.ErrLocked):
		return nil, nil, err
	}
	client, err := control.NewClient(c.Admin.Listen, c.State.Key, c.State.Namespace)
	if err != nil {
		return nil, nil, err
	}
	return client, client.Close, nil
}

// control is what the command line may ask of this process.
func (b *bridgeParts) control() http.Handler {
	c := b.options.Config.State
	signer, err := control.NewSigner(c.Key, c.Namespace)
	if err != nil { // the store is open, so the key is one
		b.options.Logger.Error("pause, resume and backup cannot be asked of this process", zap.Error(err))
		return nil
	}
	return control.Handler(b.store, signer, b.options.Logger.Named("control"))
}

// Pause stops delivery for every bridge of the namespace.
func Pause(ctx context.Context, c *config.Config, reason string) (p state.Pause, changed bool, err error) {
	store, closeIt, err := OpenControl(ctx, c)
	if err != nil {
		return state.Pause{}, false, err
	}
	defer func() { err = errors.Join(err, closeIt()) }()
	return store.Pause(ctx, reason)
}

// Resume ends a pause.
func Resume(ctx context.Context, c *config.Config, force bool) (p state.Pause, changed bool, err error) {
	store, closeIt, err := OpenControl(ctx, c)
	if err != nil {
		return state.Pause{}, false, err
	}
	defer func() { err = errors.Join(err, closeIt()) }()
	p, changed, err = store.Resume(ctx, force)
	if errors.Is(err, state.ErrNotCaughtUp) {
		err = fmt.Errorf("%w. Start a bridge, wait until it has caught up (talkbridge_source_lag_seconds 0), and resume then; "+
			"where the source is gone for good: talkbridge resume --force", err)
	}
	return p, changed, err
}

// sayPaused tells at start that nothing is going to be delivered.
func (b *bridgeParts) sayPaused(ctx context.Context) {
	p, paused, err := b.store.Paused(ctx)
	if err == nil && paused {
		b.options.Logger.Warn("delivery is paused; reading goes on, and what is submitted waits. talkbridge resume ends the pause",
			zap.String("reason", p.Reason), zap.Time("since", p.Since))
	}
}

// pauseCollector asks the store when Prometheus asks.
type pauseCollector struct{ store *state.Store }

func (c *pauseCollector) description() *prometheus.Desc {
	return prometheus.NewDesc("talkbridge_paused", "1 while delivery is paused, by hand or after a restore.", nil, nil)
}

// Describe implements prometheus.Collector.
func (c *pauseCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.description() }

// Collect implements prometheus.Collector.
func (c *pauseCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectLimit)
	defer cancel()
	_, paused, err := c.store.Paused(ctx)
	if err != nil {
		return // absent is the truth: nobody knows
	}
	value := 0.0
	if paused {
		value = 1
	}
	ch <- prometheus.MustNewConstMetric(c.description(), prometheus.GaugeValue, value)
}
