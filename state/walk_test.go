package state_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// The exhaustive walk: a listener, two workers, two records, three submissions (the first record's second is the last) and one
// crash, of the listener or of a worker, between any two steps. Every order in which their steps can happen is taken, on the real
// store, and after each step the invariants are looked at. Orders that lead to one state are walked on from once and counted each.
//
// A listener that crashed is taken for one that was only stopped: whoever takes over, it wakes up at any moment after and writes
// what it was about to. TALKBRIDGE_WALK=large adds a fourth submission, a second crash and a call that is slow.
type scope struct {
	log     []int // the record of each submission
	workers int
	crashes int
	slow    int // leases that may run out under a worker that lives
}

func TestEveryInterleavingOfTheSmallScope(t *testing.T) {
	small := scope{log: []int{0, 1, 0}, workers: 2, crashes: 1}
	large := scope{log: []int{0, 1, 0, 1}, workers: 2, crashes: 2, slow: 1}
	t.Run("embedded", func(t *testing.T) {
		walkAll(t, embeddedWalk(t), small)
	})
	t.Run("redis", func(t *testing.T) {
		walkAll(t, redisWalk(t), small)
	})
	t.Run("large", func(t *testing.T) {
		if os.Getenv("TALKBRIDGE_WALK") != "large" {
			t.Skip("TALKBRIDGE_WALK=large walks through the larger scope")
		}
		walkAll(t, embeddedWalk(t), large)
	})
}

func walkAll(t *testing.T, w *walkWorld, s scope) {
	t.Helper()
	begun := time.Now()
	x := &explorer{t: t, w: w, scope: s, known: map[string]*big.Int{}, want: make([]uint32, 2)}
	for _, r := range s.log {
		x.want[r]++
	}
	first := walkState{workers: make([]walkWorker, s.workers), arrived: make([]uint32, 2), crashes: s.crashes, slow: s.slow}
	first.listener = x.takeOver(0)
	first.store = w.save()
	n := x.walk(first)
	t.Logf("%d submissions, %d workers, %d crashes: %d states, %d steps, %v interleavings, %d ends, in %v",
		len(s.log), s.workers, s.crashes, len(x.known), x.steps, n, x.ends, time.Since(begun).Round(time.Millisecond))
	require.Greater(t, x.ends, 1)
}

const (
	walkLead  = time.Second // shorter than a lease, so that a take-over ends none
	walkLease = time.Minute
)

// A walkListener is one that reads, or one that was stopped and wakes up some time.
type walkListener struct {
	alive  bool
	pos    int // the next submission that it reads
	epoch  uint64
	memory state.Memory
}

// The phases of a worker.
const (
	idle    = iota
	leased  // it has a lease, and the call is on its way
	called  // the call has arrived; the answer is not settled yet
	aborted // its lease ran out, and it gave the call up before it arrived
	late    // its lease ran out, and the call had arrived
)

type walkWorker struct {
	phase int
	lease bridge.Lease
}

// A walkState is the store and everyone around it, between two steps.
type walkState struct {
	listener, zombie walkListener
	workers          []walkWorker
	arrived          []uint32 // the last submission of each record that the platform got
	crashes, slow    int      // that may still come
	store            any
}

func (s walkState) clone() walkState {
	s.workers = append([]walkWorker(nil), s.workers...)
	s.arrived = append([]uint32(nil), s.arrived...)
	return s
}

type explorer struct {
	t     *testing.T
	w     *walkWorld
	scope scope
	want  []uint32            // how many submissions each record has in all
	known map[string]*big.Int // how many orders lead on from a state to an end
	steps int
	ends  int
}

func walkID(record int) string { return fmt.Sprintf("one/%d", record) }

// walk takes every step that can come next, and gives the number of orders from here to an end.
func (x *explorer) walk(s walkState) *big.Int {
	name := x.look(s)
	if n, ok := x.known[name]; ok {
		return n
	}
	n := new(big.Int)
	for _, step := range x.enabled(s) {
		x.w.load(s.store)
		next := s.clone()
		if !step(&next) {
			continue
		}
		x.steps++
		next.store = x.w.save()
		n.Add(n, x.walk(next))
	}
	if n.Sign() == 0 {
		x.w.load(s.store)
		x.atEnd(s)
		x.ends++
		n.SetInt64(1)
	}
	x.known[name] = n
	return n
}

// look checks what holds in every state, and names the state. The store is in it.
func (x *explorer) look(s walkState) string {
	t, ctx := x.t, context.Background()
	peeks, now, err := x.w.store.Peek(ctx, walkID(0), walkID(1))
	require.NoError(t, err)
	cp, _, err := x.w.store.Checkpoint(ctx)
	require.NoError(t, err)
	covered := make([]uint32, 2)
	for _, r := range x.scope.log[:cp.Pos] {
		covered[r]++
	}
	name := fmt.Sprintf("%d|%v|%v|%d %d", cp.Pos, s.listener, s.zombie, s.crashes, s.slow)
	for i, p := range peeks {
		require.GreaterOrEqual(t, p.Seq, covered[i], "Invariant 1: a position is saved without its changes")
		require.NotEqual(t, byte('r'), p.Status, "Invariant 5: nobody refused it")
		holder := "nobody"
		for n, w := range s.workers {
			if w.phase != idle && w.lease.Token == p.Token {
				holder = fmt.Sprint(n)
			}
		}
		name += fmt.Sprintf("|%c %d %d %v %v %s %d", p.Status, p.Seq, p.Attempts, p.Until > now, p.Until > 0, holder, s.arrived[i])
	}
	for _, w := range s.workers {
		name += fmt.Sprintf("|%d %s %d", w.phase, w.lease.ID, w.lease.Seq)
	}
	return name
}

// enabled lists the steps; one that turns out not to change anything gives false.
func (x *explorer) enabled(s walkState) []func(*walkState) bool {
	out := []func(*walkState) bool{x.read, x.wakeUp, x.runOut}
	if s.crashes > 0 {
		out = append(out, x.crashListener)
	}
	for i, w := range s.workers {
		switch w.phase {
		case idle:
			out = append(out, x.take(i))
		case leased:
			out = append(out, x.arrive(i))
		case called, aborted, late:
			out = append(out, x.settle(i))
		}
		if w.phase != idle && s.crashes > 0 {
			out = append(out, func(s *walkState) bool {
				s.crashes--
				s.workers[i] = walkWorker{}
				return true
			})
		}
	}
	return out
}

// submission is the n-th of the log.
func (x *explorer) submission(n int) ([]bridge.Change, *bridge.Checkpoint) {
	at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(n)}
	c := storetest.Change("one", fmt.Sprint(x.scope.log[n]), fmt.Sprint(n), at, start)
	return []bridge.Change{c}, &bridge.Checkpoint{Pos: uint64(n + 1)}
}

func (x *explorer) read(s *walkState) bool {
	if s.listener.pos == len(x.scope.log) {
		return false
	}
	p := x.w.store.Twin()
	p.Remember(s.listener.memory)
	changes, cp := x.submission(s.listener.pos)
	_, err := p.Append(context.Background(), s.listener.epoch, changes, cp)
	require.NoError(x.t, err)
	s.listener.memory = p.Memory()
	s.listener.pos++
	return true
}

// takeOver makes a listener that reads from the saved position.
func (x *explorer) takeOver(n int) walkListener {
	ctx := context.Background()
	p := x.w.store.Twin()
	epoch, ok, err := p.Lead(ctx, fmt.Sprintf("listener-%d", n), walkLead)
	require.NoError(x.t, err)
	require.True(x.t, ok)
	cp, _, err := p.Checkpoint(ctx)
	require.NoError(x.t, err)
	return walkListener{alive: true, pos: int(cp.Pos), epoch: epoch, memory: p.Memory()}
}

func (x *explorer) crashListener(s *walkState) bool {
	if s.listener.pos == len(x.scope.log) { // it has nothing to do any more
		return false
	}
	s.crashes--
	s.zombie = s.listener
	x.w.advance(walkLead)
	s.listener = x.takeOver(s.crashes + 1)
	return true
}

// wakeUp lets the listener that was stopped go on with what it was about to write.
func (x *explorer) wakeUp(s *walkState) bool {
	if !s.zombie.alive {
		return false
	}
	p := x.w.store.Twin()
	p.Remember(s.zombie.memory)
	changes, cp := x.submission(s.zombie.pos)
	_, err := p.Append(context.Background(), s.zombie.epoch, changes, cp)
	require.ErrorIs(x.t, err, state.ErrFenced, "Invariant 7")
	s.zombie = walkListener{}
	return true
}

func (x *explorer) take(i int) func(*walkState) bool {
	return func(s *walkState) bool {
		leases, err := x.w.store.Lease(context.Background(), 1, walkLease)
		require.NoError(x.t, err)
		if len(leases) == 0 {
			return false
		}
		for _, other := range s.workers {
			inFlight := other.phase == leased || other.phase == called
			require.False(x.t, inFlight && other.lease.ID == leases[0].ID, "Invariant 3: two calls for %s", leases[0].ID)
		}
		s.workers[i] = walkWorker{leased, leases[0]}
		return true
	}
}

func (x *explorer) arrive(i int) func(*walkState) bool {
	return func(s *walkState) bool {
		l := s.workers[i].lease
		record := int(l.Change.Key[0] - '0')
		require.GreaterOrEqual(x.t, uint32(l.Seq), s.arrived[record], "Invariant 4: older content of %s after newer", l.ID)
		s.arrived[record] = uint32(l.Seq)
		s.workers[i].phase = called
		return true
	}
}

func (x *explorer) settle(i int) func(*walkState) bool {
	return func(s *walkState) bool {
		verdict := bridge.Settlement{Verdict: bridge.VerdictDelivered}
		if s.workers[i].phase == aborted {
			verdict.Verdict = bridge.VerdictRetry
		}
		err := x.w.store.Settle(context.Background(), s.workers[i].lease, verdict)
		if !errors.Is(err, state.ErrLeaseLost) {
			require.NoError(x.t, err)
		}
		s.workers[i] = walkWorker{}
		return true
	}
}

// runOut lets time pass until every lease has run out: where a worker crashed, or, as a slow call, under one that lives. A call
// never outlives its lease, so who still waits for an answer gives up.
func (x *explorer) runOut(s *walkState) bool {
	peeks, now, err := x.w.store.Peek(context.Background(), walkID(0), walkID(1))
	require.NoError(x.t, err)
	held, orphans := 0, 0
	for _, p := range peeks {
		if p.Until <= now {
			continue
		}
		held++
		orphan := true
		for _, w := range s.workers {
			orphan = orphan && (w.phase == idle || w.lease.Token != p.Token)
		}
		if orphan {
			orphans++
		}
	}
	switch {
	case held == 0:
		return false
	case orphans == 0 && s.slow == 0:
		return false
	case orphans == 0:
		s.slow--
	}
	x.w.advance(walkLease)
	for i := range s.workers {
		switch s.workers[i].phase {
		case leased:
			s.workers[i].phase = aborted
		case called:
			s.workers[i].phase = late
		}
	}
	return true
}

// atEnd checks that nothing is missing where nothing can happen any more.
func (x *explorer) atEnd(s walkState) {
	require.Equal(x.t, x.want, s.arrived, "the platform has the last submission of each record")
	peeks, _, err := x.w.store.Peek(context.Background(), walkID(0), walkID(1))
	require.NoError(x.t, err)
	for i, p := range peeks {
		require.Equal(x.t, "d", string(p.Status))
		require.Equal(x.t, x.want[i], p.Seq)
	}
}
