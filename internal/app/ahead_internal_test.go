package app

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"
)

// aheadOf is an ahead over a real mapper, which calls now once for each mapping.
func aheadOf(t *testing.T, now func() time.Time) *ahead {
	t.Helper()
	fields := []mapper.Field{{Name: "recordId", From: "id"}}
	m, err := mapper.New(mapper.Options{
		Now: now,
		Routes: []mapper.Route{
			{Name: "plain", Fields: fields},
			{Name: "looks", Fields: fields, Lookups: []mapper.Lookup{{Name: "l", Query: "SELECT a FROM b WHERE c = :id"}}},
		},
	})
	require.NoError(t, err)
	return newAhead(m, func() bool { return false })
}

func submission(route, event string) bridge.Change {
	return bridge.Change{
		Route: route, Key: "1", EventID: event, Origin: bridge.OriginBinlog,
		Columns: map[string]bridge.Value{"id": {Kind: bridge.KindInt, Text: "1"}},
	}
}

// What was mapped ahead is what the worker gets, once. Anything else is mapped when it is asked for.
func TestAMappingAheadIsUsedOnceAndByItsOwnSubmission(t *testing.T) {
	var mapped atomic.Int64
	a := aheadOf(t, func() time.Time { return time.Unix(mapped.Add(1), 0) })
	requireMapped := func(event string, n int64) {
		payload, problems, err := a.Map(t.Context(), submission("plain", event))
		require.NoError(t, err)
		require.Empty(t, problems)
		require.JSONEq(t, `{"recordId": 1}`, string(payload))
		require.Equal(t, n, mapped.Load())
	}
	a.begin(t.Context(), []bridge.Change{submission("plain", "first")})
	require.NoError(t, a.Close())
	require.EqualValues(t, 1, mapped.Load())
	requireMapped("other", 2)
	requireMapped("first", 2) // it is there already
	requireMapped("first", 3) // once
}

// Nothing is mapped ahead where it would be in vain, or in the way.
func TestWhatIsNotMappedAhead(t *testing.T) {
	var mapped atomic.Int64
	a := aheadOf(t, func() time.Time { mapped.Add(1); return time.Now() })
	plain := submission("plain", "e")
	begin := func(changes ...bridge.Change) int64 {
		before := mapped.Load()
		a.begin(t.Context(), changes)
		require.NoError(t, a.Close())
		return mapped.Load() - before
	}
	require.Zero(t, begin(plain, plain), "several")
	require.Zero(t, begin(), "a position alone")
	require.Zero(t, begin(submission("looks", "e")), "what it looks up may not be committed")
	a.busy = func() bool { return true }
	require.Zero(t, begin(plain), "there is other work")
	a.busy = func() bool { return false }
	require.EqualValues(t, 1, begin(plain))
	require.Zero(t, begin(submission("plain", "f")), "nobody wanted the last one: delivery is paused")
	_, _, err := a.Map(t.Context(), plain)
	require.NoError(t, err)
	require.EqualValues(t, 1, begin(submission("plain", "g")))
}

// A record that is tried again later is mapped as things are then.
func TestAMappingAheadDoesNotKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mapped atomic.Int64
		a := aheadOf(t, func() time.Time { mapped.Add(1); return time.Now() })
		a.begin(t.Context(), []bridge.Change{submission("plain", "e")})
		require.NoError(t, a.Close())
		time.Sleep(aheadFresh + time.Nanosecond)
		_, _, err := a.Map(t.Context(), submission("plain", "e"))
		require.NoError(t, err)
		require.EqualValues(t, 2, mapped.Load())
	})
}

// Whatever goes wrong ahead is the worker's to meet: it maps by itself. And it waits no longer than it may.
func TestAMappingAheadThatFailsHarmsNobody(t *testing.T) {
	var mapped atomic.Int64
	hold := make(chan struct{})
	a := aheadOf(t, func() time.Time {
		switch mapped.Add(1) {
		case 1:
			panic("of the program")
		case 3:
			<-hold
		}
		return time.Now()
	})
	a.begin(t.Context(), []bridge.Change{submission("plain", "e")})
	_, _, err := a.Map(t.Context(), submission("plain", "e"))
	require.NoError(t, err)
	require.EqualValues(t, 2, mapped.Load())

	a.begin(t.Context(), []bridge.Change{submission("plain", "f")})
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, _, err = a.Map(soon, submission("plain", "f"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(hold)
	require.NoError(t, a.Close())
}
