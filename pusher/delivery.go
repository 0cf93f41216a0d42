package pusher

import (
	"context"
	"time"

	"talkbridge/internal/bridge"

	"go.uber.org/zap"
)

// LeaseTime is how long a lease has to last for Deliver.
func (w *Workers) LeaseTime() time.Duration { return w.ttl }

// Deliver brings a record to its end that somebody leased by name, at once and whatever the breaker says, beside Run or without it. until
// is when the lease ends, counted from before it was asked for. Everything that holds for a delivery holds for this one. It gives the
// settlement; false where nothing was tried, and then the record was given back.
func (w *Workers) Deliver(ctx context.Context, lease bridge.Lease, until time.Time) (bridge.Settlement, bool) {
	settlement, sent := w.try(ctx, ctx, job{lease: lease, until: until, mode: breakerProbing})
	w.end(ctx, lease, until, settlement, sent)
	return settlement, sent
}

// settling is for what ends a lease: until the lease ends by itself, but when the bridge has to stop no longer than settleMargin. An
// outbox that hangs must not keep the process from ending; the lease runs out, and the record is due again.
func (w *Workers) settling(work context.Context, until time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(work), until)
	stop := context.AfterFunc(work, func() {
		timer := time.AfterFunc(settleMargin, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}

// process maps, pushes and writes back. stop ends when no new call may begin, ctx when the one under way has to end.
//
// Invariant 3: the outbox leases a record to one worker at a time, and all that is done under the lease has a deadline before the lease's
// end, that of ctx; so at most one call is in flight for a record, and none outlives its lease.
//
// It reports false when nothing was tried, so that the record is given back untouched.
func (w *Workers) process(stop, ctx context.Context, lease bridge.Lease, mode breakerState) (s bridge.Settlement, tried bool) {
	stage := bridge.StageMapping
	defer func() {
		if fault := recover(); fault != nil {
			s, tried = w.panicked(lease, stage, fault), true
		}
	}()
	if w.halted(stop, mode) {
		return bridge.Settlement{}, false
	}
	endpoint, ok := w.Endpoints[lease.Change.Route]
	if !ok { // a route that was taken out of the configuration may come back: no reason to reject
		return w.again(lease, bridge.StageMapping, "route", "the route is not in the configuration any more: put it back, or discard the record", 0), true
	}
	payload, settlement, mapped := w.mapped(ctx, lease)
	if ctx.Err() != nil && !mapped {
		return bridge.Settlement{}, false
	}
	if mapped {
		if w.halted(stop, mode) {
			return bridge.Settlement{}, false
		}
		stage = bridge.StagePlatform
		settlement = w.pushed(ctx, lease, endpoint, payload)
	}
	stage = bridge.StageWriteback
	return w.writtenBack(ctx, lease, settlement, payload), true
}

// halted tells that no call may begin: the bridge stops, or the platform is taken for down and this is no probe.
func (w *Workers) halted(stop context.Context, mode breakerState) bool {
	if stop.Err() != nil {
		return true
	}
	state, _ := w.breaker.state()
	return state != breakerClosed && mode != breakerProbing
}

// mapped makes the payload, or the settlement that says why there is none.
func (w *Workers) mapped(ctx context.Context, lease bridge.Lease) ([]byte, bridge.Settlement, bool) {
	ctx, cancel := context.WithTimeout(ctx, w.MapTimeout)
	defer cancel()
	payload, problems, err := w.Mapper.Map(ctx, lease.Change)
	switch {
	case err != nil:
		return nil, w.again(lease, bridge.StageMapping, "mapping", err.Error(), 0), false
	case len(problems) > 0:
		return nil, bridge.Settlement{
			Verdict: bridge.VerdictRejected, Stage: bridge.StageMapping, Code: problems[0].Rule, Message: problems[0].Message, Problems: problems,
		}, false
	default:
		return payload, bridge.Settlement{}, true
	}
}

// pushed makes the call and turns its result into a settlement. Only the platform's own no rejects (Invariant 5).
func (w *Workers) pushed(ctx context.Context, lease bridge.Lease, endpoint string, payload []byte) bridge.Settlement {
	route := lease.Change.Route
	started := time.Now()
	result := w.Client.Push(ctx, endpoint, payload)
	w.metrics.duration.Observe(time.Since(started).Seconds())
	w.metrics.pushes.WithLabelValues(route, string(result.Outcome)).Inc()
	if result.Refetched {
		w.metrics.pushes.WithLabelValues(route, string(Reauth)).Inc()
	}
	w.judge(ctx, result)
	switch result.Outcome {
	case Delivered:
		w.taken.Add(1)
		if at := lease.Change.CommittedAt; lease.Change.Origin == bridge.OriginBinlog && !at.IsZero() {
			w.metrics.delay.WithLabelValues(route).Observe(max(time.Since(at).Seconds(), 0))
		}
		return bridge.Settlement{Verdict: bridge.VerdictDelivered, Stage: bridge.StagePlatform, Code: result.Code, Message: result.Message}
	case Rejected:
		return bridge.Settlement{Verdict: bridge.VerdictRejected, Stage: bridge.StagePlatform, Code: result.Code, Message: result.Message}
	default:
		return w.again(lease, bridge.StagePlatform, result.Code, result.Message, result.RetryAfter)
	}
}

// judge tells the breaker what a call says about the platform: a rejection shows that it works. A call that we broke off
// ourselves says nothing.
func (w *Workers) judge(ctx context.Context, result Result) {
	switch {
	case result.Outcome == Delivered || result.Outcome == Rejected:
		if w.breaker.success() {
			w.metrics.breaker.Set(0)
			w.Logger.Info("the platform takes records again; delivery goes on")
		}
	case ctx.Err() != nil && context.Cause(ctx) == errStopping: //nolint:errorlint // set by us, bare
	default:
		if w.breaker.failure(result.RetryAfter) {
			w.metrics.breaker.Set(1)
			_, wait := w.breaker.state()
			w.Logger.Warn("the platform is not called for a while; records wait, nothing is dropped. One record at a time tries whether it is back",
				zap.Duration("first_in", wait.Round(time.Millisecond)), zap.String("code", result.Code), zap.String("reason", result.Message), zap.Int("http_status", result.HTTPStatus))
		}
	}
}

// writtenBack tells the source of a final verdict. If that fails, the record is not done: it is retried whole, which costs a call
// that overwrites the same content, and needs no memory of how far it had come. What the source says may come from a trigger of the
// school's, which can quote any table: what was looked up for the payload is masked in it too (Invariant 8).
func (w *Workers) writtenBack(ctx context.Context, lease bridge.Lease, s bridge.Settlement, payload []byte) bridge.Settlement {
	if w.Writeback == nil || s.Verdict == bridge.VerdictRetry {
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, w.WritebackTimeout)
	defer cancel()
	err := w.Writeback.Write(ctx, lease.Change, s)
	if err == nil {
		return s
	}
	message := "the platform has the record, but the source could not be marked: "
	if s.Verdict == bridge.VerdictRejected {
		message = "the record was refused (" + s.Message + "), but the source could not be marked: "
	}
	again := w.again(lease, bridge.StageWriteback, s.Code, message+redactor{}.answer(err.Error(), payload), 0)
	again.Problems = s.Problems
	return again
}

// again is the settlement of a record that is tried again later. The message may come from a database that repeats what it was
// given: the row's values are masked in it (Invariant 8).
func (w *Workers) again(lease bridge.Lease, stage bridge.Stage, code, message string, asked time.Duration) bridge.Settlement {
	return bridge.Settlement{
		Verdict: bridge.VerdictRetry, Stage: stage, Code: code, Message: redactRow(message, lease.Change), After: w.Retry.after(lease.Attempts, asked),
	}
}

// settle writes the verdict, and tries until the lease ends: a settlement that is lost costs another call, though no harm. When work
// has ended it tries once.
func (w *Workers) settle(ctx, work context.Context, lease bridge.Lease, settlement bridge.Settlement) {
	for {
		err := w.Outbox.Settle(ctx, lease, settlement)
		switch {
		case err == nil:
			w.outbox.back()
			return
		case w.LeaseLost(err):
			w.Logger.Warn("the lease ended before its settlement; the record is delivered again", zap.String("record", lease.ID))
			return
		}
		wait := w.outbox.away(err)
		if work.Err() != nil || ctx.Err() != nil {
			return
		}
		pause(ctx, wait)
	}
}
