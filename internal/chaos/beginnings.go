package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
)

// killBridge ends the bridge that listens, or the one that stands by, and starts it again when the fault is over.
func killBridge(listener, orderly bool) beginning {
	return func(ctx context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
		k := s.victim(ctx, listener, f, e)
		if err := k.down(orderly); err != nil {
			k.up()
			return nil, fmt.Errorf("%w: %w", errBroken, err)
		}
		return func(context.Context) error { k.up(); return nil }, nil
	}
}

// errBroken is a promise that was broken while a fault was brought about: not a fault that could not happen.
var errBroken = errors.New("broken")

// victim chooses a bridge by what it does now.
func (s *stage) victim(ctx context.Context, listener bool, f Planned, e *Event) *keeper {
	listens, stands := s.listener(ctx, f.Dice)
	if !listener {
		listens = stands
	}
	e.Note = s.bridges[listens].Name
	return s.bridges[listens]
}

func freezeBridge(listener bool) beginning {
	return func(ctx context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
		k := s.victim(ctx, listener, f, e)
		k.sleep()
		return func(context.Context) error { k.wake(); return nil }, nil
	}
}

func killAll(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	for _, k := range s.bridges {
		_ = k.down(false)
	}
	return func(context.Context) error {
		for _, k := range s.bridges {
			k.up()
		}
		return nil
	}, nil
}

func killSource(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	s.source.Kill()
	return func(context.Context) error { return s.source.Start() }, nil
}

func freezeSource(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	return freeze(s.source.Pid())
}

func freeze(pid int) (func(context.Context) error, error) {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("freeze: %w", err)
	}
	return func(context.Context) error {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			return fmt.Errorf("wake: %w", err)
		}
		return nil
	}, nil
}

func killPlatform(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	s.platform.Kill()
	return s.platform.Start, nil
}

func freezePlatform(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	return freeze(s.platform.Pid())
}

// weather changes the lines of one leg: half of the times those of all bridges, else those of one.
func weather(l leg, w rig.Weather) beginning {
	return func(_ context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
		lines := s.someLines(l, f, e)
		for _, line := range lines {
			line.Set(w)
		}
		return func(context.Context) error {
			for _, line := range lines {
				line.Set(rig.Weather{})
			}
			return nil
		}, nil
	}
}

func (s *stage) someLines(l leg, f Planned, e *Event) (lines []*rig.Line) {
	e.Note = "all bridges"
	one := -1
	if len(s.lines) > 1 && f.Dice >= 0.5 {
		one = int((f.Dice - 0.5) * 2 * float64(len(s.lines)))
		e.Note = s.bridges[one].Name
	}
	for i, of := range s.lines {
		if one < 0 || i == one {
			lines = append(lines, of[l])
		}
	}
	return lines
}

// cutLine resets the connections of a leg, and again a few times.
func cutLine(l leg) beginning {
	return func(ctx context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
		lines := s.someLines(l, f, e)
		cut := func() {
			for _, line := range lines {
				line.Cut()
			}
		}
		for range int(f.Lasts/time.Second) - 1 {
			cut()
			rig.Pause(ctx, 700*time.Millisecond)
		}
		cut()
		return func(context.Context) error { return nil }, nil
	}
}

func platformFault(fault platformsim.Fault) beginning {
	return func(ctx context.Context, s *stage, f Planned, _ *Event) (func(context.Context) error, error) {
		fault.Seed = 1 + uint64(f.Dice*(1<<32))
		id, err := s.platform.Inject(ctx, fault)
		if err != nil {
			return nil, fmt.Errorf("let the platform fail: %w", err)
		}
		return func(ctx context.Context) error { return s.platform.Clear(ctx, id) }, nil
	}
}

func voidTokens(ctx context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	if err := s.platform.VoidTokens(ctx); err != nil {
		return nil, fmt.Errorf("void the tokens: %w", err)
	}
	return func(context.Context) error { return nil }, nil
}

func diskFull(_ context.Context, s *stage, _ Planned, _ *Event) (func(context.Context) error, error) {
	if !s.small {
		return nil, errors.New("the file has no disk of its own here: mounting one takes root")
	}
	if err := s.fillDisk(); err != nil {
		return nil, errors.Join(err, s.emptyDisk())
	}
	return func(context.Context) error { return s.emptyDisk() }, nil
}
