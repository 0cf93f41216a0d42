package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// outboxCollector asks the store when Prometheus asks: what several bridges share has no place in one process's memory.
type outboxCollector struct {
	store   *state.Store
	leading *atomic.Uint64
}

// collectLimit bounds a scrape: a store that is away must not hold it up.
const collectLimit = 3 * time.Second

func (c *outboxCollector) descriptions() (records, oldest, leader *prometheus.Desc) {
	return prometheus.NewDesc("talkbridge_outbox_records", "Records by status.", []string{"status"}, nil),
		prometheus.NewDesc("talkbridge_outbox_oldest_seconds", "Age of the oldest record that waits, in seconds; 0 when none does.", nil, nil),
		prometheus.NewDesc("talkbridge_leader", "1 if this process listens to the source.", nil, nil)
}

// Describe implements prometheus.Collector.
func (c *outboxCollector) Describe(ch chan<- *prometheus.Desc) {
	records, oldest, leader := c.descriptions()
	ch <- records
	ch <- oldest
	ch <- leader
}

// Collect implements prometheus.Collector.
func (c *outboxCollector) Collect(ch chan<- prometheus.Metric) {
	records, oldest, leader := c.descriptions()
	lead := 0.0
	if c.leading.Load() != 0 {
		lead = 1
	}
	ch <- prometheus.MustNewConstMetric(leader, prometheus.GaugeValue, lead)
	ctx, cancel := context.WithTimeout(context.Background(), collectLimit)
	defer cancel()
	counts, since, err := c.store.Counts(ctx)
	if err != nil {
		return // absent is the truth: nobody knows
	}
	for _, status := range bridge.Statuses() {
		ch <- prometheus.MustNewConstMetric(records, prometheus.GaugeValue, float64(counts[status]), string(status))
	}
	age := 0.0
	if !since.IsZero() {
		age = max(0, time.Since(since).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, age)
}
