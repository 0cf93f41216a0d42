package canal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// A transaction comes by the log before the server shows it. Whoever looks something up for it waits until the server does: else a talk would
// be sent without the students that were entered with it.
func TestWhatIsLookedUpForASubmissionHasItsTransaction(t *testing.T) {
	onEveryOwn(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		const stalled = 2 * time.Second
		schema := database(t, m, talks+" CREATE TABLE student (talk INT, name VARCHAR(20));")
		out := &memory{}
		const settle = 300 * time.Millisecond
		r := startRun(t, options(t, m, out, talkRoute(schema)), func(t *tuning) { t.settle = settle }).connected()
		srv, err := inspect(t.Context(), r.db, FlavorAuto)
		require.NoError(t, err)
		require.NoError(t, m.StallCommits(stalled))
		committed := make(chan error, 1)
		go func() {
			committed <- m.Exec("USE " + schema + "; BEGIN; INSERT INTO student VALUES (1, 'x'); INSERT INTO talk (id, flag) VALUES (1, '1'); COMMIT")
		}()
		change := changes(t, out, 1)[0]
		students := func() (n int) {
			db := m.DB(schema)
			defer db.Close()
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM student").Scan(&n))
			return n
		}
		require.Zero(t, students(), "the server shows it before it has committed it: nothing is tested here")
		if srv.gtid { // without, there is only a time
			soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			require.ErrorContains(t, r.Visible(soon, change), "semi-synchronous")
			require.NoError(t, r.Visible(t.Context(), change))
			require.Equal(t, 1, students())
		}
		require.NoError(t, <-committed)

		// The horizon moves on, and what lies in front of it is not asked for.
		require.NoError(t, r.Visible(t.Context(), change))
		execOn(t, m, schema, "INSERT INTO student VALUES (2, 'x')", "INSERT INTO talk (id, flag) VALUES (2, '1')")
		later := changes(t, out, 2)[1]
		begun := time.Now()
		require.NoError(t, r.Visible(t.Context(), later))
		require.Equal(t, 2, students())
		if !srv.gtid {
			require.GreaterOrEqual(t, time.Since(later.CapturedAt), settle)
		} else {
			require.Less(t, time.Since(begun), stalled)
		}
		require.NoError(t, r.end())
	})
}

// What nobody can be asked about is not waited for.
func TestWhatCannotBeHiddenIsNotWaitedFor(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	r := startRun(t, options(t, m, &memory{}, talkRoute(schema))).connected()
	srv, err := inspect(t.Context(), r.db, FlavorAuto)
	require.NoError(t, err)
	hidden := bridge.Change{
		Origin: bridge.OriginBinlog, CapturedAt: time.Now(),
		At: bridge.Coordinates{Server: srv.identity, File: "binlog.999999", Pos: 4}, // of a log that was begun anew since
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, r.Visible(soon, hidden))
	for what, change := range map[string]func(*bridge.Change){
		"read from the table": func(c *bridge.Change) { c.Origin = bridge.OriginScan },
		"old":                 func(c *bridge.Change) { c.CapturedAt = c.CapturedAt.Add(-doubtedFor - time.Second) },
		"of another server":   func(c *bridge.Change) { c.At.Server = "another" },
	} {
		c := hidden
		change(&c)
		require.NoError(t, r.Visible(t.Context(), c), what)
	}

	// After a fail-over, or in a log that was begun anew, what was known of the other log counts nothing.
	require.NoError(t, r.Visible(t.Context(), func() bridge.Change { c := hidden; c.At.File = "binlog.000000"; return c }()))
	r.horizon.file = "binlog.999999"
	hidden.At.Server, hidden.At.File = srv.identity+"/7", "binlog.999998"
	soon, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, r.Visible(soon, hidden))
	require.NoError(t, r.end())
}
