package mapper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

func TestBindsBecomePlaceholders(t *testing.T) {
	for name, c := range map[string]struct {
		query, sql string
		binds      []string
	}{
		"plain":             {"SELECT xm FROM t WHERE gh = :gh", "SELECT xm FROM t WHERE gh = ?", []string{"gh"}},
		"of a lookup":       {"SELECT 1 WHERE xh=:concern.xh AND a=:b", "SELECT 1 WHERE xh=? AND a=?", []string{"concern.xh", "b"}},
		"twice":             {"SELECT :a, :a", "SELECT ?, ?", []string{"a", "a"}},
		"in a list":         {"SELECT 1 WHERE a IN(:a,:b)", "SELECT 1 WHERE a IN(?,?)", []string{"a", "b"}},
		"Chinese name":      {"SELECT 1 WHERE a = :工号", "SELECT 1 WHERE a = ?", []string{"工号"}},
		"single quotes":     {"SELECT ':a', 'it''s :b', 'x\\':c' FROM t WHERE d=:d", "SELECT ':a', 'it''s :b', 'x\\':c' FROM t WHERE d=?", []string{"d"}},
		"double quotes":     {`SELECT ":a" WHERE d=:d`, `SELECT ":a" WHERE d=?`, []string{"d"}},
		"backquotes":        {"SELECT `a:b` WHERE d=:d", "SELECT `a:b` WHERE d=?", []string{"d"}},
		"comments":          {"SELECT 1 -- :a\n, 2 # :b\n, /* :c */ :d", "SELECT 1 -- :a\n, 2 # :b\n, /* :c */ ?", []string{"d"}},
		"no comment":        {"SELECT 1--:a", "SELECT 1--?", []string{"a"}},
		"time literal":      {"SELECT TIME'12:30:00' WHERE t > '10:mm'", "SELECT TIME'12:30:00' WHERE t > '10:mm'", nil},
		"assignment":        {"SELECT @n := 1", "SELECT @n := 1", nil},
		"double colon":      {"SELECT a::b", "SELECT a::b", nil},
		"JSON path":         {"SELECT kz->'$.a:b' FROM t", "SELECT kz->'$.a:b' FROM t", nil},
		"semicolon at end":  {"SELECT 1 ; \n", "SELECT 1", nil},
		"unclosed comment":  {"SELECT 1 /* :a", "SELECT 1 /* :a", nil},
		"function INSERT()": {"SELECT INSERT(a,1,1,'x') AS a FROM t", "SELECT INSERT(a,1,1,'x') AS a FROM t", nil},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := parseQuery(c.query)
			require.NoError(t, err)
			require.Equal(t, c.sql, q.sql)
			require.Equal(t, c.binds, q.binds)
		})
	}
}

func TestQueriesThatDoMoreThanReadAreRefused(t *testing.T) {
	for query, complaint := range map[string]string{
		"":                                       "empty",
		"UPDATE t SET a = 1":                     "has to be a SELECT",
		"SELECT 1; SELECT 2":                     "one statement",
		"SELECT 1 INTO OUTFILE '/tmp/x'":         "INTO",
		"SELECT 1 FROM t FOR UPDATE":             "lock",
		"SELECT 1 FROM t FOR SHARE":              "lock",
		"SELECT 1 FROM t LOCK IN SHARE MODE":     "LOCK",
		"WITH x AS (SELECT 1) DELETE FROM t":     "DELETE",
		"SELECT a FROM t WHERE b = ?":            "write :name",
		"SELECT 'never closed FROM t WHERE a=:a": "never closed",
	} {
		_, err := parseQuery(query)
		require.ErrorContains(t, err, complaint, query)
	}
}

func TestSelectListIsReadWhereThatIsSafe(t *testing.T) {
	for query, want := range map[string][]string{
		"SELECT xm, sfzjh FROM t":                              {"xm", "sfzjh"},
		"SELECT s.xh, db.s.`xm` FROM t s":                      {"xh", "xm"},
		"SELECT DISTINCT a AS x, b y, 'k' AS z FROM t":         {"x", "y", "z"},
		"SELECT COUNT(*) AS n, MAX(a) top FROM t":              {"n", "top"},
		"SELECT CASE WHEN a THEN 1 END AS c FROM t":            {"c"},
		"SELECT CASE WHEN a THEN 1 END c FROM t":               {"c"},
		"SELECT EXTRACT(YEAR FROM a) AS y, TRIM(b) AS b":       {"y", "b"},
		"(SELECT a FROM t) UNION (SELECT b FROM u)":            {"a"},
		"SELECT a FROM t UNION SELECT b FROM u":                {"a"},
		"SELECT * FROM t":                                      nil,
		"SELECT t.* FROM t":                                    nil,
		"SELECT COUNT(*) FROM t":                               nil,
		"SELECT a + b FROM t":                                  nil,
		"SELECT a COLLATE utf8mb4_bin FROM t":                  nil,
		"SELECT CASE WHEN a THEN 1 END FROM t":                 nil,
		"SELECT NULL FROM t":                                   nil,
		"SELECT a DIV b FROM t":                                nil,
		"WITH x AS (SELECT a FROM t) SELECT a FROM x":          nil,
		"SELECT a, (SELECT b FROM u) AS b, c FROM t WHERE d=1": {"a", "b", "c"},
	} {
		q, err := parseQuery(query)
		require.NoError(t, err)
		if want == nil {
			require.False(t, q.columnsKnown, query)
			continue
		}
		require.True(t, q.columnsKnown, query)
		require.Equal(t, want, q.columns, query)
	}
}

func TestTablesOfAQuery(t *testing.T) {
	q, err := parseQuery("SELECT s.xh FROM a.b c JOIN `d`.`e` s ON s.xh = c.xh LEFT JOIN f USING (xh) WHERE EXISTS (SELECT 1 FROM a.b)")
	require.NoError(t, err)
	require.Equal(t, []tableName{{"a", "b"}, {"d", "e"}, {"", "f"}}, q.tables)
}

func TestBindsKeepTheirTypes(t *testing.T) {
	for _, c := range []struct {
		kind bridge.Kind
		text string
		want any
	}{
		{bridge.KindInt, "-7", int64(-7)},
		{bridge.KindInt, "18446744073709551615", uint64(18446744073709551615)},
		{bridge.KindYear, "2024", int64(2024)},
		{bridge.KindBool, "1", int64(1)},
		{bridge.KindText, "007", "007"},
		{bridge.KindDecimal, "1.50", "1.50"},
		{bridge.KindDateTime, "2026-03-05 14:30:00", "2026-03-05 14:30:00"},
		{bridge.KindBinary, "\x00\xff", []byte("\x00\xff")},
	} {
		require.Equal(t, c.want, argument(bridge.Value{Kind: c.kind, Text: c.text}))
	}
}
