package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

// awaited: workers say that they wait. Whether or not a back end leases with the append, every record is leased once, with no more time than
// its lease has, and is due again where nobody takes it.
func awaited(w *World) {
	t := w.T
	expect := func(n int) { require.NoError(t, w.Expect(t.Context(), n, ttl)) }
	lease := func(n int) []bridge.Lease {
		leases, err := w.Lease(t.Context(), n, ttl)
		require.NoError(t, err)
		return leases
	}
	expect(2)
	end := w.Now().Add(ttl)
	require.Equal(t, 3, w.append(t, w.change("1", "a"), w.change("2", "b"), w.change("3", "c")))
	w.Advance(time.Second)
	first := lease(1)
	require.Len(t, first, 1)
	leases := first
	for more := lease(10); len(more) > 0; more = lease(10) { // what was leased with the append comes by itself
		leases = append(leases, more...)
	}
	require.Len(t, leases, 3)
	seen := map[string]bool{}
	for _, l := range leases {
		seen[l.ID] = true
		require.Zero(t, l.Attempts)
		require.False(t, l.Until.After(latest(end.Add(time.Second), time.Now().Add(ttl))))
		w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered})
	}
	require.Len(t, seen, 3, "each once")
	w.nothingDue(t)

	w.submit(t, "4", "the wish was for one append")
	require.Equal(t, bridge.StatusPending, w.record(t, "4").Status)
	w.settle(t, w.leaseOne(t), bridge.Settlement{Verdict: bridge.VerdictDelivered})

	expect(2)
	w.submit(t, "5", "nobody takes it")
	expect(0)
	l := w.leaseOne(t)
	require.Zero(t, l.Attempts, "what was given back is no attempt")
	w.settle(t, l, bridge.Settlement{Verdict: bridge.VerdictDelivered})

	pause := func() {
		_, _, err := w.Pause(t.Context(), "")
		require.NoError(t, err)
	}
	resume := func() {
		_, _, err := w.Resume(t.Context(), false)
		require.NoError(t, err)
	}
	expect(2)
	pause()
	w.submit(t, "6", "appended while it was paused")
	require.Equal(t, bridge.StatusPending, w.record(t, "6").Status)
	w.nothingDue(t)
	resume()
	w.settle(t, w.leaseOne(t), bridge.Settlement{Verdict: bridge.VerdictDelivered})

	expect(2)
	w.submit(t, "8", "the process ends before it takes it")
	require.NoError(t, w.Close())
	w.Store = w.Restart()
	l = w.leaseOne(t)
	require.Zero(t, l.Attempts)
}
