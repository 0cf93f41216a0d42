package pusher_test

import (
	"bytes"
	"slices"
	"testing"

	"talkbridge/pusher"

	smcipher "github.com/emmansun/gmsm/cipher"
	"github.com/emmansun/gmsm/padding"
	"github.com/emmansun/gmsm/sm4"
	"github.com/stretchr/testify/require"
)

// BenchmarkSeal seals a payload of 2 KB, beside the cipher alone.
func BenchmarkSeal(b *testing.B) {
	key, text := []byte("0123456789abcdef"), bytes.Repeat([]byte("talk"), 512)
	b.Run("sealer", func(b *testing.B) {
		sealer, err := pusher.NewSealer(key)
		require.NoError(b, err)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			_ = sealer.Seal(text)
		}
	})
	b.Run("ecb", func(b *testing.B) {
		block, err := sm4.NewCipher(key)
		require.NoError(b, err)
		pad := padding.NewPKCS7Padding(sm4.BlockSize)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			padded := pad.Pad(slices.Clip(text))
			smcipher.NewECBEncrypter(block).CryptBlocks(padded, padded)
		}
	})
}
