package canal

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// compareTables touches every row of the tables by an UPDATE, compares every column of the rows event with the same cell read by SQL, and
// gives what came.
func compareTables(t *testing.T, m *testserver.SQLServer, schema string, tables []string) []bridge.Change {
	t.Helper()
	db := m.DB(schema)
	defer db.Close()
	out := &memory{}
	var routes []Route
	total := 0
	for _, name := range tables {
		d, err := describe(t.Context(), db, schema, name)
		require.NoError(t, err)
		if d.column("touched") == nil {
			require.NoError(t, m.Exec(fmt.Sprintf("ALTER TABLE `%s`.`%s` ADD COLUMN touched INT NOT NULL DEFAULT 0", schema, name)))
			d, err = describe(t.Context(), db, schema, name)
			require.NoError(t, err)
		}
		r := Route{Name: name, Schema: schema, Table: name, Submit: Submit{Column: "touched", Mode: ModeChanges}}
		for _, c := range d.columns {
			if generated := c.name == "gv" || c.name == "gs"; !generated || !leavesGenerated(m) {
				r.Columns = append(r.Columns, c.name)
			}
		}
		routes = append(routes, r)
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT COUNT(*) FROM `%s`", name)).Scan(&n))
		require.Positive(t, n)
		total += n
	}
	o := options(t, m, out, routes...)
	require.NoError(t, preflight(t, o))
	r := startRun(t, o).connected()
	for _, name := range tables {
		require.NoError(t, m.Exec(fmt.Sprintf("SET sql_mode=''; UPDATE `%s`.`%s` SET touched=touched+1", schema, name)))
	}
	got := changes(t, out, total)
	for _, c := range got {
		row, why, err := r.Row(t.Context(), c.Route, c.Key)
		require.NoError(t, err, "%s %s", c.Route, c.Key)
		require.Empty(t, why)
		require.Equal(t, row.KeyColumns, c.KeyColumns)
		if diff := cmp.Diff(row.Columns, c.Columns); diff != "" {
			t.Errorf("%s %s: table (-) and log (+) differ:\n%s", c.Route, c.Key, diff)
		}
	}
	require.NoError(t, r.end())
	return got
}

// leavesGenerated tells whether the server leaves generated columns out of the images of an UPDATE.
func leavesGenerated(m *testserver.SQLServer) bool {
	return m.Flavor == "mariadb" && !strings.HasPrefix(m.Version, "10.")
}

// A generated column that the server leaves out of its log is refused by name: it is no NULL.
func TestGeneratedColumnsThatAreNotLogged(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, "CREATE TABLE talk (id INT PRIMARY KEY, flag CHAR(1), n INT, body INT AS (n + 1) STORED); INSERT INTO talk (id, flag, n) VALUES (1, '0', 6)")
		out := &memory{}
		r := startRun(t, options(t, m, out, talkRoute(schema))).connected()
		run1(t, m, schema, "UPDATE talk SET flag='1'")
		if leavesGenerated(m) {
			requireAll(t, r.wait(), "column body", "generated column", "the columns that it is made of")
			return
		}
		require.Equal(t, "7", changes(t, out, 1)[0].Columns["body"].Text)
	})
}

// everyType is what MySQL and MariaDB have in common; then what only one of them has.
const everyType = `SET sql_mode='';
CREATE TABLE numbers (id BIGINT UNSIGNED PRIMARY KEY, y YEAR, t1 TINYINT, t2 TINYINT UNSIGNED, s1 SMALLINT, s2 SMALLINT UNSIGNED, m1 MEDIUMINT,
  m2 MEDIUMINT UNSIGNED, i1 INT, i2 INT UNSIGNED, b1 BIGINT, b2 BIGINT UNSIGNED, y2 YEAR, d1 DECIMAL(30,10), d2 DECIMAL(5,0), d3 DECIMAL(10,5),
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
  bin BINARY(5), vb VARBINARY(300), bl BLOB, j JSON, bin255 BINARY(255), cb VARCHAR(20) COLLATE utf8mb4_bin);
INSERT INTO texts VALUES
 ('键,一%', '中文', '镕堃', '中文', '中文', 'é€ÿ', '𠮷田👍', 'abc', '中文', '𠮷', '𠮷', '𠮷', REPEAT('长', 255), 'x', '开', x'0102', x'00ff00', x'fffe', '{"a": 1, "b": [true, null, "中"]}', x'01', '尾 '),
 ('k2', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '[]', '', ''),
 ('k3', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE labels (id INT, part VARBINARY(4), e ENUM('一','二','三') CHARACTER SET gbk, s SET('学业','情绪','人际') CHARACTER SET utf8, e2 ENUM('x','y') NOT NULL, v VARCHAR(9) CHARACTER SET gbk,
  big ENUM('n0','n1'), PRIMARY KEY (id, part));
INSERT INTO labels VALUES (1, x'00ff', '二', '学业,人际', 'y', '甲', 'n1'), (1, x'2c', '', '', '', '乙', NULL), (2, 'a', NULL, NULL, 'x', NULL, 'n0'), (3, '', 'bad', '情绪', 'bad', '', '');
CREATE TABLE sizes (id INT PRIMARY KEY, dmax DECIMAL(65,30), dmin DECIMAL(1,0), b2 BIT(2), b8 BIT(8), b63 BIT(63), tb TINYBLOB, b BLOB, mb MEDIUMBLOB, lb LONGBLOB,
  te TEXT CHARACTER SET big5, geo GEOMETRY, p POINT, line LINESTRING, s64 SET('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16','17','18','19','20','21','22','23','24','25','26','27','28','29','30','31','32','33','34','35','36','37','38','39','40','41','42','43','44','45','46','47','48','49','50','51','52','53','54','55','56','57','58','59','60','61','62','63','64'),
  e300 ENUM('n0','n1','n2','n3','n4','n5','n6','n7','n8','n9','n10','n11','n12','n13','n14','n15','n16','n17','n18','n19','n20','n21','n22','n23','n24','n25','n26','n27','n28','n29','n30','n31','n32','n33','n34','n35','n36','n37','n38','n39','n40','n41','n42','n43','n44','n45','n46','n47','n48','n49','n50','n51','n52','n53','n54','n55','n56','n57','n58','n59','n60','n61','n62','n63','n64','n65','n66','n67','n68','n69','n70','n71','n72','n73','n74','n75','n76','n77','n78','n79','n80','n81','n82','n83','n84','n85','n86','n87','n88','n89','n90','n91','n92','n93','n94','n95','n96','n97','n98','n99','n100','n101','n102','n103','n104','n105','n106','n107','n108','n109','n110','n111','n112','n113','n114','n115','n116','n117','n118','n119','n120','n121','n122','n123','n124','n125','n126','n127','n128','n129','n130','n131','n132','n133','n134','n135','n136','n137','n138','n139','n140','n141','n142','n143','n144','n145','n146','n147','n148','n149','n150','n151','n152','n153','n154','n155','n156','n157','n158','n159','n160','n161','n162','n163','n164','n165','n166','n167','n168','n169','n170','n171','n172','n173','n174','n175','n176','n177','n178','n179','n180','n181','n182','n183','n184','n185','n186','n187','n188','n189','n190','n191','n192','n193','n194','n195','n196','n197','n198','n199','n200','n201','n202','n203','n204','n205','n206','n207','n208','n209','n210','n211','n212','n213','n214','n215','n216','n217','n218','n219','n220','n221','n222','n223','n224','n225','n226','n227','n228','n229','n230','n231','n232','n233','n234','n235','n236','n237','n238','n239','n240','n241','n242','n243','n244','n245','n246','n247','n248','n249','n250','n251','n252','n253','n254','n255','n256','n257','n258','n259','n260','n261','n262','n263','n264','n265','n266','n267','n268','n269','n270','n271','n272','n273','n274','n275','n276','n277','n278','n279','n280','n281','n282','n283','n284','n285','n286','n287','n288','n289','n290','n291','n292','n293','n294','n295','n296','n297','n298','n299'), c1 CHAR(1) CHARACTER SET utf32, v0 VARCHAR(0), none CHAR(0), y4 YEAR(4));
INSERT INTO sizes VALUES
 (1, 99999999999999999999999999999999999.999999999999999999999999999999, 9, b'10', b'11111111', 9223372036854775807, x'00', REPEAT('b', 60000), REPEAT(x'ff', 70000), x'',
  '中文許功蓋', POINT(1, 2), POINT(-1.5, 1e300), LINESTRING(POINT(0,0), POINT(1,1)), '1,2,64', 'n299', '𠮷', '', '', 2155),
 (2, -0.000000000000000000000000000001, -9, 0, 0, 0, '', '', '', '', '', NULL, NULL, NULL, '', 'n0', '', NULL, NULL, 0),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE made (id INT PRIMARY KEY, n INT UNSIGNED, gv INT AS (n % 7) VIRTUAL, gs VARCHAR(20) CHARACTER SET gbk AS (CONCAT('第', n)) STORED, inv INT INVISIBLE DEFAULT 5, tail INT UNSIGNED);
INSERT INTO made (id, n, tail) VALUES (1, 4294967295, 4294967295), (2, 8, 0);
`

const mysqlTypes = `SET sql_mode='';
CREATE TABLE documents (id INT PRIMARY KEY, j JSON, g CHAR(10) CHARACTER SET gb18030, v VECTOR(3));
INSERT INTO documents VALUES (1, '{"b": [1, 2.50, true, null, "中\\n"], "a": {"x": 1e100, "d": -0.0, "e": 1.5e-10, "f": 123456789012345678.5, "g": 0.00001, "h": 1e15}}', '㐀𠮷', STRING_TO_VECTOR('[1,2,3]')),
 (2, 'null', '', NULL), (3, '[]', NULL, NULL), (4, '{}', '€', NULL), (5, '"text"', '', NULL), (6, '18446744073709551615', '', NULL), (7, '-9223372036854775808', '', NULL),
 (8, CAST(CAST('2026-03-05 14:30:00.123456' AS DATETIME(6)) AS JSON), '', NULL), (9, CAST(CAST('-10:00:00' AS TIME) AS JSON), '', NULL),
 (10, CAST(CAST('2026-03-05' AS DATE) AS JSON), '', NULL), (11, CAST(1.50 AS JSON), '', NULL), (12, 'false', '', NULL), (13, '32768', '', NULL),
 (14, JSON_ARRAY(REPEAT('x', 70000)), '', NULL), (15, CAST(x'00ff' AS JSON), '', NULL);
SET SESSION sql_generate_invisible_primary_key=ON;
CREATE TABLE gipk (a INT, touched INT NOT NULL DEFAULT 0);
SET SESSION sql_generate_invisible_primary_key=OFF;
INSERT INTO gipk (a) VALUES (1), (2);
CREATE TABLE functional (id INT PRIMARY KEY, n INT, tail VARCHAR(9) CHARACTER SET gbk, INDEX ((n + 1)), touched INT NOT NULL DEFAULT 0);
INSERT INTO functional (id, n, tail) VALUES (1, 5, '中');
`

const mariadbTypes = `SET sql_mode='';
CREATE TABLE own (id INT PRIMARY KEY, u UUID, i4 INET4, i6 INET6, doc JSON, vc VARCHAR(300) COMPRESSED CHARACTER SET gbk, tc TEXT COMPRESSED CHARACTER SET latin1, bc MEDIUMBLOB COMPRESSED, tail VARCHAR(20) CHARACTER SET gbk, b16 BINARY(16), b4 BINARY(4), n BIGINT UNSIGNED);
INSERT INTO own VALUES
 (1, '123e4567-e89b-12d3-a456-426655440000', '1.2.3.4', '::1', '{"a": [1, 2]}', REPEAT('中', 200), REPEAT('é', 300), REPEAT(x'00', 70000), '中', REPEAT(x'01', 16), x'01020304', 18446744073709551615),
 (2, '0190b6f8-7c1a-7abc-8def-0123456789ab', '0.0.0.0', '::1.2.3.4', '[]', 'short', '', '', '文', x'00', x'', 0),
 (3, '00000000-0000-0000-0000-000000000000', '255.255.255.255', '::ffff:1.2.3.4', 'null', '', 'x', 'y', '', x'00ff', x'00ff', 1),
 (4, 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, '2001:db8::ff00:42:8329', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (5, '6ba7b810-9dad-41d1-80b4-00c04fd43000', '10.0.0.0', '2001:db8:0:1:1:1:1:1', '1', 'x', 'x', 'x', 'x', x'', x'', 5),
 (6, UUID(), '127.0.0.1', '1:0:0:2:0:0:0:3', '1', 'x', 'x', 'x', 'x', x'', x'', 5),
 (7, '123e4567-e89b-82d3-a456-426655440000', '127.0.0.1', '::', '1', 'x', 'x', 'x', 'x', x'', x'', 5),
 (8, '123e4567-e89b-12d3-0456-426655440000', '127.0.0.1', 'fe80::', '1', 'x', 'x', 'x', 'x', x'', x'', 5);
SET column_compression_zlib_wrap=ON; UPDATE own SET vc=REPEAT('文', 150) WHERE id=6; SET column_compression_zlib_wrap=OFF;
CREATE TABLE versioned (id INT PRIMARY KEY, name VARCHAR(20) CHARACTER SET gbk, touched INT NOT NULL DEFAULT 0) WITH SYSTEM VERSIONING;
INSERT INTO versioned (id, name) VALUES (1, '旧'); UPDATE versioned SET name='新';
`

// TestEveryType has every type with its edges. What the log gives is what the server itself answers, and what the golden file of the flavor
// has: with all metadata in the log, and with none that can be left out.
func TestEveryType(t *testing.T) {
	common := []string{"numbers", "times", "texts", "labels", "sizes", "made"}
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		own, tables := mysqlTypes, []string{"documents", "gipk", "functional"}
		levels := []string{"FULL", "MINIMAL"}
		if m.Flavor == "mariadb" {
			own, tables = mariadbTypes, []string{"own", "versioned"}
			levels = append(levels, "NO_LOG")
		}
		for _, level := range levels {
			t.Run(level, func(t *testing.T) {
				require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata="+level))
				t.Cleanup(func() { require.NoError(t, m.Exec("SET GLOBAL binlog_row_metadata=FULL")) })
				schema := database(t, m, everyType+own)
				golden(t, m.Flavor, compareTables(t, m, schema, append(slices.Clone(common), tables...)))
			})
		}
	})
}

// golden compares changes with testdata/values-FLAVOR.golden; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, flavor string, got []bridge.Change) {
	t.Helper()
	var b strings.Builder
	for _, c := range got {
		if c.Route == "made" { // its columns depend on the version
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", c.Route, c.Key)
		for _, name := range slices.Sorted(maps.Keys(c.Columns)) {
			v := c.Columns[name]
			if len(v.Text) > 200 {
				v.Text = fmt.Sprintf("%s… %d bytes", v.Text[:20], len(v.Text))
			}
			if c.Route == "own" && c.Key == "6" && name == "u" { // another one each time
				v.Text = "UUID()"
			}
			fmt.Fprintf(&b, "  %s %s %q\n", name, v.Kind, v.Text)
		}
	}
	path := filepath.Join("testdata", "values-"+flavor+".golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-) and what came (+) differ:\n%s", path, diff)
	}
}
