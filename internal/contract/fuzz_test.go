package contract

import (
	"bytes"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// FuzzImport holds the importer to what it promises for any bytes: no panic, no hang, and of a document that it accepts only contracts
// that are JSON Schemas, that have a table, and that differ from themselves in nothing.
func FuzzImport(f *testing.F) {
	for _, seed := range []string{
		`{"swagger": "2.0", "info": {"title": "t", "version": "1"}, "basePath": "/api", "paths": {"/a": {"post": {"parameters": [{"in": "body", "name": "d",
			"schema": {"$ref": "#/definitions/A"}}], "responses": {"200": {"description": "OK"}}}}}, "definitions": {"A": {"type": "object", "required": ["x"],
			"properties": {"x": {"type": "string", "maxLength": 3, "pattern": "^a", "enum": ["a"]}, "y": {"type": "array", "items": {"$ref": "#/definitions/A"}}}}}}`,
		string(document(`"A": {"allOf": [{"$ref": "#/components/schemas/B"}], "properties": {"n": {"type": "number", "minimum": 1, "exclusiveMinimum": true, "nullable": true}}},
			"B": {"type": "object", "properties": {"t": {"type": "string", "format": "date-time", "example": "2026"}, "o": {"oneOf": [{"type": "string"}, {"not": {}}]}}}`)),
		"openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    A: {type: [string, 'null'], const: x}\n",
		`{"configUrl": "/v3/api-docs/swagger-config", "urls": [{"url": "/v3/api-docs/a", "name": "a"}]}`,
		`[{"name": "default", "url": "/v2/api-docs", "swaggerVersion": "2.0", "location": "/v2/api-docs"}]`,
		`window.ui = SwaggerUIBundle({ urls: [{url: "/a", name: "b"}], configUrl: "/c" })`,
	} {
		f.Add([]byte(seed))
	}
	for _, seed := range hostile() {
		if len(seed) < 1<<10 {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		d, err := Parse(t.Context(), "fuzz", data)
		if err == nil {
			requireUsable(t, d)
		}
		require.Less(t, time.Since(start), parseLimit)
		_, _ = listed(data)
		if fields, err := Fields(data); err == nil {
			require.LessOrEqual(t, len(fields), maxFields+1)
			changes, err := Diff(data, data)
			require.NoError(t, err)
			require.Empty(t, changes)
		}
	})
}

// requireUsable makes a contract of everything in a document.
func requireUsable(t *testing.T, d *Document) {
	t.Helper()
	for i, o := range d.Operations() {
		if o.schema == nil || i > 20 {
			continue
		}
		found, err := d.Find(o.Path)
		if o.Path != "" && o.Path[0] == '/' && len(o.Path) > 1 {
			require.NoError(t, err)
			require.NotNil(t, found.schema, "a call without a body")
		}
		if c, err := d.ConvertBody(o, Style{Closed: true}); err == nil {
			requireContract(t, c)
		}
		_, _ = d.Contract(Want{Route: "r", Endpoint: o.Path}, Style{})
	}
	for i, name := range d.Schemas() {
		if i > 20 {
			break
		}
		for _, closed := range []bool{true, false} {
			if c, err := d.Convert(name, Style{Closed: closed, Comment: "c"}); err == nil {
				requireContract(t, c)
			}
		}
	}
}

func requireContract(t *testing.T, c Contract) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Schema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseLoader(jsonschema.SchemeURLLoader{})
	require.NoError(t, compiler.AddResource("contract:///c", document))
	_, err = compiler.Compile("contract:///c")
	require.NoError(t, err, string(c.Schema))
	changes, err := Diff(c.Schema, c.Schema)
	if err == nil {
		require.Empty(t, changes)
	}
}
