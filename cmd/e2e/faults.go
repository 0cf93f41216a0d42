package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"talkbridge/internal/rig"
)

// A death is one fault: what dies, how long it stays so, and how it comes back.
type death struct {
	name  string
	lasts time.Duration
	dies  func(ctx context.Context) (back func(ctx context.Context) error, err error)
}

// recoveryLimit is how long after a death, with the time that it lasts, everything submitted before may take to arrive.
const (
	startLimit    = 30 * time.Second // for the first submissions
	recoveryLimit = time.Minute
)

// faults lets each die in turn while records are submitted.
func (s *stage) faults(ctx context.Context, w *writer, r *report) error {
	if err := s.settled(ctx, w, nil, startLimit); err != nil {
		return err
	}
	for _, d := range s.deaths() {
		rig.Pause(ctx, 2*time.Second) // traffic as usual in between
		if err := s.redis.whole(ctx); err != nil {
			return err
		}
		say("%s …", d.name)
		took, err := s.suffer(ctx, w, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		say("  everything submitted by then, and what came next, had arrived %v after it", took.Round(100*time.Millisecond))
		r.recoveries = append(r.recoveries, recovery{d.name, d.lasts, took})
	}
	return nil
}

// suffer lets one die and come back, and measures from its death until all that was submitted up to then, and one submission after
// it, has arrived.
func (s *stage) suffer(ctx context.Context, w *writer, d death) (time.Duration, error) {
	before := w.versions()
	died := time.Now()
	back, err := d.dies(ctx)
	if err != nil {
		return 0, err
	}
	returned := make(chan error, 1)
	go func() {
		rig.Pause(ctx, d.lasts)
		returned <- back(ctx)
	}()
	err = s.settled(ctx, w, before, recoveryLimit+d.lasts)
	took := time.Since(died)
	if returnErr := <-returned; err == nil {
		err = returnErr
	}
	return took, err
}

// settled waits until the platform has taken these versions, or later ones, and one submission made from now on.
func (s *stage) settled(ctx context.Context, w *writer, versions map[int]int, limit time.Duration) error {
	mark := w.submittedNow()
	var next map[int]int // the first versions submitted after the call
	return rig.Until(ctx, limit, func() error {
		if next == nil {
			if w.submittedNow() == mark && w.running() {
				return errors.New("nothing can be submitted")
			}
			next = w.versions()
		}
		taken, err := s.journal.read()
		if err != nil {
			return err
		}
		missing := 0
		for _, wanted := range []map[int]int{versions, next} {
			for id, version := range wanted {
				if taken.latest[id] < version {
					missing++
				}
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d records wait", missing)
		}
		return nil
	})
}

// deaths lists the faults.
func (s *stage) deaths() []death {
	bridge := func(listens bool) func(ctx context.Context) (func(context.Context) error, error) {
		return func(ctx context.Context) (func(context.Context) error, error) {
			victim, other, err := s.listener(ctx)
			if err != nil {
				return nil, err
			}
			if !listens {
				victim = other
			}
			victim.Kill()
			return victim.Start, nil
		}
	}
	return []death{
		{"kill -9 of the bridge that listens", 15 * time.Second, bridge(true)},
		{"kill -9 of the bridge that stands by", 3 * time.Second, bridge(false)},
		{"the listener sleeps past its lead (SIGSTOP) and wakes", 20 * time.Second, s.sleeper},
		{"kill -9 of the Redis master", 12 * time.Second, s.redisDies(true)},
		{"kill -9 of the Redis replica", 4 * time.Second, s.redisDies(false)},
		{"kill -9 of a Sentinel", 4 * time.Second, func(context.Context) (func(context.Context) error, error) {
			s.redis.sentinels[0].Kill()
			return s.redis.sentinels[0].Start, nil
		}},
		{"kill -9 of MariaDB", 4 * time.Second, func(context.Context) (func(context.Context) error, error) {
			s.mariadb.Kill()
			return func(context.Context) error { return s.mariadb.Start() }, nil
		}},
		{"kill -9 of the platform", 6 * time.Second, func(ctx context.Context) (func(context.Context) error, error) {
			stats, err := s.platform.Stats(ctx)
			if err != nil {
				return nil, err
			}
			s.overlaps += stats.Overlaps
			s.platform.Kill()
			return s.platform.Start, nil
		}},
	}
}

func (s *stage) sleeper(ctx context.Context) (func(context.Context) error, error) {
	victim, _, err := s.listener(ctx)
	if err != nil {
		return nil, err
	}
	victim.Signal(syscall.SIGSTOP)
	return func(context.Context) error {
		victim.Signal(syscall.SIGCONT)
		return nil
	}, nil
}

func (s *stage) redisDies(master bool) func(ctx context.Context) (func(context.Context) error, error) {
	return func(ctx context.Context) (func(context.Context) error, error) {
		victim, replica := s.redis.byRole(ctx)
		if !master {
			victim = replica
		}
		if victim == nil {
			return nil, errors.New("no Redis has that role")
		}
		victim.Kill()
		return victim.Start, nil
	}
}
