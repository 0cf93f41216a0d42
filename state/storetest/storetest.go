// Package storetest holds what every store has to do, whatever it keeps its data in: one suite, run over each back end and over
// each kind of Redis. It knows the store by its exported methods only.
package storetest

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// Key seals the stores of the suite.
const Key bridge.Secret = "MDEyMzQ1Njc4OWFiY2RlZg=="

// Retention is what the suite's stores are opened with.
const Retention = 400 * 24 * time.Hour

// A World is an empty store and what a test may do to it from outside. Its clock stands still but for Advance.
type World struct {
	*state.Store

	T *testing.T // the test that it is for; Run sets it

	Now     func() time.Time        // the store's clock
	Advance func(d time.Duration)   // moves it
	Restart func() *state.Store     // what a new process finds that opens the store after this one ended
	Other   func() *state.Store     // what a second process sees meanwhile; nil where there can be none
	Spoil   func(id string, at int) // flips a bit of a kept record; a negative place counts from its end. May restart Store
	Moved   func(from, to string)   // puts the sealed content of one record into the place of another's. May restart Store
	lead    struct{ epoch uint64 }  // of Append
	step    map[string]uint64       // the position of the last change of each server
}

// Run runs the suite, each part in a new World.
func Run(t *testing.T, create func(t *testing.T) *World) {
	t.Helper()
	parts := []struct {
		name string
		run  func(w *World)
	}{
		{"a submission is delivered once and its content is gone", delivered},
		{"the checkpoint is saved with the changes", checkpoint},
		{"the position is forgotten", forgotten},
		{"every kind of value comes back as it was", values},
		{"a failure is tried again", retried},
		{"a refusal is kept with its reasons", refused},
		{"a newer submission supersedes one that waits", superseded},
		{"a newer submission waits for the call in flight", supersededInFlight},
		{"a submission wakes a record that was done with", resubmitted},
		{"an event is taken once", sameEvent},
		{"an older event is not taken", olderEvent},
		{"a scanned row is taken only if it is new", scanned},
		{"the last of several changes in a batch wins", batch},
		{"a batch of thousands is one write", large},
		{"a batch too large is refused whole", tooLarge},
		{"a record has one lease", oneLease},
		{"a lease that ran out is given again", expired},
		{"a lease settles once", settledTwice},
		{"leases are settled together, each for itself", settledTogether},
		{"a lease is given back", released},
		{"content that does not open is put aside", unreadable},
		{"a record that cannot be read is put aside", broken},
		{"content in another record's place does not open", moved},
		{"a record is taken by name", takenByName},
		{"a record is submitted and taken in one step", submittedAndTaken},
		{"who waits for a record gets it with its submission", awaited},
		{"the next due time", nextDue},
		{"a hint comes with each submission", wake},
		{"who does not lead cannot write", fenced},
		{"leadership passes on", leadership},
		{"counts", counts},
		{"lists in pages", pages},
		{"lists from a place that moved", movedPlace},
		{"lists while statuses change", sending},
		{"retry by hand", retryByHand},
		{"discard by hand", discardByHand},
		{"retention", retention},
		{"the token", token},
		{"the lock of the token", tokenLock},
		{"a restart finds everything", restart},
		{"a pause stops leases and nothing else", paused},
		{"a backup brings everything back, paused", backedUp},
		{"the anchors of audit logs", anchored},
		{"rows are submitted beside the listener", submittedBeside},
		{"what reconciling found is kept by route", reconciled},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			w := create(t)
			w.T, w.step = t, map[string]uint64{}
			p.run(w)
		})
	}
}

const (
	route = "one"
	ttl   = time.Minute
	owner = "host-1"
)

// change makes the next submission of a record: newer than all before.
func (w *World) change(key, text string) bridge.Change {
	w.step["server-1"]++
	at := bridge.Coordinates{Server: "server-1", File: "binlog.000009", Pos: 1000 * w.step["server-1"]}
	return Change(route, key, text, at, w.Now())
}

// Change makes a submission at a place in the log.
func Change(route, key, text string, at bridge.Coordinates, now time.Time) bridge.Change {
	return bridge.Change{
		Route: route, Key: key, KeyColumns: []string{"id"}, EventID: fmt.Sprintf("%s:%s:%d#%d", at.Server, at.File, at.Pos, at.Row),
		Origin: bridge.OriginBinlog, At: at, CommittedAt: now.Add(-time.Second).UTC(), CapturedAt: now.UTC(),
		Columns: map[string]bridge.Value{"id": {Kind: bridge.KindInt, Text: key}, "thnr": {Kind: bridge.KindText, Text: text}},
	}
}

// append submits as the leader.
func (w *World) append(t *testing.T, changes ...bridge.Change) int {
	t.Helper()
	if w.lead.epoch == 0 {
		epoch, ok, err := w.Lead(t.Context(), owner, 1000*time.Hour)
		require.NoError(t, err)
		require.True(t, ok)
		w.lead.epoch = epoch
	}
	queued, err := w.Append(t.Context(), w.lead.epoch, changes, nil)
	require.NoError(t, err)
	return queued
}

// submit appends one change of a record and returns it.
func (w *World) submit(t *testing.T, key, text string) bridge.Change {
	t.Helper()
	c := w.change(key, text)
	require.Equal(t, 1, w.append(t, c))
	return c
}

func (w *World) spoil(id string, at int) {
	w.Spoil(id, at)
	w.lead.epoch = 0
}

// leaseOne leases the only record that is due.
func (w *World) leaseOne(t *testing.T) bridge.Lease {
	t.Helper()
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 1)
	return leases[0]
}

func (w *World) nothingDue(t *testing.T) {
	t.Helper()
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Empty(t, leases)
}

func (w *World) settle(t *testing.T, l bridge.Lease, v bridge.Settlement) {
	t.Helper()
	require.NoError(t, w.Settle(t.Context(), l, v))
}

func (w *World) record(t *testing.T, key string) bridge.Record {
	t.Helper()
	r, ok, err := w.Record(t.Context(), bridge.RecordID(route, key))
	require.NoError(t, err)
	require.True(t, ok)
	return r
}

func (w *World) counted(t *testing.T) map[bridge.Status]int {
	t.Helper()
	n, _, err := w.Counts(t.Context())
	require.NoError(t, err)
	for status, count := range n {
		if count == 0 {
			delete(n, status)
		}
	}
	return n
}

// verdicts are one settlement of each kind.
func verdicts() []bridge.Settlement {
	return []bridge.Settlement{
		{Verdict: bridge.VerdictDelivered, Code: "0"},
		{Verdict: bridge.VerdictRetry, After: time.Hour, Stage: bridge.StagePlatform, Code: "503", Message: "busy"},
		{
			Verdict: bridge.VerdictRejected, Stage: bridge.StageMapping, Code: "required", Message: "缺少谈话时间",
			Problems: []bridge.Problem{{Field: "talkTime", Column: "kssj", Rule: "required", Message: "谈话时间没有填写"}},
		},
	}
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func number(i int) string { return strconv.Itoa(i) }
