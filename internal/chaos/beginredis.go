package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"talkbridge/internal/rig"
)

func killRedis(_ context.Context, s *stage, _ Planned, e *Event) (func(context.Context) error, error) {
	// The kernel has what Redis wrote: the process is gone, and nothing is forgotten but what it had not written yet, which it writes before
	// it answers.
	s.redis.Kill()
	e.Note = "nothing lost"
	return s.redis.Start, nil
}

func freezeRedis(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	return freeze(s.redis.Pid())
}

// redisFull leaves Redis no room for anything new.
func redisFull(ctx context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	if err := s.redis.do(ctx, "CONFIG", "SET", "maxmemory", "1mb"); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.redis.do(ctx, "CONFIG", "SET", "maxmemory", "0") }, nil
}

func redisFlushed(ctx context.Context, s *stage, _ Planned, e *Event) (func(context.Context) error, error) {
	e.Forgets = time.Now()
	if err := s.redis.do(ctx, "FLUSHALL"); err != nil {
		e.Forgets = time.Time{}
		return nil, err
	}
	return func(context.Context) error { return nil }, nil
}

// redisForgets ends Redis as a power cut would, and starts it without what it took in while the fault lasted: what everysec allows.
func redisForgets(ctx context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
	copied := filepath.Join(s.dir, "redis.copy")
	e.Forgets = time.Now()
	if err := s.redis.keep(copied); err != nil {
		e.Forgets = time.Time{}
		return nil, err
	}
	rig.Pause(ctx, f.Lasts)
	if err := s.redis.putBack(ctx, copied); err != nil {
		return nil, fmt.Errorf("let Redis forget: %w", err)
	}
	return func(context.Context) error { return nil }, nil
}

// clockJump is how far Redis' clock jumps: less than a lease outlasts the call that it is for. docs/delivery-states.md says what a
// longer jump ahead does.
const clockJump = 8 * time.Second

func redisClock(direction float64) beginning {
	return func(_ context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
		if s.redis.clock == nil {
			return nil, errors.New("there is no C compiler to build a clock with")
		}
		ahead := time.Duration(direction * (0.3 + 0.7*f.Dice) * float64(clockJump)).Round(time.Second / 10)
		e.Note = ahead.String()
		if err := s.redis.clock.set(ahead); err != nil {
			return nil, err
		}
		return func(context.Context) error { return s.redis.clock.set(0) }, nil
	}
}
