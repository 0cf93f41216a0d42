package pusher

import (
	"encoding/base64"
	"testing"

	fast "github.com/emmansun/base64"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The Base64 that seals is the standard library's, only faster: the same text for the same bytes, and the same texts refused.
func TestTheFastBase64IsTheStandardOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "plain")
		text := base64.StdEncoding.EncodeToString(plain)
		require.Equal(t, text, fast.StdEncoding.EncodeToString(plain))
		if len(text) > 0 && rapid.Bool().Draw(t, "spoil") {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text = text[:at] + string(rapid.SampledFrom([]byte("=-_\n\r \x00A/\xff")).Draw(t, "with")) + text[at+1:]
		}
		want, refused := base64.StdEncoding.Strict().DecodeString(text)
		got, err := fast.StdEncoding.Strict().DecodeString(text)
		require.Equal(t, refused == nil, err == nil, "%q", text)
		if err == nil {
			require.Equal(t, string(want), string(got))
		}
	})
}
