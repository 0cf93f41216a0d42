package mapper_test

import (
	"testing"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

// judge maps one row with columns a and b to fields x and y and applies one rule.
func judge(t *testing.T, assert string, a, b bridge.Value) ([]bridge.Problem, error) {
	t.Helper()
	m := newMapper(t, mapper.Options{Now: presentMoment, Location: shanghai(), Routes: []mapper.Route{{
		Name:   "r",
		Fields: []mapper.Field{{Name: "x", From: "a", Max: 4, Optional: true}, {Name: "y", From: "b", Optional: true}},
		Rules:  []mapper.Rule{{Assert: assert, Message: "不行"}},
	}}})
	_, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": a, "b": b}})
	return problems, err
}

func TestRules(t *testing.T) {
	refused := []bridge.Problem{{Field: "x, y", Column: "a, b", Rule: "rule", Message: "不行"}}
	for name, c := range map[string]struct {
		assert string
		a, b   bridge.Value
		want   []bridge.Problem
	}{
		"holds":                     {`x <= y`, text("a"), text("b"), nil},
		"is broken":                 {`x <= y`, text("b"), text("a"), refused},
		"named in the fields order": {`y >= x`, text("b"), text("a"), refused},
		"left out is nil":           {`x == nil && y == nil`, bridge.Value{}, text(" "), nil},
		"numbers are numbers":       {`x == nil && y > 12.25`, bridge.Value{}, val(bridge.KindDecimal, "12.50"), nil},
		"long numbers too":          {`x == nil && y > 1`, bridge.Value{}, val(bridge.KindDecimal, "12345678901234567890.5"), nil},
		"nested numbers too":        {`x == nil && y.n[0] + 1 == 8`, bridge.Value{}, val(bridge.KindJSON, `{"n": [7]}`), nil},
		"now":                       {`now == "2026-03-10 09:00:00" && x == nil && y == nil`, bridge.Value{}, bridge.Value{}, nil},
		"no follow-on noise": {`x <= y`, text("zzzzz"), text("a"), []bridge.Problem{
			{Field: "x", Column: "a", Rule: "max", Message: "x有 5 字，超过上限 4 字，请精简后重新递交"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := judge(t, c.assert, c.a, c.b)
			require.NoError(t, err)
			require.Equal(t, c.want, problems)
		})
	}
}

func TestARuleThatCannotBeEvaluatedIsAnError(t *testing.T) {
	problems, err := judge(t, `x >= y`, text("秘密"), bridge.Value{})
	require.Empty(t, problems)
	require.EqualError(t, err, "route r: rule 1 (x >= y) cannot be evaluated with x string, y nil; "+
		"a field that was left out is nil, so write 'field == nil || …'")
}
