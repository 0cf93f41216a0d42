package mapper

import (
	"encoding/json"
	"testing"

	"talkbridge/configs"

	"github.com/stretchr/testify/require"
)

// FuzzQuick holds the short cut to the library's verdict: what it is sure of, the library accepts.
func FuzzQuick(f *testing.F) {
	schemas := []string{
		`{"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z𠮷]+$"}`,
		`{"enum": ["01", "02"]}`,
		`{"type": ["integer", "null"], "minimum": -3, "maximum": 7}`,
		`{"type": "number", "maximum": 2.5}`,
		`{"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "boolean"}}`,
		`{"$schema": "http://json-schema.org/draft-07/schema#", "items": {"type": "string"}}`,
		`{"required": ["a"], "additionalProperties": false, "properties": {"a": {"type": "integer"}, "b": {}}}`,
		`{"format": "date"}`, `{"not": {}}`, `{"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}`, `{"const": 1}`,
	}
	var contracts []*contract
	for _, text := range schemas {
		c, err := compileContract("c", []byte(text))
		require.NoError(f, err)
		contracts = append(contracts, c)
	}
	for _, value := range []string{`"ab"`, `""`, `"02"`, `3`, `-4`, `2.5`, `null`, `[true]`, `[true,1]`, `{"a": 1}`, `{"a": 1, "b": 2}`, `{"a": 1, "c": 2}`, `[]`, `{}`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := nestedDatum(text)
		if err != nil {
			return // no JSON is no value
		}
		value := forRules(d.tree)
		for i, c := range contracts {
			if c.quick.sure(value) {
				require.NoError(t, c.schema.Validate(value), "%s accepts %s", schemas[i], text)
			}
		}
	})
}

// TestQuickKnowsThePlatformsContracts: the contracts in use take the short cut, or mapping gets three times as slow.
func TestQuickKnowsThePlatformsContracts(t *testing.T) {
	for _, name := range []string{"one", "multi", "patriarch"} {
		text, err := configs.Files.ReadFile("contracts/" + name + ".schema.json")
		require.NoError(t, err)
		c, err := compileContract(name, text)
		require.NoError(t, err)
		require.NotNil(t, c.quick)
		var schema struct {
			Properties map[string]json.RawMessage `json:"properties"`
		}
		require.NoError(t, json.Unmarshal(text, &schema))
		for property := range schema.Properties {
			if property != "followUpDate" { // a format
				require.NotNil(t, c.quick.properties[property], property)
			}
		}
	}
}
