package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// takenByName leases a record that waits, due or not, and nothing else.
func takenByName(w *World) {
	t := w.T
	id := bridge.RecordID(route, "1")
	w.nothingDue(t)
	take := func() (bridge.Lease, error) { return w.Take(t.Context(), id, nil, ttl) }
	_, err := take()
	require.ErrorIs(t, err, state.ErrNotFound)

	first := w.submit(t, "1", "第一次")
	w.submit(t, "2", "另一条")
	w.settle(t, mustTake(w, id), bridge.Settlement{Verdict: bridge.VerdictRetry, After: time.Hour, Code: "503"})
	l, err := take()
	require.NoError(t, err, "though it is not due for an hour")
	equal(t, first, l.Change)
	require.Equal(t, 1, l.Attempts)
	_, err = take()
	require.ErrorIs(t, err, state.ErrSending)
	require.Equal(t, bridge.RecordID(route, "2"), w.leaseOne(t).ID, "a worker does not get it meanwhile")

	w.Advance(ttl + time.Second)
	_, err = take()
	require.NoError(t, err, "the lease ran out")
	require.ErrorIs(t, w.Settle(t.Context(), l, bridge.Settlement{Verdict: bridge.VerdictDelivered}), state.ErrLeaseLost)

	w.Advance(ttl + time.Second)
	w.settle(t, mustTake(w, id), bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0"})
	_, err = take()
	require.ErrorIs(t, err, state.ErrNotWaiting)
	require.Equal(t, bridge.StatusDelivered, w.record(t, "1").Status)
}

// submittedAndTaken submits what a scan found and leases it; the rules of a submission hold, but for content that is held already.
func submittedAndTaken(w *World) {
	t := w.T
	id := bridge.RecordID(route, "1")
	w.nothingDue(t)
	old := w.change("1", "旧的")
	row := w.change("1", "现在的")
	row.Origin = bridge.OriginScan
	l, err := w.Take(t.Context(), id, &row, ttl)
	require.NoError(t, err, "a record that the store did not know")
	equal(t, row, l.Change)
	require.Zero(t, w.append(t, old), "Invariant 4: what the log has from before the scan is older")
	w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0"})

	again := w.change("1", "现在的")
	again.Origin = bridge.OriginScan
	l, err = w.Take(t.Context(), id, &again, ttl)
	require.NoError(t, err, "the same content, delivered before: who names it wants it sent")
	require.Greater(t, l.Seq, uint64(1))

	newer := w.change("1", "更新的")
	newer.Origin = bridge.OriginScan
	_, err = w.Take(t.Context(), id, &newer, ttl)
	require.ErrorIs(t, err, state.ErrSending, "Invariant 3: one lease at a time")
	w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0"})
	l = w.leaseOne(t)
	equal(t, newer, l.Change) // what was submitted meanwhile is due at once
	w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0"})

	submitted := w.submit(t, "1", "日志中最新的")
	l, err = w.Take(t.Context(), id, &again, ttl)
	require.NoError(t, err)
	equal(t, submitted, l.Change) // Invariant 4: an older row does not take the place of a newer event
	w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0"})
	_, err = w.Take(t.Context(), id, &again, ttl)
	require.ErrorIs(t, err, state.ErrNotWaiting)

	other := w.change("2", "别的记录")
	_, err = w.Take(t.Context(), id, &other, ttl)
	require.ErrorContains(t, err, "is one of one/2")
	_, _, err = w.Pause(t.Context(), "")
	require.NoError(t, err)
	_, err = w.Take(t.Context(), other.ID(), &other, ttl)
	require.ErrorIs(t, err, state.ErrPaused)
	_, ok, err := w.Record(t.Context(), other.ID())
	require.NoError(t, err)
	require.False(t, ok, "nothing was submitted")
}

func mustTake(w *World, id string) bridge.Lease {
	l, err := w.Take(w.T.Context(), id, nil, ttl)
	require.NoError(w.T, err)
	return l
}

// forgotten takes the position away, under the lead only.
func forgotten(w *World) {
	t := w.T
	epoch, ok, err := w.Lead(t.Context(), owner, time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	w.lead.epoch = epoch
	_, err = w.Append(t.Context(), epoch, []bridge.Change{w.change("1", "一")}, &bridge.Checkpoint{File: "binlog.000009", Pos: 2000})
	require.NoError(t, err)
	require.ErrorIs(t, w.ClearPosition(t.Context(), epoch+1), state.ErrFenced)
	_, ok, err = w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, w.ClearPosition(t.Context(), epoch))
	_, ok, err = w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, w.ClearPosition(t.Context(), epoch), "again")
	require.Equal(t, bridge.StatusPending, w.record(t, "1").Status, "the outbox stays")
	w.submit(t, "1", "二")
}
