package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"talkbridge/state"
)

// PauseArgs say why.
type PauseArgs struct {
	Reason string `json:"reason,omitempty"`
}

// ResumeArgs say how.
type ResumeArgs struct {
	Force bool `json:"force,omitempty"` // see state.Store.Resume
}

// A Paused is the pause that is in force, or that was ended.
type Paused struct {
	Pause   state.Pause `json:"pause"`
	Changed bool        `json:"changed"` // by this operation
}

// Pause stops delivery for every bridge of the namespace.
func (o *Operator) Pause(ctx context.Context, by string, a PauseArgs, _ Tell) (Paused, error) {
	p, changed, err := o.store.Pause(ctx, a.Reason)
	if err == nil && changed {
		o.log.Warn("delivery is paused; reading goes on. talkbridge resume ends it", zap.String("by", by))
	}
	return Paused{p, changed}, err
}

// Resume ends a pause.
func (o *Operator) Resume(ctx context.Context, by string, a ResumeArgs, _ Tell) (Paused, error) {
	p, changed, err := o.store.Resume(ctx, a.Force)
	if errors.Is(err, state.ErrNotCaughtUp) {
		err = fmt.Errorf("%w. Start a bridge, wait until it has caught up (talkbridge_source_lag_seconds 0), and resume then; "+
			"where the source is gone for good: talkbridge resume --force", err)
	}
	if err == nil && changed {
		o.log.Info("delivery is resumed", zap.String("by", by))
	}
	return Paused{p, changed}, err
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
