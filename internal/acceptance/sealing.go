package acceptance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"talkbridge/internal/fixture"
	"talkbridge/pusher"
)

// A vector is a published plaintext, its key and its ciphertext.
type vector struct {
	name       string
	key        []byte
	plain      []byte
	ciphertext string // Base64
}

// vectors reads the published ones.
func vectors() (out []vector, refused []vector, err error) {
	var file struct {
		Keys map[string]struct {
			Hex string `json:"hex"`
		} `json:"keys"`
		Encrypt []struct {
			Name, Key  string
			Plain      *string `json:"plaintext_utf8"`
			Ciphertext string  `json:"ciphertext_base64"`
		} `json:"encrypt"`
		Negative []struct {
			Name, Key  string
			Ciphertext string `json:"ciphertext_base64"`
		} `json:"decrypt_negative"`
	}
	if err := json.Unmarshal(fixture.SM4Vectors, &file); err != nil {
		return nil, nil, fmt.Errorf("read the published vectors: %w", err)
	}
	for _, v := range file.Encrypt {
		key, err := hex.DecodeString(file.Keys[v.Key].Hex)
		if err != nil {
			return nil, nil, fmt.Errorf("read the published vectors: %w", err)
		}
		if v.Plain != nil {
			out = append(out, vector{v.Name, key, []byte(*v.Plain), v.Ciphertext})
		}
	}
	for _, v := range file.Negative {
		key, err := hex.DecodeString(v.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("read the published vectors: %w", err)
		}
		refused = append(refused, vector{v.Name, key, nil, v.Ciphertext})
	}
	return out, refused, nil
}

func vectorsCase(_ context.Context, t *trial) error {
	good, bad, err := vectors()
	if err != nil {
		return err
	}
	sealed, opened, refused := 0, 0, 0
	for _, v := range good {
		s, err := pusher.NewSealer(v.key)
		if err != nil {
			return err
		}
		if s.Seal(v.plain) == v.ciphertext {
			sealed++
		}
		if plain, err := s.Open(v.ciphertext); err == nil && bytes.Equal(plain, v.plain) {
			opened++
		}
	}
	for _, v := range bad {
		s, err := pusher.NewSealer(v.key)
		if err != nil {
			return err
		}
		if _, err := s.Open(v.ciphertext); err != nil {
			refused++
		}
	}
	if err := t.equal("加密结果与公开向量（8 种实现一致）相同", fmt.Sprintf("%d 个", len(good)), fmt.Sprintf("%d 个", sealed)); err != nil {
		return err
	}
	if err := t.equal("解密结果与公开向量相同", fmt.Sprintf("%d 个", len(good)), fmt.Sprintf("%d 个", opened)); err != nil {
		return err
	}
	return t.equal("密钥错误或密文残缺时拒绝解密", fmt.Sprintf("%d 个", len(bad)), fmt.Sprintf("%d 个", refused))
}

// opensslCase lets somebody else's code encrypt the same, and decrypt what really went over the wire. On a stand the key is drawn for
// this run; elsewhere only published keys are used, because a command line is seen by everybody on the machine.
func opensslCase(ctx context.Context, t *trial) error {
	version := opensslVersion(ctx)
	if version == "" {
		return notHereError("本机没有带 SM4 的 OpenSSL（1.1.1 及以上），未做独立核验；装上后重新执行即可")
	}
	t.did("独立实现：%s,enc -sm4-ecb", version)
	good, _, err := vectors()
	if err != nil {
		return err
	}
	same := 0
	for _, v := range good {
		out, err := openssl(ctx, v.plain, "-e", v.key)
		if err != nil {
			return err
		}
		s, err := pusher.NewSealer(v.key)
		if err != nil {
			return err
		}
		if base64.StdEncoding.EncodeToString(out) == s.Seal(v.plain) {
			same++
		}
	}
	if err := t.equal("同一明文同一密钥，两种实现的密文相同", fmt.Sprintf("%d 个", len(good)), fmt.Sprintf("%d 个", same)); err != nil || t.stand == nil {
		return err
	}
	return t.openWire(ctx)
}

// openWire decrypts the last request for a record with OpenSSL and compares it with what the platform read.
func (t *trial) openWire(ctx context.Context) error {
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	r, err := t.arrives(ctx, "one/"+key, 1)
	if err != nil {
		return err
	}
	secret, err := t.stand.key()
	if err != nil {
		return err
	}
	for _, c := range t.stand.platform.noted(func(c call) bool { return strings.HasSuffix(c.path, "/talk-record/one") }) {
		var body struct {
			Data []byte `json:"data"` // encoding/json reads Base64
		}
		if json.Unmarshal(c.body, &body) != nil {
			continue
		}
		if plain, err := openssl(ctx, body.Data, "-d", secret); err == nil && bytes.Equal(plain, r.Payload) {
			return t.check("用 OpenSSL 解密线路上的 data", "与平台所得逐字节相同", fmt.Sprintf("相同，%d 字节", len(plain)), true)
		}
	}
	return t.check("用 OpenSSL 解密线路上的 data", "与平台所得逐字节相同", "没有一个请求相同", false)
}

// openssl runs the cipher: -e or -d.
func openssl(ctx context.Context, in []byte, way string, key []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "openssl", "enc", "-sm4-ecb", way, "-K", hex.EncodeToString(key)) //nolint:gosec // a fixed program
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("openssl: %w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("openssl: %w", err)
	}
	return out, nil
}

// opensslVersion names the OpenSSL of this machine, if it has SM4.
func opensslVersion(ctx context.Context) string {
	key := make([]byte, 16)
	if _, err := openssl(ctx, []byte("talkbridge"), "-e", key); err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, "openssl", "version").Output()
	if err != nil {
		return ""
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(out)), " (")
	return version
}
