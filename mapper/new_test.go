package mapper_test

import (
	"testing"

	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

const smallContract = `{
  "type": "object", "additionalProperties": false, "required": ["id", "title"],
  "properties": {
    "id": {"type": "string", "title": "编号", "maxLength": 5}, "title": {"type": "string", "title": "标题"},
    "n": {"type": "integer"}, "people": {"type": "array", "items": {"$ref": "#/$defs/person"}}
  },
  "$defs": {"person": {"type": "object", "title": "学生", "required": ["no"], "additionalProperties": false,
    "properties": {"no": {"type": "string", "title": "学号"}}}}
}`

// route makes a route from fields, with the two that smallContract requires.
func route(fields ...mapper.Field) mapper.Route {
	return mapper.Route{Name: "r", Fields: append([]mapper.Field{{Name: "id", From: "id"}, {Name: "title", From: "bt"}}, fields...)}
}

// TestNewNamesEveryMistake has one case for each static check. Each error names the route and the field or lookup.
func TestNewNamesEveryMistake(t *testing.T) {
	people := mapper.Lookup{Name: "people", Many: true, Query: "SELECT xh FROM t WHERE id = :id"}
	teacher := mapper.Lookup{Name: "teacher", Query: "SELECT xm FROM t WHERE gh = :gh"}
	for name, c := range map[string]struct {
		change func(*mapper.Options, *mapper.Route)
		want   []string
	}{
		"no source":            {addField(mapper.Field{Name: "x"}), []string{"field x", "exactly one of from, value, expr, each, object and list"}},
		"two sources":          {addField(mapper.Field{Name: "x", From: "a", Expr: "b"}), []string{"field x", "exactly one"}},
		"no name":              {addField(mapper.Field{From: "a"}), []string{"a field needs a name"}},
		"name twice":           {addField(mapper.Field{Name: "id", From: "a"}), []string{"field id", "does not have yet"}},
		"unknown dict":         {addField(mapper.Field{Name: "x", From: "a", Dict: "mod"}), []string{"route r: field x: dict mod is not defined; the dictionaries are mode"}},
		"unknown lookup":       {addField(mapper.Field{Name: "x", From: "a.b"}), []string{"route r: field x: lookup a is not defined"}},
		"lookup as a value":    {addField(mapper.Field{Name: "x", From: "teacher"}, teacher), []string{"field x", "teacher is a lookup; say which of its columns"}},
		"column not selected":  {addField(mapper.Field{Name: "x", From: "teacher.name"}, teacher), []string{"field x", "lookup teacher gives no column name; it gives xm"}},
		"from of a list":       {addField(mapper.Field{Name: "x", From: "people.xh"}, people), []string{"field x", "lookup people gives many rows"}},
		"each of one":          {addField(mapper.Field{Name: "x", Each: "teacher", Fields: []mapper.Field{{Name: "a", From: "xm"}}}, teacher), []string{"field x", "many: true"}},
		"each without fields":  {addField(mapper.Field{Name: "x", Each: "people"}, people), []string{"field x", "each needs fields"}},
		"fields without each":  {addField(mapper.Field{Name: "x", From: "a", Fields: []mapper.Field{{Name: "b", From: "c"}}}), []string{"field x", "fields belong to each"}},
		"inner field":          {addField(mapper.Field{Name: "x", Each: "people", Fields: []mapper.Field{{Name: "a", From: "xh", Dict: "no"}}}, people), []string{"field x[].a: dict no"}},
		"bad expression":       {addField(mapper.Field{Name: "x", Expr: "len("}), []string{"route r: field x", "len("}},
		"whole environment":    {addField(mapper.Field{Name: "x", Expr: "len($env)"}), []string{"field x", "$env"}},
		"expression's column":  {addField(mapper.Field{Name: "x", Expr: "teacher.name + gh"}, teacher), []string{"field x", "lookup teacher gives no column name; it gives xm"}},
		"bad time layout":      {addField(mapper.Field{Name: "x", From: "a", Time: "YYYY"}), []string{"field x", `"YYYY" is not understood; use yyyy`}},
		"unknown check":        {addField(mapper.Field{Name: "x", From: "a", Check: "idcard"}), []string{"field x", `check "idcard" is not known; use id_card, id_card_15`}},
		"unknown type":         {addField(mapper.Field{Name: "x", From: "a", Type: "int"}), []string{"field x", `type "int" is not known; use integer`}},
		"unknown text":         {addField(mapper.Field{Name: "x", From: "a", Text: "markdown"}), []string{"field x", `text "markdown" is not known; use html`}},
		"unknown overflow":     {addField(mapper.Field{Name: "x", From: "a", Max: 5, Overflow: "cut"}), []string{"field x", `overflow "cut" is not known`}},
		"truncate without max": {addField(mapper.Field{Name: "x", From: "a", Overflow: "truncate"}), []string{"field x", "truncate needs max"}},
		"negative max":         {addField(mapper.Field{Name: "x", From: "a", Max: -1}), []string{"field x", "min and max have to be positive"}},
		"time and dict":        {addField(mapper.Field{Name: "x", From: "a", Time: "yyyy", Dict: "mode"}), []string{"field x", "time does not go with"}},
		"number with max":      {addField(mapper.Field{Name: "x", From: "a", Type: "integer", Max: 3}), []string{"field x", "does not go with check, min or max"}},
		"constant converted":   {addField(mapper.Field{Name: "x", HasValue: true, Value: 1, Trim: true}), []string{"field x", "trim goes with from and expr only"}},
		"constant no JSON":     {addField(mapper.Field{Name: "x", HasValue: true, Value: make(chan int)}), []string{"field x", "cannot be written as JSON"}},

		"lookup in a circle": {func(_ *mapper.Options, r *mapper.Route) {
			r.Lookups = []mapper.Lookup{{Name: "a", Query: "SELECT x FROM t WHERE y = :b.y"}, {Name: "b", Query: "SELECT y FROM t WHERE x = :a.x"}}
		}, []string{"route r: lookup a: bind :b.y uses lookup b, which is defined later; move it up"}},
		"lookup of itself": {func(_ *mapper.Options, r *mapper.Route) {
			r.Lookups = []mapper.Lookup{{Name: "a", Query: "SELECT x FROM t WHERE y = :a.x"}}
		}, []string{"lookup a: bind :a.x refers to the lookup itself"}},
		"bind of an unknown lookup": {func(_ *mapper.Options, r *mapper.Route) {
			r.Lookups = []mapper.Lookup{{Name: "a", Query: "SELECT x FROM t WHERE y = :c.x"}}
		}, []string{"lookup a: bind :c.x: lookup c is not defined"}},
		"lookup that writes": {func(_ *mapper.Options, r *mapper.Route) {
			r.Lookups = []mapper.Lookup{{Name: "a", Query: "DELETE FROM t"}}
		}, []string{"route r: lookup a: the query has to be a SELECT"}},
		"lookup twice": {func(_ *mapper.Options, r *mapper.Route) {
			r.Lookups = []mapper.Lookup{teacher, teacher}
		}, []string{"lookup teacher: the name is used twice"}},
		"lookup's name": {func(_ *mapper.Options, r *mapper.Route) {
			r.Lookups = []mapper.Lookup{{Name: "a b", Query: "SELECT 1 AS x"}}
		}, []string{"lookup a b: a lookup's name is made of"}},

		"contract is no JSON": {func(_ *mapper.Options, r *mapper.Route) { r.Contract = []byte("{") }, []string{"route r: contract c.json is not valid JSON"}},
		"contract is no schema": {
			func(_ *mapper.Options, r *mapper.Route) { r.Contract = []byte(`{"type": "text"}`) },
			[]string{"route r: contract c.json is not a JSON Schema"},
		},
		"contract leaves the file": {
			func(_ *mapper.Options, r *mapper.Route) { r.Contract = []byte(`{"$ref": "file:///etc/passwd"}`) },
			[]string{"contract c.json is not a JSON Schema that can be used (one file"},
		},
		"unknown to the contract": {addField(mapper.Field{Name: "x", From: "a"}), []string{"route r: field x: contract c.json does not know it"}},
		"required by the contract": {
			func(_ *mapper.Options, r *mapper.Route) { r.Fields = r.Fields[:1] },
			[]string{"route r: field title: contract c.json requires it, and no field fills it"},
		},
		"required in each": {
			addField(mapper.Field{Name: "people", Each: "people", Fields: []mapper.Field{{Name: "name", From: "xh"}}}, people),
			[]string{"field people[].name: contract c.json does not know it", "field people[].no: contract c.json requires it"},
		},
		"type against contract": {addField(mapper.Field{Name: "n", From: "a", Type: "boolean"}), []string{"field n: type boolean is not what the contract allows"}},
		"list against contract": {
			addField(mapper.Field{Name: "n", Each: "people", Fields: []mapper.Field{{Name: "no", From: "xh"}}}, people),
			[]string{"field n: each makes a list"},
		},
		"constant against contract": {func(_ *mapper.Options, r *mapper.Route) {
			r.Fields[0] = mapper.Field{Name: "id", HasValue: true, Value: "123456"}
		}, []string{"field id: the constant does not satisfy contract c.json", "maxLength"}},

		"no fields":               {func(_ *mapper.Options, r *mapper.Route) { r.Fields, r.Contract = nil, nil }, []string{"route r: no fields are mapped"}},
		"rule without message":    {addRule("title != nil", ""), []string{"route r: rule 1 (title != nil): a message for the counsellor is missing"}},
		"rule that does not read": {addRule("title +", "m"), []string{"rule 1 (title +)"}},
		"rule gives no condition": {addRule("1 + 1", "m"), []string{"rule 1 (1 + 1)"}},
		"rule over no field":      {addRule("titel != nil", "m"), []string{"rule 1 (titel != nil): no field is called titel"}},
		"empty dict":              {func(o *mapper.Options, _ *mapper.Route) { o.Dicts["d"] = mapper.Dict{} }, []string{"dict d: it is empty"}},
		"dict with binds": {
			func(o *mapper.Options, _ *mapper.Route) {
				o.Dicts["d"] = mapper.Dict{Query: "SELECT a, b FROM t WHERE c = :c"}
			},
			[]string{"dict d: a dictionary's query has no binds, and this one has :c"},
		},
		"dict of both kinds": {func(o *mapper.Options, _ *mapper.Route) {
			o.Dicts["d"] = mapper.Dict{Query: "SELECT a, b FROM t", Entries: map[string]string{"a": "b"}}
		}, []string{"dict d: give entries or a query, not both"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := route()
			r.Contract, r.ContractName = []byte(smallContract), "c.json"
			o := mapper.Options{Dicts: map[string]mapper.Dict{"mode": {Entries: map[string]string{"a": "b"}}}}
			c.change(&o, &r)
			o.Routes = []mapper.Route{r}
			_, err := mapper.New(o)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func addField(f mapper.Field, lookups ...mapper.Lookup) func(*mapper.Options, *mapper.Route) {
	return func(_ *mapper.Options, r *mapper.Route) {
		r.Fields = append(r.Fields, f)
		r.Lookups = append(r.Lookups, lookups...)
	}
}

func addRule(assert, message string) func(*mapper.Options, *mapper.Route) {
	return func(_ *mapper.Options, r *mapper.Route) {
		r.Rules = append(r.Rules, mapper.Rule{Assert: assert, Message: message})
	}
}

func TestNewReportsAllMistakesAtOnce(t *testing.T) {
	first, second := route(mapper.Field{Name: "x", From: "a", Dict: "d"}, mapper.Field{Name: "y"}), route()
	first.Name, second.Name = "first", "second"
	second.Rules = []mapper.Rule{{Assert: "(", Message: "m"}}
	_, err := mapper.New(mapper.Options{Routes: []mapper.Route{first, second, second}})
	for _, want := range []string{"route first: field x", "route first: field y", "route second: rule 1", "route second: the name is used twice"} {
		require.ErrorContains(t, err, want)
	}
}

func TestNewAcceptsTheSpec(t *testing.T) {
	m := newMapper(t, specOptions(t))
	require.Equal(t, []string{"bt", "clyj", "dd", "gh", "gzdx_id", "id", "jssj", "kssj", "sc", "th_fs", "th_zt", "thnr"}, m.Columns("one"))
	require.Equal(t, []string{"bt", "gh", "id", "kssj", "th_fs", "th_zt", "thnr"}, m.Columns("multi"))
	require.Equal(t, []string{"bt", "gh", "id", "jtcy_id", "kssj", "th_fs", "th_zt", "thnr", "xsfk"}, m.Columns("patriarch"))
	require.Nil(t, m.Columns("other"))
}

// TestNamesInsideAnEach: a bare name is the element's column if the query gives one, and the row's column if it does not.
func TestNamesInsideAnEach(t *testing.T) {
	r := route(mapper.Field{Name: "people", Each: "people", Fields: []mapper.Field{
		{Name: "no", From: "xh"}, {Name: "teacher", From: "gh"}, {Name: "where", From: "room.name"}, {Name: "both", Expr: "xh + dd"},
	}})
	r.Lookups = []mapper.Lookup{
		{Name: "room", Query: "SELECT name FROM rooms WHERE id = :room_id"},
		{Name: "people", Many: true, Query: "SELECT p.xh, p.xm FROM people p WHERE p.id = :id"},
	}
	m := newMapper(t, mapper.Options{Routes: []mapper.Route{r}})
	require.Equal(t, []string{"bt", "dd", "gh", "id", "room_id"}, m.Columns("r"))
}

func TestSources(t *testing.T) {
	m := newMapper(t, specOptions(t))
	sources := m.Sources("multi")
	require.Equal(t, mapper.Source{Field: "recordId", Source: "id", Kind: "column"}, sources[0])
	require.Equal(t, mapper.Source{Field: "counselorName", Source: "counselor.xm", Kind: "lookup"}, sources[2])
	require.Equal(t, mapper.Source{Field: "participantCount", Source: "len(participants)", Kind: "expression"}, sources[8])
	require.Equal(t, mapper.Source{Field: "students", Source: "participants", Kind: "each"}, sources[9])
	require.Equal(t, mapper.Source{Field: "students[].studentNo", Source: "participants.xh", Kind: "lookup"}, sources[10])
	require.Equal(t, mapper.Source{Field: "schoolCode", Kind: "constant"}, m.Sources("one")[1])
}
