package state_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

func (f *fleet) take(rt *rapid.T) {
	s, h := f.hand(rt, false, idle)
	f.grab(s, h, f.fate(rt))
}

// grab leases one record, if one is due.
func (f *fleet) grab(s *ship, h *hand, arrives bool) bool {
	rt, number, record := f.rt, 0, -1
	deadline := f.clock + fleetLease
	leases, err := s.store.Lease(f.ctx, 1, fleetLease)
	if arrives && !f.model.paused {
		if record = f.model.due(f.now()); record >= 0 {
			number = f.model.grant(record, f.now(), fleetLease)
		}
	}
	if err != nil {
		require.ErrorIs(rt, err, state.ErrLost)
		return false
	}
	if record < 0 {
		require.Empty(rt, leases)
		return false
	}
	require.Len(rt, leases, 1)
	require.Equal(rt, modelID(record), leases[0].ID)
	f.onlyCall(record)
	*h = hand{leased, leases[0], number, record, deadline}
	return true
}

// takeByName leases one record that a person named, and submits first what is in its row now.
func (f *fleet) takeByName(rt *rapid.T) {
	s, h := f.hand(rt, false, idle)
	record, event := rapid.IntRange(0, 2).Draw(rt, "record"), -1
	var change *bridge.Change
	if rapid.Bool().Draw(rt, "scan") {
		if event = lastOf(f.log, record); event < 0 {
			rt.Skip("it was never submitted")
		}
		f.scans++
		at := bridge.Coordinates{Server: "s", File: "binlog.000001", Pos: uint64(len(f.log))}
		c := storetest.Change("one", strconv.Itoa(record), strconv.Itoa(event), at, f.w.Now())
		c.Origin, c.EventID = bridge.OriginScan, fmt.Sprintf("push:%d", f.scans)
		change = &c
	}
	arrives := f.fate(rt)
	deadline := f.clock + fleetLease
	lease, err := s.store.Take(f.ctx, modelID(record), change, fleetLease)
	number, refused := 0, error(nil)
	if arrives {
		number, refused = f.model.take(record, event, len(f.log), f.now(), fleetLease)
	}
	if errors.Is(err, state.ErrLost) {
		return
	}
	require.ErrorIs(rt, err, refused)
	if refused != nil {
		return
	}
	f.onlyCall(record)
	*h = hand{leased, lease, number, record, deadline}
}

func lastOf(log sourceLog, record int) int {
	for event, r := range slices.Backward(log) {
		if r == record {
			return event
		}
	}
	return -1
}

// onlyCall wants no call for the record in flight.
func (f *fleet) onlyCall(record int) {
	for _, other := range f.bridges {
		for _, o := range other.hands {
			inFlight := (o.phase == leased || o.phase == called) && f.clock < o.deadline
			require.False(f.rt, inFlight && o.record == record, "Invariant 3: two calls for record %d", record)
		}
	}
}

// arrive is the moment at which the platform takes the call in. A frozen process' calls arrive all the same.
func (f *fleet) arrive(rt *rapid.T) {
	if _, h := f.hand(rt, true, leased); f.clock < h.deadline { // else the worker has broken it off
		f.land(h)
	}
}

func (f *fleet) land(h *hand) {
	event, err := strconv.Atoi(h.lease.Change.Columns["thnr"].Text)
	require.NoError(f.rt, err)
	if before, ok := f.arrived[h.record]; ok {
		require.GreaterOrEqual(f.rt, event, before, "Invariant 4: older content of record %d after newer", h.record)
	}
	f.arrived[h.record] = event
	h.phase = called
}

func (f *fleet) settle(rt *rapid.T) {
	s, h := f.hand(rt, false, leased, called, aborted, late)
	verdicts := []byte{'d', 'd', 't', 'r'}
	if h.phase == leased || h.phase == aborted { // nothing arrived, as far as the worker knows
		verdicts = []byte{'t', 'b'}
	}
	verdict := rapid.SampledFrom(verdicts).Draw(rt, "verdict")
	after := time.Duration(rapid.IntRange(0, 40).Draw(rt, "after")) * time.Second
	f.finish(s, h, verdict, after, f.fate(rt))
}

func (f *fleet) finish(s *ship, h *hand, verdict byte, after time.Duration, arrives bool) {
	rt, seq := f.rt, uint32(h.lease.Seq)
	var err error
	want := true
	if verdict == 'b' { // given back
		err = s.store.Release(f.ctx, h.lease)
	} else {
		v := map[byte]bridge.Verdict{'d': bridge.VerdictDelivered, 't': bridge.VerdictRetry, 'r': bridge.VerdictRejected}[verdict]
		err = s.store.Settle(f.ctx, h.lease, bridge.Settlement{Verdict: v, After: after, Code: "1"})
	}
	if arrives && verdict == 'b' {
		want = f.model.release(h.record, h.number, f.now())
	} else if arrives {
		want = f.model.settle(h.record, h.number, seq, verdict, after, f.now())
	}
	switch {
	case errors.Is(err, state.ErrLost): // the call has ended; it settles again, or crashes before it does
		h.phase = map[int]int{leased: aborted, aborted: aborted, called: late, late: late}[h.phase]
		return
	case want:
		require.NoError(rt, err)
	default:
		require.ErrorIs(rt, err, state.ErrLeaseLost)
	}
	*h = hand{}
}
