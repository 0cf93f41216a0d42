package pusher

import (
	"errors"
	"math/rand/v2"
	"time"
)

// A Backoff says how long a record waits after a transient failure: Initial, doubled with every attempt, at most Max, each spread
// by Jitter either way so that records that failed together do not come back together.
type Backoff struct {
	Initial time.Duration
	Max     time.Duration
	Jitter  float64 // 0 … 1
}

func (b Backoff) withDefaults() Backoff {
	if b.Initial <= 0 {
		b.Initial = time.Second
	}
	if b.Max <= 0 {
		b.Max = 10 * time.Minute
	}
	return b
}

func (b Backoff) check() error {
	if b.Max < b.Initial {
		return errors.New("retry: max is shorter than initial")
	}
	if b.Jitter < 0 || b.Jitter > 1 {
		return errors.New("retry.jitter: it is a share, 0 to 1")
	}
	return nil
}

// after is the wait behind the failure of attempt number attempts (from 0). What the platform asked for is a floor.
func (b Backoff) after(attempts int, asked time.Duration) time.Duration {
	wait := b.Initial
	for range attempts {
		if wait >= b.Max/2 {
			wait = b.Max
			break
		}
		wait *= 2
	}
	spread := b.Jitter * rand.Float64() //nolint:gosec // spreads load, guards nothing
	wait = min(time.Duration(float64(wait)*(1-b.Jitter+2*spread)), b.Max)
	if wait >= asked {
		return wait
	}
	return asked + time.Duration(spread*float64(b.Initial)) // never before the moment that was asked for
}
