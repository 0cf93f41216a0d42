package bridge_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

func TestWhatIsCarriedOfARowIsBounded(t *testing.T) {
	text := func(n int) bridge.Value { return bridge.Value{Kind: bridge.KindText, Text: strings.Repeat("a", n)} }
	much := bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableSize}
	var row bridge.Bound
	require.Equal(t, text(bridge.MaxValue), row.Carry(text(bridge.MaxValue)))
	require.Equal(t, much, row.Carry(text(bridge.MaxValue+1)), "one value")
	require.Equal(t, text(bridge.MaxValue-10), row.Carry(text(bridge.MaxValue-10)))
	require.Equal(t, much, row.Carry(text(100_000)), "all of them")
	require.Equal(t, text(1000), row.Carry(text(1000)), "what is short is a flag or a key")
	require.Equal(t, bridge.Value{}, row.Carry(bridge.Value{}))
	var other bridge.Bound
	require.Equal(t, text(100_000), other.Carry(text(100_000)), "each row by itself")
}
