package canal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
)

// TestLogAndTableGiveEqualValues touches every row of every table of the fixture by an UPDATE and compares every column of the
// rows event with the same cell read by SQL.
func TestLogAndTableGiveEqualValues(t *testing.T) {
	m := mariadb(t)
	require.NoError(t, m.Exec(fixture.Database))
	db := m.DB("xgxt_demo")
	defer db.Close()
	tables, err := texts(t.Context(), db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA='xgxt_demo' AND TABLE_TYPE='BASE TABLE'")
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	compareTables(t, "xgxt_demo", tables)
}

// compareTables adds a counter to each table, watches all columns, counts it up in every row and compares.
func compareTables(t *testing.T, schema string, tables []string) {
	t.Helper()
	m := mariadb(t)
	db := m.DB(schema)
	defer db.Close()
	out := &memory{}
	var routes []Route
	total := 0
	for _, name := range tables {
		require.NoError(t, m.Exec(fmt.Sprintf("ALTER TABLE `%s`.`%s` ADD COLUMN touched INT NOT NULL DEFAULT 0", schema, name)))
		d, err := describe(t.Context(), db, schema, name)
		require.NoError(t, err)
		r := Route{Name: name, Schema: schema, Table: name, Submit: Submit{Column: "touched", Mode: ModeChanges}}
		for _, c := range d.columns {
			r.Columns = append(r.Columns, c.name)
		}
		routes = append(routes, r)
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT COUNT(*) FROM `%s`", name)).Scan(&n))
		require.Positive(t, n)
		total += n
	}
	r := startRun(t, options(t, m, out, routes...)).connected()
	for _, name := range tables {
		require.NoError(t, m.Exec(fmt.Sprintf("SET sql_mode=''; UPDATE `%s`.`%s` SET touched=touched+1", schema, name)))
	}
	for _, c := range changes(t, out, total) {
		row, why, err := r.Row(t.Context(), c.Route, c.Key)
		require.NoError(t, err)
		require.Empty(t, why)
		require.Equal(t, row.KeyColumns, c.KeyColumns)
		if diff := cmp.Diff(row.Columns, c.Columns); diff != "" {
			t.Errorf("%s %s: table (-) and log (+) differ:\n%s", c.Route, c.Key, diff)
		}
	}
}

func TestEveryTypeGivesEqualValues(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, `SET sql_mode='';
CREATE TABLE numbers (id BIGINT UNSIGNED PRIMARY KEY, y YEAR, t1 TINYINT, t2 TINYINT UNSIGNED, s1 SMALLINT, s2 SMALLINT UNSIGNED, m1 MEDIUMINT,
  m2 MEDIUMINT UNSIGNED, i1 INT, i2 INT UNSIGNED, b1 BIGINT, b2 BIGINT UNSIGNED, y2 YEAR, d1 DECIMAL(30,10), d2 DECIMAL(5,0), d3 DECIMAL(10,5) UNSIGNED,
  f FLOAT, g DOUBLE, f2 FLOAT(7,2), bit1 BIT(1), bit9 BIT(9), bit64 BIT(64), flag BOOL);
INSERT INTO numbers VALUES
 (18446744073709551615, 2155, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, 1901,
  -12345678901234567890.0123456789, -99999, 0.00001, 1.5e-30, -1.7976931348623157e308, 12345.67, b'1', b'101010101', 18446744073709551615, 1),
 (9223372036854775808, 0, 127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 9223372036854775808, 2026,
  0, 0, 0, 16777217, 0.1, 0, b'0', b'0', 0, 0),
 (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (2, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, 70, 0.5, 1, 99999.99999, 1234567, 1e15, -0.01, 1, 511, 1, 2),
 (3, 1, -1, 128, -1, 32768, -1, 8388608, -1, 2147483648, -1, 1, 70, -0.5, 1, 1, 1e10, 123456789.125, 1, 1, 256, 2, -1);
CREATE TABLE times (id INT PRIMARY KEY, d DATE, dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6), dt1 DATETIME(1), ts TIMESTAMP NULL, ts4 TIMESTAMP(4) NULL,
  t TIME, t1 TIME(1), t2 TIME(2), t3 TIME(3), t6 TIME(6));
INSERT INTO times VALUES
 (1, '2026-03-05', '2026-03-05 14:30:00', '2026-03-05 14:30:00.5', '2026-03-05 14:30:00.000001', '2026-03-05 14:30:00.9', '2026-03-05 14:30:00',
   '2026-03-05 14:30:00.1234', '14:30:00', '14:30:00.5', '14:30:00.05', '14:30:00.005', '14:30:00.000005'),
 (2, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00', '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00',
   '-838:59:59', '-00:00:00.5', '-00:00:00.05', '-00:00:01.005', '-838:59:58.999999'),
 (3, '2006-00-00', '2006-03-00 00:00:00', '2006-00-00 01:02:03.004', '0000-03-05 00:00:00', '9999-12-31 23:59:59.9', '1970-01-02 00:00:01', '2038-01-19 03:14:07',
   '838:59:59', '00:00:00', '00:00:00', '00:00:00', '00:00:00'),
 (4, '1000-01-01', '1000-01-01 00:00:00', NULL, NULL, NULL, '1988-07-01 12:00:00', NULL, '-00:00:01', '-10:00:00', '100:00:00', '-00:00:00.001', '-00:00:00.000001');
CREATE TABLE texts (id VARCHAR(20) CHARACTER SET gbk PRIMARY KEY, u3 VARCHAR(50) CHARACTER SET utf8, g CHAR(10) CHARACTER SET gbk, g2 VARCHAR(20) CHARACTER SET gb2312,
  b5 VARCHAR(20) CHARACTER SET big5, l TEXT CHARACTER SET latin1, u4 LONGTEXT, a VARCHAR(10) CHARACTER SET ascii, u2 VARCHAR(20) CHARACTER SET ucs2,
  u16 VARCHAR(20) CHARACTER SET utf16, u32 VARCHAR(20) CHARACTER SET utf32, u16le VARCHAR(20) CHARACTER SET utf16le, c300 CHAR(255), tt TINYTEXT, mt MEDIUMTEXT CHARACTER SET gbk,
  bin BINARY(5), vb VARBINARY(300), bl BLOB, j JSON, bin255 BINARY(255), cb VARCHAR(20) COLLATE utf8mb4_bin, un VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci);
INSERT INTO texts VALUES
 ('键,一%', '中文', '镕堃', '中文', '中文', 'é€ÿ', '𠮷田👍', 'abc', '中文', '𠮷', '𠮷', '𠮷', REPEAT('长', 255), 'x', '开', x'0102', x'00ff00', x'fffe', '{"a": 1, "b": [true, null, "中"]}', x'01', '尾 ', 'ß'),
 ('k2', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '[]', '', '', ''),
 ('k3', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE labels (id INT, part VARBINARY(4), e ENUM('一','二','三') CHARACTER SET gbk, s SET('学业','情绪','人际') CHARACTER SET utf8, e2 ENUM('x','y') NOT NULL, v VARCHAR(9) CHARACTER SET gbk,
  big ENUM('n0','n1'), PRIMARY KEY (id, part));
INSERT INTO labels VALUES (1, x'00ff', '二', '学业,人际', 'y', '甲', 'n1'), (1, x'2c', '', '', '', '乙', NULL), (2, 'a', NULL, NULL, 'x', NULL, 'n0'), (3, '', 'bad', '情绪', 'bad', '', '');
`)
	compareTables(t, schema, []string{"numbers", "times", "texts", "labels"})
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
