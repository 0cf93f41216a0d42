package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"talkbridge/internal/rig"
)

// Latency: from the moment at which the source has answered a COMMIT until the sink has the call in whole, at 50 submissions a
// second, one a transaction. It can be less than nothing: the server writes its log, and wakes who reads it, before it answers.
const (
	latencyRate   = 50
	latencyWarmUp = 50  // submissions before those that count
	latencyCounts = 300 // submissions that count, each round
)

// A delay is one subject's, in ms: the medians and the 99th percentiles of its rounds.
type delay struct{ p50, p99 []float64 }

func latency(ctx context.Context, b *bench) ([]result, error) {
	s, err := newStage(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	subjects := []subject{
		s.floor("bare", "", 8), s.floor("durable", "redis", 8), s.bridge("bridge", "redis", 8, plain()),
		s.floor("embedded floor", "file", 8), s.bridge("bridge, embedded", "file", 8, plain()),
	}
	delays := make([]delay, len(subjects))
	id := 1_000_000
	for round := range b.rounds {
		for i, subject := range subjects {
			p50, p99, err := s.delay(ctx, subject, id)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", subject.name, err)
			}
			id += latencyWarmUp + latencyCounts
			b.say("round %d, %s: %.2f ms, 99th percentile %.2f ms", round+1, subject.name, p50, p99)
			delays[i].p50, delays[i].p99 = append(delays[i].p50, p50), append(delays[i].p99, p99)
		}
	}
	p50 := func(i int) float64 { return median(delays[i].p50) }
	p99 := func(i int) float64 { return median(delays[i].p99) }
	const what = "commit to receipt at 50/s, "
	return []result{
		against(what+"median, bare floor", "ms", p50(0), 0, target{}),
		against(what+"99th percentile, bare floor", "ms", p99(0), 0, target{}),
		against(what+"median, durable floor against bare", "ms", p50(1), p50(0), target{}),
		against(what+"median, bridge on Redis against durable floor", "ms", p50(2), p50(1), atMost(1.5)),
		against(what+"99th percentile, bridge on Redis against durable floor", "ms", p99(2), p99(1), atMost(2)),
		against(what+"median, bridge on its file against embedded floor", "ms", p50(4), p50(3), atMost(1.5)),
		against(what+"99th percentile, bridge on its file against embedded floor", "ms", p99(4), p99(3), atMost(2)),
	}, nil
}

// delay measures a subject once, with records from the given id on.
func (s *stage) delay(ctx context.Context, subject subject, id int) (p50, p99 float64, err error) {
	if err := s.sink.reset(ctx, 0, false); err != nil {
		return 0, 0, err
	}
	from, err := s.place(ctx)
	if err != nil {
		return 0, 0, err
	}
	process, err := subject.begin(ctx, from)
	if err != nil {
		return 0, 0, err
	}
	defer process.Kill()
	committed, err := s.commits(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	if err := s.sink.await(ctx, len(committed)); err != nil {
		return 0, 0, err
	}
	came, _, err := s.sink.times(ctx)
	if err != nil {
		return 0, 0, err
	}
	var took []float64
	for i, at := range committed {
		arrived, ok := came[strconv.Itoa(id+i)]
		if !ok {
			return 0, 0, fmt.Errorf("record %d did not come", id+i)
		}
		if i >= latencyWarmUp {
			took = append(took, float64(arrived-at)/1e6)
		}
	}
	return median(took), quantile(took, 0.99), nil
}

// commits submits one record after the other and notes when each was committed.
func (s *stage) commits(ctx context.Context, id int) ([]int64, error) {
	statement, err := s.db.PrepareContext(ctx, plainInsert+plainRow)
	if err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	defer statement.Close() //nolint:errcheck // the pool closes what is left
	committed := make([]int64, 0, latencyWarmUp+latencyCounts)
	text, next := content(), time.Now()
	for i := range latencyWarmUp + latencyCounts {
		rig.Pause(ctx, time.Until(next))
		next = next.Add(time.Second / latencyRate)
		if _, err := statement.ExecContext(ctx, id+i, text); err != nil {
			return nil, fmt.Errorf("submit: %w", err)
		}
		committed = append(committed, time.Now().UnixNano())
	}
	return committed, nil
}
