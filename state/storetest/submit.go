package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// row is what a scan at the place of the last change finds of a record.
func (w *World) row(key, text string) bridge.Change {
	c := w.change(key, text)
	c.Origin, c.EventID = bridge.OriginScan, "scan:"+c.EventID
	return c
}

func (w *World) submitted(t *testing.T, again bool, changes ...bridge.Change) int {
	t.Helper()
	n, err := w.Submit(t.Context(), changes, again)
	require.NoError(t, err)
	return n
}

// Rows that are submitted beside the listener: by nobody's lead, in the order of the log all the same.
func submittedBeside(w *World) {
	t := w.T
	require.Equal(t, 1, w.submitted(t, false, w.row("1", "found")), "a record that the ledger lacks")
	first := w.leaseOne(t)
	require.Equal(t, "found", first.Change.Columns["thnr"].Text)
	w.settle(t, first, verdicts()[0])
	require.Zero(t, w.submitted(t, false, w.row("1", "found")), "nothing new")
	require.Equal(t, 1, w.submitted(t, true, w.row("1", "found")), "once more, since it was asked for")
	require.Zero(t, w.submitted(t, true, w.row("1", "found")), "it waits already")
	w.settle(t, w.leaseOne(t), verdicts()[0])

	old := w.row("2", "as it was")
	newer := w.submit(t, "2", "as it is") // the stream was faster
	require.Zero(t, w.submitted(t, false, old), "never over a newer event")
	require.Zero(t, w.submitted(t, true, old), "not even when asked for")
	l := w.leaseOne(t)
	require.Equal(t, "as it is", l.Change.Columns["thnr"].Text)
	require.Zero(t, w.submitted(t, true, old), "nor while it is sent")
	w.settle(t, l, verdicts()[0])
	require.Zero(t, w.submitted(t, true, old), "nor after")

	event := w.change("3", "by an event")
	read := w.row("3", "by an event, and later")
	require.Equal(t, 1, w.submitted(t, false, read))
	require.Zero(t, w.append(t, event), "an event that the scan has seen does not overwrite it")
	flying := w.leaseOne(t)
	fresh := w.row("3", "meanwhile")
	require.Equal(t, 1, w.submitted(t, false, fresh), "newer content waits for the call in flight")
	w.nothingDue(t)
	w.settle(t, flying, verdicts()[0])
	last := w.leaseOne(t)
	require.Equal(t, "meanwhile", last.Change.Columns["thnr"].Text)
	w.settle(t, last, verdicts()[0])

	elsewhere := w.row("3", "in another log")
	elsewhere.At.Server = "server-2"
	require.Zero(t, w.submitted(t, false, elsewhere), "which of the two is newer cannot be known")
	require.Zero(t, w.submitted(t, true, elsewhere))
	elsewhere.Columns = last.Change.Columns
	require.Equal(t, 1, w.submitted(t, true, elsewhere), "the same once more")
	w.settle(t, w.leaseOne(t), verdicts()[0])
	require.Zero(t, w.append(t, event), "the record has kept its place in the log")

	standings, err := w.Compare(t.Context(), []bridge.Change{newer, w.row("2", "otherwise"), old, w.row("9", "unknown")})
	require.NoError(t, err)
	require.True(t, standings[0].Known && standings[0].Same && !standings[0].Later)
	require.True(t, standings[1].Known && !standings[1].Same && !standings[1].Later)
	require.True(t, standings[2].Known && !standings[2].Same && standings[2].Later)
	require.Equal(t, state.Standing{}, standings[3])
	require.Equal(t, bridge.StatusDelivered, standings[0].Record.Status)
}
