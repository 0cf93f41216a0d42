package canal

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// A mark is where a server's log ended.
type mark struct {
	file string
	pos  uint64
	gtid string
}

func markOf(t *testing.T, m *testserver.SQLServer) mark {
	t.Helper()
	end := logEnd(t, m)
	pos, err := strconv.ParseUint(end["Position"], 10, 64)
	require.NoError(t, err)
	return mark{end["File"], pos, gtidOf(t, m)}
}

func (k mark) start() Start { return Start{Mode: StartFile, File: k.file, Pos: k.pos} }

// stretch writes three transactions over two files, and gives the marks around them.
func stretch(t *testing.T, m *testserver.SQLServer) (schema string, a, b, c mark) {
	t.Helper()
	schema = database(t, m, talks+"INSERT INTO talk (id) VALUES (1)")
	a = markOf(t, m)
	execOn(t, m, schema, "UPDATE talk SET flag='1', body='第一' WHERE id=1")
	b = markOf(t, m)
	execOn(t, m, schema, "FLUSH BINARY LOGS", "UPDATE talk SET flag='2', body='第二' WHERE id=1", "INSERT INTO other (pad) VALUES ('x')")
	return schema, a, b, markOf(t, m)
}

// located is a source over the stretch.
func locating(t *testing.T, m *testserver.SQLServer, schema string, out *memory) *Source {
	t.Helper()
	s, err := newSource(options(t, m, out, talkRoute(schema)), fast())
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// from gives what a run finds that begins at a located place.
func from(t *testing.T, m *testserver.SQLServer, schema string, l Located, n int) []bridge.Change {
	t.Helper()
	out := &memory{saved: &l.Checkpoint}
	run := startRun(t, options(t, m, out, talkRoute(schema))).connected()
	got := changes(t, out, n)
	require.NoError(t, run.end())
	return got
}

func TestLocateFindsTheEndsOfTransactionsAndNothingElse(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema, a, b, c := stretch(t, m)
		out := &memory{}
		s := locating(t, m, schema, out)
		var told uint64
		for n, k := range map[int]mark{2: a, 1: b, 0: c} {
			l, err := s.Locate(t.Context(), k.start(), func(done, _ uint64) { told = done })
			require.NoError(t, err)
			require.Empty(t, l.Unknown)
			require.Equal(t, mark{k.file, k.pos, k.gtid}, mark{l.Checkpoint.File, l.Checkpoint.Pos, l.Checkpoint.GTID})
			require.NotEmpty(t, l.Checkpoint.Schema)
			require.NotEmpty(t, l.Checkpoint.ServerUUID)
			require.Len(t, from(t, m, schema, l, n), n)
			if k.gtid == "" || m.Flavor == "mysql" && !hasGTIDs(t, m) {
				continue
			}
			l, err = s.Locate(t.Context(), Start{Mode: StartGTID, GTID: k.gtid}, nil)
			require.NoError(t, err)
			require.Empty(t, l.Unknown)
			require.Equal(t, k.gtid, l.Checkpoint.GTID)
			require.Len(t, from(t, m, schema, l, n), n)
		}
		require.NotZero(t, told)
		for _, off := range []uint64{1, 19, (b.pos - a.pos) / 2, b.pos - a.pos - 1} {
			_, err := s.Locate(t.Context(), Start{Mode: StartFile, File: a.file, Pos: a.pos + off}, nil)
			require.ErrorContains(t, err, "no transaction begins at", "%d in %d..%d", off, a.pos, b.pos)
			require.ErrorContains(t, err, "The last one before begins at "+strconv.FormatUint(a.pos, 10))
		}
		_, err := s.Locate(t.Context(), Start{Mode: StartFile, File: "nobinlog.000001", Pos: 4}, nil)
		require.ErrorContains(t, err, "the server has no log nobinlog.000001: it has ")
		_, err = s.Locate(t.Context(), Start{Mode: StartFile, File: c.file, Pos: c.pos + 1_000_000}, nil)
		require.ErrorContains(t, err, "ends at")
		_, err = s.Locate(t.Context(), Start{Mode: StartGTID, GTID: "nonsense"}, nil)
		require.Error(t, err)
		l, err := s.Locate(t.Context(), Start{Mode: StartFile, File: c.file, Pos: 4}, nil)
		require.NoError(t, err, "the beginning of a file is one too")
		require.Len(t, from(t, m, schema, l, 1), 1)
	})
}

func hasGTIDs(t *testing.T, m *testserver.SQLServer) bool {
	t.Helper()
	db := m.DB("")
	defer db.Close()
	var mode string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@gtid_mode").Scan(&mode))
	return mode == "ON"
}

func TestLocateRefusesAForeignGTID(t *testing.T) {
	m := mariadb(t)
	schema, _, _, _ := stretch(t, m)
	s := locating(t, m, schema, &memory{})
	_, err := s.Locate(t.Context(), Start{Mode: StartGTID, GTID: "0-1-999999999"}, nil)
	require.ErrorContains(t, err, "the server cannot send its log from there")
	_, err = s.Locate(t.Context(), Start{Mode: StartGTID, GTID: "77-1-5"}, nil)
	require.ErrorContains(t, err, "the server cannot send its log from there")
}

// Invariant 6: where the log does not name columns, a place is taken only if the tables look today as they did there, and what is known of
// them goes with it. A statement that made a table what it is today would seem to change nothing, if it were only asked what it does.
func TestLocateKnowsTheTablesOrRefuses(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		execOn(t, m, "mysql", "SET GLOBAL binlog_row_metadata = MINIMAL")
		t.Cleanup(func() { execOn(t, m, "mysql", "SET GLOBAL binlog_row_metadata = FULL") })
		schema, a, _, _ := stretch(t, m)
		s := locating(t, m, schema, &memory{})
		execOn(t, m, schema, "CREATE TABLE elsewhere (id INT PRIMARY KEY)", "CREATE USER nobody_"+schema[len(schema)-8:], "DROP USER nobody_"+schema[len(schema)-8:])
		l, err := s.Locate(t.Context(), a.start(), nil)
		require.NoError(t, err)
		got := from(t, m, schema, l, 2)
		require.Equal(t, text("第一"), got[0].Columns["body"])
		require.Equal(t, text("第二"), got[1].Columns["body"])

		before := markOf(t, m)
		execOn(t, m, schema, "ALTER TABLE talk CHANGE secret tmp VARCHAR(20)", "ALTER TABLE talk CHANGE body secret VARCHAR(100) CHARACTER SET gbk",
			"ALTER TABLE talk CHANGE tmp body VARCHAR(20)", "ALTER TABLE talk MODIFY body VARCHAR(20)")
		after := markOf(t, m)
		for _, k := range []mark{a, before} {
			_, err = s.Locate(t.Context(), k.start(), nil)
			require.ErrorContains(t, err, "what the tables looked like at")
			require.ErrorContains(t, err, schema+".talk, and may have changed it")
		}
		_, err = s.Locate(t.Context(), after.start(), nil)
		require.NoError(t, err)
		execOn(t, m, "mysql", "SET GLOBAL binlog_row_metadata = FULL")
		l, err = s.Locate(t.Context(), a.start(), nil)
		require.NoError(t, err)
		require.Contains(t, l.Unknown, "ALTER")
		require.Empty(t, l.Checkpoint.Schema)
	})
}

// Invariant 4: a row that somebody names stands in the log's order: behind what is in it, and in front of what changes it later.
func TestASubmissionStandsInTheLogsOrder(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks+"INSERT INTO talk (id) VALUES (1)")
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		run := startRun(t, o).connected()
		execOn(t, m, schema, "UPDATE talk SET flag='1', body='先' WHERE id=1")
		before := changes(t, out, 1)[0]
		row, why, err := run.Submission(t.Context(), "one", "01")
		require.NoError(t, err)
		require.Empty(t, why)
		require.Equal(t, before.Columns, row.Columns)
		require.Equal(t, "1", row.Key)
		require.Equal(t, bridge.OriginScan, row.Origin)
		order, ok := before.At.Compare(row.At)
		require.True(t, ok)
		require.Equal(t, -1, order)
		execOn(t, m, schema, "UPDATE talk SET flag='2', body='后' WHERE id=1")
		after := changes(t, out, 2)[1]
		order, ok = row.At.Compare(after.At)
		require.True(t, ok)
		require.LessOrEqual(t, order, 0)
		require.NotEqual(t, row.EventID, after.EventID)
		execOn(t, m, schema, "UPDATE talk SET flag='0' WHERE id=1")
		_, why, err = run.Submission(t.Context(), "one", "1")
		require.NoError(t, err)
		require.Contains(t, why, "flag")
		row, why, err = run.Submission(t.Context(), "one", "404")
		require.NoError(t, err)
		require.NotEmpty(t, why)
		require.Nil(t, row.Columns)
		_, _, err = run.Submission(t.Context(), "three", "1")
		require.ErrorContains(t, err, "there is no route three")
		require.NoError(t, run.end())
	})
}
