package canal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// onNameless runs the test on every kind of server, with each amount of metadata that leaves the columns' names out of the log.
func onNameless(t *testing.T, test func(t *testing.T, m *testserver.SQLServer)) {
	t.Helper()
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		levels := []string{"MINIMAL"}
		if m.Flavor == "mariadb" {
			levels = append(levels, "NO_LOG") // its default
		}
		for _, level := range levels {
			t.Run(level, func(t *testing.T) {
				require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata="+level))
				t.Cleanup(func() { require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=FULL")) })
				test(t, m)
			})
		}
	})
}

func run1(t *testing.T, m *testserver.SQLServer, schema string, statements ...string) {
	t.Helper()
	require.NoError(t, m.Exec("USE "+schema+"; "+strings.Join(statements, "; ")))
}

const wide = `CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1) NOT NULL DEFAULT '0', kind ENUM('甲','乙') CHARACTER SET gbk, body VARCHAR(100) CHARACTER SET gbk,
  n BIGINT UNSIGNED, m MEDIUMINT UNSIGNED, t TINYINT UNSIGNED, s SET('a','b c') , d DECIMAL(10,2), secret VARCHAR(20)); `

func wideRoute(schema string) Route {
	return Route{
		Name: "one", Schema: schema, Table: "talk", Columns: []string{"body", "n", "m", "t", "kind", "s", "d"},
		Submit: Submit{Column: "flag", Mode: ModeBecomes, Values: []string{"1"}},
	}
}

const wideValues = "flag='1', kind='乙', n=18446744073709551615, m=16777215, t=255, s='a,b c', d=-1.5"

// A peer gave the columns of today to the rows of yesterday. Here the log does not even name them, and every statement stands in it before
// anybody reads.
func TestRowsUnderWrongNamesAfterAnAlter(t *testing.T) {
	onNameless(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, wide)
		out := &memory{}
		o := options(t, m, out, wideRoute(schema))
		first := startRun(t, o).connected()
		run1(t, m, schema, "INSERT INTO talk SET id=1, body='first', "+wideValues)
		changes(t, out, 1)
		require.NoError(t, first.end())
		steps := []string{
			"ALTER TABLE talk ADD COLUMN early VARCHAR(10) CHARACTER SET latin1 DEFAULT 'alice' FIRST, ADD (x1 INT UNSIGNED, x2 TEXT)",
			"ALTER TABLE talk DROP COLUMN secret, DROP x2, ADD z VARCHAR(100) AFTER flag, ALGORITHM=COPY",
			"ALTER TABLE `talk` MODIFY body LONGTEXT CHARACTER SET utf8mb4 FIRST, CHANGE z zz DECIMAL(5) NOT NULL DEFAULT 3 AFTER id",
			"ALTER TABLE " + schema + ".talk CHANGE early z VARCHAR(100) CHARACTER SET gbk, CHANGE zz early DECIMAL(5) NOT NULL DEFAULT 3",
			"ALTER TABLE talk MODIFY kind ENUM('丙','乙','甲') CHARACTER SET utf8mb4 AFTER d, ADD INDEX (n), COMMENT='x, y', ENGINE=InnoDB",
			"ALTER TABLE talk RENAME COLUMN x1 TO x9, ADD COLUMN g INT AS (id + 1) VIRTUAL AFTER id, ADD h INT GENERATED ALWAYS AS (id + 2) STORED",
			"CREATE TABLE _talk_new LIKE talk; ALTER TABLE _talk_new ADD k INT FIRST; INSERT INTO _talk_new (id, early) SELECT id, early FROM talk; " +
				"RENAME TABLE talk TO _talk_old, _talk_new TO talk; DROP TABLE _talk_old; DELETE FROM talk",
			"DROP TABLE talk; " + strings.TrimSuffix(wide, "; "),
		}
		for i, step := range steps {
			run1(t, m, schema, "SET sql_mode=''", step, "INSERT INTO talk SET id="+itoa(i+2)+", body='新', "+wideValues)
		}
		startRun(t, o)
		got := changes(t, out, len(steps)+1)
		for i, c := range got {
			require.Equal(t, itoa(i+1), c.Key)
			body := "新"
			if i == 0 {
				body = "first"
			}
			require.Equal(t, map[string]bridge.Value{
				"id": {Kind: bridge.KindInt, Text: itoa(i + 1)}, "flag": text("1"), "body": text(body), "kind": {Kind: bridge.KindEnum, Text: "乙"},
				"n": {Kind: bridge.KindInt, Text: "18446744073709551615"}, "m": {Kind: bridge.KindInt, Text: "16777215"},
				"t": {Kind: bridge.KindInt, Text: "255"}, "s": {Kind: bridge.KindSet, Text: "a,b c"}, "d": {Kind: bridge.KindDecimal, Text: "-1.50"},
			}, c.Columns, "step %d", i)
		}
	})
}

// A history that is not the table's is found by the log, in every respect that the log has.
func TestADifferenceStopsAndIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*shape)
		want   string
	}{
		"one column too many": {func(s *shape) { s.Columns = append(s.Columns, s.Columns[0]) }, "the log has 10 columns, known are 11 (id, flag, kind"},
		"swapped":             {func(s *shape) { s.Columns[0], s.Columns[3] = s.Columns[3], s.Columns[0] }, "column 1 (body): the type is number 3 in the log, known is varchar(100)"},
		"a longer text":       {func(s *shape) { s.Columns[3].Type = "varchar(101)" }, "column 4 (body): the length is 0xc8 in the log, known is varchar(101)"},
		"another precision":   {func(s *shape) { s.Columns[8].Type = "decimal(10,3)" }, "column 9 (d): the length is 0xa02 in the log, known is decimal(10,3)"},
		"nullable":            {func(s *shape) { s.Columns[4].Null = no }, "column 5 (n): whether it may be NULL is yes in the log, known is no"},
		"wide SET":            {func(s *shape) { s.Columns[7].Type = "set('1','2','3','4','5','6','7','8','9')" }, "column 8 (s): the length"},
		"unknown type":        {func(s *shape) { s.Columns[9].Type = "hyperreal" }, "hyperreal, of which it is not known how the log shows it"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mariadb(t)
			require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=NO_LOG"))
			t.Cleanup(func() { require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=FULL")) })
			schema := database(t, m, wide)
			out := &memory{}
			o := options(t, m, out, wideRoute(schema))
			require.NoError(t, startRun(t, o).connected().end())
			h, err := decodeHistory(out.saved.Schema)
			require.NoError(t, err)
			n := tableName{schema, "talk"}
			s := h.shape(n, false).clone()
			require.True(t, s.known(), s.Lost)
			c.change(s)
			out.saved.Schema = h.with(n, false, s).encode()
			run1(t, m, schema, "INSERT INTO talk SET id=1, body='canary', "+wideValues)
			err = startRun(t, o).wait()
			requireAll(t, err, c.want, schema+".talk", "at binlog.0", "talkbridge position clear", "SET GLOBAL binlog_row_metadata = FULL")
			require.NotContains(t, err.Error(), "canary")
			require.Empty(t, out.all())
		})
	}
}

// What MINIMAL metadata sends is compared too: signs and character sets.
func TestSignsAndCharsetsAreCompared(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=MINIMAL"))
		t.Cleanup(func() { require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=FULL")) })
		schema := database(t, m, wide)
		out := &memory{}
		o := options(t, m, out, wideRoute(schema))
		require.NoError(t, startRun(t, o).connected().end())
		h, err := decodeHistory(out.saved.Schema)
		require.NoError(t, err)
		s := h.shape(tableName{schema, "talk"}, false).clone()
		s.Columns[4].Type, s.Columns[3].Charset = "bigint", "gb2312"
		out.saved.Schema = h.with(tableName{schema, "talk"}, false, s).encode()
		run1(t, m, schema, "INSERT INTO talk SET id=1, body='x', "+wideValues)
		requireAll(t, startRun(t, o).wait(), "column 5 (n): whether it is unsigned is yes in the log, known is bigint",
			"column 4 (body): the character set is gbk in the log, known is gb2312")
	})
}

// DDL that talkbridge cannot follow stops nothing by itself: rows under unknown names do. Once the log is read to its end the table is read
// anew, and all is well.
func TestDDLThatIsNotFollowed(t *testing.T) {
	onNameless(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		require.NoError(t, startRun(t, o).connected().end())
		odd := "ALTER TABLE talk ADD txt TEXT CHARACTER SET latin1; ALTER TABLE talk CONVERT TO CHARACTER SET utf8mb4"
		run1(t, m, schema, odd)
		r := startRun(t, o).connected()
		eventually(t, func() bool {
			h, err := decodeHistory(out.checkpoint().Schema)
			return err == nil && h.shape(tableName{schema, "talk"}, false).known() && len(h.shape(tableName{schema, "talk"}, false).Columns) == 8
		})
		run1(t, m, schema, "INSERT INTO talk SET id=1, body='x', flag='1'")
		changes(t, out, 1)
		require.NoError(t, r.end())
		run1(t, m, schema, strings.ReplaceAll(odd, "txt", "txt2"), "INSERT INTO talk SET id=2, body='x', flag='1'")
		requireAll(t, startRun(t, o).wait(), "ALTER TABLE at ", "that talkbridge does not follow", "CONVERT TO of a TEXT column", "talkbridge position clear")
		require.Len(t, out.all(), 1)
	})
}

// A start in the past knows nothing of the tables there.
func TestThePastWithoutNamesIsNotGuessed(t *testing.T) {
	onNameless(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, wide)
		seen := &memory{}
		o := options(t, m, seen, wideRoute(schema))
		require.NoError(t, startRun(t, o).connected().end())
		run1(t, m, schema, "INSERT INTO talk SET id=1, body='x', "+wideValues)
		o.Outbox, o.Start = &memory{}, Start{Mode: StartFile, File: seen.saved.File, Pos: seen.saved.Pos}
		requireAll(t, startRun(t, o).wait(), schema+".talk", neverRead)
	})
}
