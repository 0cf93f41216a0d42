package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"talkbridge/internal/control"
	"talkbridge/state"
)

// A reconciler holds the flagged rows against the ledger now and then, in the bridge that listens.
type reconciler struct {
	operator *Operator
	every    time.Duration // 0: never
	leads    func() bool
	log      *zap.Logger
	rows     *prometheus.GaugeVec
	at       prometheus.Gauge
}

func newReconciler(o *Operator, every time.Duration, leads func() bool, log *zap.Logger, registry prometheus.Registerer) (*reconciler, error) {
	r := &reconciler{
		operator: o, every: every, leads: leads, log: log,
		rows: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "talkbridge_reconcile_rows", Help: "Flagged rows by what the last scheduled reconciliation of this process found.",
		}, []string{"route", "result"}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "talkbridge_reconcile_timestamp_seconds", Help: "When the last scheduled reconciliation of this process ended, in seconds since 1970; 0: none yet.",
		}),
	}
	if every == 0 {
		return r, nil
	}
	return r, errors.Join(registry.Register(r.rows), registry.Register(r.at))
}

// Run compares at its pace until ctx ends. A run that fails is tried again at the next turn: the next one finds what this one missed.
func (r *reconciler) Run(ctx context.Context) error {
	for r.every > 0 && sleep(ctx, r.every) {
		if r.leads() {
			r.once(ctx)
		}
	}
	return nil
}

func (r *reconciler) once(ctx context.Context) {
	found, err := r.operator.Reconcile(ctx, "bridge", ReconcileArgs{onlyMissing: true, cause: state.CauseSchedule}, func(control.Progress) {})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.log.Error("the scheduled reconciliation did not get through; the next one looks again", zap.Error(err), zap.Duration("next_in", r.every))
		return
	}
	doubtful := 0
	for _, t := range found.Routes {
		doubtful += t.Missing + t.Differing
		for result, n := range map[string]int{
			"in_sync": t.InSync, "missing": t.Missing, "differing": t.Differing, "rejected": t.Rejected, "discarded": t.Discarded, "queued": t.Queued,
		} {
			r.rows.WithLabelValues(t.Route, result).Set(float64(n))
		}
	}
	r.at.SetToCurrentTime()
	if doubtful > 0 {
		r.log.Warn("flagged rows were missing in the ledger, and are queued, or differed from it, and are left: talkbridge reconcile names them, with --fix it "+
			"submits them. Rows that were changed with sql_log_bin=0, a log that "+
			"was purged before it was read, or a store that lost its end are reasons", zap.Int("rows", doubtful))
	}
}
