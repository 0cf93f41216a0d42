package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// document wraps schemas into an OpenAPI document whose one call takes A.
func document(schemas string) []byte {
	return []byte(`{"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": {"requestBody": {"content": {"application/json":
		{"schema": {"$ref": "#/components/schemas/A"}}}}, "responses": {"200": {"description": "OK"}}}}}, "components": {"schemas": {` + schemas + `}}}`)
}

// hostile lists documents that were made to hurt.
func hostile() map[string][]byte {
	var chain, laughs strings.Builder
	for i := range 19_000 {
		fmt.Fprintf(&chain, `"S%d": {"$ref": "#/components/schemas/S%d"},`, i, i+1)
	}
	for i := range 30 {
		next := fmt.Sprintf(`{"$ref": "#/components/schemas/L%d"}`, i+1)
		fmt.Fprintf(&laughs, `"L%d": {"type": "object", "properties": {"a": %s, "b": %s, "c": %s, "d": %s}},`, i, next, next, next, next)
	}
	return map[string][]byte{
		"a chain of references":       document(chain.String() + `"S19000": {"type": "string"}, "A": {"type": "object", "properties": {"x": {"$ref": "#/components/schemas/S0"}}}`),
		"a short chain of references": document(`"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/C"}, "C": {"type": "object"}`),
		"a billion laughs":            document(laughs.String() + `"L30": {"type": "string"}, "A": {"$ref": "#/components/schemas/L0"}`),
		"a reference to itself":       document(`"A": {"$ref": "#/components/schemas/A"}`),
		"references in a ring":        document(`"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}`),
		"allOf in a ring": document(`"A": {"allOf": [{"$ref": "#/components/schemas/B"}]}, "B": {"allOf": [{"$ref": "#/components/schemas/A"}],
			"properties": {"x": {"type": "string"}}}`),
		"a tree":               document(`"A": {"type": "object", "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}}}`),
		"deep nesting":         document(`"A": ` + strings.Repeat(`{"properties": {"x": `, 5000) + `{}` + strings.Repeat(`}}`, 5000)),
		"deep arrays":          []byte(strings.Repeat("[", 1_000_000)),
		"deep YAML":            []byte("openapi: 3.0.1\nx: " + strings.Repeat("[", 100_000)),
		"YAML aliases":         []byte("openapi: 3.0.1\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\npaths: {}\n"),
		"many references":      document(strings.Repeat(`"A": {"$ref": "#/components/schemas/B"},`, 30_000) + `"B": {}`),
		"a file of the system": document(`"A": {"$ref": "file:///etc/passwd"}`),
		"an address":           document(`"A": {"$ref": "http://127.0.0.1:1/x.json"}`),
		"a reference nowhere":  document(`"A": {"$ref": "#/components/schemas/Nobody"}`),
		"a huge document":      append([]byte(`{"openapi": "3.0.1", "x": "`), make([]byte, maxBytes)...),
		"many values":          []byte(`{"openapi": "3.0.1", "x": [` + strings.Repeat("1,", maxValues) + `1]}`),
		"broken UTF-8":         []byte("{\"openapi\": \"3.0.1\", \"x\": \"\xff\"}"),
		"null everywhere":      []byte(`{"openapi": "3.0.1", "info": null, "paths": {"/a": null, "/b": {"post": null}}, "components": {"schemas": {"A": null}}}`),
		"nothing":              nil,
		"a web page":           []byte("<html>"),
	}
}

// TestHostileDocumentsEnd: with an error, or with contracts of a bounded size. Never with a hang.
func TestHostileDocumentsEnd(t *testing.T) {
	fine := map[string]bool{"a tree": true, "a short chain of references": true, "allOf in a ring": true, "null everywhere": true, "a reference nowhere": true}
	for name, data := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			d, err := Parse(t.Context(), "hostile.json", data)
			if err == nil {
				var c Contract
				c, err = d.Convert("A", Style{Closed: true})
				if err == nil {
					requireContract(t, c)
					require.Less(t, len(c.Schema), 8<<20)
					_, err = Fields(c.Schema)
				}
			}
			require.Less(t, time.Since(start), 20*time.Second)
			if !fine[name] {
				require.Error(t, err)
				require.Less(t, len(err.Error()), 1000)
			}
		})
	}
}
