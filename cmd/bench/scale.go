package main

import (
	"context"
	"fmt"
	"time"
)

// Scale: one, two and four bridges on one Redis, each a process of its own with eight calls in flight, against a platform that takes
// 20 ms. One of them listens; all deliver.

const (
	scaleAnswer  = 20 * time.Millisecond
	scaleWorkers = 8
	scaleRecords = 1600 // for each bridge: some four seconds
)

func scale(ctx context.Context, b *bench) ([]result, error) {
	s, err := newStage(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	counts := []int{1, 2, 4}
	rates := make([][]float64, len(counts))
	for round := range b.rounds {
		for i, bridges := range counts {
			records := scaleRecords * bridges
			rate, err := s.steady(ctx, s.several(bridges), records, scaleAnswer, scaleWorkers*bridges)
			if err != nil {
				return nil, fmt.Errorf("%d bridges: %w", bridges, err)
			}
			b.say("round %d, %d bridges: %.0f/s", round+1, bridges, rate)
			rates[i] = append(rates[i], rate)
		}
	}
	one := median(rates[0])
	ideal := scaleWorkers / scaleAnswer.Seconds()
	return []result{
		against("one bridge, platform that takes 20 ms, against 8 ÷ 20 ms", "records/s", one, ideal, target{}),
		against("two bridges on one Redis, against twice one", "records/s", median(rates[1]), 2*one, atLeast(0.9)),
		against("four bridges on one Redis, against four times one", "records/s", median(rates[2]), 4*one, atLeast(0.9)),
	}, nil
}

// several gives bridges on one Redis, in whose outbox records wait until they are released.
func (s *stage) several(bridges int) subject {
	first := s.waiting("bridges", scaleRecords*bridges, scaleWorkers, plain())
	start := first.start
	first.start = func(ctx context.Context, from place) (running, error) {
		p, err := start(ctx, from)
		for range bridges - 1 {
			if err != nil {
				break
			}
			var b talkbridge
			if b, err = s.newBridge("redis", scaleWorkers, plain(), begin(from)); err == nil {
				err = b.Start(ctx)
				p.others = append(p.others, b.Process)
			}
		}
		return p, err
	}
	return first
}
