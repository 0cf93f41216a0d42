package canal

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
)

// Whichever bit of a log turns on the way: what is taken in is what was written, or the stretch ends in an error. Not so for the sizes,
// which the connection's packets give again, and the rows of tables that nobody watches.
func TestABitThatTurnsOnTheWayIsSeen(t *testing.T) {
	routes, seeds := fuzzRoutes(t), seedsOfTheLog(t)
	for name, s := range seeds {
		if strings.HasSuffix(name, "-minimal") {
			continue
		}
		want := told(listenTo(t, routes, s.log, s.flavor, true))
		var bytes []int // that can turn
		for at := 0; at < len(s.log); {
			size := int(binary.LittleEndian.Uint32(s.log[at+9:]))
			for i := range size {
				if i < 9 || i > 12 {
					bytes = append(bytes, at+i)
				}
			}
			at += size
		}
		rapid.Check(t, func(t *rapid.T) {
			turned := append([]byte(nil), s.log...)
			turned[rapid.SampledFrom(bytes).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			l := listenTo(t, routes, turned, s.flavor, true)
			got := told(l)
			require.True(t, l.err != nil || len(got) == len(want), "%s: of %d changes %d came, and no error", name, len(want), len(got))
			require.Equal(t, want[:len(got)], got, name)
		})
	}
}

// told is what the platform would be told.
func told(l listening) []bridge.Change {
	out := []bridge.Change{}
	for _, b := range l.sent {
		for _, c := range b.changes {
			out = append(out, bridge.Change{Route: c.Route, Key: c.Key, Columns: c.Columns})
		}
	}
	return out
}
