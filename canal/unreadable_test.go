package canal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/exprs"
)

// A condition over a value that could not be read holds: the row comes to its refusal, and not to nothing.
func TestAConditionOverAnUnreadableValueHolds(t *testing.T) {
	where, err := exprs.CompileCondition(`a == "1" && b == "0"`)
	require.NoError(t, err)
	r := &route{where: where}
	text := func(s string) bridge.Value { return bridge.Value{Kind: bridge.KindText, Text: s} }
	unreadable := bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableBytes}
	for _, c := range []struct {
		a, b bridge.Value
		want bool
	}{
		{text("1"), text("0"), true},
		{text("2"), text("0"), false},
		{unreadable, text("0"), true},
		{text("2"), unreadable, true},
	} {
		holds, err := r.holds(map[string]bridge.Value{"a": c.a, "b": c.b, "c": unreadable})
		require.NoError(t, err)
		require.Equal(t, c.want, holds, "%v %v", c.a, c.b)
	}
}
