package canal

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// array is a small array of small arrays that lie at the offsets; size is what it says of itself.
func array(size int, offsets ...int) []byte {
	out := binary.LittleEndian.AppendUint16(nil, uint16(len(offsets)))
	out = binary.LittleEndian.AppendUint16(out, uint16(size))
	for _, o := range offsets {
		out = binary.LittleEndian.AppendUint16(append(out, jsonSmallArray), uint16(o))
	}
	return out
}

// What servers write is compared by TestLogAndTableGiveEqualValues; this is what they never write.
func TestADocumentThatLeadsBackIsNotFollowed(t *testing.T) {
	nested := func(depth int) []byte {
		out := array(4)
		for range depth {
			out = append(array(7+len(out), 7), out...)
		}
		return out
	}
	twice := func(depth int) []byte { // each level names the next one 8 times: 8^depth places
		out := array(4)
		for range depth {
			out = append(array(28+len(out), 28, 28, 28, 28, 28, 28, 28, 28), out...)
		}
		return out
	}
	for name, c := range map[string]struct {
		document []byte
		sound    bool
	}{
		"empty":       {array(4), true},
		"one in one":  {nested(1), true},
		"100 deep":    {nested(100), true},
		"2000 deep":   {nested(2000), false},
		"to itself":   {array(7, 0), false},
		"to its head": {append(array(11, 4), array(4)...), false},
		"outside":     {array(7, 900), false},
		"many times":  {twice(12), false},
		"cut off":     {array(4)[:3], false},
		"promises":    {[]byte{0xff, 0xff, 4, 0}, false},
	} {
		w := jsonWalk{left: len(c.document)}
		require.Equal(t, c.sound, w.sound(jsonSmallArray, c.document, 0), name)
	}
	scalar := jsonWalk{left: 3}
	require.True(t, scalar.sound(0x0c, []byte("\x02ab"), 0), "a text by itself")
}
