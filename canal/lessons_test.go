package canal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// What others got wrong, each seen by running them, and each with a test here that bears its name. The first of them, rows under wrong names
// after an ALTER, is TestRowsUnderWrongNamesAfterAnAlter (without names in the log) and TestColumnsAreThoseOfTheEventsPlace (with).

// Three peers sent U+FFFD for GBK.
func TestReplacementCharactersForGBK(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
		run1(t, m, schema, "INSERT INTO talk (id, flag, body) VALUES (1, '1', '镕堃谈话')")
		require.Equal(t, text("镕堃谈话"), changes(t, out, 1)[0].Columns["body"])
		// A character that the server's GBK has room for and no meaning: the server itself gives a question mark.
		run1(t, m, schema, "INSERT INTO talk (id, flag, body) VALUES (2, '1', _gbk x'fea0')")
		require.Equal(t, bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableBytes}, changes(t, out, 2)[1].Columns["body"],
			"the mapping refuses it for that")
		run1(t, m, schema, "INSERT INTO talk (id, flag, body) VALUES (3, '1', '往后的')")
		require.Equal(t, text("往后的"), changes(t, out, 3)[2].Columns["body"], "and reading goes on")
		require.NoError(t, r.end())
	})
}

// A peer posted {"id":0,"name":""} for a MINIMAL image, in which the columns that did not change are not there.
func TestAMinimalImageIsNoEmptyRow(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		for _, image := range []string{"MINIMAL", "NOBLOB"} {
			schema := database(t, m, strings.Replace(talks, "body VARCHAR(100)", "body TEXT", 1)+"INSERT INTO talk (id, flag, body) VALUES (1, '0', 'x')")
			out := &memory{}
			r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
			run1(t, m, schema, "SET binlog_row_image="+image, "UPDATE talk SET flag='1'")
			requireAll(t, r.wait(), "talk", "column ", "SET GLOBAL binlog_row_image = FULL")
			require.Empty(t, out.all())
		}
	})
}

// A peer lost 3,000 of 3,000 rows after a kill: its position was saved, the rows were not.
func TestAKillLosesNoRow(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		require.NoError(t, startRun(t, o).connected().end())
		for i := range 30 {
			var rows []string
			for k := range 100 {
				rows = append(rows, fmt.Sprintf("(%d, '1')", 100*i+k))
			}
			run1(t, m, schema, "INSERT INTO talk (id, flag) VALUES "+strings.Join(rows, ","))
		}
		// The process dies at one write in seven, at no regular beat: what was not written is gone, and so is everything in memory.
		writes, dice := 0, rand.New(rand.NewPCG(7, 3000))
		out.onAppend = func([]bridge.Change, *bridge.Checkpoint) error {
			if writes++; dice.IntN(7) == 0 {
				return fmt.Errorf("killed: %w", ErrHalt)
			}
			return nil
		}
		small := func(t *tuning) { t.batch = 1 }
		for len(distinct(out.all())) < 3000 && writes < 200 {
			r := startRun(t, o, small)
			eventually(t, func() bool { return len(distinct(out.all())) == 3000 || len(r.done) > 0 })
			_ = r.end()
		}
		require.Len(t, distinct(out.all()), 3000)
		require.Greater(t, writes, 30)
	})
}

func distinct(cs []bridge.Change) map[string]bool {
	ids := map[string]bool{}
	for _, c := range cs {
		ids[c.EventID] = true
	}
	return ids
}

// A peer was RUNNING with zero rows after a restart in mid-transaction: its position was inside of it, and the table's description in front.
func TestARestartInMidTransaction(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		require.NoError(t, startRun(t, o).connected().end())
		before := *out.checkpoint()
		const rows = 2*pileChanges + 500
		run1(t, m, schema, "SET SESSION "+recursion(m)+"=100000", fmt.Sprintf("INSERT INTO talk (id, flag) WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n+1 FROM s "+
			"WHERE n < %d) SELECT n, '1' FROM s", rows))
		parts := 0
		out.onAppend = func(cs []bridge.Change, _ *bridge.Checkpoint) error {
			if len(cs) == 0 {
				return nil
			}
			if parts++; parts == 2 {
				return fmt.Errorf("killed between two parts of a transaction: %w", ErrHalt)
			}
			return nil
		}
		require.ErrorIs(t, startRun(t, o, func(t *tuning) { t.batch = 1 }).wait(), ErrHalt)
		require.NotEmpty(t, out.all(), "the first part is written")
		require.Equal(t, before.Pos, out.checkpoint().Pos, "and no position with it")
		startRun(t, o)
		eventually(t, func() bool { return len(distinct(out.all())) == rows })
		require.Greater(t, out.checkpoint().Pos+uint64(len(out.checkpoint().File)), before.Pos)
	})
}

func recursion(m *testserver.SQLServer) string {
	if m.Flavor == "mysql" {
		return "cte_max_recursion_depth"
	}
	return "max_recursive_iterations"
}

// A savepoint may take back what has long been put aside.
func TestALargeTransactionThatGoesBack(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks+"CREATE TABLE plain (id INT) ENGINE=MyISAM")
	out := &memory{}
	startRun(t, options(t, m, out, talkRoute(schema))).connected()
	fill := func(from, n int) string {
		return fmt.Sprintf("INSERT INTO talk (id, flag) SELECT seq, '1' FROM seq_%d_to_%d", from, from+n-1)
	}
	exec(t, schema, "BEGIN; "+fill(1, 3000)+"; SAVEPOINT a; "+fill(10001, 5000)+"; CREATE TEMPORARY TABLE tmp (id INT); INSERT INTO plain VALUES (1); ROLLBACK TO a; "+
		fill(20001, 10)+"; COMMIT", "INSERT INTO talk (id, flag) VALUES (99999, '1')")
	got := changes(t, out, 3011)
	require.Equal(t, "3000", got[2999].Key)
	require.Equal(t, "20001", got[3000].Key)
	require.Equal(t, got[0].CommittedAt, got[3009].CommittedAt)
	require.False(t, got[0].CommittedAt.IsZero())
}

// counting is an outbox that keeps nothing.
type counting struct {
	memory
	rows    atomic.Int64
	largest int
}

// TestAMillionRowsInOneTransaction needs a minute: TALKBRIDGE_TEST_LARGE=1.
func TestAMillionRowsInOneTransaction(t *testing.T) {
	rows := 60_000
	if os.Getenv("TALKBRIDGE_TEST_LARGE") != "" {
		rows = 1_000_000
	}
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &counting{}
	out.onAppend = func(cs []bridge.Change, cp *bridge.Checkpoint) error {
		out.rows.Add(int64(len(cs)))
		out.largest = max(out.largest, len(cs))
		if out.rows.Load() < int64(rows) && len(cs) > 0 && cp != nil {
			return fmt.Errorf("a position inside of the transaction: %w", ErrHalt)
		}
		return nil
	}
	outbox := &discard{out}
	r := startRun(t, options(t, m, outbox, talkRoute(schema))).connected()
	var peak atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r.status.snapshot().Connected && out.rows.Load() < int64(rows) {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			peak.Store(max(peak.Load(), s.HeapInuse))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	begun := time.Now()
	exec(t, schema, fmt.Sprintf("INSERT INTO talk (id, flag, body) SELECT seq, '1', CONCAT('谈话内容', seq) FROM seq_1_to_%d", rows))
	require.Eventually(t, func() bool { return out.rows.Load() >= int64(rows) }, 5*time.Minute, 20*time.Millisecond)
	<-done
	require.NoError(t, r.end())
	require.LessOrEqual(t, out.largest, 20_000)
	t.Logf("%d rows, heap at most %d MiB, %v", rows, peak.Load()>>20, time.Since(begun))
	require.Less(t, peak.Load(), uint64(64<<20))
}

// discard passes what it is given to onAppend and forgets it.
type discard struct{ *counting }

// Append implements Outbox.
func (d *discard) Append(_ context.Context, cs []bridge.Change, cp *bridge.Checkpoint) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cp != nil {
		d.saved = cp
	}
	return d.onAppend(cs, cp)
}

// A latin1 column that holds the bytes of UTF-8 is read as such only where the route says so: in the log, in a scan and by key.
func TestALatin1ColumnThatHoldsUTF8(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, `CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1), body VARCHAR(100) CHARACTER SET latin1);
INSERT INTO talk VALUES (1, '1', CONVERT(_binary'谈话' USING latin1)), (2, '0', CONVERT(_binary'内容' USING latin1)), (3, '1', NULL)`)
		require.NoError(t, m.Exec("UPDATE "+schema+".talk SET body=CONVERT(CAST(CONVERT(body USING latin1) AS BINARY) USING latin1)"))
		run1(t, m, schema, "INSERT INTO talk VALUES (5, '1', _latin1 x'e9')")
		unreadable := bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableBytes}
		out := &memory{}
		route := talkRoute(schema)
		route.Charsets = map[string]string{"BODY": "utf8mb4"}
		o := options(t, m, out, route)
		o.Start.Mode = StartReconcile
		r := startRun(t, o).connected()
		run1(t, m, schema, "UPDATE talk SET flag='1' WHERE id=2")
		got := changes(t, out, 4)
		require.Equal(t, text("谈话"), got[0].Columns["body"])
		require.Equal(t, bridge.Value{}, got[1].Columns["body"])
		require.Equal(t, unreadable, got[2].Columns["body"], "what cannot be read holds up no scan")
		require.Equal(t, text("内容"), got[3].Columns["body"])
		row, _, err := r.Row(t.Context(), "one", "2")
		require.NoError(t, err)
		require.Equal(t, text("内容"), row.Columns["body"])
		row, _, err = r.Row(t.Context(), "one", "5")
		require.NoError(t, err)
		require.Equal(t, unreadable, row.Columns["body"])
		run1(t, m, schema, "INSERT INTO talk VALUES (4, '1', _latin1 x'e9')")
		require.Equal(t, unreadable, changes(t, out, 5)[4].Columns["body"])
	})
	_, err := newRoute(Route{
		Name: "r", Schema: "s", Table: "t", Submit: Submit{Column: "f", Mode: ModeChanges}, Charsets: map[string]string{"x": "utf8mb4"},
	})
	require.ErrorContains(t, err, "charsets names the column x")
	_, err = newRoute(Route{
		Name: "r", Schema: "s", Table: "t", Submit: Submit{Column: "f", Mode: ModeChanges}, Charsets: map[string]string{"f": "klingon"},
	})
	require.ErrorContains(t, err, "klingon")
}

// The former rows of a system-versioned table are no submissions, though each UPDATE writes one into the log as an insert; and a DELETE, which
// is an update there, is none either.
func TestFormerRowsAreNoSubmissions(t *testing.T) {
	for _, level := range []string{"FULL", "NO_LOG"} {
		t.Run(level, func(t *testing.T) {
			m := mariadb(t)
			require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata="+level))
			t.Cleanup(func() { require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=FULL")) })
			schema := database(t, m, "CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1), body VARCHAR(9)) WITH SYSTEM VERSIONING")
			out := &memory{}
			route := talkRoute(schema)
			route.Submit = Submit{Column: "flag", Mode: ModeWhile, Values: []string{"1"}}
			startRun(t, options(t, m, out, route)).connected()
			exec(t, schema, "INSERT INTO talk VALUES (1, '1', 'a')", "UPDATE talk SET body='b'", "UPDATE talk SET flag='0', body='c'", "UPDATE talk SET flag='1'",
				"DELETE FROM talk", "INSERT INTO talk VALUES (2, '1', 'end')")
			got := changes(t, out, 4)
			require.Equal(t, []string{"1", "1", "1", "2"}, keys(got))
			var bodies []string
			for _, c := range got {
				bodies = append(bodies, c.Columns["body"].Text)
			}
			require.Equal(t, []string{"a", "b", "c", "end"}, bodies)
		})
	}
}

// Compressed: MySQL's transaction payload, MariaDB's row events.
func TestCompressedLogs(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		on, off := "SET SESSION binlog_transaction_compression=ON", "SET SESSION binlog_transaction_compression=OFF"
		if m.Flavor == "mariadb" {
			on, off = "SET GLOBAL log_bin_compress=ON, log_bin_compress_min_len=10", "SET GLOBAL log_bin_compress=OFF"
		}
		out := &memory{}
		startRun(t, options(t, m, out, talkRoute(schema))).connected()
		run1(t, m, schema, on, "BEGIN", "INSERT INTO talk (id, flag, body) VALUES (1, '1', REPEAT('压', 100)), (2, '1', '')", "INSERT INTO other (pad) VALUES (REPEAT('x', 900))",
			"UPDATE talk SET flag='2'", "COMMIT", "ALTER TABLE talk ADD COLUMN early VARCHAR(300) DEFAULT '"+strings.Repeat("x", 300)+"' FIRST", off, "INSERT INTO talk (id, flag) VALUES (3, '1')")
		got := changes(t, out, 5)
		require.Equal(t, []string{"1", "2", "1", "2", "3"}, keys(got))
		require.Len(t, distinct(got), 5)
		require.Equal(t, text(strings.Repeat("压", 100)), got[0].Columns["body"])
	})
}
