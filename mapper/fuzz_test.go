package mapper_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

// fuzzRoute puts one value through every conversion at once, under a contract that wants every type.
func fuzzRoute() mapper.Route {
	fields := []mapper.Field{
		{Name: "plain", From: "a"},
		{Name: "string", From: "a"},
		{Name: "integer", From: "a"},
		{Name: "number", From: "a"},
		{Name: "boolean", From: "a"},
		{Name: "array", From: "a"},
		{Name: "object", From: "a"},
		{Name: "html", From: "a", Text: "html", Max: 10, Overflow: "truncate"},
		{Name: "time", From: "a", Time: "yyyy-MM-dd HH:mm:ss.SSS"},
		{Name: "asInteger", From: "a", Type: "integer"},
		{Name: "asDecimal", From: "a", Type: "decimal"},
		{Name: "asBoolean", From: "a", Type: "boolean"},
		{Name: "id", From: "a", Check: "id_card"},
		{Name: "phone", From: "a", Check: "phone", Trim: true},
		{Name: "expr", Expr: "a"},
		{Name: "clean", From: "a", Clean: []string{"control", "zero_width", "halfwidth", "phone", "spaces", "trim"}, Min: 2},
		{Name: "split", From: "a", Split: ",", Check: "mobile"},
		{Name: "parts", From: "a", Split: "、", Type: "integer"},
		{Name: "day", From: "a", Time: "yyyy-MM-dd", DateOrder: "dmy", NotBefore: "time", NotAfter: "now"},
		{Name: "by", From: "a", CheckBy: &mapper.CheckBy{By: "a", Kinds: map[string]string{"1": "passport"}, Otherwise: "id_card_15"}},
		{Name: "when", From: "a", When: `a == "x" || a == nil`},
		{Name: "nested", Object: []mapper.Field{{Name: "x", From: "a", Optional: true, Check: "permanent_residence"}, {Name: "y", From: "a", Optional: true, When: "a != 1"}}},
		{Name: "list", List: []mapper.Field{{From: "a", Optional: true}, {From: "a", Optional: true, Check: "taiwan_permit"}}},
	}
	for i := range fields {
		fields[i].Optional = true
	}
	fields = append(fields, mapper.Field{Name: "default", From: "a", Default: "-", HasDefault: true})
	return mapper.Route{
		Name: "r", Fields: fields,
		Rules: []mapper.Rule{{Assert: "asDecimal == nil || asDecimal < 5", Message: "m"}},
		Contract: []byte(`{"properties": {"string": {"type": "string", "maxLength": 20}, "integer": {"type": "integer", "minimum": 3},
			"number": {"type": "number", "multipleOf": 0.5}, "boolean": {"type": "boolean"}, "array": {"type": "array"}, "object": {"type": "object"}}}`),
	}
}

// FuzzMap holds the mapper to what it promises for any value: no panic, no error, valid compact JSON, members in the order of the
// configuration, and sentences without a trace of the value.
func FuzzMap(f *testing.F) {
	for _, kind := range []bridge.Kind{bridge.KindInt, bridge.KindDecimal, bridge.KindText, bridge.KindDateTime, bridge.KindJSON, bridge.KindSet, bridge.KindBinary} {
		for _, s := range []string{"", "45", "-0.50", "0045", "2026-03-05 14:30:00", `{"a": [1e5, "x"]}`, "<p>a&nbsp;b</p>", "a\x00\xff", "1e999999999", "𠮷,b"} {
			f.Add(string(kind), s)
		}
	}
	route := fuzzRoute()
	m := newMapper(f, mapper.Options{Routes: []mapper.Route{route}, Now: presentMoment})
	f.Fuzz(func(t *testing.T, kind, s string) {
		start := time.Now()
		change := bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": {Kind: bridge.Kind(kind), Text: s}}}
		payload, problems, err := m.Map(t.Context(), change)
		require.NoError(t, err)
		require.Less(t, time.Since(start), 10*time.Second)
		require.NotEqual(t, payload == nil, problems == nil)
		for _, p := range problems {
			require.NotEmpty(t, p.Field)
			require.True(t, utf8.ValidString(p.Message))
			require.False(t, len(s) > 24 && strings.Contains(p.Message, s), "the sentence repeats the value") // shorter ones are in examples
		}
		e, err := m.Explain(t.Context(), change)
		require.NoError(t, err)
		requireCompact(t, e.Payload, route.Fields)
	})
}

// requireCompact reads the payload back.
func requireCompact(t *testing.T, payload []byte, fields []mapper.Field) {
	t.Helper()
	require.True(t, utf8.Valid(payload))
	decoder := json.NewDecoder(strings.NewReader(string(payload)))
	decoder.UseNumber()
	_, err := decoder.Token()
	require.NoError(t, err)
	next := 0
	for decoder.More() {
		name, err := decoder.Token()
		require.NoError(t, err)
		for next < len(fields) && fields[next].Name != name {
			next++
		}
		require.Less(t, next, len(fields), "member %v is out of order", name)
		var raw json.RawMessage
		require.NoError(t, decoder.Decode(&raw))
	}
}
