package pusher

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"

	"github.com/emmansun/base64"
	smcipher "github.com/emmansun/gmsm/cipher"
	"github.com/emmansun/gmsm/padding"
	"github.com/emmansun/gmsm/sm4"
)

// ErrNotSealed says that a text is not SM4/ECB/PKCS#7 under this key. It is one error for every way to fail: which check failed
// would tell a stranger about the plaintext (a padding oracle).
var ErrNotSealed = errors.New("not sealed under this key: wrong key, or not padded Base64 of SM4/ECB/PKCS5Padding")

// A Sealer encrypts payloads as the platform asks: SM4 in ECB mode with PKCS#7 padding (PKCS5Padding is its Java name), written as
// standard, padded Base64 in one line. ECB shows equal blocks as equal; the platform wants it, TLS around it hides that on the way.
// A Sealer is safe for concurrent use.
type Sealer struct {
	block   cipher.Block
	pad     padding.Padding
	scratch sync.Pool // of *[]byte
}

// NewSealer makes a Sealer for a key of 16 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key length %d: an SM4 key has exactly 16 bytes", len(key))
	}
	return &Sealer{block: block, pad: padding.NewPKCS7Padding(uint(block.BlockSize()))}, nil
}

// Seal encrypts plaintext; it does not alter it.
func (s *Sealer) Seal(plaintext []byte) string {
	scratch, ok := s.scratch.Get().(*[]byte)
	if !ok {
		scratch = new([]byte)
	}
	padded := s.pad.Pad(append((*scratch)[:0], plaintext...))
	smcipher.NewECBEncrypter(s.block).CryptBlocks(padded, padded)
	sealed := base64.StdEncoding.EncodeToString(padded)
	if *scratch = padded; cap(padded) <= largestScratch { // it holds ciphertext only
		s.scratch.Put(scratch)
	}
	return sealed
}

// largestScratch is what is kept for the next record. Talk records are a few kilobytes; one with a picture in it is not worth keeping.
const largestScratch = 64 << 10

// Open decrypts what Seal made. Its only error is ErrNotSealed.
func (s *Sealer) Open(sealed string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) == 0 || len(raw)%s.block.BlockSize() != 0 {
		return nil, ErrNotSealed
	}
	smcipher.NewECBDecrypter(s.block).CryptBlocks(raw, raw)
	plaintext, err := s.pad.ConstantTimeUnpad(raw)
	if err != nil {
		return nil, ErrNotSealed
	}
	return plaintext, nil
}
