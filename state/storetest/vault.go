package storetest

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

func paused(w *World) {
	t := w.T
	_, ok, err := w.Paused(t.Context())
	require.NoError(t, err)
	require.False(t, ok)
	_, changed, err := w.Resume(t.Context(), false)
	require.NoError(t, err)
	require.False(t, changed, "nothing to resume")

	w.submit(t, "1", "text")
	flying := w.leaseOne(t)
	w.submit(t, "2", "text")
	since := w.Now().UTC()
	p, changed, err := w.Pause(t.Context(), "the platform moves house")
	require.NoError(t, err)
	require.True(t, changed)
	equal(t, state.Pause{Since: since, Kind: state.PausedByHand, Reason: "the platform moves house"}, p)
	w.nothingDue(t)
	w.settle(t, flying, verdicts()[1])
	third := w.submit(t, "3", "text") // reading goes on
	w.Advance(10 * time.Hour)
	w.nothingDue(t)
	_, ok, err = w.NextDue(t.Context())
	require.NoError(t, err)
	require.True(t, ok, "it is due, and says so")

	p, changed, err = w.Pause(t.Context(), "another reason")
	require.NoError(t, err)
	require.False(t, changed)
	require.Equal(t, "the platform moves house", p.Reason)

	again := w.Restart()
	w.Store, w.lead.epoch = again, 0
	w.nothingDue(t)
	wakeups := w.Wake()
	for len(wakeups) > 0 {
		<-wakeups
	}
	p, changed, err = w.Resume(t.Context(), false)
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, since, p.Since)
	<-wakeups
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 3)
	equal(t, third, leases[1].Change) // the first is due since an hour after its failure
}

// everyStatus leaves one record in each status, one of them under a lease.
func (w *World) everyStatus() (waiting bridge.Change, flying bridge.Lease) {
	t := w.T
	for i, v := range verdicts() {
		w.submit(t, number(i), "text")
		w.settle(t, w.leaseOne(t), v)
	}
	w.submit(t, "8", "text")
	require.NoError(t, w.Discard(t.Context(), "one/8"))
	w.submit(t, "9", "in flight")
	flying = w.leaseOne(t)
	waiting = w.submit(t, "waits", "text")
	_, err := w.Append(t.Context(), w.lead.epoch, nil, &bridge.Checkpoint{File: "binlog.000009", Pos: 4711, Schema: []byte("history")})
	require.NoError(t, err)
	return waiting, flying
}

func backedUp(w *World) {
	t := w.T
	waiting, flying := w.everyStatus()
	require.NoError(t, w.SaveToken(t.Context(), bridge.Token{Value: "tok-canary"}))
	var file bytes.Buffer
	sum, err := w.Backup(t.Context(), &file, nil)
	require.NoError(t, err)
	require.Equal(t, 6, sum.Records)
	equal(t, map[bridge.Status]int{
		bridge.StatusPending: 3, bridge.StatusRejected: 1, bridge.StatusDelivered: 1, bridge.StatusDiscarded: 1,
	}, sum.Statuses)
	require.EqualValues(t, file.Len(), sum.Bytes)
	verified, err := state.Verify(t.Context(), bytes.NewReader(file.Bytes()), Key, nil)
	require.NoError(t, err)
	equal(t, asJSON(w, sum), asJSON(w, verified))
	for _, secret := range []string{"tok-canary", "one/waits", "谈话", "history", "in flight"} { // Invariant 8, and the ledger is sealed too
		require.NotContains(t, file.String(), secret)
	}

	w.submit(t, "later", "text")
	restore := func(o state.RestoreOptions) error {
		_, err := w.Restore(t.Context(), bytes.NewReader(file.Bytes()), o)
		return err
	}
	require.ErrorIs(t, restore(state.RestoreOptions{Replace: true}), state.ErrInUse)
	require.NoError(t, w.Resign(t.Context(), owner))
	require.ErrorIs(t, restore(state.RestoreOptions{}), state.ErrNotEmpty)
	w.record(t, "later")
	require.NoError(t, restore(state.RestoreOptions{Replace: true}))
	w.restored(sum, &file, waiting, flying)
}

// restored looks at a store that a backup of everyStatus was just put into.
func (w *World) restored(sum state.Summary, file *bytes.Buffer, waiting bridge.Change, flying bridge.Lease) {
	t := w.T
	_, ok, err := w.Record(t.Context(), "one/later")
	require.NoError(t, err)
	require.False(t, ok)
	equal(t, map[bridge.Status]int{
		bridge.StatusPending: 3, bridge.StatusRejected: 1, bridge.StatusDelivered: 1, bridge.StatusDiscarded: 1,
	}, w.counted(t))
	require.Equal(t, "谈话时间没有填写", w.record(t, "2").Problems[0].Message)
	cp, _, err := w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4711, cp.Pos)
	require.Equal(t, "history", string(cp.Schema))

	var again bytes.Buffer
	second, err := w.Backup(t.Context(), &again, nil)
	require.NoError(t, err)
	require.Equal(t, sum.Digest, second.Digest, "what came back is what was there")
	require.NotEqual(t, file.Bytes(), again.Bytes())

	require.ErrorIs(t, w.Settle(t.Context(), flying, verdicts()[0]), state.ErrLeaseLost, "leases are void")
	w.nothingDue(t)
	_, _, err = w.Resume(t.Context(), false)
	require.ErrorIs(t, err, state.ErrNotCaughtUp)
	w.Advance(time.Second)
	w.lead.epoch = 0
	later := w.submit(t, "9", "newer than in flight")
	_, err = w.Append(t.Context(), w.lead.epoch, nil, &cp)
	require.NoError(t, err)
	p, changed, err := w.Resume(t.Context(), false)
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, state.PausedRestored, p.Kind)
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 2, "the third waits for its second try")
	equal(t, waiting, leases[0].Change)
	equal(t, later, leases[1].Change)
}

func asJSON(w *World, sum state.Summary) string {
	w.T.Helper()
	text, err := json.Marshal(sum)
	require.NoError(w.T, err)
	return string(text)
}
