package storetest

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

func sameEvent(w *World) {
	t := w.T
	c := w.submit(t, "1", "text")
	require.Zero(t, w.append(t, c), "read again while it waits")
	l := w.leaseOne(t)
	require.Zero(t, w.append(t, c), "read again while it is sent")
	w.settle(t, l, verdicts()[0])
	require.Zero(t, w.append(t, c), "read again when it was delivered")
	w.nothingDue(t)
	require.Equal(t, bridge.StatusDelivered, w.record(t, "1").Status)
}

func olderEvent(w *World) {
	t := w.T
	at := bridge.Coordinates{Server: "server-1", File: "binlog.000010", Pos: 500, Row: 3}
	event := func(at bridge.Coordinates) bridge.Change { return Change(route, "1", "text", at, w.Now()) }
	require.Equal(t, 1, w.append(t, event(at)))
	for name, older := range map[string]bridge.Coordinates{
		"row":            {Server: "server-1", File: "binlog.000010", Pos: 500, Row: 2},
		"position":       {Server: "server-1", File: "binlog.000010", Pos: 499, Row: 9},
		"file":           {Server: "server-1", File: "binlog.000009", Pos: 1 << 33, Row: 9},
		"file by number": {Server: "server-1", File: "binlog.9", Pos: 501, Row: 9},
	} {
		require.Zero(t, w.append(t, event(older)), name)
	}
	for _, newer := range []bridge.Coordinates{
		{Server: "server-1", File: "binlog.000010", Pos: 500, Row: 4},
		{Server: "server-1", File: "binlog.000010", Pos: 1 << 40, Row: 0},
		{Server: "server-1", File: "binlog.999999", Pos: 4, Row: 0},
		{Server: "server-1", File: "binlog.1000000", Pos: 4, Row: 0},
		{Server: "server-2", File: "binlog.000001", Pos: 4, Row: 0}, // cannot be compared
		{Server: "server-2", File: "bin.000001", Pos: 3, Row: 0},
	} {
		require.Equal(t, 1, w.append(t, event(newer)), newer)
	}
}

func scanned(w *World) {
	t := w.T
	scan := func(text string) int {
		c := w.change("1", text)
		c.Origin = bridge.OriginScan
		return w.append(t, c)
	}
	require.Equal(t, 1, scan("first"))
	require.Zero(t, scan("first"), "pending")
	l := w.leaseOne(t)
	require.Zero(t, scan("first"), "sending")
	w.settle(t, l, verdicts()[0])
	require.Zero(t, scan("first"), "delivered")
	require.Equal(t, 1, scan("second"))
	w.settle(t, w.leaseOne(t), verdicts()[2])
	require.Zero(t, scan("second"), "rejected")
	require.Equal(t, 1, scan("third"))
	require.NoError(t, w.Discard(t.Context(), "one/1"))
	require.Zero(t, scan("third"), "discarded")

	same := w.submit(t, "1", "third")
	require.Equal(t, "third", same.Columns["thnr"].Text, "the same content from the log is a submission")
	other := w.change("1", "third")
	other.Origin, other.Columns["thnr"] = bridge.OriginScan, bridge.Value{Kind: bridge.KindBinary, Text: "third"}
	require.Equal(t, 1, w.append(t, other), "another kind is another content")
}

func batch(w *World) {
	t := w.T
	changes := []bridge.Change{
		w.change("1", "first"), w.change("2", "only"), w.change("1", "second"), w.change("1", "third"),
	}
	require.Equal(t, 4, w.append(t, changes...))
	require.Zero(t, w.append(t, changes...), "read again, the whole of it")
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 2)
	equal(t, changes[3], leases[0].Change)
	equal(t, changes[1], leases[1].Change)
}

func large(w *World) {
	t := w.T
	const n = 5000
	changes := make([]bridge.Change, n)
	for i := range changes {
		changes[i] = w.change(number(i), strings.Repeat("谈", 300))
	}
	require.Equal(t, n, w.append(t, changes...))
	equal(t, map[bridge.Status]int{bridge.StatusPending: n}, w.counted(t))
	leases, err := w.Lease(t.Context(), 2*n, ttl)
	require.NoError(t, err)
	require.Len(t, leases, n)
}

func tooLarge(w *World) {
	t := w.T
	w.submit(t, "1", "text")
	_, err := w.Append(t.Context(), w.lead.epoch, make([]bridge.Change, state.MaxBatch+1), nil)
	require.ErrorIs(t, err, state.ErrBatchTooLarge)
	equal(t, map[bridge.Status]int{bridge.StatusPending: 1}, w.counted(t))
}

func unreadable(w *World) {
	t := w.T
	w.submit(t, "1", "text")
	good := w.submit(t, "2", "text")
	w.spoil("one/1", -1) // the last byte of the tag
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 1, "the others go on")
	equal(t, good, leases[0].Change)
	r := w.record(t, "1")
	require.Equal(t, bridge.StatusRejected, r.Status)
	require.Equal(t, state.CodeUnreadable, r.Code)
	require.Equal(t, bridge.StageMapping, r.Stage)
	require.Contains(t, r.Message, "state.key")

	w.spoil("one/1", -1) // flipped back: it was kept as it was
	require.NoError(t, w.Retry(t.Context(), "one/1"))
	require.Equal(t, "one/1", w.leaseOne(t).ID)
}

func broken(w *World) {
	t := w.T
	w.submit(t, "1", "text")
	w.submit(t, "2", "text")
	w.spoil("one/1", 0) // the version
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 1)
	require.Equal(t, "one/2", leases[0].ID)
	r := w.record(t, "1")
	require.Equal(t, bridge.StatusRejected, r.Status)
	require.Equal(t, "record_unreadable", r.Code)
	equal(t, map[bridge.Status]int{bridge.StatusRejected: 1, bridge.StatusSending: 1}, w.counted(t))

	w.spoil("one/2", 0)
	third := w.submit(t, "2", "submitted again")
	equal(t, map[bridge.Status]int{bridge.StatusRejected: 1, bridge.StatusPending: 1}, w.counted(t))
	equal(t, third, w.leaseOne(t).Change)
}

func moved(w *World) {
	t := w.T
	w.submit(t, "1", "a confession")
	w.submit(t, "2", "a chat")
	w.Moved("one/1", "one/2")
	leases, err := w.Lease(t.Context(), 10, ttl)
	require.NoError(t, err)
	require.Len(t, leases, 1)
	require.Equal(t, "one/1", leases[0].ID)
	require.Equal(t, state.CodeUnreadable, w.record(t, "2").Code)
}

func fenced(w *World) {
	t := w.T
	cp := &bridge.Checkpoint{File: "binlog.000001"}
	refuse := func(epoch uint64, why string) {
		t.Helper()
		_, err := w.Append(t.Context(), epoch, []bridge.Change{w.change("1", "text")}, cp)
		require.ErrorIs(t, err, state.ErrFenced, why)
		_, ok, err := w.Record(t.Context(), "one/1")
		require.NoError(t, err)
		require.False(t, ok, "nothing is written")
		_, ok, err = w.Checkpoint(t.Context())
		require.NoError(t, err)
		require.False(t, ok, "nothing is written")
	}
	refuse(0, "never led")
	refuse(1, "never led")
	first, ok, err := w.Lead(t.Context(), "a", ttl)
	require.NoError(t, err)
	require.True(t, ok)
	refuse(first+1, "a later epoch")
	w.Advance(ttl)
	second, ok, err := w.Lead(t.Context(), "b", ttl)
	require.NoError(t, err)
	require.True(t, ok)
	require.Greater(t, second, first)
	refuse(first, "another leads")
	require.NoError(t, w.Resign(t.Context(), "b"))
	refuse(second, "resigned")
	if w.Other != nil {
		third, _, err := w.Lead(t.Context(), "b", ttl)
		require.NoError(t, err)
		w.Advance(ttl)
		fourth, ok, err := w.Other().Lead(t.Context(), "c", ttl)
		require.NoError(t, err)
		require.True(t, ok)
		require.Greater(t, fourth, third)
		refuse(third, "another process leads")
		refuse(fourth, "another process's epoch")
	}
}

func leadership(w *World) {
	t := w.T
	lead := func(s *state.Store, name string) (uint64, bool) {
		t.Helper()
		epoch, ok, err := s.Lead(t.Context(), name, ttl)
		require.NoError(t, err)
		return epoch, ok
	}
	first, ok := lead(w.Store, "a")
	require.True(t, ok)
	require.NotZero(t, first)
	for range 3 { // renewed in time, it goes on for ever
		w.Advance(ttl - time.Millisecond)
		again, ok := lead(w.Store, "a")
		require.True(t, ok)
		require.Equal(t, first, again)
		_, ok = lead(w.Store, "b")
		require.False(t, ok)
		w.lead.epoch = first
		w.submit(t, "1", "text")
	}
	w.Advance(2 * ttl)
	again, ok := lead(w.Store, "a")
	require.True(t, ok)
	require.Equal(t, first, again, "late, but nobody came between")
	require.NoError(t, w.Resign(t.Context(), "b"), "not the leader")
	_, ok = lead(w.Store, "b")
	require.False(t, ok)
	require.NoError(t, w.Resign(t.Context(), "a"))
	second, ok := lead(w.Store, "b")
	require.True(t, ok, "no need to wait after Resign")
	require.Greater(t, second, first)

	third, ok := lead(w.Restart(), "c")
	if !ok { // a shared store cannot know that b died
		w.Advance(ttl)
		third, ok = lead(w.Restart(), "c")
	}
	require.True(t, ok)
	require.Greater(t, third, second)
	fourth, ok := lead(w.Restart(), "c")
	require.True(t, ok)
	require.Greater(t, fourth, third, "a new process of the same name is another leader")
}
