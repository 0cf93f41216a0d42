package canal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// reconciles sets the start mode and a page that is smaller than the table.
func reconciles(o Options) (Options, func(*tuning)) {
	o.Start = Start{Mode: StartReconcile}
	return o, func(t *tuning) { t.chunk = 7 }
}

func TestReconcileQueuesWhatIsFlagged(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks+`INSERT INTO talk (id, flag, kind, body) VALUES (1,'1',1,'甲'),(2,'0',1,''),(3,'2',1,''),(4,'1',2,''),(5,'9',1,''),(18,'1',1,'');`)
		out := &memory{}
		r := talkRoute(schema)
		r.Where = "kind == 1"
		pressed := talkRoute(schema)
		pressed.Name, pressed.Submit = "pressed", Submit{Column: "pressed", Mode: ModeChanges}
		execOn(t, m, schema, "UPDATE talk SET pressed='2026-01-01' WHERE id IN (2,5)", "SET sql_mode=''; UPDATE talk SET pressed='0000-00-00' WHERE id=1")
		o, tune := reconciles(options(t, m, out, r, pressed))
		source := startRun(t, o, tune).connected()
		got := changes(t, out, 5)
		require.Equal(t, []string{"1", "3", "18", "2", "5"}, keys(got))
		require.Equal(t, text("甲"), got[0].Columns["body"])
		require.NotContains(t, got[0].Columns, "secret")
		require.Len(t, got[0].Columns, 4)
		for _, c := range got {
			require.Equal(t, bridge.OriginScan, c.Origin)
			require.Equal(t, "scan:"+out.checkpoint().GTID+":"+c.Key, c.EventID)
			require.Equal(t, out.checkpoint().File, c.At.File)
			require.Equal(t, out.checkpoint().Pos, c.At.Pos)
			require.Equal(t, out.checkpoint().ServerUUID, c.At.Server)
		}
		execOn(t, m, schema, "UPDATE talk SET flag='2' WHERE id=1")
		after := changes(t, out, 6)[5]
		order, ok := got[0].At.Compare(after.At)
		require.True(t, ok)
		require.Equal(t, -1, order)
		require.NoError(t, source.end())
	})
}

// Rows change all the while the table is read: each submission is found by the scan or by the log, and the last one found is the
// last one made.
func TestReconcileAgreesWithTheLog(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		var values []string
		for i := range 200 {
			values = append(values, fmt.Sprintf("(%d, '%d', 'v0')", i, i%2))
		}
		execOn(t, m, schema, "INSERT INTO talk (id, flag, body) VALUES "+strings.Join(values, ","))
		out := &memory{}
		o, tune := reconciles(options(t, m, out, talkRoute(schema)))
		stop, writing := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			defer func() { writing <- n }()
			for {
				select {
				case <-stop:
					return
				default:
					n++
					if m.Exec(fmt.Sprintf("USE %s; UPDATE talk SET flag='0' WHERE id=%d; UPDATE talk SET flag='1', body='v%d' WHERE id=%d", schema, n%200, n, n%200)) != nil {
						return
					}
				}
			}
		}()
		r := startRun(t, o, tune).connected()
		eventually(t, func() bool { return len(out.all()) > 300 })
		close(stop)
		<-writing
		eventually(t, func() bool { return r.Status().GTID == gtidOf(t, m) })
		last := map[string]string{}
		for _, c := range out.all() {
			version := func(body string) (n int) {
				_, _ = fmt.Sscanf(body, "v%d", &n)
				return n
			}
			body := c.Columns["body"].Text
			if before, known := last[c.Key]; known {
				require.Greater(t, version(body), version(before), "the scan saw what the log brings after it, or the log begins too early")
			}
			last[c.Key] = body
		}
		db := m.DB(schema)
		defer db.Close()
		want, err := pairs(t.Context(), db, "SELECT id, body FROM talk WHERE flag='1'")
		require.NoError(t, err)
		for id, body := range want {
			require.Equal(t, body, last[id], "record %s", id)
		}
	})
}

func TestScanThatDiesBeginsAgain(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	for i := range 30 {
		exec(t, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", i))
	}
	out := &memory{}
	n := 0
	out.onAppend = func(_ []bridge.Change, cp *bridge.Checkpoint) error {
		if n++; n == 3 {
			return ErrHalt
		}
		if n < 3 {
			require.Nil(t, cp, "the position comes with the last rows")
		}
		return nil
	}
	o, tune := reconciles(options(t, m, out, talkRoute(schema)))
	require.ErrorIs(t, startRun(t, o, tune).wait(), ErrHalt)
	require.Nil(t, out.checkpoint())
	require.Len(t, out.all(), 14)
	startRun(t, o, tune)
	require.Equal(t, "0", changes(t, out, 44)[14].Key)
	eventually(t, func() bool { return out.checkpoint() != nil })
}

func TestScanPagesByAKeyOfSeveralColumns(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, `CREATE TABLE talk (a VARCHAR(9) CHARACTER SET gbk, b BIGINT UNSIGNED, c VARBINARY(4), flag BIT(1), PRIMARY KEY (a, b, c));
INSERT INTO talk SELECT CHAR(97 + seq % 3), 18446744073709551615 - seq % 5, CHAR(seq), 1 FROM seq_1_to_60; INSERT INTO talk VALUES ('王', 0, '', 0), ('王', 1, ',', 1)`)
	out := &memory{}
	r := Route{Name: "one", Schema: schema, Table: "talk", Submit: Submit{Column: "flag", Mode: ModeBecomes, Values: []string{"1"}}}
	o, tune := reconciles(options(t, m, out, r))
	source := startRun(t, o, tune)
	seen := map[string]bool{}
	for _, c := range changes(t, out, 61) {
		seen[c.Key] = true
		row, why, err := source.Row(t.Context(), "one", c.Key)
		require.NoError(t, err)
		require.Empty(t, why)
		require.Equal(t, c.Columns, row.Columns)
	}
	require.Len(t, seen, 61)
	require.Contains(t, seen, "王,1,2c")
}

func TestLatestAndEarliest(t *testing.T) {
	onEveryOwn(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks+"INSERT INTO talk (id, flag) VALUES (1, '1')")
		latest, earliest := &memory{}, &memory{}
		o := options(t, m, latest, talkRoute(schema))
		startRun(t, o).connected()
		o.Outbox, o.Start.Mode, o.ServerID = earliest, StartEarliest, 77
		startRun(t, o).connected()
		require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (2, '1')"))
		require.Equal(t, []string{"2"}, keys(changes(t, latest, 1)))
		require.Equal(t, []string{"1", "2"}, keys(changes(t, earliest, 2)))
	})
}

// purged prepares a saved position that the server no longer has: record 1 was read before it, record 2 lies in the purged log.
func purged(t *testing.T, m *testserver.SQLServer, reset, grown bool) (*memory, Options) {
	t.Helper()
	schema := database(t, m, talks)
	out := &memory{}
	o := options(t, m, out, talkRoute(schema))
	r := startRun(t, o).connected()
	require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (1, '1')"))
	changes(t, out, 1)
	eventually(t, func() bool { return !out.checkpoint().FileBornAt.IsZero() })
	require.NoError(t, r.end())
	require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (2, '1'); FLUSH BINARY LOGS"))
	if reset {
		// The log tells in seconds when it was begun: one that is begun anew within the same second cannot be told from the old one.
		eventually(t, func() bool { return time.Since(out.checkpoint().FileBornAt) > 1100*time.Millisecond })
		resetLog(t, m)
		for range 30 {
			if grown { // until the old GTIDs are given again
				require.NoError(t, m.Exec("INSERT INTO "+schema+".other (pad) VALUES (REPEAT('x', 500))"))
			}
		}
		return out, o
	}
	purgeLogs(t, m)
	return out, o
}

// purgeLogs takes away every log but the one that is written.
func purgeLogs(t *testing.T, m *testserver.SQLServer) {
	t.Helper()
	require.NoError(t, m.Exec("FLUSH BINARY LOGS"))
	db := m.DB("")
	defer db.Close()
	eventually(t, func() bool { // a file is kept until its checkpoint has come by
		now, err := mysqlStatus(t.Context(), db)
		require.NoError(t, err)
		require.NoError(t, m.Exec("PURGE BINARY LOGS TO '"+now["File"]+"'"))
		first, err := record(t.Context(), db, "SHOW BINARY LOGS")
		require.NoError(t, err)
		return first["Log_name"] == now["File"]
	})
}

func TestPurgedPosition(t *testing.T) {
	testserver.Sources(t, purgedPosition)
}

func purgedPosition(t *testing.T, s testserver.Source) {
	t.Helper()
	m := s.Start(t) // one after the other: each has a database of its own
	for _, c := range []struct {
		name                string
		reset, grown, noIDs bool
	}{
		{name: "purged"},
		{name: "purged, by file", noIDs: true},
		{name: "reset", reset: true},
		{name: "reset, by file", reset: true, noIDs: true},
		{name: "reset and grown again", reset: true, grown: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, o := purged(t, m, c.reset, c.grown)
			if c.noIDs {
				out.saved.GTID = ""
			}
			before := *out.checkpoint()
			o.OnPurged = PurgedStop
			err := startRun(t, o).wait()
			require.ErrorContains(t, err, "source.on_purged: reconcile")
			require.ErrorContains(t, err, before.File)
			require.Equal(t, before, *out.checkpoint())

			logger, logs := observed()
			o.OnPurged, o.Logger = PurgedReconcile, logger
			r := startRun(t, o).connected()
			got := changes(t, out, 3)
			require.Equal(t, []string{"1", "1", "2"}, keys(got))
			require.Equal(t, 1, logs.FilterMessageSnippet("cannot be resumed from").Len())
			if order, ok := got[0].At.Compare(got[1].At); ok {
				require.Negative(t, order, "what the scan read is newer than what came before")
			} else {
				require.True(t, c.reset)
			}
			require.NoError(t, m.Exec("INSERT INTO "+o.Routes[0].Schema+".talk (id, flag) VALUES (3, '1')"))
			last := changes(t, out, 4)[3]
			order, ok := got[2].At.Compare(last.At)
			require.True(t, ok)
			require.Negative(t, order)
			require.NoError(t, r.end())
		})
	}
}

// A position beyond the end of the log is one of another server, or of this one before its disk was put back.
func TestPositionBeyondTheEnd(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	o := options(t, m, out, talkRoute(schema))
	o.OnPurged = PurgedStop
	r := startRun(t, o).connected()
	require.NoError(t, r.end())
	for _, spoil := range []func(*bridge.Checkpoint){
		func(cp *bridge.Checkpoint) { cp.GTID, cp.Pos = "", 1<<30 },
		func(cp *bridge.Checkpoint) { cp.GTID, cp.File = "", "binlog.999999" },
		func(cp *bridge.Checkpoint) { cp.GTID, cp.ServerUUID = "", "mariadb-0000000000000000" },
		func(cp *bridge.Checkpoint) { cp.GTID = "0-1-99999999" },
	} {
		cp := *out.checkpoint()
		spoil(&cp)
		again := &memory{saved: &cp}
		o.Outbox = again
		err := startRun(t, o).wait()
		var lost *lostError
		require.ErrorAs(t, err, &lost)
		require.ErrorContains(t, err, "source.on_purged")
	}
}

func TestRow(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks+"INSERT INTO talk (id, flag, body, kind) VALUES (1, '1', '谈话', 1), (2, '0', '', 1), (3, '1', '', 2)")
	r := talkRoute(schema)
	r.Where = "kind == 1"
	s, err := New(options(t, m, &memory{}, r))
	require.NoError(t, err)
	defer s.Close()
	c, why, err := s.Row(t.Context(), "one", "1")
	require.NoError(t, err)
	require.Empty(t, why)
	require.Equal(t, "one/1", c.ID())
	require.Equal(t, text("谈话"), c.Columns["body"])
	_, why, err = s.Row(t.Context(), "one", "2")
	require.NoError(t, err)
	require.Equal(t, "递交标志列 flag 的值为“0”，不是 1 或 2，不会上报", why)
	_, why, err = s.Row(t.Context(), "one", "3")
	require.NoError(t, err)
	require.Contains(t, why, "kind == 1")
	_, why, err = s.Row(t.Context(), "one", "4")
	require.NoError(t, err)
	require.Contains(t, why, "没有主键为 4 的记录")
	_, _, err = s.Row(t.Context(), "one", "x")
	require.ErrorContains(t, err, "is a number")
	_, _, err = s.Row(t.Context(), "one", "1,2")
	require.ErrorContains(t, err, "2 parts")
	_, _, err = s.Row(t.Context(), "two", "1")
	require.ErrorContains(t, err, "there are: one")
}
