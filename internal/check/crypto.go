package check

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
	"talkbridge/pusher"
)

// Crypto runs the published vectors through the code that seals, and looks at the key in client_secret.
func Crypto(secret bridge.Secret, keyEncoding string, stateKey bridge.Secret) []Item {
	items := []Item{vectorsItem()}
	key, err := pusher.Key(secret, keyEncoding)
	switch {
	case err != nil:
		wrong, fix := split(err.Error())
		items = append(items, Item{"crypto.key", Fail, "platform.client_secret holds no SM4 key", wrong, fix})
	case pusher.KeyWarning(key) != "":
		items = append(items, Item{"crypto.key", Warn, "the SM4 key in platform.client_secret is odd", pusher.KeyWarning(key), "ask the platform for the real secret"})
	case base64.StdEncoding.EncodeToString(key) == strings.TrimSpace(stateKey.Reveal()):
		items = append(items, Item{
			"crypto.key", Warn, "state.key is the platform's key", "the platform knows it, and it would open what is kept here",
			"head -c 16 /dev/urandom | base64   # a key of your own, before the first start",
		})
	default:
		items = append(items, pass("crypto.key", "platform.client_secret holds an SM4 key of 16 bytes"))
	}
	return items
}

func vectorsItem() Item {
	n, err := vectors(fixture.SM4Vectors)
	if err != nil {
		return Item{
			"crypto.vectors", Fail, "this build does not encrypt as the standard says", err.Error(),
			"do not use this build: get a released one and run talkbridge check again",
		}
	}
	return pass("crypto.vectors", fmt.Sprintf("SM4/ECB/PKCS5Padding agrees with %d published vectors (GB/T 32907)", n))
}

// vectorFile is what the published vectors look like, as far as they are used here.
type vectorFile struct {
	Standard []struct {
		Key, Plaintext, Ciphertext string
		Rounds                     int
	} `json:"gbt32907_2016"`
	Keys map[string]struct {
		Hex string `json:"hex"`
	} `json:"keys"`
	Encrypt []struct {
		Name, Key  string
		Plaintext  *string `json:"plaintext_utf8"`
		Ciphertext string  `json:"ciphertext_base64"`
	} `json:"encrypt"`
	Negative []struct {
		Name, Key  string
		Ciphertext string `json:"ciphertext_base64"`
	} `json:"decrypt_negative"`
}

// vectors runs them and gives how many there were.
func vectors(text []byte) (n int, err error) {
	var file vectorFile
	if err := json.Unmarshal(text, &file); err != nil {
		return 0, fmt.Errorf("read the vectors: %w", err)
	}
	for _, v := range file.Standard {
		if v.Rounds != 1 {
			continue // a million rounds belong in a test
		}
		if err := standardVector(v.Key, v.Plaintext, v.Ciphertext); err != nil {
			return n, err
		}
		n++
	}
	for _, v := range file.Encrypt {
		if v.Plaintext == nil || v.Ciphertext == "" {
			continue // too long to be written out
		}
		if err := sealVector(file.Keys[v.Key].Hex, *v.Plaintext, v.Ciphertext); err != nil {
			return n, fmt.Errorf("vector %s: %w", v.Name, err)
		}
		n++
	}
	for _, v := range file.Negative {
		sealer, err := sealerOf(v.Key)
		if err != nil {
			return n, err
		}
		if _, err := sealer.Open(v.Ciphertext); err == nil {
			return n, fmt.Errorf("vector %s opens, and should not", v.Name)
		}
		n++
	}
	if n == 0 {
		return 0, errors.New("there are no vectors in this build")
	}
	return n, nil
}

// standardVector compares one block; what follows it is padding.
func standardVector(key, plaintext, ciphertext string) error {
	sealer, err := sealerOf(key)
	if err != nil {
		return err
	}
	plain, err := hex.DecodeString(plaintext)
	if err != nil {
		return fmt.Errorf("read the vectors: %w", err)
	}
	sealed, err := base64.StdEncoding.DecodeString(sealer.Seal(plain))
	if err != nil || len(sealed) < len(plain) || hex.EncodeToString(sealed[:len(plain)]) != ciphertext {
		return errors.New("the example of GB/T 32907-2016, annex A.1, gives another ciphertext")
	}
	return nil
}

func sealVector(key, plaintext, ciphertext string) error {
	sealer, err := sealerOf(key)
	if err != nil {
		return err
	}
	if sealer.Seal([]byte(plaintext)) != ciphertext {
		return errors.New("another ciphertext")
	}
	opened, err := sealer.Open(ciphertext)
	if err != nil || string(opened) != plaintext {
		return errors.New("it does not open again")
	}
	return nil
}

func sealerOf(key string) (*pusher.Sealer, error) {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("read the vectors: %w", err)
	}
	return pusher.NewSealer(raw)
}
