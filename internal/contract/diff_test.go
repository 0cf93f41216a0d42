package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiffNamesEveryKindOfChange(t *testing.T) {
	const was = `{"additionalProperties": true, "required": ["a", "b"], "properties": {
		"a": {"type": "string", "maxLength": 100, "title": "标题"}, "b": {"type": "string", "enum": ["01", "02"]}, "c": {"type": "integer"},
		"d": {"type": "string", "pattern": "^x"}, "gone": {"type": "boolean"}, "list": {"type": "array", "maxItems": 9, "items": {"type": "object", "properties": {
		"no": {"type": "string"}}}}, "same": {"type": "string", "minLength": 1}}}`
	const now = `{"additionalProperties": false, "required": ["a", "c"], "properties": {
		"a": {"type": "string", "maxLength": 50}, "b": {"type": "string", "enum": ["02", "03"]}, "c": {"type": "number"},
		"d": {"type": "string", "format": "date"}, "list": {"type": "array", "maxItems": 5, "items": {"type": "object", "required": ["no", "new"], "properties": {
		"no": {"type": "string"}, "new": {"type": "string", "maxLength": 7}}}}, "same": {"type": "string", "minLength": 1}, "must": {"type": "string"}}}`
	changes, err := Diff([]byte(was), []byte(now))
	require.NoError(t, err)
	require.Equal(t, []Change{
		{Kind: "closed", Was: "no", Now: "yes", Tighter: true},
		{Path: "a", Kind: "length", Was: "..100", Now: "..50", Tighter: true},
		{Path: "b", Kind: "required", Was: "yes", Now: "no"},
		{Path: "b", Kind: "enum", Was: "without 01", Now: "with 03", Tighter: true},
		{Path: "c", Kind: "type", Was: "integer", Now: "number"},
		{Path: "c", Kind: "required", Was: "no", Now: "yes", Tighter: true},
		{Path: "d", Kind: "pattern", Was: "^x"},
		{Path: "d", Kind: "format", Now: "date", Tighter: true},
		{Path: "list", Kind: "range", Was: "..9", Now: "..5", Tighter: true},
		{Path: "list[].no", Kind: "required", Was: "no", Now: "yes", Tighter: true},
		{Path: "list[].new", Kind: "added", Now: "string(7), required"},
		{Path: "must", Kind: "added", Now: "string"},
		{Path: "gone", Kind: "removed", Was: "boolean", Tighter: true},
	}, changes)
	require.Equal(t, []string{
		"field a: max is 80 and the platform takes 50: records in between will be refused by the contract; set max to 50",
		"field gone: the platform no longer knows it: take it out",
	}, Impacts(changes, map[string]int{"a": 80, "gone": 0, "b": 0}))
	back, err := Diff([]byte(now), []byte(was))
	require.NoError(t, err)
	for _, c := range back {
		if c.Path == "a" || c.Kind == "closed" {
			require.False(t, c.Tighter, "%v", c)
		}
	}
}
