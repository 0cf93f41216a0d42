package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// TestTheStoreIsItsModel runs some bridges, each a listener and two workers, on one store. They crash between any two steps, stand
// still and go on, lose requests and replies, and the clocks jump. After every step the store is what the model says, and
//
//	Invariant 1: what the position covers is in the store;
//	Invariant 3: no two calls for one record are in flight, and none arrives after its lease;
//	Invariant 4: the platform never gets older content after newer;
//	Invariant 5: nothing is rejected but what a worker rejected, and everything is delivered at the end;
//	Invariant 7: who does not lead writes nothing.
//
// Clocks: all jump forward together, as when a machine sleeps; the store's alone also jumps back. That the store's alone jumps
// forward is left out: it ends leases under calls that are in flight, and no store can know (docs/delivery-states.md).
func TestTheStoreIsItsModel(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		machine(t, func(int) *storetest.World {
			w := embeddedWorld(t)
			w.Hurry()
			return w
		})
	})
	t.Run("redis", func(t *testing.T) {
		url := testserver.StartRedis(t, "--appendonly", "no").URL()
		machine(t, func(n int) *storetest.World { return redisWorld(t, url, url, fmt.Sprintf("machine-%d", n)) })
	})
}

func machine(t *testing.T, create func(n int) *storetest.World) {
	t.Helper()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		f := &fleet{rt: rt, ctx: context.Background(), w: create(n), model: model{records: map[int]*modelRec{}}, arrived: map[int]int{}}
		for range 2 {
			f.bridges = append(f.bridges, &ship{})
			f.reboot(f.bridges[len(f.bridges)-1])
		}
		f.lead(rt)
		_, err := f.w.Lease(f.ctx, 1, fleetLease) // as a bridge that starts does
		require.NoError(rt, err)
		actions := map[string]func(*rapid.T){
			"": f.check, "submit": f.submit, "submit more": f.submit, "lead": f.lead, "read": f.read, "read more": f.read, "take": f.take,
			"take more": f.take, "arrive": f.arrive, "settle": f.settle, "crash": f.crash, "freeze": f.freeze, "advance": f.advance,
			"back": f.back, "pause": f.pause, "retry": f.retryByHand, "resign": f.resign,
			"by name": f.takeByName,
		}
		for range 3 { // a story of some 100 steps
			rt.Repeat(actions)
		}
		f.drain()
	})
}

const (
	fleetLead  = 10 * time.Second
	fleetLease = 20 * time.Second
)

// A ship is one process: a listener and two workers.
type ship struct {
	store  *state.Store
	owner  string
	epoch  uint64 // that it believes to lead under; 0: none
	pos    int    // the next submission that it reads
	frozen bool
	hands  [2]hand
}

// A hand is a worker, with what the test knows of its lease.
type hand struct {
	phase    int
	lease    bridge.Lease
	number   int // of the lease in the model
	record   int
	deadline time.Duration // by the processes' clock
}

type fleet struct {
	rt      *rapid.T
	ctx     context.Context
	w       *storetest.World
	model   model
	log     sourceLog
	bridges []*ship
	born    int
	clock   time.Duration // of the processes; the store's own is w.Now
	arrived map[int]int   // the newest submission of each record that the platform got
	loss    state.Loss    // of the next operation
	scans   int
}

func (f *fleet) now() int64 { return f.w.Now().UnixMilli() }

// reboot is a new process in the place of a dead one.
func (f *fleet) reboot(s *ship) {
	f.born++
	store := f.w.Twin()
	store.Lossy(func() state.Loss {
		l := f.loss
		f.loss = state.LossNone
		return l
	})
	*s = ship{store: store, owner: fmt.Sprintf("bridge-%d", f.born)}
}

// seldom keeps what stops everything from happening all the time.
func seldom(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "seldom") != 0 {
		rt.Skip("not now")
	}
}

// any picks a process that runs.
func (f *fleet) any(rt *rapid.T) *ship {
	s := f.bridges[rapid.IntRange(0, len(f.bridges)-1).Draw(rt, "bridge")]
	if s.frozen {
		rt.Skip("it stands still")
	}
	return s
}

// fate draws what becomes of the next operation; arrives tells whether the store sees it.
func (f *fleet) fate(rt *rapid.T) (arrives bool) {
	f.loss = state.LossNone
	if rapid.IntRange(0, 4).Draw(rt, "fate") == 0 {
		f.loss = rapid.SampledFrom([]state.Loss{state.LossReply, state.LossRequest}).Draw(rt, "loss")
	}
	return f.loss != state.LossRequest
}

func (f *fleet) submit(rt *rapid.T) {
	f.log = append(f.log, rapid.IntRange(0, 2).Draw(rt, "record"))
}

func (f *fleet) lead(rt *rapid.T) {
	s := f.any(rt)
	arrives := f.fate(rt)
	may := f.model.mayLead(s.owner, f.now())
	epoch, ok, err := s.store.Lead(f.ctx, s.owner, fleetLead)
	if arrives && may {
		f.model.lead(s.owner, s.epoch, f.now(), fleetLead)
	}
	if err != nil {
		require.ErrorIs(rt, err, state.ErrLost)
		return
	}
	require.Equal(rt, may, ok)
	if !ok {
		s.epoch = 0
		return
	}
	require.Equal(rt, f.model.leader.epoch, epoch)
	if epoch != s.epoch { // whoever begins to lead reads from the saved position
		cp, _, err := s.store.Checkpoint(f.ctx)
		require.NoError(rt, err)
		s.epoch, s.pos = epoch, int(cp.Pos)
	}
}

func (f *fleet) resign(rt *rapid.T) {
	seldom(rt)
	s := f.any(rt)
	require.NoError(rt, s.store.Resign(f.ctx, s.owner))
	if f.model.leader.owner == s.owner {
		f.model.leader.owner = ""
	}
}

// read writes a few submissions, with the position or, as chunks of a large transaction, without.
func (f *fleet) read(rt *rapid.T) {
	var readers []*ship
	for _, s := range f.bridges {
		if !s.frozen && s.epoch != 0 && s.pos < len(f.log) {
			readers = append(readers, s)
		}
	}
	if len(readers) == 0 {
		rt.Skip("nothing to read")
	}
	s := readers[rapid.IntRange(0, len(readers)-1).Draw(rt, "bridge")]
	to := min(len(f.log), s.pos+rapid.IntRange(1, 3).Draw(rt, "n"))
	covers := rapid.Bool().Draw(rt, "covers")
	arrives := f.fate(rt)
	f.write(s, to, covers, arrives)
}

func (f *fleet) write(s *ship, to int, covers, arrives bool) {
	rt, at := f.rt, f.w.Now()
	var changes []bridge.Change
	for event := s.pos; event < to; event++ {
		place := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(event)}
		changes = append(changes, storetest.Change("one", strconv.Itoa(f.log[event]), strconv.Itoa(event), place, at))
	}
	var cp *bridge.Checkpoint
	if covers {
		cp = &bridge.Checkpoint{Pos: uint64(to)}
	}
	leads := f.model.leader.owner == s.owner && f.model.leader.epoch == s.epoch
	queued, err := s.store.Append(f.ctx, s.epoch, changes, cp)
	want := 0
	if arrives && leads {
		want = f.model.append(f.log, s.pos, to, covers, f.now())
	}
	switch {
	case errors.Is(err, state.ErrFenced): // Invariant 7
		require.False(rt, leads, "it leads, and is fenced")
		s.epoch = 0
	case errors.Is(err, state.ErrLost): // it tries again, from the same place
	default:
		require.NoError(rt, err)
		require.True(rt, leads, "Invariant 7: it does not lead, and writes")
		require.Equal(rt, want, queued)
		s.pos = to
	}
}

// hand picks a worker in one of some phases.
func (f *fleet) hand(rt *rapid.T, frozenToo bool, phases ...int) (*ship, *hand) {
	type pair struct {
		s *ship
		h *hand
	}
	var found []pair
	for _, s := range f.bridges {
		for i := range s.hands {
			if slices.Contains(phases, s.hands[i].phase) && (frozenToo || !s.frozen) {
				found = append(found, pair{s, &s.hands[i]})
			}
		}
	}
	if len(found) == 0 {
		rt.Skip("nobody is there")
	}
	p := found[rapid.IntRange(0, len(found)-1).Draw(rt, "worker")]
	return p.s, p.h
}

func (f *fleet) crash(rt *rapid.T) {
	seldom(rt)
	f.reboot(f.bridges[rapid.IntRange(0, len(f.bridges)-1).Draw(rt, "bridge")])
}

// freeze stops a process, as SIGSTOP does, or lets it go on.
func (f *fleet) freeze(rt *rapid.T) {
	s := f.bridges[rapid.IntRange(0, len(f.bridges)-1).Draw(rt, "bridge")]
	if !s.frozen {
		seldom(rt)
	}
	s.frozen = !s.frozen
}

func (f *fleet) advance(rt *rapid.T) {
	f.pass(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 7 * time.Second, fleetLead, fleetLease, 25 * time.Second}).Draw(rt, "by"))
}

func (f *fleet) pass(d time.Duration) {
	f.w.Advance(d)
	f.clock += d
}

func (f *fleet) back(rt *rapid.T) {
	f.w.Advance(-time.Duration(rapid.IntRange(1, 5_000).Draw(rt, "ms")) * time.Millisecond)
}

func (f *fleet) pause(rt *rapid.T) {
	if !f.model.paused {
		seldom(rt)
	}
	var err error
	if f.model.paused = !f.model.paused; f.model.paused {
		_, _, err = f.w.Pause(f.ctx, "test")
	} else {
		_, _, err = f.w.Resume(f.ctx, false)
	}
	require.NoError(rt, err)
}

func (f *fleet) retryByHand(rt *rapid.T) {
	record := rapid.IntRange(0, 2).Draw(rt, "record")
	err := f.w.Retry(f.ctx, modelID(record))
	r := f.model.records[record]
	switch {
	case r == nil:
		require.ErrorIs(rt, err, state.ErrNotFound)
	case r.status == 'd':
		require.ErrorIs(rt, err, state.ErrNoContent)
	default:
		require.NoError(rt, err)
	}
	f.model.retry(record, f.now())
}

// check compares store and model.
func (f *fleet) check(rt *rapid.T) {
	f.loss = state.LossNone
	peeks, now, err := f.w.Peek(f.ctx, modelID(0), modelID(1), modelID(2))
	require.NoError(rt, err)
	require.Equal(rt, f.now(), now)
	for i := range peeks {
		peeks[i].Token = ""
	}
	if diff := cmp.Diff(f.model.peeks([]int{0, 1, 2}), peeks); diff != "" {
		rt.Fatalf("the store is not what the model is (-model +store)\n%s", diff)
	}
	cp, _, err := f.w.Checkpoint(f.ctx)
	require.NoError(rt, err)
	require.EqualValues(rt, f.model.covered, cp.Pos)
	_, paused, err := f.w.Paused(f.ctx)
	require.NoError(rt, err)
	require.Equal(rt, f.model.paused, paused)
	f.model.invariants(rt, f.log, len(f.log))
}

// drain ends all trouble and lets one bridge do the rest: Invariant 5, and nothing is missing.
func (f *fleet) drain() {
	rt := f.rt
	f.loss = state.LossNone
	if f.model.paused {
		f.pause(rt)
	}
	f.pass(2 * fleetLease)
	s := f.bridges[0]
	f.reboot(s)
	epoch, ok, err := s.store.Lead(f.ctx, s.owner, fleetLead)
	require.NoError(rt, err)
	require.True(rt, ok)
	f.model.lead(s.owner, 0, f.now(), fleetLead)
	s.epoch, s.pos = epoch, f.model.covered
	if s.pos < len(f.log) {
		f.write(s, len(f.log), true, true)
	}
	for record, r := range f.model.records {
		if r.status == 'r' {
			require.NoError(rt, f.w.Retry(f.ctx, modelID(record)))
			f.model.retry(record, f.now())
		}
	}
	f.pass(time.Hour)
	for h := &s.hands[0]; f.grab(s, h, true); {
		f.land(h)
		f.finish(s, h, 'd', 0, true)
	}
	f.check(rt)
	last := map[int]int{}
	for event, record := range f.log {
		last[record] = event
		require.Equal(rt, "d", string(f.model.records[record].status))
	}
	require.Equal(rt, last, f.arrived, "the platform has the last submission of each record")
}
