package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/state"
)

func reconciled(w *World) {
	t := w.T
	routes := []string{"two", "one", "none"}
	found := func(of *state.Store) []state.Reconciled {
		t.Helper()
		out, err := of.Reconciled(t.Context(), routes)
		require.NoError(t, err)
		return out
	}
	require.Empty(t, found(w.Store))
	require.NotNil(t, found(w.Store), "none is a list too")
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	run := func(route string, cause state.Cause, scanned int) state.Reconciled {
		return state.Reconciled{
			Route: route, Cause: cause, BeganAt: at, EndedAt: at.Add(time.Minute), Behind: scanned == 7,
			Figures: state.Figures{Scanned: scanned, InSync: scanned - 2, Missing: 1, Rejected: 1, Queued: 1},
		}
	}
	one, two := run("one", state.CauseStart, 7), run("two", state.CauseStart, 9)
	require.NoError(t, w.SaveReconciled(t.Context(), []state.Reconciled{one, two, run("gone", state.CauseStart, 3)}))
	require.Equal(t, []state.Reconciled{two, one}, found(w.Store), "in the order that is asked for")
	one = run("one", state.CauseHand, 8)
	require.NoError(t, w.SaveReconciled(t.Context(), []state.Reconciled{one}))
	require.NoError(t, w.SaveReconciled(t.Context(), nil))
	require.Equal(t, []state.Reconciled{two, one}, found(w.Restart()), "a run over one route leaves the other's")
}
