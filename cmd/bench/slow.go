package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A slow platform: what a platform that takes its time over each answer allows is the calls in flight through that time, and a bridge
// should come close to it: it must not lose time between one call and the next. Records wait in the outbox.

const (
	slowAnswer = 50 * time.Millisecond
	slowFor    = 4 * time.Second // of calls, each round
)

func slow(ctx context.Context, b *bench) ([]result, error) {
	s, err := newStage(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	workers := []int{8, 64}
	rates := make([][]float64, len(workers))
	for round := range b.rounds {
		for i, flying := range workers {
			records := flying * int(slowFor/slowAnswer)
			rate, err := s.steady(ctx, s.waiting("bridge", records, flying, plain()), records, slowAnswer, flying)
			if err != nil {
				return nil, fmt.Errorf("%d calls in flight: %w", flying, err)
			}
			b.say("round %d, %d calls in flight: %.1f/s", round+1, flying, rate)
			rates[i] = append(rates[i], rate)
		}
	}
	var results []result
	for i, n := range workers {
		ideal := float64(n) / slowAnswer.Seconds()
		results = append(results, against(fmt.Sprintf("platform that takes 50 ms, %d calls in flight, against %d ÷ 50 ms", n, n), "records/s",
			median(rates[i]), ideal, atLeast(0.97)))
	}
	return results, nil
}

// steady lets a subject send n records to a slow platform, with so many calls in flight, and gives calls a second.
func (s *stage) steady(ctx context.Context, subject subject, n int, answer time.Duration, flying int) (float64, error) {
	if _, err := s.db.ExecContext(ctx, "TRUNCATE TABLE "+plainTable); err != nil {
		return 0, fmt.Errorf("clear the table: %w", err)
	}
	from, err := s.place(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.submit(ctx, plainInsert, plainRow, plainFirst, n); err != nil {
		return 0, err
	}
	process, err := subject.begin(ctx, from)
	if err != nil {
		return 0, err
	}
	defer process.Kill()
	if err := s.sink.reset(ctx, answer, false); err != nil {
		return 0, err
	}
	if err := process.release(ctx); err != nil {
		return 0, err
	}
	if err := s.sink.await(ctx, n); err != nil {
		return 0, err
	}
	first, all, err := s.sink.times(ctx)
	if err != nil {
		return 0, err
	}
	if len(first) != n || len(all) != n {
		return 0, fmt.Errorf("%d calls of %d records came, not %d", len(all), len(first), n)
	}
	return rate(all, flying)
}

// rate is calls a second. Calls that are answered after a while come in waves of those in flight: what counts lies between the
// beginnings of two waves, the second one and the last whole one.
func rate(times []int64, flying int) (float64, error) {
	slices.Sort(times)
	waves := (len(times) - 1 - flying) / flying
	if waves < 1 {
		return 0, errors.New("too few calls for a rate")
	}
	took := time.Duration(times[flying+waves*flying] - times[flying])
	return float64(waves*flying) / took.Seconds(), nil
}
