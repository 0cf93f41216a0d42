package pusher

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"talkbridge/internal/bridge"
)

// keySize is the length of an SM4 key in bytes (GB/T 32907-2016).
const keySize = 16

// The ways a client_secret can hold the key, as platform.key_encoding names them.
const (
	EncodingAuto      = "auto"       // 32 hexadecimal characters, Base64 of 16 bytes, or Base64 of 32 hexadecimal characters
	EncodingBase64    = "base64"     // Base64 of 16 bytes
	EncodingBase64Hex = "base64-hex" // Base64 of 32 hexadecimal characters
	EncodingHex       = "hex"        // 32 hexadecimal characters
)

// Key reads the SM4 key that a client_secret holds: exactly 16 bytes, or an error that says what was found. The secret is never
// cut and never padded: a key made to fit decrypts nothing at the platform, and the error would show up there, as a riddle.
func Key(secret bridge.Secret, encoding string) ([]byte, error) {
	text := trimSecret(secret)
	if text == "" {
		return nil, errors.New("client_secret is empty: set it to the secret that the platform issued")
	}
	switch encoding {
	case EncodingHex:
		return hexKey(text)
	case EncodingBase64:
		return base64Key(text)
	case EncodingBase64Hex:
		return base64HexKey(text)
	case EncodingAuto, "":
		return autoKey(text)
	default:
		return nil, fmt.Errorf("key_encoding %q is unknown: use auto, base64, base64-hex or hex", encoding)
	}
}

// KeyWarning says what is odd about a key that is nevertheless usable; it is empty for most keys.
func KeyWarning(key []byte) string {
	for _, b := range key {
		if b != key[0] {
			return ""
		}
	}
	return "the SM4 key in client_secret is one byte repeated (all zeros, say): nobody issues such a key, ask the platform for the real one"
}

// autoKey tries hexadecimal first: 32 hexadecimal characters are valid Base64 too, of 24 bytes that are no key.
func autoKey(text string) ([]byte, error) {
	if isHex(text) {
		return hexKey(text)
	}
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	if isHex(string(raw)) {
		return hexKey(string(raw))
	}
	return sized(raw)
}

func hexKey(text string) ([]byte, error) {
	key, err := hex.DecodeString(text)
	if err != nil { // hex's own error quotes a character of the secret
		return nil, fmt.Errorf("client_secret is not hexadecimal (%d characters): set key_encoding: auto, or check the secret",
			len([]rune(text)))
	}
	return sized(key)
}

func base64Key(text string) ([]byte, error) {
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	return sized(raw)
}

func base64HexKey(text string) ([]byte, error) {
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	if !isHex(string(raw)) {
		return nil, fmt.Errorf("client_secret decodes to %d bytes that are not 32 hexadecimal characters: set key_encoding: auto or base64, "+
			"or check the secret", len(raw))
	}
	return hexKey(string(raw))
}

func sized(key []byte) ([]byte, error) {
	if len(key) == keySize {
		return key, nil
	}
	hint := "check that the secret was copied whole"
	if len(key) == 2*keySize {
		hint = "is it 32 hexadecimal characters inside Base64? then one of them is damaged"
	}
	return nil, fmt.Errorf("client_secret gives key length %d, an SM4 key has exactly 16 bytes: %s, and key_encoding (auto, base64, "+
		"base64-hex, hex)", len(key), hint)
}

// decodeBase64 reads standard or URL-safe Base64, padded or not, and nothing looser: decoders that skip what they cannot read
// make a wrong key of a wrong text.
func decodeBase64(text string) ([]byte, error) {
	characters := len([]rune(text))
	bare := strings.TrimRight(text, "=")
	padding := len(text) - len(bare)
	bare = urlSafe.Replace(bare)
	if strings.ContainsFunc(bare, func(r rune) bool { return !isBase64(r) }) {
		return nil, fmt.Errorf("client_secret is not Base64 (%d characters, one of them or more outside its alphabet): check the secret, "+
			"or set key_encoding", characters)
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(bare)
	if err != nil || padding != 0 && (len(bare)+padding)%4 != 0 || padding > 2 {
		return nil, fmt.Errorf("client_secret is not Base64 as any encoder writes it (%d characters): it was probably not copied whole",
			characters)
	}
	return raw, nil
}

//nolint:gochecknoglobals // immutable table
var urlSafe = strings.NewReplacer("-", "+", "_", "/")

func isBase64(r rune) bool {
	return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/'
}

func isHex(text string) bool {
	if len(text) != 2*keySize {
		return false
	}
	_, err := hex.DecodeString(text)
	return err == nil
}

// trimSecret takes off what copying adds around a secret: white space, a byte order mark, zero-width spaces.
func trimSecret(secret bridge.Secret) string {
	return strings.TrimFunc(secret.Reveal(), func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// decodedSecret is the client_secret after one Base64 decoding, for platforms that want it so in the token request. A secret that
// is hexadecimal is not Base64 to begin with and stays as it is.
func decodedSecret(secret bridge.Secret, encoding string) (string, error) {
	text := trimSecret(secret)
	if encoding == EncodingHex || encoding != EncodingBase64 && encoding != EncodingBase64Hex && isHex(text) {
		return text, nil
	}
	raw, err := decodeBase64(text)
	return string(raw), err
}
