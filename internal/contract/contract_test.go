package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/configs"
)

func readSample(t *testing.T, name string) *Document {
	t.Helper()
	d, err := Reader{}.Read(t.Context(), filepath.Join("testdata", name))
	require.NoError(t, err)
	require.Empty(t, d.Warnings)
	return d
}

// TestBothFormatsGiveTheContractsThatAreThere: the contracts under configs/ were written by hand from the same fields, with nicer titles.
func TestBothFormatsGiveTheContractsThatAreThere(t *testing.T) {
	for _, file := range []string{"assumed-openapi3-plain.json", "assumed-swagger2.json"} {
		d := readSample(t, file)
		for _, route := range []string{"one", "multi", "patriarch"} {
			t.Run(file+" "+route, func(t *testing.T) {
				c, err := d.Contract(Want{Route: route, Endpoint: "/talk-record/" + route}, Style{Closed: true})
				require.NoError(t, err)
				require.Empty(t, c.Notes)
				requireContract(t, c)
				want, err := configs.Files.ReadFile("contracts/" + route + ".schema.json")
				require.NoError(t, err)
				changes, err := Diff(want, c.Schema)
				require.NoError(t, err)
				require.Empty(t, changes)
				if route == "multi" {
					return // there the order of an array's keywords differs
				}
				require.Empty(t, cmp.Diff(strings.Split(withoutTitles(string(want)), "\n"), strings.Split(withoutTitles(string(c.Schema)), "\n")),
					"members, keywords and their order are those of the document")
				require.Contains(t, string(c.Schema), `"title": "谈话教师姓名"`)
				require.Equal(t, c.From, SchemaOf(c.Schema))
			})
		}
	}
}

func withoutTitles(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if s := strings.TrimSpace(line); !strings.HasPrefix(s, `"title": "`) && !strings.HasPrefix(s, `"$comment"`) {
			kept = append(kept, strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(kept, "\n")
}

func TestAnEnvelopeIsAQuestionForPeople(t *testing.T) {
	d := readSample(t, "assumed-openapi3-envelope.json")
	want := Want{Route: "one", Endpoint: "https://api.example.cn/api/talk-record/one", Fields: []string{"recordId", "studentNo", "attentionLevel", "other"}}
	_, err := d.Contract(want, Style{})
	var undecided *UndecidedError
	require.ErrorAs(t, err, &undecided)
	require.Equal(t, "POST /talk-record/one", undecided.Call)
	require.Equal(t, Candidate{Name: "TalkOneDTO", Title: "一对一谈话", Members: 28, Shared: 3}, undecided.Candidates[0])
	for _, c := range undecided.Candidates {
		require.NotContains(t, []string{"EncryptRequest", "ResultObject"}, c.Name)
	}
	require.ErrorContains(t, err, "route one: the document shows the body of POST /talk-record/one as the encrypted envelope (EncryptRequest")
	require.ErrorContains(t, err, "--schema one=NAME")

	want.Schema = "TalkOneDTO"
	c, err := d.Contract(want, Style{Closed: true})
	require.NoError(t, err)
	require.Contains(t, string(c.Schema), `"additionalProperties": false`)
	want.Schema = "TalkDTO"
	_, err = d.Contract(want, Style{})
	require.ErrorContains(t, err, "no schema TalkDTO; it has EncryptRequest, ResultObject, TalkMultiDTO")

	_, err = d.Contract(Want{Route: "x", Endpoint: "/nowhere"}, Style{})
	require.ErrorAs(t, err, &undecided)
	require.ErrorContains(t, err, "describes no call to /nowhere that takes a body; it has /talk-record/multi")
}

func convertA(t *testing.T, schemas string, style Style) Contract {
	t.Helper()
	d, err := Parse(t.Context(), "t.json", document(schemas))
	require.NoError(t, err)
	c, err := d.Convert("A", style)
	require.NoError(t, err)
	requireContract(t, c)
	return c
}

func TestWhatSchemasBecome(t *testing.T) {
	for name, c := range map[string]struct {
		schema, want, note string
		closed             bool
	}{
		"nullable": {
			schema: `{"type": "string", "nullable": true, "enum": ["a"]}`, want: `{"type": ["string", "null"], "enum": ["a", null]}`,
		},
		"bounds of 3.0": {
			schema: `{"type": "number", "minimum": 1, "exclusiveMinimum": true, "maximum": 9}`,
			want:   `{"type": "number", "exclusiveMinimum": 1, "maximum": 9}`,
		},
		"formats of programming languages go": {schema: `{"type": "integer", "format": "int64", "example": 5}`, want: `{"type": "integer"}`},
		"a date":                              {schema: `{"type": "string", "format": "date", "example": "2026-03-05"}`, want: `{"type": "string", "format": "date"}`},
		"a date-time that is none": {
			schema: `{"type": "string", "format": "date-time", "example": "2026-03-05 14:30:00"}`, want: `{"type": "string"}`,
			note: "the record: format date-time contradicts the document's own example or pattern, and was left out",
		},
		"look-around": {
			schema: `{"type": "string", "pattern": "^(?!x)"}`, want: `{"type": "string"}`,
			note: "the record: the pattern could not be taken over: look-around and back-references of Java are not checked here",
		},
		"read-only members": {
			schema: `{"type": "object", "required": ["id", "x"], "properties": {"id": {"type": "string", "readOnly": true}, "x": {}}}`,
			want:   `{"type": "object", "required": ["x"], "properties": {"x": {}}}`,
			note:   "id is read-only: the platform sets it, so it was left out",
		},
		"inheritance": {
			schema: `{"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["b"], "properties": {"b": {"type": "string"}}}`, closed: true,
			want: `{"type": "object", "required": ["id", "b"], "properties": {"id": {"type": "integer"}, "b": {"type": "string"}}, "additionalProperties": false}`,
		},
		"alternatives stay open": {
			schema: `{"type": "object", "properties": {"x": {}}, "oneOf": [{"required": ["x"]}, {"properties": {"y": {}}}]}`, closed: true,
			want: `{"type": "object", "properties": {"x": {}}, "oneOf": [{"required": ["x"]}, {"type": "object", "properties": {"y": {}}}]}`,
			note: "the record is put together of alternatives: it could not be closed to other members",
		},
		"a map": {
			schema: `{"type": "object", "additionalProperties": {"type": "integer"}}`, closed: true,
			want: `{"type": "object", "additionalProperties": {"type": "integer"}}`,
		},
		"order and titles": {
			schema: `{"properties": {"z": {"description": "时长(分钟)"}, "a": {"description": "学号;唯一", "title": "编号"}}}`,
			want:   `{"type": "object", "properties": {"z": {"title": "时长", "description": "时长(分钟)"}, "a": {"title": "编号", "description": "学号;唯一"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := convertA(t, `"A": `+c.schema+`, "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}`, Style{Closed: c.closed})
			want, err := readObject([]byte(c.want))
			require.NoError(t, err)
			want = append(object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}}, want...)
			require.Equal(t, string(write(want)), string(got.Schema))
			require.Equal(t, c.note, strings.Join(got.Notes, "\n"))
		})
	}
}

func TestASchemaThatHoldsItselfIsReferredTo(t *testing.T) {
	c := convertA(t, `"A": {"type": "object", "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}}}`, Style{})
	require.Contains(t, string(c.Schema), `"$ref": "#/$defs/A"`)
	fields, err := Fields(c.Schema)
	require.NoError(t, err)
	require.Equal(t, []string{"name", "children", "children[].name", "children[].children"}, paths(fields))
}

func paths(fields []Field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.Path)
	}
	return out
}

func TestYAMLIsReadLikeJSON(t *testing.T) {
	text := "openapi: 3.0.1\ninfo: {title: t, version: '1'}\npaths:\n  /a:\n    post:\n      requestBody:\n        content:\n          application/json:\n" +
		"            schema: {type: object, required: [b], properties: {z: {type: string, maxLength: 3}, b: {type: string, enum: ['01', '02']}}}\n" +
		"      responses: {'200': {description: OK}}\n"
	d, err := Parse(t.Context(), "t.yaml", []byte(text))
	require.NoError(t, err)
	c, err := d.Contract(Want{Route: "r", Endpoint: "/a"}, Style{})
	require.NoError(t, err)
	fields, err := Fields(c.Schema)
	require.NoError(t, err)
	require.Equal(t, []Field{{Path: "z", Type: "string", MaxLength: "3"}, {Path: "b", Type: "string", Required: true, Enum: []string{"01", "02"}}}, fields)
}

func TestReferencesThatLeadNowhereAreWarnings(t *testing.T) {
	d, err := Parse(t.Context(), "t.json", document(`"A": {"type": "object", "properties": {"x": {"$ref": "#/components/schemas/Gone"}, "y": {"type": "string"}}}`))
	require.NoError(t, err)
	require.Contains(t, d.Warnings, "it refers to #/components/schemas/Gone, which is not in it")
	c, err := d.Convert("A", Style{})
	require.NoError(t, err)
	require.Contains(t, string(c.Schema), `"y"`)
}

func TestReferencesOutsideOfTheFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("docs/api.json", string(document(`"A": {"$ref": "other.json#/components/schemas/B"}`)))
	write("docs/other.json", string(document(`"A": {}, "B": {"type": "object", "properties": {"x": {"type": "string"}}}`)))
	write("docs/escape.json", string(document(`"A": {"$ref": "../secret.json#/components/schemas/B"}`)))
	write("secret.json", string(document(`"A": {}, "B": {"type": "object"}`)))
	_, err := Reader{}.Read(t.Context(), filepath.Join(dir, "docs/api.json"))
	require.ErrorContains(t, err, "--external-refs")
	d, err := Reader{ExternalRefs: true}.Read(t.Context(), filepath.Join(dir, "docs/api.json"))
	require.NoError(t, err)
	c, err := d.Convert("A", Style{})
	require.NoError(t, err)
	require.Contains(t, string(c.Schema), `"x"`)
	_, err = Reader{ExternalRefs: true}.Read(t.Context(), filepath.Join(dir, "docs/escape.json"))
	require.ErrorContains(t, err, "outside of its folder")
	_, err = Reader{}.Read(t.Context(), filepath.Join(dir, "gone.json"))
	require.ErrorContains(t, err, "there is no file")
}
