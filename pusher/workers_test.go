package pusher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func change(key string) bridge.Change {
	return bridge.Change{Route: "one", Key: key, Origin: bridge.OriginBinlog, CommittedAt: time.Now(), Columns: map[string]bridge.Value{
		"id": {Kind: bridge.KindInt, Text: key}, "xm": {Kind: bridge.KindText, Text: "欧阳娜娜"},
	}}
}

func changes(n int) []bridge.Change {
	list := make([]bridge.Change, n)
	for i := range list {
		list[i] = change(fmt.Sprint(i))
	}
	return list
}

// mapKey makes the key the payload.
func mapKey(_ context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
	return []byte(c.Key), nil, nil
}

// always is a client with one answer.
func always(r Result) Pusher {
	return pusherFunc(func(context.Context, string, []byte) Result { return r })
}

// pool is Workers under test, on a fake outbox, in a synctest bubble.
type pool struct {
	*Workers

	outbox *memoryOutbox
	stop   context.CancelFunc
	done   chan error
	logs   *observer.ObservedLogs
}

func startPool(t *testing.T, change func(*WorkersOptions)) *pool {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	outbox := newMemoryOutbox()
	o := WorkersOptions{
		Outbox: outbox, Mapper: mapperFunc(mapKey), Client: always(Result{Outcome: Delivered, Code: "0"}),
		Endpoints: map[string]string{"one": "/talk-record/one"}, Concurrency: 4, Retry: Backoff{Initial: time.Second, Max: time.Minute},
		LeaseLost: func(err error) bool { return errors.Is(err, errLeaseLost) }, Logger: zap.New(core),
	}
	change(&o)
	workers, err := NewWorkers(o)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	p := &pool{Workers: workers, outbox: outbox, stop: stop, done: make(chan error, 1), logs: logs}
	go func() { p.done <- workers.Run(ctx) }()
	synctest.Wait()
	return p
}

// end stops the pool and waits for it.
func (p *pool) end(t *testing.T) {
	t.Helper()
	p.stop()
	require.NoError(t, <-p.done)
}

func TestASubmissionGoesOutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(*WorkersOptions) {})
		time.Sleep(10 * time.Minute) // idle for long
		before := time.Now()
		p.outbox.submit(change("1"))
		synctest.Wait()
		assert.Equal(t, bridge.VerdictDelivered, p.outbox.verdict("one/1"))
		assert.Zero(t, time.Since(before), "no polling interval is in the way")
		p.end(t)
	})
}

func TestIdlingCostsAlmostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(*WorkersOptions) {})
		time.Sleep(10 * time.Minute)
		p.end(t)
		assert.Less(t, p.outbox.asked(), 1250, "one look a second, for a hint that got lost")
	})
}

func TestAnOutboxThatGivesNothingIsNotAskedInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, func(o *WorkersOptions) { o.Outbox = &pausedOutbox{o.Outbox.(*memoryOutbox)} })
		p.outbox.submit(changes(3)...)
		time.Sleep(10 * time.Minute)
		p.end(t)
		assert.Less(t, p.outbox.asked(), 650)
		assert.Empty(t, p.outbox.settlements())
	})
}

// pausedOutbox says that records are due and gives none.
type pausedOutbox struct{ *memoryOutbox }

func (*pausedOutbox) Lease(context.Context, int, time.Duration) ([]bridge.Lease, error) {
	return nil, nil
}

func TestTransientFailuresAreRetriedForEver(t *testing.T) {
	for _, outcome := range []Outcome{Retry, Unknown} {
		synctest.Test(t, func(t *testing.T) {
			var calls []time.Time
			p := startPool(t, func(o *WorkersOptions) {
				o.Breaker.Failures = 1000
				o.Client = pusherFunc(func(context.Context, string, []byte) Result {
					calls = append(calls, time.Now())
					return Result{Outcome: outcome, Code: "502", Message: "bad gateway"}
				})
			})
			p.outbox.submit(change("1"))
			time.Sleep(24 * time.Hour)
			p.end(t)
			require.Greater(t, len(calls), 1000)
			for i, want := range []float64{1, 2, 4, 8, 16, 32, 60, 60, 60} {
				assert.InDelta(t, want, calls[i+1].Sub(calls[i]).Seconds(), 1e-6, "wait %d", i)
			}
			last := p.outbox.settlements()[0]
			assert.Equal(t, bridge.Settlement{
				Verdict: bridge.VerdictRetry, Stage: bridge.StagePlatform, Code: "502", Message: "bad gateway", After: time.Second,
			}, last)
		})
	}
}

func TestBackoffIsSpreadAndBounded(t *testing.T) {
	b := Backoff{Initial: time.Second, Max: 10 * time.Minute, Jitter: 0.2}
	var least, most time.Duration = time.Hour, 0
	for range 1000 {
		wait := b.after(3, 0)
		least, most = min(least, wait), max(most, wait)
	}
	assert.InDelta(t, 6.4, least.Seconds(), 0.2)
	assert.InDelta(t, 9.6, most.Seconds(), 0.2)
	for _, attempts := range []int{20, 63, 64, 1 << 20} {
		assert.LessOrEqual(t, b.after(attempts, 0), 10*time.Minute)
		assert.GreaterOrEqual(t, b.after(attempts, 0), 8*time.Minute)
	}
	assert.GreaterOrEqual(t, b.after(0, time.Hour), time.Hour, "what the platform asks for is a floor")
	assert.Less(t, b.after(0, time.Hour), time.Hour+time.Second)
	require.Error(t, Backoff{Initial: time.Minute, Max: time.Second}.check())
	require.Error(t, Backoff{Jitter: 2}.check())
}

func TestRefusalsAreKeptWithTheirReason(t *testing.T) {
	problems := []bridge.Problem{{Field: "talkMode", Column: "th_fs", Rule: "dict", Message: "谈话方式不在代码表内"}}
	tests := []struct {
		name   string
		change func(*WorkersOptions)
		want   bridge.Settlement
	}{
		{"by the mapper", func(o *WorkersOptions) {
			o.Mapper = mapperFunc(func(context.Context, bridge.Change) ([]byte, []bridge.Problem, error) { return nil, problems, nil })
		}, bridge.Settlement{
			Verdict: bridge.VerdictRejected, Stage: bridge.StageMapping, Code: "dict", Message: "谈话方式不在代码表内", Problems: problems,
		}},
		{"by the platform", func(o *WorkersOptions) {
			o.Client = always(Result{Outcome: Rejected, Code: "20001", Message: "学生不存在", HTTPStatus: 200})
		}, bridge.Settlement{Verdict: bridge.VerdictRejected, Stage: bridge.StagePlatform, Code: "20001", Message: "学生不存在"}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			p := startPool(t, tt.change)
			p.outbox.submit(change("1"))
			time.Sleep(time.Hour)
			p.end(t)
			assert.Equal(t, []bridge.Settlement{tt.want}, p.outbox.settlements(), tt.name)
		})
	}
}

func TestWhatIsNotTheRecordsFaultIsNoRefusal(t *testing.T) {
	tests := []struct {
		name   string
		change func(*WorkersOptions)
		want   bridge.Settlement
	}{
		{"the mapper's database is away", func(o *WorkersOptions) {
			o.Mapper = mapperFunc(func(context.Context, bridge.Change) ([]byte, []bridge.Problem, error) {
				return nil, nil, errors.New("lookup student: bad value '欧阳娜娜' 13812345678")
			})
		}, bridge.Settlement{Stage: bridge.StageMapping, Code: "mapping", Message: "lookup student: bad value '***' ***"}},
		{"the mapper hangs", func(o *WorkersOptions) {
			o.Mapper = mapperFunc(func(ctx context.Context, _ bridge.Change) ([]byte, []bridge.Problem, error) {
				<-ctx.Done()
				return nil, nil, ctx.Err()
			})
		}, bridge.Settlement{Stage: bridge.StageMapping, Code: "mapping", Message: "context deadline exceeded"}},
		{
			"the route left the configuration", func(o *WorkersOptions) { o.Endpoints = nil },
			bridge.Settlement{Stage: bridge.StageMapping, Code: "route", Message: "the route is not in the configuration any more: put it back, or " +
				"discard the record"},
		},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			p := startPool(t, tt.change)
			p.outbox.submit(change("1"))
			time.Sleep(5500 * time.Millisecond)
			p.end(t)
			tt.want.Verdict, tt.want.After = bridge.VerdictRetry, time.Second
			assert.Equal(t, tt.want, p.outbox.settlements()[0], tt.name)
		})
	}
}

func TestNoCallOutlivesItsLease(t *testing.T) { // Invariant 3

	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		flying := map[string]int{}
		p := startPool(t, func(o *WorkersOptions) {
			outbox := o.Outbox.(*memoryOutbox)
			o.Breaker.Failures, o.Writeback = 1000, writebackFunc(func(context.Context, bridge.Change, bridge.Settlement) error { return nil })
			o.Mapper = mapperFunc(func(ctx context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
				select { // as slow as it may be
				case <-ctx.Done():
					return nil, nil, ctx.Err()
				case <-time.After(4999 * time.Millisecond):
					return mapKey(ctx, c)
				}
			})
			o.Client = pusherFunc(func(ctx context.Context, _ string, payload []byte) Result {
				mu.Lock()
				flying[string(payload)]++
				assert.Equal(t, 1, flying[string(payload)], "one call at a time for a record")
				mu.Unlock()
				deadline, ok := ctx.Deadline()
				assert.True(t, ok)
				outbox.mu.Lock()
				assert.True(t, deadline.Before(outbox.records["one/"+string(payload)].due), "the deadline is before the lease's end")
				outbox.mu.Unlock()
				<-ctx.Done() // the platform never answers, and the client lets it
				mu.Lock()
				flying[string(payload)]--
				mu.Unlock()
				return Result{Outcome: Unknown}
			})
		})
		p.outbox.submit(changes(10)...)
		time.Sleep(10 * time.Minute)
		p.end(t)
		for _, s := range p.outbox.settlements() {
			assert.Equal(t, bridge.VerdictRetry, s.Verdict)
		}
		assert.NotEmpty(t, p.outbox.settlements())
		assert.Empty(t, p.logs.FilterMessageSnippet("lease ended").All(), "every settlement came in time")
	})
}

func TestNewerContentGoesOutAfterOlder(t *testing.T) { // Invariant 4

	synctest.Test(t, func(t *testing.T) {
		var sent []string
		p := startPool(t, func(o *WorkersOptions) {
			o.Mapper = mapperFunc(func(_ context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
				return []byte(c.EventID), nil, nil
			})
			o.Client = pusherFunc(func(_ context.Context, _ string, payload []byte) Result {
				time.Sleep(time.Second)
				sent = append(sent, string(payload))
				return Result{Outcome: Delivered}
			})
		})
		first, second := change("1"), change("1")
		first.EventID, second.EventID = "first", "second"
		p.outbox.submit(first)
		synctest.Wait()
		p.outbox.submit(second) // while the first is under way
		time.Sleep(10 * time.Second)
		p.end(t)
		assert.Equal(t, []string{"first", "second"}, sent)
	})
}

func TestConcurrencyAndRateAreBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		started := time.Now()
		p := startPool(t, func(o *WorkersOptions) {
			o.Concurrency, o.Rate = 3, 10
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(500 * time.Millisecond)
				return Result{Outcome: Delivered}
			})
		})
		p.outbox.submit(changes(31)...)
		for p.outbox.verdict("one/30") == "" {
			time.Sleep(10 * time.Millisecond)
		}
		assert.EqualValues(t, 3, most.Load())
		assert.InDelta(t, 5.5, time.Since(started).Seconds(), 0.3, "31 calls, 3 at once, half a second each")
		p.end(t)
	})
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		p := startPool(t, func(o *WorkersOptions) { o.Rate = 10 })
		p.outbox.submit(changes(31)...)
		for p.outbox.verdict("one/30") == "" {
			time.Sleep(10 * time.Millisecond)
		}
		assert.InDelta(t, 3, time.Since(started).Seconds(), 0.1, "31 calls, 10 a second, the first at once")
		p.end(t)
	})
}

func TestWorkersCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		p := startPool(t, func(o *WorkersOptions) {
			o.Registry, o.Client = registry, always(Result{Outcome: Delivered, Refetched: true})
		})
		c := change("1")
		c.CommittedAt = time.Now().Add(-2 * time.Second)
		scanned := change("2")
		scanned.Origin = bridge.OriginScan
		p.outbox.submit(c, scanned)
		synctest.Wait()
		assert.InDelta(t, 2, testutil.ToFloat64(p.metrics.pushes.WithLabelValues("one", "delivered")), 0)
		assert.InDelta(t, 2, testutil.ToFloat64(p.metrics.pushes.WithLabelValues("one", "reauth")), 0)
		families, err := registry.Gather()
		require.NoError(t, err)
		names := map[string]uint64{}
		for _, f := range families {
			names[f.GetName()] = f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
		assert.Equal(t, map[string]uint64{
			"talkbridge_push_total": 0, "talkbridge_push_duration_seconds": 2, "talkbridge_breaker_open": 0,
			"talkbridge_commit_to_delivery_seconds": 1, // a scan does not know when its row was committed
		}, names)
		lint, err := testutil.GatherAndLint(registry)
		require.NoError(t, err)
		assert.Empty(t, lint)
		p.end(t)
	})
}

func TestWorkersThatCannotWork(t *testing.T) {
	_, err := NewWorkers(WorkersOptions{Rate: -1, Retry: Backoff{Jitter: 3}})
	for _, part := range []string{"outbox", "rate", "jitter"} {
		assert.ErrorContains(t, err, part)
	}
}
