package canal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
)

// TestLogAndTableGiveEqualValues touches every row of every table of the fixture by an UPDATE and compares every column of the
// rows event with the same cell read by SQL.
func TestLogAndTableGiveEqualValues(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		require.NoError(t, m.Exec(fixture.Database))
		db := m.DB("xgxt_demo")
		defer db.Close()
		tables, err := texts(t.Context(), db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='xgxt_demo' AND TABLE_TYPE='BASE TABLE'")
		require.NoError(t, err)
		require.NotEmpty(t, tables)
		compareTables(t, m, "xgxt_demo", tables)
	})
}

// TestTypesAfterOddOnesKeepTheirPlace puts columns whose metadata is counted in lists behind columns that some version counts
// otherwise: a miscount would give a column its neighbour's character set or sign.
func TestTypesAfterOddOnesKeepTheirPlace(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, `CREATE TABLE odd (id INT PRIMARY KEY, u UUID, i6 INET6, i4 INET4, p POINT, y YEAR, n1 INT UNSIGNED, n2 INT, g VARCHAR(20) CHARACTER SET gbk,
  b BIT(3), l VARCHAR(20) CHARACTER SET latin1, e ENUM('甲','乙') CHARACTER SET gbk, n3 BIGINT UNSIGNED);
INSERT INTO odd VALUES (1, '123e4567-e89b-12d3-a456-426655440000', '::1', '1.2.3.4', POINT(1,2), 2026, 4294967295, -1, '中文', 5, 'é', '乙', 18446744073709551615)`)
	out := &memory{}
	columns := strings.Split("id y n1 n2 g b l e n3", " ")
	r := startRun(t, options(t, m, out, Route{
		Name: "odd", Schema: schema, Table: "odd", Columns: columns, Submit: Submit{Column: "id", Mode: ModeWhile, Values: []string{"1"}},
	})).connected()
	require.NoError(t, m.Exec("UPDATE "+schema+".odd SET y=2027"))
	got := changes(t, out, 1)[0]
	row, _, err := r.Row(t.Context(), "odd", "1")
	require.NoError(t, err)
	require.Equal(t, row.Columns, got.Columns)
	require.Equal(t, bridge.Value{Kind: bridge.KindText, Text: "中文"}, got.Columns["g"])
}

// An ENUM or SET may have CHARACTER SET binary. Its labels are bytes, which are shown where they are text; where not, the column alone
// cannot be read.
func TestLabelsOfBytes(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, "CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1), e ENUM('a', '甲') CHARACTER SET binary, s SET('b', '乙') CHARACTER SET binary)")
	out := &memory{}
	r := startRun(t, options(t, m, out, Route{
		Name: "one", Schema: schema, Table: "talk", Columns: []string{"e", "s"}, Submit: Submit{Column: "flag", Mode: ModeBecomes, Values: []string{"1"}},
	})).connected()
	execOn(t, m, schema, "INSERT INTO talk VALUES (1, '1', '甲', 'b,乙')")
	got := changes(t, out, 1)[0].Columns
	require.Equal(t, bridge.Value{Kind: bridge.KindEnum, Text: "甲"}, got["e"])
	require.Equal(t, bridge.Value{Kind: bridge.KindSet, Text: "b,乙"}, got["s"])
	row, _, err := r.Row(t.Context(), "one", "1")
	require.NoError(t, err)
	require.Equal(t, row.Columns, got)
	require.NoError(t, r.end())
}
