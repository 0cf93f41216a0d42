package canal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

const talks = `CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1) NOT NULL DEFAULT '0', kind INT, body VARCHAR(100) CHARACTER SET gbk,
  pressed DATETIME, n INT NOT NULL DEFAULT 0, secret VARCHAR(20)); CREATE TABLE other (id INT AUTO_INCREMENT PRIMARY KEY, pad VARCHAR(1000)); `

func talkRoute(schema string) Route {
	return Route{
		Name: "one", Schema: schema, Table: "talk", Columns: []string{"body"},
		Submit: Submit{Column: "flag", Mode: ModeBecomes, Values: []string{"1", "2"}},
	}
}

func exec(t *testing.T, schema string, statements ...string) {
	t.Helper()
	require.NoError(t, mariadb(t).Exec("USE "+schema+"; "+strings.Join(statements, "; ")))
}

func text(s string) bridge.Value { return bridge.Value{Kind: bridge.KindText, Text: s} }

func TestModes(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		becomes, changed, while := talkRoute(schema), talkRoute(schema), talkRoute(schema)
		becomes.Name, changed.Name, while.Name = "becomes", "changes", "while"
		changed.Submit = Submit{Column: "pressed", Mode: ModeChanges}
		while.Submit = Submit{Column: "flag", Mode: ModeWhile, Values: []string{"1"}}
		startRun(t, options(t, m, out, becomes, changed, while)).connected()
		steps := []struct{ sql, want string }{
			{"INSERT INTO talk (id, flag) VALUES (1, '0')", ""},
			{"UPDATE talk SET flag='1' WHERE id=1", "becomes while"},
			{"UPDATE talk SET body='x' WHERE id=1", "while"},
			{"UPDATE talk SET flag='2' WHERE id=1", "becomes"},
			{"UPDATE talk SET flag='3' WHERE id=1", ""},
			{"UPDATE talk SET flag='1', pressed='2026-03-05 14:30:00' WHERE id=1", "becomes changes while"},
			{"UPDATE talk SET flag='1' WHERE id=1", ""}, // the server logs nothing
			{"UPDATE talk SET pressed='2026-03-05 14:30:01', flag='9' WHERE id=1", "changes"},
			{"UPDATE talk SET pressed=NULL WHERE id=1", ""},
			{"INSERT INTO talk (id, flag, pressed) VALUES (2, '1', '2026-03-05 14:30:00')", "becomes changes while"},
			{"REPLACE INTO talk (id, flag) VALUES (2, '1')", "while"}, // one unique key: the server makes an update of it
			{"DELETE FROM talk WHERE id=2", ""},
			{"INSERT INTO talk (id, flag) VALUES (99, '1')", "becomes while"}, // the end
		}
		seen := 0
		for _, s := range steps {
			execOn(t, m, schema, s.sql)
			n := len(strings.Fields(s.want))
			var routes []string
			for _, c := range changes(t, out, seen+n)[seen:] {
				routes = append(routes, c.Route)
			}
			require.ElementsMatch(t, strings.Fields(s.want), routes, s.sql)
			seen += n
		}
	})
}

func TestOnlyWhatTheRouteUsesLeaves(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	r := talkRoute(schema)
	r.Where = `kind == 1 && n < 5`
	startRun(t, options(t, m, out, r)).connected()
	exec(t, schema, "INSERT INTO talk (id, flag, kind, body, secret) VALUES (1, '1', 2, 'no', 's'), (2, '1', 1, '谈话', 's'), (3, '1', NULL, '', 's')",
		"UPDATE talk SET kind=1, flag='2' WHERE id=1")
	got := changes(t, out, 2)
	require.Equal(t, []string{"2", "1"}, keys(got))
	require.Equal(t, map[string]bridge.Value{
		"id": {Kind: bridge.KindInt, Text: "2"}, "flag": text("1"), "body": text("谈话"),
		"kind": {Kind: bridge.KindInt, Text: "1"}, "n": {Kind: bridge.KindInt, Text: "0"},
	}, got[0].Columns)
	require.Equal(t, []string{"id"}, got[0].KeyColumns)
	require.Equal(t, bridge.OriginBinlog, got[0].Origin)
	require.WithinDuration(t, time.Now(), got[0].CommittedAt, 10*time.Second)
	require.WithinDuration(t, time.Now(), got[0].CapturedAt, 10*time.Second)
}

func TestColumnNamesAreFoundInAnyCaseAndKeepTheRoutes(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	r := talkRoute(schema)
	r.Columns, r.Submit.Column, r.Where = []string{"BODY", "Id"}, "FLAG", `Kind == nil`
	startRun(t, options(t, m, out, r)).connected()
	exec(t, schema, "INSERT INTO talk (id, flag, body) VALUES (1, '1', 'x')")
	c := changes(t, out, 1)[0]
	require.Equal(t, text("x"), c.Columns["BODY"])
	require.Equal(t, []string{"Id"}, c.KeyColumns)
	require.Contains(t, c.Columns, "Kind")
}

// A peer gave the columns of today to the rows of yesterday: after an ALTER it sent submit_flag="alice".
func TestColumnsAreThoseOfTheEventsPlace(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		first := startRun(t, o).connected()
		execOn(t, m, schema, "INSERT INTO talk (id, flag, body) VALUES (1, '1', 'before')")
		changes(t, out, 1)
		require.NoError(t, first.end())
		execOn(t, m, schema, // while nobody reads: the log is read when the table already looks otherwise
			"INSERT INTO talk (id, flag, body) VALUES (2, '1', 'old')",
			"ALTER TABLE talk ADD COLUMN early VARCHAR(10) DEFAULT 'alice' FIRST",
			"INSERT INTO talk (id, flag, body) VALUES (3, '1', 'added')",
			"ALTER TABLE talk DROP COLUMN early, DROP COLUMN secret",
			"INSERT INTO talk (id, flag, body) VALUES (4, '1', 'dropped')",
			"ALTER TABLE talk MODIFY body LONGTEXT CHARACTER SET utf8mb4 FIRST",
			"INSERT INTO talk (id, flag, body) VALUES (5, '1', '新𠮷')",
			"ALTER TABLE talk CHANGE kind sort INT, ADD x JSON, ALGORITHM=COPY",
			"INSERT INTO talk (id, flag, body) VALUES (6, '1', 'renamed')",
		)
		startRun(t, o)
		got := changes(t, out, 6)
		for i, body := range []string{"before", "old", "added", "dropped", "新𠮷", "renamed"} {
			require.Equal(t, text(body), got[i].Columns["body"])
			require.Equal(t, text("1"), got[i].Columns["flag"])
			require.Equal(t, fmt.Sprint(i+1), got[i].Key)
		}
	})
}

func TestRolledBackRowsAreNoSubmissions(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		m := sharedServer(t, s)
		if s.Flavor == "mysql" { // with GTIDs it refuses to mix tables that can roll back with tables that cannot
			m = s.Start(t, testserver.NoGTID()...)
		}
		schema := database(t, m, talks+"CREATE TABLE plain (id INT) ENGINE=MyISAM")
		out := &memory{}
		startRun(t, options(t, m, out, talkRoute(schema))).connected()
		execOn(t, m, schema,
			"BEGIN; INSERT INTO talk (id, flag) VALUES (1, '1'); ROLLBACK",
			"BEGIN; INSERT INTO talk (id, flag) VALUES (2, '1'); SAVEPOINT a; INSERT INTO talk (id, flag) VALUES (3, '1'); ROLLBACK TO a; COMMIT",
			// A table that cannot roll back makes the server leave everything in the log, with the savepoints as text.
			"BEGIN; INSERT INTO talk (id, flag) VALUES (4, '1'); SAVEPOINT `A b`; INSERT INTO talk (id, flag) VALUES (5, '1'); CREATE TEMPORARY TABLE tmp (id INT); "+
				"INSERT INTO plain VALUES (1); SAVEPOINT c; INSERT INTO talk (id, flag) VALUES (6, '1'); ROLLBACK TO SAVEPOINT `A b`; "+
				"INSERT INTO talk (id, flag) VALUES (7, '1'); COMMIT",
			"BEGIN; INSERT INTO plain VALUES (2); INSERT INTO talk (id, flag) VALUES (8, '1'); INSERT INTO plain SELECT id FROM talk; ROLLBACK",
			"INSERT INTO talk (id, flag) VALUES (9, '1')")
		require.Equal(t, []string{"2", "4", "7", "9"}, keys(changes(t, out, 4)))
	})
}

func TestTablesThatCannotRollBackAndDDLEndTheirGroups(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, `CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1), body VARCHAR(10)) ENGINE=MyISAM`)
		out := &memory{}
		r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
		execOn(t, m, schema, "INSERT INTO talk VALUES (1, '1', '')", "CREATE TABLE x (id INT)", "CREATE TABLE y SELECT * FROM talk", "ANALYZE TABLE talk",
			"TRUNCATE x", "INSERT INTO talk VALUES (2, '1', '')")
		require.Equal(t, []string{"1", "2"}, keys(changes(t, out, 2)))
		require.NoError(t, r.end())
		require.Equal(t, gtidOf(t, m), out.checkpoint().GTID, "nothing is left open")
	})
}

// gtidPos is where the shared server's log ends.
func gtidPos(t *testing.T) string {
	t.Helper()
	db := mariadb(t).DB("")
	defer db.Close()
	var pos string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&pos))
	return pos
}

func TestOutboxThatHaltsEndsRun(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
	out.mu.Lock()
	out.onAppend = func([]bridge.Change, *bridge.Checkpoint) error { return fmt.Errorf("not the leader: %w", ErrHalt) }
	out.mu.Unlock()
	exec(t, schema, "INSERT INTO talk (id, flag) VALUES (1, '1')")
	require.ErrorIs(t, r.wait(), ErrHalt)
}

func TestStopsThatNameWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want []string
	}{
		"statement format": {
			"SET binlog_format=STATEMENT; UPDATE talk SET flag='1'", []string{"talk", "binlog_format", "at binlog.0"},
		},
		"load data":     {"SET binlog_format=STATEMENT; INSERT INTO other (pad) SELECT body FROM talk; REPLACE talk (id) VALUES (7)", []string{"talk", "binlog_format"}},
		"minimal image": {"SET binlog_row_image=MINIMAL; UPDATE talk SET flag='1'", []string{"talk", "route one", "column ", "binlog_row_image = FULL"}},
		"noblob image": {
			"ALTER TABLE talk MODIFY body TEXT; SET binlog_row_image=NOBLOB; UPDATE talk SET flag='1'", []string{"column body", "binlog_row_image = FULL"},
		},
		"table dropped":   {"DROP TABLE other, talk", []string{"after DROP TABLE", "talk does not exist"}},
		"table renamed":   {"RENAME TABLE talk TO talk2", []string{"after RENAME TABLE", "talk does not exist"}},
		"column dropped":  {"ALTER TABLE talk DROP COLUMN body", []string{"after ALTER TABLE", "route one", "column body", "fields or lookups"}},
		"column renamed":  {"ALTER TABLE talk CHANGE flag state CHAR(1)", []string{"column flag", "submit"}},
		"key dropped":     {"ALTER TABLE talk DROP PRIMARY KEY", []string{"no primary key"}},
		"where on a NULL": {"UPDATE talk SET n=99, kind=NULL, flag='1'", []string{"route one", "record 1", "kind is NULL"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := mariadb(t)
			schema := database(t, m, talks+"INSERT INTO talk (id, flag, body, secret) VALUES (1, '0', '内容', 'canary')")
			r := talkRoute(schema)
			r.Where = "n < 50 || kind > 3"
			out := &memory{}
			run := startRun(t, options(t, m, out, r)).connected()
			exec(t, schema, c.sql)
			err := run.wait()
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "内容")
			require.NotContains(t, err.Error(), "canary")
			require.Empty(t, out.all())
		})
	}
}

func TestOtherStatementsDoNotStop(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	startRun(t, options(t, m, out, talkRoute(schema))).connected()
	exec(t, schema, "SET binlog_format=STATEMENT; INSERT INTO other (pad) SELECT body FROM talk; UPDATE other SET pad='talk'; SET binlog_format=ROW",
		"CREATE TABLE t2 LIKE talk; RENAME TABLE talk TO t3, t2 TO talk; DROP TABLE t3", // a rebuild as gh-ost does it
		"CREATE TRIGGER tr BEFORE UPDATE ON talk FOR EACH ROW SET NEW.n = NEW.n + 1; DROP TRIGGER tr",
		"CREATE DATABASE "+schema+"2; DROP DATABASE "+schema+"2",
		"INSERT INTO talk (id, flag) VALUES (1, '1')")
	require.Equal(t, []string{"1"}, keys(changes(t, out, 1)))
}

func TestStatusAndMetrics(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	registry := prometheus.NewRegistry()
	o := options(t, m, out, talkRoute(schema))
	o.Registry = registry
	r := startRun(t, o).connected()
	exec(t, schema, "INSERT INTO talk (id, flag) VALUES (1, '1')")
	changes(t, out, 1)
	eventually(t, func() bool { return r.Status().GTID == gtidPos(t) && r.Status().Lag == 0 })
	s := r.Status()
	require.Equal(t, FlavorMariaDB, s.Flavor)
	require.Contains(t, s.Version, "MariaDB")
	require.Regexp(t, `^mariadb-[0-9a-f]{16}$`, s.Server)
	require.WithinDuration(t, time.Now(), s.LastEventAt, 5*time.Second)
	require.Empty(t, s.LastError)
	require.InDelta(t, 1, testutil.ToFloat64(r.status.captured.WithLabelValues("one")), 0)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	n, err := testutil.GatherAndCount(registry, "talkbridge_source_connected", "talkbridge_source_lag_seconds", "talkbridge_source_events_total",
		"talkbridge_source_read_bytes_total", "talkbridge_changes_captured_total")
	require.NoError(t, err)
	require.Equal(t, 5, n)
	db := m.DB("")
	defer db.Close()
	host, err := record(t.Context(), db, "SHOW SLAVE HOSTS")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(host["Host"], "talkbridge-test@"), host)
	require.Equal(t, fmt.Sprint(s.ServerID), host["Server_id"])
	require.NoError(t, r.end())
	require.False(t, r.Status().Connected)
}

func TestServerThatDiesAndComesBack(t *testing.T) {
	onEveryOwn(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		logger, logs := observed()
		o := options(t, m, out, talkRoute(schema))
		o.Logger = logger
		r := startRun(t, o).connected()
		require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (1, '1')"))
		changes(t, out, 1)
		m.Kill()
		eventually(t, func() bool { return !r.Status().Connected && r.Status().LastError != "" })
		require.NoError(t, m.Start())
		require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (2, '1')"))
		require.Equal(t, []string{"1", "2"}, keys(changes(t, out, 2)))
		require.NotZero(t, logs.FilterMessageSnippet("it is tried again").Len())
		require.NoError(t, r.end())
	})
}

func TestAFastStopWhileTheServerIsAway(t *testing.T) {
	m := ownMariaDB(t)
	schema := database(t, m, talks)
	out := &memory{}
	r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
	m.Kill()
	eventually(t, func() bool { return !r.Status().Connected })
	begun := time.Now()
	require.NoError(t, r.end())
	require.Less(t, time.Since(begun), 5*time.Second)
}

func TestPasswordNeverShows(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	logger, logs := observed()
	o := options(t, m, &memory{}, talkRoute(schema))
	o.Logger = logger
	o.Password = "canary-password"
	r := startRun(t, o)
	err := r.wait()
	require.ErrorContains(t, err, "source.password")
	require.NotContains(t, err.Error(), "canary")
	for _, e := range logs.All() {
		require.NotContains(t, fmt.Sprint(e.Message, e.ContextMap()), "canary")
	}
}
