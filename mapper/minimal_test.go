package mapper_test

import (
	"testing"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

// TestOnlyNamedColumnsLeaveTheListener: what the listener captures is what Columns lists, and that is what the mapping names, in
// whatever way: a column that nothing names is not there.
func TestOnlyNamedColumnsLeaveTheListener(t *testing.T) {
	m := newMapper(t, mapper.Options{Routes: []mapper.Route{{
		Name: "r",
		Lookups: []mapper.Lookup{
			{Name: "one", Query: "SELECT a, b FROM t WHERE k = :bound"},
			{Name: "many", Many: true, Query: "SELECT c FROM t WHERE k = :one.a"},
			{Name: "inner", Query: "SELECT d FROM t WHERE k = :many.c AND l = :deep"},
		},
		Fields: []mapper.Field{
			{Name: "f1", From: "plain"},
			{Name: "f2", Expr: "len(one.b) + formula"},
			{Name: "f3", Value: "constant", HasValue: true, When: "condition == 1"},
			{Name: "f4", Object: []mapper.Field{{Name: "x", From: "nested"}, {Name: "y", List: []mapper.Field{{From: "listed"}}}}},
			{Name: "f5", Each: "many", Fields: []mapper.Field{{Name: "x", From: "c"}, {Name: "y", From: "outer"}, {Name: "z", From: "inner.d"}}},
			{Name: "f6", From: "paper", CheckBy: &mapper.CheckBy{By: "kind", Kinds: map[string]string{"1": "id_card"}}},
		},
	}}})
	require.Equal(t, []string{"bound", "condition", "deep", "formula", "kind", "listed", "nested", "outer", "paper", "plain"}, m.Columns("r"))
	example := newMapper(t, specOptions(t))
	for _, route := range []string{"one", "multi", "patriarch"} {
		for _, never := range []string{"phq9", "sds", "gzyy", "cjr", "czwt"} {
			require.NotContains(t, example.Columns(route), never)
		}
	}
}

// TestWhatMustNeverBeSentStopsTheStart, however it is read.
func TestWhatMustNeverBeSentStopsTheStart(t *testing.T) {
	lookup := func(query string) mapper.Lookup { return mapper.Lookup{Name: "l", Query: query} }
	many := mapper.Lookup{Name: "p", Many: true, Query: "SELECT * FROM t"}
	field := func(f mapper.Field) mapper.Field { f.Name = "x"; return f }
	for name, c := range map[string]struct {
		lookup mapper.Lookup
		field  mapper.Field
		dict   string
		want   string
	}{
		"field":              {field: field(mapper.Field{From: "phq9"}), want: "route r: field x: phq9 must never be sent"},
		"field in an object": {field: field(mapper.Field{Object: []mapper.Field{{Name: "y", From: "zhenduan"}}}), want: "field x.y: zhenduan must never"},
		"field in a list":    {field: field(mapper.Field{List: []mapper.Field{{From: "zhenduan"}}}), want: "field x[0]: zhenduan must never"},
		"field in an each":   {lookup: many, field: field(mapper.Field{Each: "p", Fields: []mapper.Field{{Name: "y", From: "gad7"}}}), want: "field x[].y: gad7 must never"},
		"column of a lookup": {lookup: lookup("SELECT * FROM t"), field: field(mapper.Field{From: "l.diagnosis"}), want: "field x: diagnosis must never"},
		"expression":         {field: field(mapper.Field{Expr: "sds > 50"}), want: "field x: sds must never"},
		"member":             {lookup: lookup("SELECT * FROM t"), field: field(mapper.Field{Expr: "l.sds > 50"}), want: "field x: sds must never"},
		"member of JSON":     {field: field(mapper.Field{Expr: `ext["诊断"]`}), want: "field x: 诊断 must never"},
		"condition":          {field: field(mapper.Field{From: "a", When: "phq9 > 5"}), want: "field x: phq9 must never"},
		"check":              {field: field(mapper.Field{From: "a", CheckBy: &mapper.CheckBy{By: "phq9", Kinds: map[string]string{"1": "none"}}}), want: "phq9 must never"},
		"bind":               {lookup: lookup("SELECT a FROM t WHERE b = :phq9"), field: field(mapper.Field{From: "l.a"}), want: "lookup l: phq9 must never"},
		"alias":              {lookup: lookup("SELECT t.`sds` AS a FROM t"), field: field(mapper.Field{From: "l.a"}), want: "lookup l: sds must never"},
		"filter of a query":  {lookup: lookup("SELECT a FROM t WHERE phq9 > 5"), field: field(mapper.Field{From: "l.a"}), want: "lookup l: phq9 must never"},
		"dictionary":         {dict: "SELECT a, phq9 FROM t", field: field(mapper.Field{From: "a"}), want: "dict d: phq9 must never"},
	} {
		t.Run(name, func(t *testing.T) {
			o := mapper.Options{Routes: []mapper.Route{{Name: "r", Fields: []mapper.Field{c.field}}}}
			if c.lookup.Name != "" {
				o.Routes[0].Lookups = []mapper.Lookup{c.lookup}
			}
			if c.dict != "" {
				o.Dicts = map[string]mapper.Dict{"d": {Query: c.dict}}
			}
			_, err := mapper.New(o)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "allow_columns")
			o.AllowColumns = []string{"phq9", "SDS", "gad7", "zhenduan", "diagnosis", "诊断"}
			_, err = mapper.New(o)
			require.NoError(t, err)
		})
	}
	o := mapper.Options{DenyColumns: []string{"family*"}, Routes: []mapper.Route{{Name: "r", Fields: []mapper.Field{{Name: "x", From: "family_income"}}}}}
	_, err := mapper.New(o)
	require.ErrorContains(t, err, "family_income must never be sent (family* is on the list)")
	// What stands in a text is no name.
	_, err = mapper.New(mapper.Options{Routes: []mapper.Route{{
		Name: "r", Lookups: []mapper.Lookup{lookup("SELECT a FROM t WHERE b = 'phq9'")},
		Fields: []mapper.Field{{Name: "x", Expr: `a == "phq9"`}, {Name: "y", From: "l.a"}},
	}}})
	require.NoError(t, err)
}

// TestAStarIsSeenThroughAtPreflight: what SELECT * gives is known only to the server.
func TestAStarIsSeenThroughAtPreflight(t *testing.T) {
	_, db := startFixture(t)
	m := newMapper(t, mapper.Options{DB: db, Routes: []mapper.Route{{
		Name: "r", Lookups: []mapper.Lookup{{Name: "l", Query: "SELECT * FROM xgxt_demo.xl_gzdx WHERE id = :id"}},
		Fields: []mapper.Field{{Name: "x", From: "l.xh"}},
	}}})
	require.ErrorContains(t, m.Preflight(t.Context()), "route r: lookup l: the query gives a column that is forbidden: phq9 must never be sent")
	_, _, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"id": val(bridge.KindInt, "1")}})
	require.ErrorContains(t, err, "must never be sent")
}
