package storetest

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

func delivered(w *World) {
	t := w.T
	c := w.submit(t, "1", "第一次谈话")
	equal(t, bridge.Record{
		ID: "one/1", Route: "one", Key: "1", Status: bridge.StatusPending, CommittedAt: c.CommittedAt, CapturedAt: c.CapturedAt,
		DueAt: w.Now().UTC(),
	}, w.record(t, "1"))

	before := time.Now()
	l := w.leaseOne(t)
	equal(t, c, l.Change)
	require.Equal(t, "one/1", l.ID)
	require.Equal(t, 0, l.Attempts)
	require.EqualValues(t, 1, l.Seq)
	require.False(t, l.Until.After(latest(w.Now(), time.Now()).Add(ttl)), "the deadline is not after the lease's end")
	require.False(t, l.Until.Before(earliest(w.Now(), before).Add(ttl)))
	require.Equal(t, bridge.StatusSending, w.record(t, "1").Status)
	w.nothingDue(t)

	w.Advance(time.Second)
	w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered, Code: "0", Message: "ok"})
	equal(t, bridge.Record{
		ID: "one/1", Route: "one", Key: "1", Status: bridge.StatusDelivered, Attempts: 1, Code: "0", Message: "ok",
		CommittedAt: c.CommittedAt, CapturedAt: c.CapturedAt, DeliveredAt: w.Now().UTC(),
	}, w.record(t, "1"))
	w.Advance(1000 * time.Hour)
	w.nothingDue(t)
	require.ErrorIs(t, w.Retry(t.Context(), "one/1"), state.ErrNoContent)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func checkpoint(w *World) {
	t := w.T
	_, ok, err := w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.False(t, ok)

	epoch, _, err := w.Lead(t.Context(), owner, time.Hour)
	require.NoError(t, err)
	cp := bridge.Checkpoint{
		Flavor: "mariadb", File: "binlog.000009", Pos: 1 << 40, GTID: "0-1-17", ServerUUID: "u", CommittedAt: w.Now().UTC(),
		Schema: []byte("<schema & history>\x00\xff"), SavedAt: time.Unix(1, 0), // the store sets it
	}
	for range 2 {
		w.Advance(time.Minute)
		queued, err := w.Append(t.Context(), epoch, []bridge.Change{w.change("1", "text")}, &cp)
		require.NoError(t, err)
		require.Equal(t, 1, queued)
		want := cp
		want.SavedAt = w.Now().UTC()
		got, ok, err := w.Checkpoint(t.Context())
		require.NoError(t, err)
		require.True(t, ok)
		equal(t, want, got)
		cp.Pos++
	}
	queued, err := w.Append(t.Context(), epoch, []bridge.Change{w.change("2", "without a position")}, nil)
	require.NoError(t, err)
	require.Equal(t, 1, queued)
	got, _, err := w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, cp.Pos-1, got.Pos, "changes alone leave the position")
	cp.Pos = 7
	queued, err = w.Append(t.Context(), epoch, nil, &cp)
	require.NoError(t, err)
	require.Zero(t, queued)
	got, _, err = w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 7, got.Pos, "a position alone is saved too")
}

func values(w *World) {
	t := w.T
	c := w.change("a,b/ü%2C\x00", "")
	c.KeyColumns = []string{"p", "q"}
	c.CommittedAt = time.Date(2025, 3, 4, 5, 6, 7, 89_000_000, time.FixedZone("", 8*3600))
	c.Columns = map[string]bridge.Value{
		"null": {}, "empty": {Kind: bridge.KindText}, "binary": {Kind: bridge.KindBinary, Text: "\x00\xff\xfe"},
		"html": {Kind: bridge.KindText, Text: `<p class="x">谈话 & 记录</p>`}, "long": {Kind: bridge.KindText, Text: strings.Repeat("长", 100_000)},
		"json": {Kind: bridge.KindJSON, Text: `{"a": [1, null]}`}, "bits": {Kind: bridge.KindBits, Text: "18446744073709551615"},
	}
	require.Equal(t, 1, w.append(t, c))
	got := w.leaseOne(t).Change
	require.True(t, c.CommittedAt.Equal(got.CommittedAt))
	got.CommittedAt = c.CommittedAt
	equal(t, c, got)

	c = w.change("no columns", "")
	c.Columns = map[string]bridge.Value{}
	require.Equal(t, 1, w.append(t, c))
	equal(t, c, w.leaseOne(t).Change)
}

func retried(w *World) {
	t := w.T
	c := w.submit(t, "1", "text")
	for attempt := range 3 {
		l := w.leaseOne(t)
		equal(t, c, l.Change)
		require.Equal(t, attempt, l.Attempts)
		w.settle(t, l, bridge.Settlement{
			Verdict: bridge.VerdictRetry, After: time.Minute, Stage: bridge.StagePlatform, Code: "503", Message: "busy",
		})
		r := w.record(t, "1")
		require.Equal(t, bridge.StatusPending, r.Status)
		require.Equal(t, attempt+1, r.Attempts)
		require.Equal(t, bridge.StagePlatform, r.Stage)
		require.Equal(t, "503", r.Code)
		require.Equal(t, "busy", r.Message)
		require.Equal(t, w.Now().Add(time.Minute).UTC(), r.DueAt)
		w.nothingDue(t)
		w.Advance(time.Minute - time.Millisecond)
		w.nothingDue(t)
		w.Advance(time.Millisecond)
	}
}

func refused(w *World) {
	t := w.T
	c := w.submit(t, "1", "text")
	v := verdicts()[2]
	w.settle(t, w.leaseOne(t), v)
	equal(t, bridge.Record{
		ID: "one/1", Route: "one", Key: "1", Status: bridge.StatusRejected, Attempts: 1, Stage: v.Stage, Code: v.Code, Message: v.Message,
		Problems: v.Problems, CommittedAt: c.CommittedAt, CapturedAt: c.CapturedAt,
	}, w.record(t, "1"))
	w.Advance(10 * Retention)
	w.nothingDue(t)
	require.Equal(t, bridge.StatusRejected, w.record(t, "1").Status, "a rejected record never expires")
	require.NoError(t, w.Retry(t.Context(), "one/1"))
	equal(t, c, w.leaseOne(t).Change)
}

func superseded(w *World) {
	t := w.T
	w.submit(t, "1", "first")
	w.settle(t, w.leaseOne(t), verdicts()[1])
	w.nothingDue(t)

	second := w.submit(t, "1", "second")
	r := w.record(t, "1")
	require.Equal(t, bridge.StatusPending, r.Status)
	require.Zero(t, r.Attempts)
	require.Empty(t, r.Code+r.Message+string(r.Stage))
	require.Equal(t, w.Now().UTC(), r.DueAt)
	l := w.leaseOne(t)
	equal(t, second, l.Change)
	require.Zero(t, l.Attempts)
	require.EqualValues(t, 2, l.Seq)
}

func supersededInFlight(w *World) {
	t := w.T
	for i, v := range verdicts() {
		key := number(i)
		w.submit(t, key, "first")
		first := w.leaseOne(t)
		second := w.submit(t, key, "second")
		require.Equal(t, bridge.StatusSending, w.record(t, key).Status, "the call is still in flight")
		w.nothingDue(t)
		w.settle(t, first, v)
		r := w.record(t, key)
		require.Equal(t, bridge.StatusPending, r.Status, v.Verdict)
		require.Zero(t, r.Attempts)
		require.Empty(t, r.Code+r.Message, "what became of older content counts nothing")
		require.True(t, r.DeliveredAt.IsZero())
		l := w.leaseOne(t)
		equal(t, second, l.Change)
		w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered})
	}

	w.submit(t, "given back", "first")
	first := w.leaseOne(t)
	second := w.submit(t, "given back", "second")
	require.NoError(t, w.Release(t.Context(), first))
	l := w.leaseOne(t)
	equal(t, second, l.Change)
	require.Zero(t, l.Attempts)
	third := w.submit(t, "given back", "third")
	w.Advance(ttl) // the worker died
	l = w.leaseOne(t)
	equal(t, third, l.Change)
}

func resubmitted(w *World) {
	t := w.T
	for i, v := range verdicts() {
		key := number(i)
		w.submit(t, key, "first")
		w.settle(t, w.leaseOne(t), v)
		second := w.submit(t, key, "second")
		l := w.leaseOne(t)
		equal(t, second, l.Change)
		w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered})
	}
	w.submit(t, "discarded", "first")
	require.NoError(t, w.Discard(t.Context(), "one/discarded"))
	second := w.submit(t, "discarded", "second")
	equal(t, second, w.leaseOne(t).Change)
	equal(t, map[bridge.Status]int{bridge.StatusDelivered: 3, bridge.StatusSending: 1}, w.counted(t))
}

func oneLease(w *World) {
	t := w.T
	for i := range 5 {
		w.submit(t, number(i), "text")
	}
	seen := map[string]bool{}
	for _, limit := range []int{2, 2, 2, 2} {
		leases, err := w.Lease(t.Context(), limit, ttl)
		require.NoError(t, err)
		for _, l := range leases {
			require.False(t, seen[l.ID], "leased twice")
			seen[l.ID] = true
		}
	}
	require.Len(t, seen, 5)
	none, err := w.Lease(t.Context(), 0, ttl)
	require.NoError(t, err)
	require.Empty(t, none)
}

func expired(w *World) {
	t := w.T
	c := w.submit(t, "1", "text")
	first := w.leaseOne(t)
	w.Advance(ttl - time.Millisecond)
	w.nothingDue(t)
	w.Advance(time.Millisecond)
	require.Equal(t, bridge.StatusPending, w.record(t, "1").Status)
	second := w.leaseOne(t)
	equal(t, c, second.Change)
	require.Equal(t, 1, second.Attempts, "the call that never came back counts")
	for _, v := range verdicts() {
		require.ErrorIs(t, w.Settle(t.Context(), first, v), state.ErrLeaseLost)
	}
	require.ErrorIs(t, w.Release(t.Context(), first), state.ErrLeaseLost)
	require.Equal(t, bridge.StatusSending, w.record(t, "1").Status)
	w.Advance(ttl)
	w.settle(t, second, bridge.Settlement{Verdict: bridge.VerdictDelivered}) // late, but nobody else has the record
	require.Equal(t, bridge.StatusDelivered, w.record(t, "1").Status)
}

func settledTwice(w *World) {
	t := w.T
	w.submit(t, "1", "text")
	l := w.leaseOne(t)
	w.settle(t, l, verdicts()[1])
	w.settle(t, l, verdicts()[0]) // as when the first reply got lost
	require.Equal(t, bridge.StatusPending, w.record(t, "1").Status, "the second changes nothing")
	forged := l
	forged.Token = "0000000000000000"
	require.ErrorIs(t, w.Settle(t.Context(), forged, verdicts()[0]), state.ErrLeaseLost)
	forged.Token = "no token"
	require.ErrorIs(t, w.Settle(t.Context(), forged, verdicts()[0]), state.ErrLeaseLost)
	forged = l
	forged.ID = "one/unknown"
	require.ErrorIs(t, w.Settle(t.Context(), forged, verdicts()[0]), state.ErrLeaseLost)
	require.Error(t, w.Settle(t.Context(), l, bridge.Settlement{Verdict: "maybe"}))
}

func released(w *World) {
	t := w.T
	w.submit(t, "1", "text")
	w.settle(t, w.leaseOne(t), bridge.Settlement{Verdict: bridge.VerdictRetry, Code: "503"})
	l := w.leaseOne(t)
	require.NoError(t, w.Release(t.Context(), l))
	r := w.record(t, "1")
	require.Equal(t, bridge.StatusPending, r.Status)
	require.Equal(t, 1, r.Attempts, "a call that was not made does not count")
	require.ErrorIs(t, w.Release(t.Context(), l), state.ErrLeaseLost)
	require.ErrorIs(t, w.Settle(t.Context(), l, verdicts()[0]), state.ErrLeaseLost)
	require.Equal(t, 1, w.leaseOne(t).Attempts)
}

func nextDue(w *World) {
	t := w.T
	due := func() (time.Duration, bool) {
		d, ok, err := w.NextDue(t.Context())
		require.NoError(t, err)
		return d, ok
	}
	_, ok := due()
	require.False(t, ok, "nothing waits")
	w.submit(t, "1", "text")
	d, ok := due()
	require.True(t, ok)
	require.Zero(t, d)
	w.Advance(time.Second)
	d, _ = due()
	require.Zero(t, d, "overdue is now")
	l := w.leaseOne(t)
	d, _ = due()
	require.Equal(t, ttl, d, "the end of the lease")
	w.settle(t, l, verdicts()[1])
	d, _ = due()
	require.Equal(t, time.Hour, d)
	w.Advance(time.Hour)
	w.settle(t, w.leaseOne(t), verdicts()[0])
	_, ok = due()
	require.False(t, ok)
}

func wake(w *World) {
	t := w.T
	hinted := func(s *state.Store, what string) {
		t.Helper()
		select {
		case <-s.Wake():
		case <-time.After(10 * time.Second):
			t.Fatal("no hint: " + what)
		}
	}
	w.submit(t, "1", "text")
	hinted(w.Store, "append")
	l := w.leaseOne(t)
	w.settle(t, l, verdicts()[1])
	hinted(w.Store, "retry")
	if w.Other == nil {
		return
	}
	other := w.Other()
	hinted(other, "the subscription itself")
	w.submit(t, "1", "newer")
	hinted(other, "append of another process")
}
