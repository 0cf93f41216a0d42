package canal

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// A log that was begun anew gives the same names, offsets and GTIDs again. Peers read on in the middle of the new one.
func TestLogBegunAnewIsNoticedThoughItGrewPastThePosition(t *testing.T) {
	onEveryOwn(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		r := startRun(t, o).connected()
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (1, '1')")
		changes(t, out, 1)
		eventually(t, func() bool { return !out.checkpoint().FileBornAt.IsZero() })
		require.NoError(t, r.end())
		born := out.checkpoint().FileBornAt
		eventually(t, func() bool { return time.Since(born) > 1100*time.Millisecond }) // the log tells seconds
		resetLog(t, m)
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (2, '1')")
		for range 30 {
			execOn(t, m, schema, "INSERT INTO other (pad) VALUES (REPEAT('x', 500))")
		}
		execOn(t, m, schema, "FLUSH BINARY LOGS", "INSERT INTO talk (id, flag) VALUES (3, '1')")
		for _, byFile := range []bool{false, true} {
			saved := *out.checkpoint()
			if byFile {
				saved.GTID = ""
			}
			again := &memory{saved: &saved}
			o.Outbox, o.OnPurged = again, PurgedStop
			err := startRun(t, o).wait()
			var lost *lostError
			require.ErrorAs(t, err, &lost)
			require.True(t, lost.foreign)
			require.ErrorContains(t, err, "begun anew")
			require.ErrorContains(t, err, "source.on_purged: reconcile")
			require.Empty(t, again.all())

			o.OnPurged = PurgedReconcile
			r = startRun(t, o).connected()
			require.Equal(t, []string{"1", "2", "3"}, keys(changes(t, again, 3)))
			require.NoError(t, r.end())
		}
	})
}

// The position's own file may be gone, in both logs: then the head of a later one tells.
func TestLogBegunAnewIsNoticedThoughTheFileIsPurged(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		m := s.Start(t) // with GTIDs: without, a purged file is all there is to know
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		o.OnPurged = PurgedStop
		r := startRun(t, o).connected()
		for id := range 20 {
			execOn(t, m, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", id))
		}
		changes(t, out, 20)
		require.NoError(t, r.end())
		resetLog(t, m)
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (30, '1')", "FLUSH BINARY LOGS")
		for range 30 {
			execOn(t, m, schema, "INSERT INTO other (pad) VALUES ('x')")
		}
		execOn(t, m, schema, "FLUSH BINARY LOGS")
		file := logEnd(t, m)["File"]
		eventually(t, func() bool {
			require.NoError(t, m.Exec("PURGE BINARY LOGS TO 'binlog.000002'"))
			db := m.DB("")
			defer db.Close()
			first, err := binaryLogs(t.Context(), db)
			require.NoError(t, err)
			return first[0].name == "binlog.000002"
		})
		require.Equal(t, "binlog.000001", out.checkpoint().File)
		require.Equal(t, "binlog.000003", file)
		err := startRun(t, o).wait()
		var lost *lostError
		require.ErrorAs(t, err, &lost)
	})
}
