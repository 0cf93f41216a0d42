package mapper_test

import (
	"testing"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

// The page docs/mapping.md has an example for each key, run by a test of internal/app. Here are the corners.

func mapRow(t *testing.T, o mapper.Options, row map[string]bridge.Value) (string, []bridge.Problem, error) {
	t.Helper()
	o.Now = presentMoment
	payload, problems, err := newMapper(t, o).Map(t.Context(), bridge.Change{Route: "r", Columns: row})
	return string(payload), problems, err
}

func one(fields ...mapper.Field) mapper.Options {
	return mapper.Options{Routes: []mapper.Route{{Name: "r", Fields: fields}}}
}

func TestLanguageMistakesAreNamedAtTheStart(t *testing.T) {
	when := mapper.Field{Name: "x", From: "a", When: "1 +"}
	scoped := []mapper.Lookup{
		{Name: "p", Many: true, Query: "SELECT xh FROM t"},
		{Name: "q", Many: true, Query: "SELECT no FROM t"},
		{Name: "s", Query: "SELECT xm FROM t WHERE xh = :p.xh"},
	}
	for name, c := range map[string]struct {
		field   mapper.Field
		lookups []mapper.Lookup
		want    string
	}{
		"condition":                 {field: when, want: "field x"},
		"condition of no truth":     {field: mapper.Field{Name: "x", From: "a", When: `"a"`}, want: "field x: expression"},
		"default and optional":      {field: mapper.Field{Name: "x", From: "a", HasDefault: true, Default: "b", Optional: true}, want: "take optional away"},
		"default of null":           {field: mapper.Field{Name: "x", From: "a", HasDefault: true}, want: "default cannot be null"},
		"default of a constant":     {field: mapper.Field{Name: "x", HasValue: true, Value: 1, HasDefault: true, Default: 2}, want: "default goes with from and expr only"},
		"default against contract":  {field: mapper.Field{Name: "n", From: "a", HasDefault: true, Default: "b"}, want: "the default does not satisfy contract"},
		"empty object":              {field: mapper.Field{Name: "x", Object: []mapper.Field{}}, want: "object needs fields"},
		"object where text belongs": {field: mapper.Field{Name: "n", Object: []mapper.Field{{Name: "y", From: "a"}}}, want: "object makes an object, and contract c wants none here"},
		"named element":             {field: mapper.Field{Name: "x", List: []mapper.Field{{Name: "y", From: "a"}}}, want: "field x[0]: the elements of a list have no names"},
		"cleaning":                  {field: mapper.Field{Name: "x", From: "a", Clean: []string{"wash"}}, want: `clean "wash" is not known; use control, zero_width`},
		"date order":                {field: mapper.Field{Name: "x", From: "a", Time: "yyyy", DateOrder: "dym"}, want: `date_order "dym" is not known`},
		"date order without time":   {field: mapper.Field{Name: "x", From: "a", DateOrder: "dmy"}, want: "there is no time"},
		"order without time":        {field: mapper.Field{Name: "x", From: "a", NotBefore: "now"}, want: "give the field time"},
		"order of nothing":          {field: mapper.Field{Name: "x", From: "a", Time: "yyyy", NotAfter: "y"}, want: "y is none"},
		"order of itself":           {field: mapper.Field{Name: "x", From: "a", Time: "yyyy", NotAfter: "x"}, want: "x is none"},
		"min above max":             {field: mapper.Field{Name: "x", From: "a", Min: 5, Max: 3}, want: "min is larger than max"},
		"check without kinds":       {field: mapper.Field{Name: "x", From: "a", CheckBy: &mapper.CheckBy{By: "b"}}, want: "check: kinds is empty"},
		"unknown kind of check":     {field: mapper.Field{Name: "x", From: "a", CheckBy: &mapper.CheckBy{By: "b", Kinds: map[string]string{"1": "visa"}}}, want: `check: kinds: 1: check "visa" is not known`},
		"split where text belongs":  {field: mapper.Field{Name: "n", From: "a", Split: ","}, want: "split makes a list"},
		"scoped lookup outside":     {field: mapper.Field{Name: "x", From: "s.xm"}, lookups: scoped, want: "lookup s is run for every row of p: it can be used inside each: p only"},
		"each in itself": {
			field: mapper.Field{Name: "x", Each: "p", Fields: []mapper.Field{{Name: "y", Each: "p", Fields: []mapper.Field{{Name: "z", From: "xh"}}}}}, lookups: scoped,
			want: "this is inside each: p already",
		},
		"binds of two lists": {
			field: mapper.Field{Name: "x", From: "a"}, lookups: append(scoped, mapper.Lookup{Name: "b", Query: "SELECT 1 AS n FROM t WHERE x = :p.xh AND y = :q.no"}),
			want: "it binds columns of p and of q, which are not inside one another",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapper.New(mapper.Options{Routes: []mapper.Route{{
				Name: "r", Fields: []mapper.Field{c.field}, Lookups: c.lookups, Contract: []byte(`{"properties": {"n": {"type": "integer"}}}`), ContractName: "c",
			}}})
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "route r: ")
		})
	}
}

func TestAConditionThatFailsOnARealValueIsAnError(t *testing.T) {
	o := one(mapper.Field{Name: "x", From: "b", When: "a > 3"})
	_, problems, err := mapRow(t, o, map[string]bridge.Value{"a": text("secret"), "b": text("1")})
	require.Empty(t, problems)
	require.EqualError(t, err, "route r: field x: the condition a > 3 cannot be evaluated with a string; correct it in the configuration")
	payload, problems, err := mapRow(t, o, map[string]bridge.Value{"a": {}, "b": {}})
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, "{}", payload)
}

func TestSentencesInsideOfObjectsAndListsNameThePlace(t *testing.T) {
	o := one(
		mapper.Field{Name: "family", Object: []mapper.Field{{Name: "phone", From: "a", Check: "mobile"}, {Name: "deep", Object: []mapper.Field{{Name: "x", From: "a", Max: 1}}}}},
		mapper.Field{Name: "list", List: []mapper.Field{{From: "b"}, {From: "a", Check: "mobile"}}},
	)
	o.Routes[0].Contract = []byte(`{"properties": {"family": {"title": "家庭", "properties": {"phone": {"title": "家长电话"}}}, "list": {"title": "电话", "items": {"minLength": 9}}}}`)
	_, problems, err := mapRow(t, o, map[string]bridge.Value{"a": text("12"), "b": text("x")})
	require.NoError(t, err)
	require.Equal(t, []bridge.Problem{
		{Field: "family.phone", Column: "a", Rule: "mobile", Message: "家长电话不是有效的 11 位手机号码，请核对后重新递交"},
		{Field: "family.deep.x", Column: "a", Rule: "max", Message: "x有 2 字，超过上限 1 字，请精简后重新递交"},
		{Field: "list[0]", Column: "", Rule: "contract.minLength", Message: "电话的第 1 项只有 1 字，至少需要 9 字，请补充后重新递交"},
		{Field: "list[1]", Column: "a", Rule: "mobile", Message: "电话不是有效的 11 位手机号码，请核对后重新递交"},
	}, problems)
}

// TestALookupOfAnElementThatFindsNothingNamesTheElement: 第 2 位学生, not all of them.
func TestALookupOfAnElementThatFindsNothingNamesTheElement(t *testing.T) {
	_, db := startFixture(t)
	o := mapper.Options{DB: db, Routes: []mapper.Route{{
		Name: "r",
		Lookups: []mapper.Lookup{
			{Name: "people", Many: true, Label: "学生", Query: "SELECT xh FROM xgxt_demo.xl_gzth_cy WHERE th_id = :id AND scbz = '0' ORDER BY sx"},
			{Name: "person", Label: "学生信息", Query: "SELECT xm, sfzjh FROM xgxt_demo.xg_xsxx WHERE scbz = '0' AND xh = CONVERT(:people.xh USING utf8mb4) COLLATE utf8mb4_general_ci"},
		},
		Fields: []mapper.Field{{Name: "students", Each: "people", Fields: []mapper.Field{
			{Name: "no", From: "xh"}, {Name: "name", From: "person.xm"}, {Name: "all", Expr: "len(people)"}, {Name: "id", From: "person.sfzjh"},
		}}},
	}}}
	m := newMapper(t, o)
	require.NoError(t, m.Preflight(t.Context()))
	_, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"id": val(bridge.KindInt, "2005")}})
	require.NoError(t, err)
	require.Equal(t, []bridge.Problem{
		{Field: "students[1].name, students[1].id", Column: "people.xh", Rule: "lookup", Message: "第 2 位学生：没有查到对应的学生信息（查询 person，按 people.xh），无法确定name、id，请核对后重新递交"},
		{Field: "students[2].name, students[2].id", Column: "people.xh", Rule: "lookup", Message: "第 3 位学生：没有查到对应的学生信息（查询 person，按 people.xh），无法确定name、id，请核对后重新递交"},
	}, problems)
}

// TestADictionaryFromSQLIsReadAgainWhenItsTimeIsOver, and Warnings tell what the contract does not take.
func TestADictionaryFromSQLIsReadAgainWhenItsTimeIsOver(t *testing.T) {
	server, db := startFixture(t)
	require.NoError(t, server.Exec("CREATE TABLE xgxt_demo.d (code VARCHAR(9) PRIMARY KEY, word VARCHAR(9)); INSERT INTO xgxt_demo.d VALUES ('a', '01'), ('b', '7')"))
	now := presentMoment()
	o := one(mapper.Field{Name: "x", From: "a", Dict: "d"})
	o.DB, o.Now = db, func() time.Time { return now }
	o.Dicts = map[string]mapper.Dict{"d": {Query: "SELECT code, word FROM xgxt_demo.d", Refresh: time.Hour}}
	o.Routes[0].Contract, o.Routes[0].ContractName = []byte(`{"properties": {"x": {"enum": ["01", "02"]}}}`), "c"
	m := newMapper(t, o)
	require.NoError(t, m.Preflight(t.Context()))
	require.Equal(t, []string{`route r: field x: dict d gives "7" for "b", and contract c does not take that: it wants one of 01, 02; a record with it will be refused`}, m.Warnings())
	get := func() string {
		payload, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": text("a")}})
		require.NoError(t, err)
		require.Empty(t, problems)
		return string(payload)
	}
	require.JSONEq(t, `{"x":"01"}`, get())
	require.NoError(t, server.Exec("UPDATE xgxt_demo.d SET word = '02'"))
	now = now.Add(59 * time.Minute)
	require.JSONEq(t, `{"x":"01"}`, get())
	now = now.Add(2 * time.Minute)
	require.JSONEq(t, `{"x":"02"}`, get())
	require.Empty(t, m.Warnings())
}

func TestOldIdentityCardsAndOtherPapers(t *testing.T) {
	for _, c := range []struct{ check, number, sent, says string }{
		{"id_card_15", "110105491231002", "11010519491231002X", ""},
		{"id_card_15", "330000200603052014", "330000200603052014", ""},
		{"id_card_15", "110105491231997", "", "无法确定出生的世纪"},
		{"id_card_15", "990105491231002", "", "省级代码"},
		{"id_card_15", "110105491331002", "", "出生日期不存在"},
		{"id_card_15", "11010549123100A", "", "应为 18 位"},
		{"residence_permit", "330000200603052014", "", "81、82 或 83"},
		{"residence_permit", "8100002006", "", "18 位港澳台居民居住证"},
		{"permanent_residence", "usa123456789012", "USA123456789012", ""},
		{"permanent_residence", "911156198108030025", "911156198108030025", ""},
		{"permanent_residence", "911156198108030020", "", "外国人永久居留身份证"},
		{"passport", "e12345678", "E12345678", ""},
		{"passport", "ABCDEFG", "", "护照"},
		{"passport", "1234", "", "护照"},
		{"hk_macau_permit", "h1234567890", "H1234567890", ""},
		{"hk_macau_permit", "A12345678", "", "内地通行证"},
		{"taiwan_permit", "12345678", "12345678", ""},
		{"taiwan_permit", "1234567890(b)", "1234567890(B)", ""},
		{"taiwan_permit", "123", "", "大陆通行证"},
		{"none", "?", "?", ""},
	} {
		payload, problems, err := mapRow(t, one(mapper.Field{Name: "x", From: "a", Check: c.check}), map[string]bridge.Value{"a": text(c.number)})
		require.NoError(t, err)
		if c.says != "" {
			require.Len(t, problems, 1, c.number)
			require.Contains(t, problems[0].Message, c.says)
			continue
		}
		require.Empty(t, problems, "%s %s", c.check, c.number)
		require.Equal(t, `{"x":"`+c.sent+`"}`, payload)
	}
}
