package canal

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

// apply runs DDL over a history of one table t: a INT NOT NULL (key), b VARCHAR(10) gbk, c TEXT utf8mb4.
func apply(t *testing.T, sql string) *history {
	t.Helper()
	h := (&history{Tables: map[string]*shape{"s.t": {
		Columns: []shapeColumn{{Name: "a", Type: "int(11)", Null: no}, {Name: "b", Type: "varchar(10)", Charset: "gbk", Null: yes}, {Name: "c", Type: "text", Charset: "utf8mb4", Null: yes}},
		Key:     []string{"a"}, Charset: "utf8mb4",
	}}, Schemas: map[string]string{"s": "latin1"}}).sealed()
	d := &ddl{tokens: cutSQL(sql, 0), schema: "s", flavor: FlavorMySQL, place: "b.1:4", follows: func(n tableName) bool { return strings.Contains(n.table, "t") }}
	return d.apply(h)
}

func TestDDLIsFollowed(t *testing.T) {
	for sql, want := range map[string]string{
		"ALTER TABLE t ADD d INT UNSIGNED FIRST":                                                                                            "d int unsigned, a int(11), b varchar(10), c text",
		"ALTER TABLE s.t ADD COLUMN d DECIMAL(5) NOT NULL DEFAULT NULL AFTER `a`":                                                           "a int(11), d decimal(5,0), b varchar(10), c text",
		"alter table `t` add (d int, e bool comment 'x, y (z'), drop column c":                                                              "a int(11), b varchar(10), d int, e tinyint",
		"ALTER TABLE t CHANGE a b INT, CHANGE b a VARCHAR(9)":                                                                               "b int, a varchar(9), c text",
		"ALTER TABLE t MODIFY c LONGTEXT FIRST, MODIFY a BIGINT AFTER b":                                                                    "c longtext, b varchar(10), a bigint",
		"ALTER TABLE t RENAME COLUMN b TO x, ALGORITHM=INSTANT, LOCK=NONE":                                                                  "a int(11), x varchar(10), c text",
		"ALTER TABLE t ADD INDEX i (b), ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES x(a) ON DELETE SET NULL, COMMENT='a, b', ENGINE=InnoDB": "a int(11), b varchar(10), c text",
		"ALTER TABLE t ADD d ENUM('x','it''s') CHARACTER SET gbk, PARTITION BY HASH(a) PARTITIONS 4":                                        "a int(11), b varchar(10), c text, d enum('x','it''s')",
		"ALTER ONLINE TABLE t DROP COLUMN IF EXISTS nope":                                                                                   "a int(11), b varchar(10), c text",
		"/*!50000 ALTER TABLE t DROP b */":                                                                                                  "a int(11), c text",
		"CREATE TEMPORARY TABLE t (x INT)":                                                                                                  "a int(11), b varchar(10), c text",
		"CREATE TABLE IF NOT EXISTS t (x INT)":                                                                                              "a int(11), b varchar(10), c text",
		"CREATE OR REPLACE TABLE t (x INT PRIMARY KEY, y CHAR(2), KEY (y)) DEFAULT CHARSET=gbk":                                             "x int, y char(2)",
		"ALTER TABLE t ADD d HYPERREAL":                                                                                                     "lost: the type HYPERREAL is not understood",
		"ALTER TABLE t ADD SYSTEM VERSIONING":                                                                                               "lost: SYSTEM … is not understood",
		"ALTER TABLE t FROBNICATE COLUMN b":                                                                                                 "lost: FROBNICATE … is not understood",
		"ALTER TABLE t DROP nope":                                                                                                           "lost: a column that was not there",
		"DROP TABLE x, s.t":                                                                                                                 "lost: " + neverRead,
		"DROP DATABASE s":                                                                                                                   "lost: " + neverRead,
		"RENAME TABLE t TO t2, x TO t":                                                                                                      "lost: RENAME at b.1:4 gave this name",
		"CREATE TABLE t SELECT 1 AS x":                                                                                                      "lost: SELECT … is not understood",
	} {
		s := apply(t, sql).shape(tableName{"s", "t"}, false)
		if cause, isLost := strings.CutPrefix(want, "lost: "); isLost {
			require.Contains(t, s.Lost, cause, sql)
			continue
		}
		require.Empty(t, s.Lost, sql)
		var got []string
		for _, c := range s.Columns {
			got = append(got, c.Name+" "+c.Type)
		}
		require.Equal(t, want, strings.Join(got, ", "), sql)
	}
	h := apply(t, "RENAME TABLE t TO x.q; ")
	require.True(t, h.shape(tableName{"x", "q"}, false).known(), "a known table is followed under its new name")
	s := apply(t, "CREATE TABLE t9 (x VARCHAR(3))").shape(tableName{"s", "t9"}, false)
	require.Equal(t, "latin1", s.Columns[0].Charset, "the schema's character set")
	s = apply(t, "ALTER TABLE t ADD d VARCHAR(3), ADD e VARCHAR(3) COLLATE gbk_bin, ADD f VARCHAR(3) CHARACTER SET binary").shape(tableName{"s", "t"}, false)
	require.Equal(t, []string{"utf8mb4", "gbk", ""}, []string{s.Columns[3].Charset, s.Columns[4].Charset, s.Columns[5].Charset})
	require.Equal(t, "varbinary(3)", s.Columns[5].Type)
}

// Positions go on behind 4 GiB, though an event's header has 32 bits for them; and where the header has none they are counted.
func TestHeadersBeyond4GiBAndWithoutPositions(t *testing.T) {
	r := &reader{reached: 1<<32 - 50}
	start := r.advance(&replication.EventHeader{EventSize: 100, LogPos: 50})
	require.Equal(t, uint64(1<<32-50), start)
	require.Equal(t, uint64(1<<32+50), r.reached)
	start = r.advance(&replication.EventHeader{EventSize: 70, LogPos: 0}) // MariaDB 11.4 and later
	require.Equal(t, uint64(1<<32+50), start)
	require.Equal(t, uint64(1<<32+120), r.reached)
	start = r.advance(&replication.EventHeader{EventSize: 40, LogPos: 0, Flags: replication.LOG_EVENT_ARTIFICIAL_F})
	require.Equal(t, uint64(1<<32+120), start)
	require.Equal(t, start, r.reached, "an event that the server made up stands in no file")
	r.advance(&replication.EventHeader{EventSize: 10, LogPos: 130})
	require.Equal(t, uint64(1<<32+130), r.reached)
}

// What is put aside is sealed, has no name, and comes back as it was.
func TestAPileKeepsItsOrder(t *testing.T) {
	var p pile
	defer p.drop()
	const n = 3*pileChanges + 7
	for i := range n {
		require.NoError(t, p.add(bridge.Change{Key: itoa(i), Columns: map[string]bridge.Value{"b": {Kind: bridge.KindBinary, Text: "canary\x00\xff"}}}))
	}
	require.Equal(t, n, p.len())
	require.NotNil(t, p.file)
	raw := make([]byte, p.end)
	_, err := p.file.ReadAt(raw, 0)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "Y2FuYXJ5", "the row's content, in Base64")
	require.NotContains(t, string(raw), "event_id")
	require.NoFileExists(t, p.file.Name())
	require.NoError(t, p.cut(pileChanges+3))
	require.NoError(t, p.add(bridge.Change{Key: "end"}))
	var got []string
	require.NoError(t, p.each(func(cs []bridge.Change) error { got = append(got, keys(cs)...); return nil }))
	got = append(got, keys(p.tail)...)
	require.Len(t, got, pileChanges+4)
	for i, key := range got[:pileChanges+3] {
		require.Equal(t, itoa(i), key)
	}
	require.Equal(t, "end", got[pileChanges+3])
}

func TestAHistorySurvivesItsCheckpoint(t *testing.T) {
	h := apply(t, "ALTER TABLE t ADD d INT").prepared("x '1' ", true)
	back, err := decodeHistory(h.encode())
	require.NoError(t, err)
	require.True(t, h.equal(back))
	require.True(t, back.isPrepared("x '1' "))
	none, err := decodeHistory(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	require.Nil(t, none.encode())
	_, err = decodeHistory(json.RawMessage(`{`))
	require.ErrorContains(t, err, "schema history")
}
