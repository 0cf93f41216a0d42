package pusher

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
)

// A key is read as the same 16 bytes in every spelling that platforms use, with whatever copying puts around it; and a spelling that lost
// or gained a character is an error, or at least no key of another length that was made to fit.
func TestAKeyIsOneInEverySpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), keySize, keySize).Draw(t, "key")
		inHex := hex.EncodeToString(key)
		spellings := map[string]string{
			inHex: EncodingHex, strings.ToUpper(inHex): EncodingAuto,
			base64.StdEncoding.EncodeToString(key): EncodingBase64, base64.RawStdEncoding.EncodeToString(key): EncodingAuto,
			base64.URLEncoding.EncodeToString(key): EncodingBase64, base64.RawURLEncoding.EncodeToString(key): EncodingAuto,
			base64.StdEncoding.EncodeToString([]byte(inHex)): EncodingBase64Hex, base64.RawStdEncoding.EncodeToString([]byte(strings.ToUpper(inHex))): EncodingAuto,
		}
		around := rapid.SampledFrom([]string{"", " ", "\n", "\ufeff", "\u200b\t", "\r\n"})
		for text, encoding := range spellings {
			got, err := Key(bridge.Secret(around.Draw(t, "before")+text+around.Draw(t, "behind")), encoding)
			require.NoError(t, err, "%s %q", encoding, text)
			require.Equal(t, key, got, "%s %q", encoding, text)
			bare := strings.TrimRight(text, "=")
			at := rapid.IntRange(0, len(bare)-1).Draw(t, "at")
			for _, damaged := range []string{bare[:at] + bare[at+1:], bare[:at] + "A" + bare[at:], bare[:at] + "!" + bare[at+1:]} {
				_, err := Key(bridge.Secret(damaged), encoding)
				require.Error(t, err, "%s %q of %q", encoding, damaged, text)
				require.NotContains(t, err.Error(), damaged)
			}
		}
	})
}

// Whatever is sealed opens as what it was, under its key alone; equal content is equal, as ECB has it, and no content is altered by sealing.
func TestWhatIsSealedForThePlatformOpens(t *testing.T) {
	keys := rapid.SliceOfN(rapid.Byte(), keySize, keySize)
	rapid.Check(t, func(t *rapid.T) {
		key, other := keys.Draw(t, "key"), keys.Draw(t, "other key")
		plain := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "plain")
		before := string(plain)
		s, err := NewSealer(key)
		require.NoError(t, err)
		sealed := s.Seal(plain)
		require.Equal(t, before, string(plain))
		require.Equal(t, sealed, s.Seal(plain))
		require.NotContains(t, sealed, "\n")
		require.Len(t, sealed, base64.StdEncoding.EncodedLen((len(plain)/16+1)*16))
		opened, err := s.Open(sealed)
		require.NoError(t, err)
		require.Equal(t, before, string(opened))
		if string(key) == string(other) {
			return
		}
		foreign, err := NewSealer(other)
		require.NoError(t, err)
		got, err := foreign.Open(sealed)
		require.True(t, err != nil || string(got) != before, "it opens under another key")
		cut := rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")
		got, err = s.Open(sealed[:cut])
		require.True(t, err != nil || string(got) != before, "it opens when a part is missing")
	})
}
