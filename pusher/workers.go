package pusher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// An Outbox holds what is to be delivered.
type Outbox interface {
	// Lease takes up to n due records for ttl; nobody else gets them meanwhile.
	Lease(ctx context.Context, n int, ttl time.Duration) ([]bridge.Lease, error)
	// Settle ends a lease with a verdict.
	Settle(ctx context.Context, lease bridge.Lease, settlement bridge.Settlement) error
	// Release ends a lease as if it had not been: due at once, no attempt counted.
	Release(ctx context.Context, lease bridge.Lease) error
	// Expect says that n records may be leased for ttl as soon as they are there, for the next Lease: somebody waits for them. 0: nobody does.
	// Such a lease's Until is earlier than ttl from the Lease.
	Expect(ctx context.Context, n int, ttl time.Duration) error
	// NextDue tells how long until a record is due; false when none waits.
	NextDue(ctx context.Context) (time.Duration, bool, error)
	// Wake gives a hint that a record may be due.
	Wake() <-chan struct{}
}

// A Mapper makes the payload of a change. Problems are a refusal; an error is transient.
type Mapper interface {
	Map(ctx context.Context, change bridge.Change) (payload []byte, problems []bridge.Problem, err error)
}

// A Pusher makes the call; *Client is one.
type Pusher interface {
	Push(ctx context.Context, endpoint string, payload []byte) Result
}

// A Writeback tells the source what became of a submission.
type Writeback interface {
	Write(ctx context.Context, change bridge.Change, settlement bridge.Settlement) error
}

// WorkersOptions of Workers.
type WorkersOptions struct {
	Outbox    Outbox
	Mapper    Mapper
	Client    Pusher
	Writeback Writeback         // nil: the source is not written
	Endpoints map[string]string // by route

	Concurrency int     // calls in flight
	Rate        float64 // calls a second; 0: no limit
	Retry       Backoff
	Breaker     BreakerOptions

	CallTimeout      time.Duration // platform.timeout: of one exchange; a Push takes at most two
	MapTimeout       time.Duration // 5 s when 0
	WritebackTimeout time.Duration // 5 s when 0
	Drain            time.Duration // how long Run waits at its end for what is in flight; when 0, as long as a call may take
	Poll             time.Duration // how long an idle pool sleeps at most, should a hint get lost; 1 s when 0

	LeaseLost func(error) bool      // tells a settlement that came too late from an outbox that is away; nil: none is
	Logger    *zap.Logger           // nil: silent
	Registry  prometheus.Registerer // nil: no metrics
}

// Workers deliver what is due: lease, map, push, write back, settle, a bounded number at once.
type Workers struct {
	WorkersOptions

	ttl     time.Duration
	breaker *breaker
	limiter *rate.Limiter // nil: no limit
	metrics *workerMetrics
	flying  sync.WaitGroup
	aloft   atomic.Int64  // records in flight, for InFlight
	taken   atomic.Uint64 // records that the platform took, for Delivered
	// unsettled has an element for each settlement that is being written: where the outbox is slower than the platform, workers wait.
	unsettled chan struct{}
	outbox    *outboxHealth
	expects   bool          // the outbox was told that workers wait; only Run's goroutine uses it
	doze      time.Duration // how long an outbox that says "due now" and gives nothing was left alone; only Run's goroutine uses it
}

// settleMargin is the end of a lease that is kept for settling it.
const settleMargin = 5 * time.Second

// NewWorkers makes Workers. Nothing runs before Run.
func NewWorkers(o WorkersOptions) (*Workers, error) {
	o = o.withDefaults()
	metrics, err := newWorkerMetrics(o.Registry, slices.Sorted(maps.Keys(o.Endpoints)))
	if err := errors.Join(o.check(), err); err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	w := &Workers{
		WorkersOptions: o, breaker: &breaker{options: o.Breaker}, metrics: metrics,
		unsettled: make(chan struct{}, o.Concurrency+maxAhead), outbox: &outboxHealth{log: o.Logger},
	}
	w.ttl = longestWait + o.MapTimeout + PushLimit(o.CallTimeout) + settleMargin
	if o.Writeback != nil {
		w.ttl += o.WritebackTimeout
	}
	if o.Rate > 0 {
		// A burst of a fiftieth of a second keeps leases in batches at high rates, and calls evenly spaced at low ones.
		w.limiter = rate.NewLimiter(rate.Limit(o.Rate), 1+int(o.Rate/50))
	}
	return w, nil
}

func (o WorkersOptions) withDefaults() WorkersOptions {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.CallTimeout, 10*time.Second)
	set(&o.MapTimeout, 5*time.Second)
	set(&o.WritebackTimeout, 5*time.Second)
	set(&o.Drain, o.CallTimeout)
	set(&o.Poll, time.Second)
	if o.Concurrency <= 0 {
		o.Concurrency = 8
	}
	if o.LeaseLost == nil {
		o.LeaseLost = func(error) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	o.Retry, o.Breaker = o.Retry.withDefaults(), o.Breaker.withDefaults()
	return o
}

func (o WorkersOptions) check() error {
	problems := []error{o.Retry.check()}
	if o.Outbox == nil || o.Mapper == nil || o.Client == nil {
		problems = append(problems, errors.New("an outbox, a mapper and a client are needed"))
	}
	if o.Rate < 0 {
		problems = append(problems, errors.New("rate: calls a second, 0 for no limit"))
	}
	return errors.Join(problems...)
}

// InFlight is how many records are being delivered just now.
func (w *Workers) InFlight() int { return int(w.aloft.Load()) }

// Delivered is how many calls the platform said yes to since these Workers were made.
func (w *Workers) Delivered() uint64 { return w.taken.Load() }

// BreakerOpen tells whether the platform is not called because it was down.
func (w *Workers) BreakerOpen() bool {
	state, _ := w.breaker.state()
	return state != breakerClosed
}

// Run delivers until ctx ends, then waits for what is in flight, gives back what was not sent, and returns nil. It goes on through
// every failure of the outbox, the mapper's database and the platform: none of them is a reason to end. It runs once.
//
// The order of stopping: no more leases; what is leased but not sent yet is released; calls under way are waited for, up to Drain;
// then they are broken off, and settled as a retry, which is safe because the platform overwrites by record.
func (w *Workers) Run(ctx context.Context) error {
	w.Logger.Info("delivery starts", zap.Int("concurrency", w.Concurrency), zap.Float64("rate", w.Rate), zap.Duration("lease", w.ttl))
	work, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	q := newQueue(w.Concurrency)
	for range w.Concurrency {
		w.flying.Go(func() { w.work(ctx, work, q) })
	}
	for ctx.Err() == nil {
		state, wait := w.breaker.state()
		if state != breakerClosed {
			w.expect(ctx, 0)
		}
		switch state {
		case breakerOpen:
			pause(ctx, min(wait, w.Poll)) // a call that was under way may close it early
		case breakerProbing:
			w.probe(ctx, q)
		case breakerClosed:
			w.round(ctx, q)
		}
	}
	w.expect(ctx, 0)
	close(q.jobs) // the workers give back what is in it
	w.drain(abort)
	w.Logger.Info("delivery has stopped")
	return nil
}

// errStopping ends calls that are still under way when the time for stopping is over.
var errStopping = errors.New("the bridge stops")

func (w *Workers) drain(abort context.CancelCauseFunc) {
	done := make(chan struct{})
	go func() {
		w.flying.Wait()
		close(done)
	}()
	timer := time.NewTimer(w.Drain)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		w.Logger.Warn("calls are still under way at the end of the time for stopping; they are broken off and repeated after the next start",
			zap.Int("in_flight", w.InFlight()))
		abort(errStopping)
		<-done // every step of a delivery ends with the context, so this does too
	}
}

// round leases as many records as there is room for and hands them to the workers; with nothing more due it sleeps.
func (w *Workers) round(ctx context.Context, q *queue) {
	room := q.room(w.Concurrency)
	if room == 0 {
		q.wait(ctx)
		return
	}
	leases, until, dry := w.lease(ctx, room, breakerClosed)
	q.open.Add(int64(len(leases)))
	for _, lease := range leases {
		q.jobs <- job{lease: lease, until: earlier(until, lease.Until), mode: breakerClosed} // it has room for all that may be open
	}
	if dry {
		w.idle(ctx, w.free(q), len(leases) > 0)
	}
}

// probe delivers one record with nothing else in flight, to see whether the platform is back.
func (w *Workers) probe(ctx context.Context, q *queue) {
	if q.open.Load() > 0 {
		q.wait(ctx)
		return
	}
	leases, until, dry := w.lease(ctx, 1, breakerProbing)
	if len(leases) == 0 {
		if dry {
			w.idle(ctx, 0, false)
		}
		return
	}
	over := make(chan struct{})
	q.open.Add(1)
	q.jobs <- job{lease: leases[0], until: earlier(until, leases[0].Until), mode: breakerProbing, over: over}
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// lease takes up to n due records, as the rate allows, and says until when they are ours. dry: there were fewer, so nothing more is due
// just now; not so when it did not even ask, because ctx ended or the breaker moved while we waited. The request is not broken off by ctx: a lease that was granted
// while we looked away would keep its record waiting for nothing.
func (w *Workers) lease(ctx context.Context, n int, mode breakerState) (leases []bridge.Lease, until time.Time, dry bool) {
	n = w.allowed(ctx, n)
	if state, _ := w.breaker.state(); n == 0 || state != mode {
		return nil, time.Time{}, false
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleMargin)
	defer cancel()
	// Counted from before the request and by our own clock: whatever the store's clock says, its lease ends no earlier.
	until = time.Now().Add(w.ttl)
	leases, err := w.Outbox.Lease(call, n, w.ttl)
	if err != nil {
		pause(ctx, w.outbox.away(err))
		return nil, time.Time{}, false
	}
	w.outbox.back()
	if len(leases) > 0 {
		w.doze = 0
	}
	if w.limiter != nil && len(leases) > 0 {
		w.limiter.AllowN(time.Now(), len(leases))
	}
	return leases, until, len(leases) < n
}

// allowed waits until the rate allows a call, and says how many of n it allows.
func (w *Workers) allowed(ctx context.Context, n int) int {
	if w.limiter == nil {
		return n
	}
	for ctx.Err() == nil {
		tokens := w.limiter.Tokens()
		if tokens >= 1 {
			return min(n, int(tokens))
		}
		pause(ctx, max(time.Duration((1-tokens)/w.Rate*float64(time.Second)), time.Millisecond))
	}
	return 0
}

// earlier is the earlier of two times, of which the second may not be known.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// free is how many records could be sent at once just now: no more may come with an append, or they would wait for a worker, or for the rate,
// while their leases run.
func (w *Workers) free(q *queue) int {
	free := max(0, w.Concurrency-int(q.open.Load()))
	if w.limiter != nil {
		free = min(free, max(0, int(w.limiter.Tokens())))
	}
	return free
}

// expect tells the outbox that workers wait, or with 0 that they do not lease for a while. Where it does not hear, records are leased a
// little later, or are due again when their leases end.
func (w *Workers) expect(ctx context.Context, n int) {
	if n == 0 && !w.expects {
		return
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleMargin)
	defer cancel()
	if err := w.Outbox.Expect(call, n, w.ttl); err != nil {
		w.outbox.away(err)
		return
	}
	w.expects = n > 0
}

// leastIdle is the shortest sleep of an idle pool: the outbox's clock and ours may differ by a moment.
const leastIdle = 5 * time.Millisecond

// idle sleeps until a hint, the next due record, or Poll. Meanwhile free workers wait for a record. some:
// the lease before gave something, so that it is worth asking again at once where more is due.
func (w *Workers) idle(ctx context.Context, free int, some bool) {
	if ctx.Err() != nil {
		return
	}
	w.expect(ctx, free)
	if some && w.woken(ctx, leastIdle) { // what was just leased goes first: the question when to get up can wait
		return
	}
	due, ok, err := w.Outbox.NextDue(ctx)
	if err != nil && ctx.Err() == nil {
		pause(ctx, w.outbox.away(err))
		return
	}
	if ok && due <= 0 && some {
		return
	}
	wait := w.Poll
	switch {
	case ok && due > 0:
		wait = min(max(due, leastIdle), w.Poll)
	case ok: // due now, and yet we got nothing: it is paused, or another bridge has it. Look again, but ever more seldom.
		w.doze = min(max(2*w.doze, leastIdle), w.Poll)
		wait = w.doze
	}
	w.woken(ctx, wait)
}

// woken sleeps, and tells whether a hint ended it.
func (w *Workers) woken(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.Outbox.Wake():
		w.doze = 0
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
