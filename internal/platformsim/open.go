package platformsim

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm4"
)

const blockSize = 16

// readKey takes the SM4 key out of a client_secret.
func readKey(secret string) ([]byte, error) {
	if key, err := hex.DecodeString(secret); err == nil && len(key) == blockSize {
		return key, nil
	}
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, errNoKey
	}
	if key, err := hex.DecodeString(string(raw)); err == nil {
		raw = key
	}
	if len(raw) != blockSize {
		return nil, errNoKey
	}
	return raw, nil
}

// What is wrong with sealed data. Each reads as such platforms put it.
var (
	errNotBase64 = errors.New("数据不是标准BASE64编码")
	errBlocks    = errors.New("密文长度不是16字节的整数倍")
	errPadding   = errors.New("数据解密失败")
)

// openSealed decrypts as the platform's Java does: java.util.Base64's basic decoder, which takes no line breaks and no URL-safe
// characters, then SM4/ECB/PKCS5Padding, block by block.
func openSealed(key []byte, sealed string) ([]byte, error) {
	for i := range len(sealed) {
		if sealed[i] == '\r' || sealed[i] == '\n' { // Go's decoder skips these
			return nil, errNotBase64
		}
	}
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, errNotBase64
	}
	if len(data) == 0 || len(data)%blockSize != 0 {
		return nil, errBlocks
	}
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	for i := 0; i < len(data); i += blockSize {
		block.Decrypt(data[i:i+blockSize], data[i:i+blockSize])
	}
	pad := int(data[len(data)-1])
	if pad < 1 || pad > blockSize {
		return nil, errPadding
	}
	for _, b := range data[len(data)-pad:] {
		if int(b) != pad {
			return nil, errPadding
		}
	}
	return data[:len(data)-pad], nil
}
