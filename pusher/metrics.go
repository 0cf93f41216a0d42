package pusher

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "talkbridge"

// newTokenMetrics makes the gauge that a TokenSource sets.
func newTokenMetrics(registry prometheus.Registerer) (prometheus.Gauge, error) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "token_expiry_timestamp_seconds", Help: "When the platform's token ends, in seconds since 1970; 0: none yet.",
	})
	return gauge, register(registry, gauge)
}

// workerMetrics are what Workers count.
type workerMetrics struct {
	pushes   *prometheus.CounterVec
	duration prometheus.Histogram
	delay    *prometheus.HistogramVec
	breaker  prometheus.Gauge
}

func newWorkerMetrics(registry prometheus.Registerer, routes []string) (*workerMetrics, error) {
	m := &workerMetrics{
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "push_total", Help: "Calls to the platform by route and outcome; reauth counts refused tokens.",
		}, []string{"route", "outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "push_duration_seconds", Help: "How long a call took, with its token if one had to be fetched.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40},
		}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "commit_to_delivery_seconds", Help: "From the commit in the source to the platform's yes.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600},
		}, []string{"route"}),
		breaker: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "breaker_open", Help: "1 while the platform is not called because it was down.",
		}),
	}
	for _, route := range routes { // a series that starts at 0 lets a rate see its first event
		m.delay.WithLabelValues(route)
		for _, outcome := range Outcomes() {
			m.pushes.WithLabelValues(route, string(outcome))
		}
	}
	return m, register(registry, m.pushes, m.duration, m.delay, m.breaker)
}

func register(registry prometheus.Registerer, collectors ...prometheus.Collector) error {
	if registry == nil {
		return nil
	}
	var problems []error
	for _, c := range collectors {
		if err := registry.Register(c); err != nil {
			problems = append(problems, fmt.Errorf("register a metric: %w", err))
		}
	}
	return errors.Join(problems...)
}
