package pusher

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"

	"github.com/emmansun/gmsm/sm4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectors is what sm4_vectors.json holds.
type vectors struct {
	Standard []struct {
		Key, Plaintext, Ciphertext string
		Rounds                     int
	} `json:"gbt32907_2016"`
	Keys map[string]struct {
		Hex          string `json:"hex"`
		SecretBase64 string `json:"secret_base64"`
	} `json:"keys"`
	SecretDecoding []struct {
		Secret, Mode string
		KeyHex       string `json:"key_hex"`
		Error        string
	} `json:"secret_decoding"`
	Encrypt []struct {
		Name, Key   string
		Bytes       int     `json:"plaintext_bytes"`
		Plaintext   *string `json:"plaintext_utf8"`
		PlainSum    string  `json:"plaintext_sha256"`
		Ciphertext  string  `json:"ciphertext_base64"`
		SealedSum   string  `json:"ciphertext_base64_sha256"`
		SealedBytes int     `json:"ciphertext_base64_len"`
	} `json:"encrypt"`
	Negative []struct {
		Name, Key  string
		Ciphertext string `json:"ciphertext_base64"`
	} `json:"decrypt_negative"`
	InTheWild struct {
		Standard string `json:"standard_result"`
	} `json:"nonconformant_in_the_wild"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	var v vectors
	require.NoError(t, json.Unmarshal(fixture.SM4Vectors, &v))
	require.NotEmpty(t, v.Encrypt)
	require.NotEmpty(t, v.Negative)
	return v
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}

func TestCipherIsTheStandards(t *testing.T) {
	for _, v := range readVectors(t).Standard {
		block, err := sm4.NewCipher(unhex(t, v.Key))
		require.NoError(t, err)
		text := unhex(t, v.Plaintext)
		for range v.Rounds {
			block.Encrypt(text, text)
		}
		assert.Equal(t, v.Ciphertext, hex.EncodeToString(text), "%d rounds", v.Rounds)
	}
}

func TestSealAndOpenHoldTheVectors(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Encrypt {
		t.Run(v.Name, func(t *testing.T) {
			sealer, err := NewSealer(unhex(t, all.Keys[v.Key].Hex))
			require.NoError(t, err)
			plain := `{"talkContent":"` + strings.Repeat("谈话内容。", 4400) + `"}` // the recipe
			if v.Plaintext != nil {
				plain = *v.Plaintext
			}
			require.Len(t, plain, v.Bytes)
			sealed := sealer.Seal([]byte(plain))
			if v.SealedSum != "" {
				assert.Equal(t, v.PlainSum, sum(plain))
				assert.Equal(t, v.SealedSum, sum(sealed))
				assert.Len(t, sealed, v.SealedBytes)
			} else {
				assert.Equal(t, v.Ciphertext, sealed)
			}
			opened, err := sealer.Open(sealed)
			require.NoError(t, err)
			assert.Equal(t, plain, string(opened))
		})
	}
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func TestOpenRefusesWhatIsNotSealed(t *testing.T) {
	for _, v := range readVectors(t).Negative {
		t.Run(v.Name, func(t *testing.T) {
			sealer, err := NewSealer(unhex(t, v.Key))
			require.NoError(t, err)
			_, err = sealer.Open(v.Ciphertext)
			assert.Equal(t, ErrNotSealed, err, "every failure is the same error: which check failed is nobody's business")
		})
	}
	sealer, err := NewSealer(make([]byte, 16))
	require.NoError(t, err)
	for _, text := range []string{"====", "ab\ncd", "x6m0KLtkh4lKq7V5mhtaUdV6rHnNFZxscBhNqD5YSLg", "数据"} {
		_, err = sealer.Open(text)
		assert.Equal(t, ErrNotSealed, err)
	}
}

func TestSealLeavesThePlaintextAlone(t *testing.T) {
	sealer, err := NewSealer([]byte("0123456789abcdef"))
	require.NoError(t, err)
	backing := []byte("payload|the bytes behind it, in the same array")
	sealer.Seal(backing[:7])
	assert.Equal(t, "payload|the bytes behind it, in the same array", string(backing))
}

func TestNewSealerWantsSixteenBytes(t *testing.T) {
	for _, n := range []int{0, 15, 17, 24, 32} {
		_, err := NewSealer(make([]byte, n))
		assert.ErrorContains(t, err, "16 bytes")
	}
}

func TestKeyHoldsTheVectors(t *testing.T) {
	for _, v := range readVectors(t).SecretDecoding {
		for _, mode := range []string{v.Mode, EncodingAuto} {
			key, err := Key(bridge.Secret(v.Secret), mode)
			switch {
			case v.KeyHex != "":
				require.NoError(t, err, "%s as %s", v.Secret, mode)
				assert.Equal(t, v.KeyHex, hex.EncodeToString(key), "%s as %s", v.Secret, mode)
			case mode == v.Mode:
				require.ErrorContains(t, err, strings.ReplaceAll(v.Error, "not base64", "not Base64"))
				assert.NotContains(t, err.Error(), v.Secret)
			}
		}
	}
}

func TestKeyIsNeverCutNorPadded(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	tests := []struct{ name, secret, encoding, message string }{
		{"empty", " \r\n", EncodingAuto, "empty"},
		{"15 bytes", encode(make([]byte, 15)), EncodingAuto, "key length 15"},
		{"17 bytes", encode(make([]byte, 17)), EncodingAuto, "key length 17"},
		{"32 bytes", encode([]byte(strings.Repeat("\xff", 32))), EncodingAuto, "key length 32"},
		{"33 hexadecimal characters in Base64", encode([]byte(strings.Repeat("a", 33))), EncodingBase64Hex, "33 bytes"},
		{"white space inside", "ASNFZ4mrze/+ 3LqYdlQyEA==", EncodingAuto, "not Base64"},
		{"line break inside", "ASNFZ4mrze/+\n3LqYdlQyEA==", EncodingAuto, "not Base64"},
		{"padding of the wrong length", "ASNFZ4mrze/+3LqYdlQyEA=", EncodingAuto, "not Base64"},
		{"too much padding", "ASNFZ4mrze/+3LqYdlQyEA======", EncodingAuto, "not Base64"},
		{"bits behind the end", "ASNFZ4mrze/+3LqYdlQyEB==", EncodingAuto, "not Base64"},
		{"hexadecimal that is none", "0123456789abcdeffedcba987654321g", EncodingHex, "not hexadecimal"},
		{"31 hexadecimal characters", "0123456789abcdeffedcba987654321", EncodingHex, "not hexadecimal"},
		{"30 hexadecimal characters", "0123456789abcdeffedcba98765432", EncodingHex, "key length 15"},
		{"Base64 of bytes as Base64 of hexadecimal", "ASNFZ4mrze/+3LqYdlQyEA==", EncodingBase64Hex, "not 32 hexadecimal"},
		{"unknown encoding", "ASNFZ4mrze/+3LqYdlQyEA==", "rot13", "key_encoding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Key(bridge.Secret(tt.secret), tt.encoding)
			require.ErrorContains(t, err, tt.message)
			if text := strings.TrimSpace(tt.secret); text != "" {
				assert.NotContains(t, err.Error(), text)
			}
		})
	}
}

func TestKeyTakesWhatCopyingAddsAround(t *testing.T) {
	for _, secret := range []string{"\ufeffASNFZ4mrze/+3LqYdlQyEA==", "\u3000ASNFZ4mrze/+3LqYdlQyEA==\u200b\t", "0123456789ABCDEFFEDCBA9876543210"} {
		key, err := Key(bridge.Secret(secret), EncodingAuto)
		require.NoError(t, err)
		assert.Equal(t, "0123456789abcdeffedcba9876543210", hex.EncodeToString(key))
	}
}

func TestKeyWarning(t *testing.T) {
	assert.NotEmpty(t, KeyWarning(make([]byte, 16)))
	assert.Empty(t, KeyWarning([]byte("0123456789abcdef")))
}
