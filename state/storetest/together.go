package storetest

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// settledTogether settles hundreds of leases at once, so that many share a write: each gets its own answer and its own outcome.
func settledTogether(w *World) {
	t := w.T
	const records = 360
	changes := make([]bridge.Change, records)
	for i := range changes {
		changes[i] = w.change(strconv.Itoa(i), "text")
	}
	require.Equal(t, records, w.append(t, changes...))
	leases, err := w.Lease(t.Context(), records, ttl)
	require.NoError(t, err)
	require.Len(t, leases, records)
	newer := w.change(leases[3].Change.Key, "newer")
	require.Equal(t, 1, w.append(t, newer))
	w.Advance(time.Second)

	verdicts := []bridge.Verdict{bridge.VerdictDelivered, bridge.VerdictRetry, bridge.VerdictRejected, bridge.VerdictDelivered}
	answers := make([]error, records)
	var all sync.WaitGroup
	for i, l := range leases {
		if i%5 == 0 {
			l.Token = "0123456789abcdef" // somebody else's
		}
		all.Go(func() {
			answers[i] = w.Settle(t.Context(), l, bridge.Settlement{Verdict: verdicts[i%4], After: time.Hour, Code: fmt.Sprintf("code %d", i)})
		})
	}
	all.Wait()
	statuses := []bridge.Status{bridge.StatusDelivered, bridge.StatusPending, bridge.StatusRejected, bridge.StatusDelivered}
	for i, l := range leases {
		r := w.record(t, l.Change.Key)
		switch {
		case i%5 == 0:
			require.ErrorIs(t, answers[i], state.ErrLeaseLost)
			require.Equal(t, bridge.StatusSending, r.Status)
		case i == 3: // newer content arrived meanwhile
			require.NoError(t, answers[i])
			require.Equal(t, bridge.StatusPending, r.Status)
			require.Empty(t, r.Code)
		default:
			require.NoError(t, answers[i])
			require.Equal(t, statuses[i%4], r.Status)
			require.Equal(t, fmt.Sprintf("code %d", i), r.Code)
		}
	}
	equal(t, newer, w.leaseOne(t).Change)
	w.nothingDue(t)
	w.Advance(2 * ttl) // what was settled under a wrong token comes again, with its content
	more, err := w.Lease(t.Context(), records, ttl)
	require.NoError(t, err)
	require.Len(t, more, records/5+1)
}
