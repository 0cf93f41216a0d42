package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

func counts(w *World) {
	t := w.T
	n, oldest, err := w.Counts(t.Context())
	require.NoError(t, err)
	require.Len(t, n, len(bridge.Statuses()), "a status with none is there too")
	require.True(t, oldest.IsZero())

	start := w.Now()
	for i := range 6 {
		w.submit(t, number(i), "text")
		w.Advance(time.Second)
	}
	oldestIs := func(want time.Time) {
		t.Helper()
		_, oldest, err := w.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, want.UTC(), oldest)
	}
	oldestIs(start)
	leases, err := w.Lease(t.Context(), 4, ttl)
	require.NoError(t, err)
	equal(t, map[bridge.Status]int{bridge.StatusPending: 2, bridge.StatusSending: 4}, w.counted(t))
	for i, v := range verdicts() {
		w.settle(t, leases[i], v)
	}
	require.NoError(t, w.Discard(t.Context(), "one/5"))
	all := map[bridge.Status]int{
		bridge.StatusPending: 2, bridge.StatusSending: 1, bridge.StatusDelivered: 1, bridge.StatusRejected: 1, bridge.StatusDiscarded: 1,
	}
	equal(t, all, w.counted(t))
	oldestIs(start.Add(time.Second)) // waits for its second try: trying does not make it younger
	w.Advance(ttl)
	all[bridge.StatusSending], all[bridge.StatusPending] = 0, 3
	delete(all, bridge.StatusSending)
	equal(t, all, w.counted(t))
}

func pages(w *World) {
	t := w.T
	var want []string
	for i := range 7 { // many of one moment, as a batch gives
		var changes []bridge.Change
		for j := range 5 {
			c := w.change(number(100+10*i+j), "text")
			if j%2 == 1 {
				c.Route = "multi"
			}
			changes = append(changes, c)
		}
		require.Equal(t, 5, w.append(t, changes...))
		w.Advance(time.Millisecond)
	}
	list := func(f state.Filter) (ids []string) {
		t.Helper()
		for {
			records, next, err := w.Records(t.Context(), f)
			require.NoError(t, err)
			if f.Limit > 0 {
				require.LessOrEqual(t, len(records), f.Limit)
			}
			for _, r := range records {
				ids = append(ids, r.ID)
			}
			if next == "" {
				return ids
			}
			f.After = next
		}
	}
	want = list(state.Filter{})
	require.Len(t, want, 35)
	for i := range 7 {
		k := number(160 - 10*i)[:2]
		equal(t, []string{"one/" + k + "4", "one/" + k + "2", "one/" + k + "0", "multi/" + k + "3", "multi/" + k + "1"}, want[5*i:5*i+5])
	}
	for _, limit := range []int{1, 2, 3, 5, 34, 35, 36} {
		equal(t, want, list(state.Filter{Limit: limit}))
		equal(t, want, list(state.Filter{Limit: limit, Status: bridge.StatusPending}))
		require.Len(t, list(state.Filter{Limit: limit, Route: "multi"}), 14)
		require.Len(t, list(state.Filter{Limit: limit, Route: "one", Status: bridge.StatusPending}), 21)
		require.Empty(t, list(state.Filter{Limit: limit, Route: "on"}))
		require.Empty(t, list(state.Filter{Limit: limit, Status: bridge.StatusRejected}))
	}
	_, _, err := w.Records(t.Context(), state.Filter{After: "nonsense"})
	require.Error(t, err)
	_, _, err = w.Records(t.Context(), state.Filter{Status: "lost"})
	require.ErrorContains(t, err, "pending")
}

func movedPlace(w *World) {
	t := w.T
	var changes []bridge.Change
	for i := range 6 {
		changes = append(changes, w.change(number(i), "text"))
	}
	require.Equal(t, 6, w.append(t, changes...))
	list := func(after string) (ids []string, next string) {
		records, next, err := w.Records(t.Context(), state.Filter{Status: bridge.StatusPending, Limit: 2, After: after})
		require.NoError(t, err)
		for _, r := range records {
			ids = append(ids, r.ID)
		}
		return ids, next
	}
	ids, next := list("")
	equal(t, []string{"one/5", "one/4"}, ids)
	require.NoError(t, w.Discard(t.Context(), "one/4"))
	ids, next = list(next)
	equal(t, []string{"one/3", "one/2"}, ids)
	w.Advance(time.Millisecond)
	w.submit(t, "2", "submitted again")
	ids, _ = list(next)
	equal(t, []string{"one/1", "one/0"}, ids)
}

func sending(w *World) {
	t := w.T
	for i := range 4 {
		w.submit(t, number(i), "text")
		w.Advance(time.Millisecond)
	}
	leases, err := w.Lease(t.Context(), 3, ttl)
	require.NoError(t, err)
	ids := func(status bridge.Status) (ids []string) {
		t.Helper()
		records, _, err := w.Records(t.Context(), state.Filter{Status: status})
		require.NoError(t, err)
		for _, r := range records {
			if status != "" {
				require.Equal(t, status, r.Status)
			}
			ids = append(ids, r.ID)
		}
		return ids
	}
	equal(t, []string{"one/3"}, ids(bridge.StatusPending))
	equal(t, []string{"one/2", "one/1", "one/0"}, ids(bridge.StatusSending))
	for i, v := range verdicts() {
		w.Advance(time.Millisecond)
		w.settle(t, leases[i], v)
	}
	equal(t, []string{"one/3", "one/1"}, ids(bridge.StatusPending))
	require.Empty(t, ids(bridge.StatusSending))
	equal(t, []string{"one/0"}, ids(bridge.StatusDelivered))
	equal(t, []string{"one/2"}, ids(bridge.StatusRejected))
	equal(t, []string{"one/2", "one/0", "one/3", "one/1"}, ids(""))
	w.leaseOne(t)
	w.Advance(ttl)
	require.Empty(t, ids(bridge.StatusSending), "a lease that ran out is none")
	equal(t, []string{"one/3", "one/1"}, ids(bridge.StatusPending))
}

func retryByHand(w *World) {
	t := w.T
	require.ErrorIs(t, w.Retry(t.Context(), "one/unknown"), state.ErrNotFound)
	c := w.submit(t, "1", "text")
	w.settle(t, w.leaseOne(t), verdicts()[2])
	w.Advance(time.Hour)
	require.NoError(t, w.Retry(t.Context(), "one/1"))
	r := w.record(t, "1")
	require.Equal(t, bridge.StatusPending, r.Status)
	require.Zero(t, r.Attempts)
	require.Empty(t, r.Problems)
	l := w.leaseOne(t)
	equal(t, c, l.Change)
	require.NoError(t, w.Retry(t.Context(), "one/1"), "it is being tried")
	w.nothingDue(t)
	w.settle(t, l, verdicts()[1])
	w.nothingDue(t)
	require.NoError(t, w.Retry(t.Context(), "one/1"), "not in an hour, now")
	l = w.leaseOne(t)
	require.Equal(t, 1, l.Attempts)
	w.settle(t, l, verdicts()[0])
	require.ErrorIs(t, w.Retry(t.Context(), "one/1"), state.ErrNoContent)
}

func discardByHand(w *World) {
	t := w.T
	require.ErrorIs(t, w.Discard(t.Context(), "one/unknown"), state.ErrNotFound)
	w.submit(t, "waits", "text")
	require.NoError(t, w.Discard(t.Context(), "one/waits"))
	require.NoError(t, w.Discard(t.Context(), "one/waits"))
	w.nothingDue(t)
	require.Equal(t, bridge.StatusDiscarded, w.record(t, "waits").Status)
	require.ErrorIs(t, w.Retry(t.Context(), "one/waits"), state.ErrNoContent)

	w.submit(t, "refused", "text")
	w.settle(t, w.leaseOne(t), verdicts()[2])
	require.NoError(t, w.Discard(t.Context(), "one/refused"))
	require.Equal(t, "缺少谈话时间", w.record(t, "refused").Message, "why it was refused stays known")

	w.submit(t, "in flight", "text")
	l := w.leaseOne(t)
	require.ErrorIs(t, w.Discard(t.Context(), "one/in flight"), state.ErrSending)
	w.Advance(ttl)
	require.NoError(t, w.Discard(t.Context(), "one/in flight"))
	require.ErrorIs(t, w.Settle(t.Context(), l, verdicts()[1]), state.ErrLeaseLost)

	w.submit(t, "delivered", "text")
	w.settle(t, w.leaseOne(t), verdicts()[0])
	require.ErrorIs(t, w.Discard(t.Context(), "one/delivered"), state.ErrNoContent)
}

func retention(w *World) {
	t := w.T
	for _, key := range []string{"delivered", "waits", "refused"} {
		w.submit(t, key, "text")
	}
	leases, err := w.Lease(t.Context(), 3, ttl)
	require.NoError(t, err)
	for i, verdict := range []int{0, 2, 1} {
		w.settle(t, leases[i], verdicts()[verdict]) // due records come in the order of their ids: delivered, refused, waits
	}
	w.submit(t, "discarded", "text")
	require.NoError(t, w.Discard(t.Context(), "one/discarded"))
	w.Advance(Retention - time.Millisecond)
	_, err = w.Lease(t.Context(), 1, ttl)
	require.NoError(t, err)
	equal(t, map[bridge.Status]int{
		bridge.StatusDelivered: 1, bridge.StatusDiscarded: 1, bridge.StatusRejected: 1, bridge.StatusSending: 1,
	}, w.counted(t))
	w.Advance(time.Hour)
	for range 3 {
		_, err = w.Lease(t.Context(), 1, ttl)
		require.NoError(t, err)
	}
	equal(t, map[bridge.Status]int{bridge.StatusRejected: 1, bridge.StatusSending: 1}, w.counted(t))
	for _, gone := range []string{"one/delivered", "one/discarded"} {
		_, ok, err := w.Record(t.Context(), gone)
		require.NoError(t, err)
		require.False(t, ok)
	}
}

func token(w *World) {
	t := w.T
	held := func() (bridge.Token, bool) {
		t.Helper()
		tok, ok, err := w.Token(t.Context())
		require.NoError(t, err)
		return tok, ok
	}
	_, ok := held()
	require.False(t, ok)
	require.NoError(t, w.DropToken(t.Context(), "none"))
	first := bridge.Token{Value: "first", FetchedAt: w.Now().UTC(), ExpiresAt: w.Now().Add(time.Hour).UTC()}
	require.NoError(t, w.SaveToken(t.Context(), first))
	got, ok := held()
	require.True(t, ok)
	equal(t, first, got)
	second := first
	second.Value = "second"
	require.NoError(t, w.SaveToken(t.Context(), second))
	require.NoError(t, w.DropToken(t.Context(), first.Value), "somebody has fetched a new one since")
	got, ok = held()
	require.True(t, ok)
	equal(t, second, got)
	require.NoError(t, w.DropToken(t.Context(), second.Value))
	_, ok = held()
	require.False(t, ok)
}

func tokenLock(w *World) {
	t := w.T
	lock := func(owner string) bool {
		t.Helper()
		ok, err := w.LockToken(t.Context(), owner, ttl)
		require.NoError(t, err)
		return ok
	}
	require.True(t, lock("a"))
	require.True(t, lock("a"), "renewed")
	require.False(t, lock("b"))
	require.NoError(t, w.UnlockToken(t.Context(), "b"))
	require.False(t, lock("b"), "only its owner unlocks")
	require.NoError(t, w.UnlockToken(t.Context(), "a"))
	require.True(t, lock("b"))
	w.Advance(ttl)
	require.True(t, lock("a"), "ran out")
}

func restart(w *World) {
	t := w.T
	w.submit(t, "0 delivered", "text")
	w.settle(t, w.leaseOne(t), verdicts()[0])
	flying := w.submit(t, "1 in flight", "text")
	l := w.leaseOne(t)
	waiting := w.submit(t, "2 waits", "text")
	cp := bridge.Checkpoint{File: "binlog.000009", Pos: 77}
	_, err := w.Append(t.Context(), w.lead.epoch, nil, &cp)
	require.NoError(t, err)

	w.Store = w.Restart()
	got, ok, err := w.Checkpoint(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 77, got.Pos)
	require.Equal(t, bridge.StatusDelivered, w.record(t, "0 delivered").Status)
	equal(t, waiting, w.leaseOne(t).Change)
	w.Advance(ttl)
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 2)
	equal(t, flying, leases[0].Change)
	require.ErrorIs(t, w.Settle(t.Context(), l, verdicts()[0]), state.ErrLeaseLost)
}
