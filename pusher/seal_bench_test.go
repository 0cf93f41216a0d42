package pusher

import (
	"bytes"
	"encoding/base64"
	"testing"

	smcipher "github.com/emmansun/gmsm/cipher"
	"github.com/emmansun/gmsm/sm4"
)

// The sizes of talk records: a short note, an ordinary record, a long one.
var sealSizes = map[string]int{"200B": 200, "2KB": 2048, "20KB": 20 << 10}

// BenchmarkSeal is sealing for the platform; its parts beside it are what it cannot be faster than: gmsm's own ECB, and the standard
// library's Base64 of as much.
func BenchmarkSeal(b *testing.B) {
	key := bytes.Repeat([]byte{7}, 16)
	block, err := sm4.NewCipher(key)
	if err != nil {
		b.Fatal(err)
	}
	sealer, err := NewSealer(key)
	if err != nil {
		b.Fatal(err)
	}
	for name, size := range sealSizes {
		plain := bytes.Repeat([]byte("谈"), size/3+1)[:size]
		b.Run("seal/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				sealer.Seal(plain)
			}
		})
		b.Run("gmsm ecb/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			buf := make([]byte, size/16*16+16)
			for b.Loop() {
				smcipher.NewECBEncrypter(block).CryptBlocks(buf, buf)
			}
		})
		b.Run("base64/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			buf := make([]byte, size/16*16+16)
			for b.Loop() {
				_ = base64.StdEncoding.EncodeToString(buf)
			}
		})
	}
}
