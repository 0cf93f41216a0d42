package mapper_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/mapper"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

const lookupTables = `
CREATE DATABASE lk DEFAULT CHARACTER SET utf8mb4;
CREATE TABLE lk.teacher (id BIGINT UNSIGNED PRIMARY KEY, gh VARCHAR(20) CHARACTER SET gbk, xm VARCHAR(20), flag BIT(1), mask BIT(12),
  extra JSON, photo VARBINARY(9), born YEAR) DEFAULT CHARACTER SET utf8mb4;
INSERT INTO lk.teacher VALUES (1,'g1','王芳',b'1',b'101','{"a": 1}',x'00ff',1990), (2,'g2','李雷',b'0',b'0',NULL,NULL,NULL),
  (3,'g2','韩梅',NULL,NULL,NULL,NULL,NULL), (18446744073709551614,'g4','巨大',NULL,NULL,NULL,NULL,NULL),
  (18446744073709551615,NULL,'更大',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE lk.member (talk INT, no VARCHAR(20), name VARCHAR(20));
INSERT INTO lk.member VALUES (1,'s1','甲'), (1,'s2',NULL), (1,'','丙'), (2,'s1','甲');
CREATE TABLE lk.codes (code VARCHAR(9), label VARCHAR(9));
INSERT INTO lk.codes VALUES ('MT','01'), ('DH','02'), (NULL,'03'), ('X',NULL);
CREATE USER reader@127.0.0.1 IDENTIFIED BY 'r'; GRANT SELECT (id, gh) ON lk.teacher TO reader@127.0.0.1; GRANT SELECT ON lk.member TO reader@127.0.0.1;
`

func startLookups(tb testing.TB) (*testserver.MariaDB, *sql.DB) {
	tb.Helper()
	server := testserver.StartMariaDB(tb)
	require.NoError(tb, server.Exec(lookupTables))
	db := server.DB("")
	tb.Cleanup(func() { db.Close() })
	return server, db
}

// onLookups maps one row by a route of these lookups and fields.
func onLookups(tb testing.TB, db *sql.DB, lookups []mapper.Lookup, fields []mapper.Field, row map[string]bridge.Value) (string, []bridge.Problem) {
	tb.Helper()
	m := newMapper(tb, mapper.Options{DB: db, MaxRows: 3, Routes: []mapper.Route{{Name: "r", Lookups: lookups, Fields: fields}}})
	require.NoError(tb, m.Preflight(tb.Context()))
	payload, problems, err := m.Map(tb.Context(), bridge.Change{Route: "r", Columns: row})
	require.NoError(tb, err)
	return string(payload), problems
}

func row(pairs ...any) map[string]bridge.Value {
	columns := map[string]bridge.Value{}
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case string:
			columns[pairs[i].(string)] = text(v)
		case bridge.Value:
			columns[pairs[i].(string)] = v
		default:
			columns[pairs[i].(string)] = bridge.Value{}
		}
	}
	return columns
}

// TestLookups shares one server: each subtest is one way in which a lookup can end.
func TestLookups(t *testing.T) {
	server, db := startLookups(t)
	teacher := mapper.Lookup{Name: "teacher", Label: "辅导员", Query: "SELECT id, xm FROM lk.teacher WHERE gh = :gh"}
	t.Run("values keep their kinds", func(t *testing.T) { lookupKinds(t, db) })
	t.Run("an id beyond 2^63", func(t *testing.T) {
		byID := mapper.Lookup{Name: "t", Query: "SELECT xm FROM lk.teacher WHERE id = :id"}
		payload, problems := onLookups(t, db, []mapper.Lookup{byID}, []mapper.Field{{Name: "x", From: "t.xm"}},
			row("id", val(bridge.KindInt, "18446744073709551615")))
		require.Empty(t, problems)
		require.JSONEq(t, `{"x":"更大"}`, payload)
	})
	t.Run("no row", func(t *testing.T) {
		_, problems := onLookups(t, db, []mapper.Lookup{teacher}, []mapper.Field{
			{Name: "a", From: "teacher.xm"}, {Name: "b", From: "teacher.id"}, {Name: "c", From: "teacher.id", Optional: true},
		}, row("gh", "g9"))
		require.Equal(t, []bridge.Problem{{
			Field: "a, b", Column: "gh", Rule: "lookup", Message: "没有查到对应的辅导员（查询 teacher，按 gh），无法确定a、b，请核对后重新递交",
		}}, problems)
	})
	t.Run("no row for optional fields", func(t *testing.T) {
		payload, problems := onLookups(t, db, []mapper.Lookup{teacher}, []mapper.Field{
			{Name: "a", From: "gh"},
			{Name: "b", From: "teacher.id", Optional: true},
			{Name: "c", Expr: "teacher.xm", Optional: true},
			{Name: "d", Expr: `teacher == nil ? "无" : teacher.xm`},
		}, row("gh", "g9"))
		require.Empty(t, problems)
		require.JSONEq(t, `{"a":"g9","d":"无"}`, payload)
	})
	t.Run("no row for an expression that needs it", func(t *testing.T) {
		_, problems := onLookups(t, db, []mapper.Lookup{teacher}, []mapper.Field{{Name: "a", Expr: "upper(teacher.xm)"}}, row("gh", "g9"))
		require.Len(t, problems, 1)
		require.Equal(t, "lookup", problems[0].Rule)
	})
	t.Run("two rows refuse even an optional field", func(t *testing.T) {
		_, problems := onLookups(t, db, []mapper.Lookup{teacher}, []mapper.Field{{Name: "a", From: "teacher.xm", Optional: true}}, row("gh", "g2"))
		require.Equal(t, []bridge.Problem{{
			Field: "a", Column: "gh", Rule: "lookup", Message: "查到不止一条辅导员信息（查询 teacher，按 gh），无法确定a，请联系管理员核对",
		}}, problems)
	})
	t.Run("a bind that is NULL", func(t *testing.T) {
		for label, want := range map[string]string{
			"辅导员": "没有填写辅导员（gh 为空），无法确定a，请补充后重新递交",
			"":    "无法确定a：记录中的 gh 为空（查询 teacher），请补充后重新递交",
		} {
			l := teacher
			l.Label = label
			_, problems := onLookups(t, db, []mapper.Lookup{l}, []mapper.Field{{Name: "a", From: "teacher.xm"}}, row("gh", nil))
			require.Equal(t, []bridge.Problem{{Field: "a", Column: "gh", Rule: "lookup", Message: want}}, problems)
		}
	})
	t.Run("a chain breaks at its first link", func(t *testing.T) {
		second := mapper.Lookup{Name: "second", Query: "SELECT name FROM lk.member WHERE no = :teacher.xm"}
		_, problems := onLookups(t, db, []mapper.Lookup{teacher, second}, []mapper.Field{
			{Name: "a", From: "second.name"}, {Name: "b", From: "teacher.xm"},
		}, row("gh", "g9"))
		require.Equal(t, []bridge.Problem{{
			Field: "a, b", Column: "gh", Rule: "lookup", Message: "没有查到对应的辅导员（查询 teacher，按 gh），无法确定a、b，请核对后重新递交",
		}}, problems)
	})
	t.Run("a column of the bind was not captured", func(t *testing.T) {
		_, problems := onLookups(t, db, []mapper.Lookup{teacher}, []mapper.Field{{Name: "a", From: "teacher.xm"}}, row())
		require.Equal(t, "column", problems[0].Rule)
	})
	t.Run("each", func(t *testing.T) { lookupEach(t, db) })
	t.Run("what is not needed is not run", func(t *testing.T) {
		slow := mapper.Lookup{Name: "slow", Query: "SELECT SLEEP(60) AS x FROM lk.member WHERE talk = :gh"}
		payload, _ := onLookups(t, db, []mapper.Lookup{slow}, []mapper.Field{{Name: "a", From: "gh"}}, row("gh", "1"))
		require.JSONEq(t, `{"a":"1"}`, payload)
	})
	t.Run("errors are not refusals", func(t *testing.T) { lookupErrors(t, server, db) })
	t.Run("preflight", func(t *testing.T) { lookupPreflight(t, server, db) })
	t.Run("dictionaries", func(t *testing.T) { sqlDictionaries(t, db) })
}

func lookupKinds(t *testing.T, db *sql.DB) {
	t.Helper()
	l := mapper.Lookup{Name: "t", Query: "SELECT id, xm, flag, mask, extra, photo, born FROM lk.teacher WHERE gh = :gh"}
	payload, problems := onLookups(t, db, []mapper.Lookup{l}, []mapper.Field{
		{Name: "id", From: "t.id"},
		{Name: "flag", From: "t.flag"},
		{Name: "mask", From: "t.mask"},
		{Name: "photo", From: "t.photo"},
		{Name: "born", From: "t.born"},
		{Name: "expr", Expr: `t.flag && t.mask == 5 ? t.xm : "?"`},
	}, row("gh", "g1"))
	require.Empty(t, problems)
	require.JSONEq(t, `{"id":1,"flag":true,"mask":5,"photo":"AP8=","born":1990,"expr":"王芳"}`, payload)
}

func lookupEach(t *testing.T, db *sql.DB) {
	t.Helper()
	people := mapper.Lookup{Name: "people", Label: "学生", Many: true, Query: "SELECT no, name FROM lk.member WHERE talk = :id ORDER BY no DESC"}
	one := mapper.Lookup{Name: "t", Query: "SELECT xm FROM lk.teacher WHERE gh = :gh"}
	fields := []mapper.Field{
		{Name: "n", Expr: "len(people)"},
		{Name: "students", Each: "people", Fields: []mapper.Field{
			{Name: "no", From: "no"}, {Name: "name", From: "name"}, {Name: "who", From: "t.xm"}, {Name: "key", Expr: `string(id) + "-" + no`},
		}},
	}
	payload, problems := onLookups(t, db, []mapper.Lookup{people, one}, fields, row("id", val(bridge.KindInt, "2"), "gh", "g1"))
	require.Empty(t, problems)
	require.JSONEq(t, `{"n":1,"students":[{"no":"s1","name":"甲","who":"王芳","key":"2-s1"}]}`, payload)

	_, problems = onLookups(t, db, []mapper.Lookup{people, one}, fields, row("id", val(bridge.KindInt, "1"), "gh", "g9"))
	require.Equal(t, []bridge.Problem{
		{Field: "students[0].name", Column: "people.name", Rule: "required", Message: "第 1 位学生的name为空，请补充后重新递交"},
		{Field: "students[].who", Column: "gh", Rule: "lookup", Message: "没有查到who（查询 t，按 gh），请核对后重新递交"},
		{Field: "students[2].no", Column: "people.no", Rule: "required", Message: "第 3 位学生的no为空，请补充后重新递交"},
	}, problems)

	payload, problems = onLookups(t, db, []mapper.Lookup{people, one}, fields, row("id", val(bridge.KindInt, "7"), "gh", "g1"))
	require.Empty(t, problems)
	require.JSONEq(t, `{"n":0,"students":[]}`, payload, "how many there must be is for the contract to say")

	_, problems = onLookups(t, db, []mapper.Lookup{people, one}, fields, row("id", nil, "gh", "g1"))
	require.Equal(t, []bridge.Problem{{Field: "n, students", Column: "id", Rule: "lookup", Message: "没有填写学生（id 为空），无法确定n、students，请补充后重新递交"}}, problems)

	all := mapper.Lookup{Name: "people", Label: "学生", Many: true, Query: "SELECT no, name FROM lk.member"}
	_, problems = onLookups(t, db, []mapper.Lookup{all, one}, fields[1:], row("id", "1", "gh", "g1"))
	require.Equal(t, []bridge.Problem{{Field: "students", Rule: "lookup", Message: "学生超过 3 条（查询 people），请联系管理员核对"}}, problems)
}

// lookupErrors: what an operator has to mend never refuses a record.
func lookupErrors(t *testing.T, server *testserver.MariaDB, db *sql.DB) {
	t.Helper()
	require.NoError(t, server.Exec("CREATE TABLE lk.passing (id INT, xm VARCHAR(9)); INSERT INTO lk.passing VALUES (1, '甲')"))
	m := newMapper(t, mapper.Options{DB: db, LookupTimeout: 300 * time.Millisecond, Routes: []mapper.Route{
		{Name: "passing", Lookups: []mapper.Lookup{{Name: "l", Query: "SELECT xm FROM lk.passing WHERE id = :id"}}, Fields: []mapper.Field{{Name: "x", From: "l.xm"}}},
		{Name: "slow", Lookups: []mapper.Lookup{{Name: "l", Query: "SELECT SLEEP(2) AS x FROM lk.teacher WHERE id = :id"}}, Fields: []mapper.Field{{Name: "x", From: "l.x"}}},
		{Name: "value", Lookups: []mapper.Lookup{{Name: "l", Query: "SELECT CAST(:id AS UNSIGNED) - 5 AS x"}}, Fields: []mapper.Field{{Name: "x", From: "l.x"}}},
	}})
	change := func(route string) bridge.Change {
		return bridge.Change{Route: route, Columns: row("id", val(bridge.KindInt, "1"))}
	}
	payload, _, err := m.Map(t.Context(), change("passing"))
	require.NoError(t, err)
	require.JSONEq(t, `{"x":"甲"}`, string(payload))
	for _, step := range []struct{ sql, want string }{
		{"ALTER TABLE lk.passing DROP COLUMN xm", "correct the column's name in the query"},
		{"DROP TABLE lk.passing", "correct the table's name in the query"},
	} {
		require.NoError(t, server.Exec(step.sql))
		_, problems, err := m.Map(t.Context(), change("passing"))
		require.ErrorContains(t, err, "route passing: lookup l: the server refuses the query")
		require.ErrorContains(t, err, step.want)
		require.Empty(t, problems)
	}
	_, _, err = m.Map(t.Context(), change("slow"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "route slow: lookup l")

	_, _, err = m.Map(t.Context(), change("value"))
	require.EqualError(t, err, "route value: lookup l: the server answers with error 1690 (SQLSTATE 22003)",
		"the server's own message shows the value")

	nothing := newMapper(t, mapper.Options{Routes: []mapper.Route{{
		Name: "r", Lookups: []mapper.Lookup{{Name: "l", Query: "SELECT 1 AS x"}}, Fields: []mapper.Field{{Name: "x", From: "l.x"}},
	}}})
	_, _, err = nothing.Map(t.Context(), bridge.Change{Route: "r"})
	require.ErrorContains(t, err, "no database is configured")
}

func lookupPreflight(t *testing.T, server *testserver.MariaDB, db *sql.DB) {
	t.Helper()
	require.NoError(t, server.Exec("CREATE TABLE lk.other (xh VARCHAR(9) COLLATE utf8mb4_unicode_ci); CREATE TABLE lk.same (xh VARCHAR(9) COLLATE utf8mb4_general_ci)"))
	for query, want := range map[string]string{
		"SELECT xm FROM lk.gone WHERE id = :id":                                  "correct the table's name",
		"SELECT xm FROM lk.teacher WHERE idd = :id":                              "correct the column's name",
		"SELECT xm FROM gone.teacher WHERE id = :id":                             "error 1",
		"SELECT xm FROM lk.teacher WHERE id = :id AND":                           "correct the query's syntax",
		"SELECT o.xh AS xm FROM lk.other o JOIN lk.same s ON s.xh = o.xh":        "different collations are compared: write COLLATE",
		"SELECT * FROM lk.member":                                                "the query gives no column xm, which a field or bind reads; it gives talk, no, name",
		"SELECT t.*, m.talk AS id, m.name AS xm FROM lk.teacher t, lk.member m":  "the query gives two columns called id",
		"SELECT nowhere.f(:id) AS xm":                                            "route r: lookup l",
		"SELECT XM FROM (SELECT xm AS XM FROM lk.teacher) x WHERE id_of_x = :id": "route r:",
	} {
		_, err := mapper.New(mapper.Options{DB: db, Routes: []mapper.Route{{
			Name: "r", Lookups: []mapper.Lookup{{Name: "l", Query: query}}, Fields: []mapper.Field{{Name: "x", From: "l.xm"}},
		}}})
		if err == nil {
			m := newMapper(t, mapper.Options{DB: db, Routes: []mapper.Route{{
				Name: "r", Lookups: []mapper.Lookup{{Name: "l", Query: query}}, Fields: []mapper.Field{{Name: "x", From: "l.xm"}},
			}}})
			err = m.Preflight(t.Context())
		}
		require.ErrorContains(t, err, want, query)
		require.ErrorContains(t, err, "route r: ", query)
	}
	reader := asReader(t, server)
	m := newMapper(t, mapper.Options{DB: reader, Routes: []mapper.Route{{
		Name: "r",
		Lookups: []mapper.Lookup{
			{Name: "column", Query: "SELECT xm FROM lk.teacher WHERE id = :id"},
			{Name: "tables", Query: "SELECT label FROM lk.codes"},
			{Name: "fine", Query: "SELECT gh FROM lk.teacher WHERE id = :id"},
		},
		Fields: []mapper.Field{{Name: "x", From: "column.xm"}},
	}}, Dicts: map[string]mapper.Dict{"d": {Query: "SELECT code, label FROM lk.codes"}}})
	err := m.Preflight(t.Context())
	require.ErrorContains(t, err, "lookup column: the server refuses the query: SELECT command denied")
	require.ErrorContains(t, err, "grant the account SELECT on that column")
	require.ErrorContains(t, err, "lookup tables: the server refuses the query: SELECT command denied")
	require.ErrorContains(t, err, "dict d: the server refuses the query")
	require.NotContains(t, err.Error(), "fine")
}

func asReader(t *testing.T, server *testserver.MariaDB) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr = "reader", "r", "tcp", server.Addr
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func sqlDictionaries(t *testing.T, db *sql.DB) {
	t.Helper()
	clock := presentMoment()
	m := newMapper(t, mapper.Options{
		DB: db, Now: func() time.Time { return clock },
		Routes: []mapper.Route{{Name: "r", Fields: []mapper.Field{{Name: "x", From: "a", Dict: "d"}}}},
		Dicts:  map[string]mapper.Dict{"d": {Query: "SELECT code, label FROM lk.codes"}},
	})
	translate := func(code string) string {
		payload, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: row("a", code)})
		require.NoError(t, err)
		if len(problems) > 0 {
			return problems[0].Rule
		}
		return string(payload)
	}
	exec := func(statement string) {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, m.Preflight(t.Context()))
	require.JSONEq(t, `{"x":"01"}`, translate("MT"))
	require.Equal(t, "dict", translate("X"), "a code without a translation is in no dictionary")

	exec("INSERT INTO lk.codes VALUES ('NEW', '09')")
	exec("UPDATE lk.codes SET label = '11' WHERE code = 'MT'")
	require.Equal(t, "dict", translate("NEW"), "just read: not again at once")
	clock = clock.Add(15 * time.Second)
	require.JSONEq(t, `{"x":"09"}`, translate("NEW"), "a missing code makes it be read again before anything is refused")
	require.JSONEq(t, `{"x":"11"}`, translate("MT"))

	exec("UPDATE lk.codes SET label = '12' WHERE code = 'MT'")
	require.JSONEq(t, `{"x":"11"}`, translate("MT"))
	clock = clock.Add(6 * time.Minute)
	require.JSONEq(t, `{"x":"12"}`, translate("MT"), "an old dictionary is read again")

	exec("INSERT INTO lk.codes VALUES ('MT', '13')")
	require.ErrorContains(t, m.Preflight(t.Context()), "dict d: the query gives one code with two different translations")
	exec("RENAME TABLE lk.codes TO lk.codes_away")
	clock = clock.Add(6 * time.Minute)
	require.JSONEq(t, `{"x":"12"}`, translate("MT"), "an old dictionary is better than none")
	_, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: row("a", "NEWER")})
	require.ErrorContains(t, err, "dict d: the server refuses the query")
	require.Empty(t, problems, "a code is refused only by a dictionary that could be read")
	exec("RENAME TABLE lk.codes_away TO lk.codes")
}
