package storetest

import (
	"github.com/stretchr/testify/require"

	"talkbridge/state"
)

func anchored(w *World) {
	t := w.T
	all := func() []state.AuditAnchor {
		t.Helper()
		out, err := w.AuditAnchors(t.Context())
		require.NoError(t, err)
		return out
	}
	require.Empty(t, all())
	set := func(log string, n uint64, mac string) state.AuditAnchor {
		t.Helper()
		a := state.AuditAnchor{Log: log, N: n, Mac: mac, Host: "host-1", Path: "/var/log/audit.log"}
		require.NoError(t, w.SetAuditAnchor(t.Context(), a))
		return a
	}
	set("A", 1, "aa")
	second := set("A", 2, "bb")
	other := set("B", 1, "cc")
	require.Equal(t, []state.AuditAnchor{second, other}, all())
	set("A", 1, "dd") // a process that was slow
	require.Equal(t, []state.AuditAnchor{second, other}, all())
	require.Equal(t, []state.AuditAnchor{second, other}, func() []state.AuditAnchor {
		out, err := w.Restart().AuditAnchors(t.Context())
		require.NoError(t, err)
		return out
	}())
}
