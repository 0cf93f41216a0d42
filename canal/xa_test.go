package canal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

func TestXAIsHeldUntilItsEnd(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		r := startRun(t, o).connected()
		prepare := func(id, sql string) {
			t.Helper()
			run1(t, m, schema, "XA START '"+id+"', 'b''q', 7", sql, "XA END '"+id+"', 'b''q', 7", "XA PREPARE '"+id+"', 'b''q', 7")
		}
		end := func(verb, id string) {
			t.Helper()
			run1(t, m, schema, "XA "+verb+" '"+id+"', 'b''q', 7")
		}
		run1(t, m, schema, "XA START 'one'; INSERT INTO talk (id, flag) VALUES (1, '1'); XA END 'one'; XA COMMIT 'one' ONE PHASE")
		prepare("c", "INSERT INTO talk (id, flag) VALUES (2, '1')")
		prepare("r", "INSERT INTO talk (id, flag) VALUES (3, '1')")
		prepare("other", "INSERT INTO other (pad) VALUES ('x')")
		run1(t, m, schema, "INSERT INTO talk (id, flag) VALUES (4, '1')")
		require.Equal(t, []string{"1", "4"}, keys(changes(t, out, 2)))
		before := out.checkpoint().GTID
		between := readAt(t, options(t, m, out, talkRoute(schema)))

		// A restart in between: what is held is read again.
		require.NoError(t, r.end())
		require.Equal(t, before, out.checkpoint().GTID, "the saved place stays in front of the oldest that is prepared")
		r = startRun(t, o).connected()
		eventually(t, func() bool { return len(out.all()) >= 3 }) // 4 again; the store knows it by its id
		end("ROLLBACK", "r")
		end("COMMIT", "other")
		end("COMMIT", "c")
		run1(t, m, schema, "INSERT INTO talk (id, flag) VALUES (5, '1')")
		got := changes(t, out, 5)
		require.Equal(t, []string{"1", "4", "4", "2", "5"}, keys(got))
		require.Equal(t, got[1].EventID, got[2].EventID)
		order, ordered := got[3].At.Compare(between)
		require.True(t, ordered && order > 0, "what was read between the two phases does not have the rows, and is older")
		require.NoError(t, r.end())
		require.NotEqual(t, before, out.checkpoint().GTID)
		h, err := decodeHistory(out.checkpoint().Schema)
		require.NoError(t, err)
		require.Empty(t, h.Prepared)
	})
}

// The rows of a transaction that was prepared before reading began are behind us: its end is no silent loss.
func TestXAPreparedBeforeTheStartIsNotLost(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		run1(t, m, schema, "XA START 'early'; INSERT INTO talk (id, flag) VALUES (1, '1'); XA END 'early'; XA PREPARE 'early'")
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		o.Start.Mode = StartReconcile
		startRun(t, o).connected()
		require.Empty(t, out.all())
		run1(t, m, schema, "XA COMMIT 'early'")
		require.Equal(t, []string{"1"}, keys(changes(t, out, 1)))

		run1(t, m, schema, "XA START 'late'; INSERT INTO talk (id, flag) VALUES (2, '1'); XA END 'late'; XA PREPARE 'late'")
		o.Outbox, o.OnPurged = &memory{}, PurgedStop
		o.Start.Mode = StartLatest
		r := startRun(t, o).connected()
		run1(t, m, schema, "XA COMMIT 'late'")
		requireAll(t, r.wait(), "XA PREPARE stands before", "talkbridge position set")
	})
}

// An XA transaction that wrote nothing leaves nothing behind that looks like a loss.
func TestAnEmptyXAIsNothing(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		o.OnPurged = PurgedStop
		startRun(t, o).connected()
		run1(t, m, schema, "XA START 'e'; SELECT * FROM talk; XA END 'e'; XA PREPARE 'e'; XA COMMIT 'e'", "XA START 'f'; XA END 'f'; XA PREPARE 'f'; XA COMMIT 'f'",
			"XA START 'g'; UPDATE talk SET flag='1'; XA END 'g'; XA PREPARE 'g'; XA COMMIT 'g'", "INSERT INTO talk (id, flag) VALUES (5, '1')")
		require.Equal(t, []string{"5"}, keys(changes(t, out, 1)))
	})
}

// readAt is the place of a read of the tables that is made now.
func readAt(t *testing.T, o Options) (at bridge.Coordinates) {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Flagged(t.Context(), o.Routes[0].Name, func(changes []bridge.Change) error {
		at = changes[0].At
		return nil
	}))
	require.NotZero(t, at)
	return at
}
