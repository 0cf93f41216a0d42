package pusher

import (
	"sync"
	"time"
)

// BreakerOptions say when a platform counts as down: after so many failures in a row it is not called for a while. Nothing is
// dropped meanwhile; the records wait.
type BreakerOptions struct {
	Failures int
	OpenFor  time.Duration
}

func (o BreakerOptions) withDefaults() BreakerOptions {
	if o.Failures <= 0 {
		o.Failures = 10
	}
	if o.OpenFor <= 0 {
		o.OpenFor = 30 * time.Second
	}
	return o
}

// breakerState is whether, and how, the platform is called.
type breakerState int

const (
	breakerClosed  breakerState = iota // as usual
	breakerOpen                        // not at all
	breakerProbing                     // one call at a time, until one shows that the platform is back
)

// A breaker is why not gobreaker: the pool must know when the breaker lets a call through again, so as to sleep until then
// instead of asking, and must open it for as long as a Retry-After says.
type breaker struct {
	options BreakerOptions

	mu       sync.Mutex // guards what follows
	failures int        // in a row
	tripped  bool
	until    time.Time // while tripped: when to probe
}

// state tells how to go on, and how long an open breaker stays so.
func (b *breaker) state() (breakerState, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.tripped {
		return breakerClosed, 0
	}
	if wait := time.Until(b.until); wait > 0 {
		return breakerOpen, wait
	}
	return breakerProbing, 0
}

// success closes the breaker; it tells whether it had been open.
func (b *breaker) success() (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closed = b.tripped
	b.failures, b.tripped = 0, false
	return closed
}

// failure counts one failure. asked is what the platform said about how long to stay away: it opens the breaker at once, for
// at most OpenFor; after that a probe asks again. It tells whether this failure opened it.
func (b *breaker) failure(asked time.Duration) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	wait := b.options.OpenFor
	if asked > 0 {
		wait = min(asked, wait)
	}
	if asked <= 0 && b.failures < b.options.Failures && !b.tripped {
		return false
	}
	opened = !b.tripped
	if until := time.Now().Add(wait); !b.tripped || !time.Now().Before(b.until) { // a late failure does not prolong the wait
		b.until = until
	}
	b.tripped = true
	return opened
}
