package canal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// replicaOf makes second a replica of first, by GTID.
func replicaOf(t *testing.T, first, second *testserver.SQLServer) {
	t.Helper()
	require.NoError(t, first.Exec("CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'"))
	statement := fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='repl', MASTER_PASSWORD='repl', "+
		"MASTER_USE_GTID=slave_pos; START SLAVE", first.Port)
	if first.Flavor == "mysql" {
		statement = fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='repl', "+
			"SOURCE_PASSWORD='repl', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA", first.Port)
	}
	require.NoError(t, second.Exec(statement))
}

// caughtUp waits until the replica has everything.
func caughtUp(t *testing.T, first, second *testserver.SQLServer) {
	t.Helper()
	position := map[string]string{"mysql": "SELECT @@GLOBAL.gtid_executed AS pos", "mariadb": "SELECT @@GLOBAL.gtid_binlog_pos AS pos"}[first.Flavor]
	ask := func(m *testserver.SQLServer) string {
		db := m.DB("")
		defer db.Close()
		answer, err := record(t.Context(), db, position)
		require.NoError(t, err)
		return strings.Join(strings.Fields(answer["pos"]), "")
	}
	eventually(t, func() bool { return ask(first) == ask(second) })
}

// The source dies, a replica of it is promoted and takes over its address: nothing is lost and nothing comes twice, though its files
// have other names and offsets.
func TestFailOverToAPromotedReplica(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		first, second := s.Start(t), s.Start(t, "--server-id=2", "--log-bin=other", "--log-slave-updates=ON")
		replicaOf(t, first, second)
		tunnel := newTunnel(t, first.Addr)
		schema := database(t, first, talks)
		execOn(t, first, schema, "FLUSH BINARY LOGS", "FLUSH BINARY LOGS") // its files have higher numbers than the replica's
		out := &memory{}
		o := options(t, first, out, talkRoute(schema))
		o.Addr, o.OnPurged = tunnel.addr, PurgedStop
		logger, logs := observed()
		o.Logger = logger
		r := startRun(t, o).connected()
		next := 0
		press := func(m *testserver.SQLServer, n int) {
			for range n {
				execOn(t, m, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", next))
				next++
			}
		}
		press(first, 20)
		changes(t, out, 20)
		identity := r.Status().Server
		caughtUp(t, first, second)
		press(first, 5) // some of these are read before the end and some are not
		caughtUp(t, first, second)
		first.Kill()
		tunnel.target.Store(&second.Addr)
		stop := "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=OFF"
		if s.Flavor == "mysql" {
			stop = "STOP REPLICA; RESET REPLICA ALL"
		}
		require.NoError(t, second.Exec(stop))
		press(second, 20)
		got := changes(t, out, next)
		for i, c := range got {
			require.Equal(t, fmt.Sprint(i), c.Key)
		}
		eventually(t, func() bool { return r.Status().Connected && r.Status().Server != identity })
		require.NoError(t, r.end())
		require.Equal(t, r.Status().Server, out.checkpoint().ServerUUID)
		require.True(t, strings.HasPrefix(out.checkpoint().File, "other."))
		require.NotZero(t, logs.FilterMessageSnippet("reading goes on at another server").Len())

		// And from the saved position again, on the new server.
		press(second, 1)
		startRun(t, o).connected()
		changes(t, out, next)
	})
}

// A replica that has not everything that was read is no place to go on at without saying so.
func TestFailOverToAReplicaThatLacksSome(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		first, second := s.Start(t), s.Start(t, "--server-id=2", "--log-slave-updates=ON")
		schema := database(t, first, talks)
		database(t, second, talks)
		out := &memory{}
		o := options(t, first, out, talkRoute(schema))
		o.OnPurged = PurgedStop
		r := startRun(t, o).connected()
		for id := range 5 {
			execOn(t, first, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", id))
		}
		changes(t, out, 5)
		require.NoError(t, r.end())
		o.Addr = second.Addr
		err := startRun(t, o).wait()
		var lost *lostError
		require.ErrorAs(t, err, &lost)
		require.True(t, lost.foreign)
	})
}

// MySQL 8.4 and later put tags into GTIDs; the set that is kept, sent and compared has them.
func TestTaggedGTIDs(t *testing.T) {
	tagged := 0
	for _, s := range testserver.AllSources() {
		if s.Flavor != "mysql" || s.Version < "8.4" {
			continue
		}
		tagged++
		t.Run(s.Name, func(t *testing.T) {
			m := s.Start(t)
			schema := database(t, m, talks)
			out := &memory{}
			o := options(t, m, out, talkRoute(schema))
			o.OnPurged = PurgedStop
			r := startRun(t, o).connected()
			execOn(t, m, schema, "SET gtid_next='AUTOMATIC:talks'", "INSERT INTO talk (id, flag) VALUES (1, '1')",
				"INSERT INTO talk (id, flag) VALUES (2, '1')", "SET gtid_next='AUTOMATIC'", "INSERT INTO talk (id, flag) VALUES (3, '1')",
				"SET gtid_next='AUTOMATIC:b_2'", "INSERT INTO talk (id, flag) VALUES (4, '1')")
			got := changes(t, out, 4)
			require.NoError(t, r.end())
			require.Regexp(t, `^[0-9a-f-]{36}:talks:1#`, got[0].EventID)
			require.Contains(t, out.checkpoint().GTID, ":talks:1-2")
			require.Equal(t, strings.Join(strings.Fields(logEnd(t, m)["Executed_Gtid_Set"]), ""), out.checkpoint().GTID)
			out.saved.File, out.saved.Pos = "", 0 // by the set alone
			execOn(t, m, schema, "FLUSH BINARY LOGS", "SET gtid_next='AUTOMATIC:talks'", "INSERT INTO talk (id, flag) VALUES (5, '1')")
			r = startRun(t, o).connected()
			require.Equal(t, []string{"1", "2", "3", "4", "5"}, keys(changes(t, out, 5)))
			require.NoError(t, r.end())
		})
	}
	if tagged == 0 {
		t.Skip("SKIPPED, NOT TESTED: there is no MySQL 8.4 or later (make test-matrix has one)")
	}
}
