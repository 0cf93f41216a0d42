package mapper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"
)

// A value that was not carried refuses its record, whatever reads it: an optional field, an expression, a condition, or nothing but the
// route's where. It is never left out, and never computed with.
func TestAValueThatWasNotCarriedRefusesTheRecord(t *testing.T) {
	bytes, size := val(bridge.KindUnreadable, bridge.UnreadableBytes), val(bridge.KindUnreadable, bridge.UnreadableSize)
	const garbled, large = "含有无法识别的字符（编码错误），请重新填写后递交", "过大，超过 16 MB，无法读取；请删减（例如去掉粘贴的图片）后重新递交"
	for name, c := range map[string]struct {
		field mapper.Field
		row   map[string]bridge.Value
		want  bridge.Problem
	}{
		"a field":             {mapper.Field{From: "a"}, row("a", size), bridge.Problem{Field: "x", Column: "a", Message: "x" + large}},
		"an optional field":   {mapper.Field{From: "a", Optional: true}, row("a", bytes), bridge.Problem{Field: "x", Column: "a", Message: "x" + garbled}},
		"an expression":       {mapper.Field{Expr: `a == "bytes" ? 1 : 2`}, row("a", bytes), bridge.Problem{Field: "x", Column: "a", Message: "x" + garbled}},
		"a condition":         {mapper.Field{From: "b", When: `a == "y"`, Optional: true}, row("a", bytes, "b", "z"), bridge.Problem{Field: "x", Column: "a", Message: "x" + garbled}},
		"the route's where":   {mapper.Field{From: "b"}, row("a", bytes, "b", "z"), bridge.Problem{Column: "a", Message: "列 a " + garbled}},
		"a field that is not": {mapper.Field{From: "a", When: `b == "y"`, Optional: true}, row("a", size, "b", "z"), bridge.Problem{Column: "a", Message: "列 a " + large}},
	} {
		t.Run(name, func(t *testing.T) {
			c.field.Name = "x"
			payload, problems, err := mapRow(t, one(c.field), c.row)
			require.NoError(t, err)
			require.Empty(t, payload)
			c.want.Rule = "unreadable"
			require.Equal(t, []bridge.Problem{c.want}, problems)
		})
	}
}
