package state

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"

	"talkbridge/internal/bridge"
)

// What a sealed text is for. It is part of what is authenticated.
const (
	purposeContent = "content"
	purposeToken   = "token"
	purposeCanary  = "canary"
)

const (
	sealVersion = 1
	nonceSize   = 12 // GB/T 36624 GCM, random: good for 2^32 texts under one key
	sealHead    = 1 + nonceSize
	printSize   = 16
	// sealOverhead is what a sealed text has behind it.
	sealOverhead = 16
)

var errSealBroken = errors.New("the sealed text cannot be opened: wrong key, moved or damaged")

// A sealer seals with SM4-GCM and digests with HMAC-SM3, under two keys that are derived from state.key (HKDF with SM3), so
// that what is in the open, the digests, says nothing of the sealing key.
//
// Invariant 8: row content at rest is sealed, and bound to its record: namespace, purpose and record id are authenticated with
// it, so that a sealed text that is moved to another record, or another bridge's namespace, does not open.
type sealer struct {
	namespace string
	aead      cipher.AEAD
	digestKey []byte
	macs      sync.Pool // of hash.Hash, under the digest key
}

const keyHelp = "make one with: head -c 16 /dev/urandom | base64"

// decodeKey takes state.key from its Base64.
func decodeKey(key bridge.Secret) ([]byte, error) {
	text := strings.TrimSpace(key.Reveal())
	if text == "" {
		return nil, errors.New("state.key: missing; " + keyHelp)
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("state.key: not Base64; " + keyHelp) // the decoder's own words may tell a bit of the key
	}
	if len(secret) != 16 {
		return nil, fmt.Errorf("state.key: must be Base64 of 16 bytes, these are %d; %s", len(secret), keyHelp)
	}
	return secret, nil
}

// DeriveKey derives a key of 32 bytes from state.key for one purpose (HKDF with SM3). It tells nothing of state.key, nor of the
// keys of other purposes.
func DeriveKey(key bridge.Secret, purpose string) ([]byte, error) {
	secret, err := decodeKey(key)
	if err != nil {
		return nil, err
	}
	derived, err := hkdf.Key(sm3.New, secret, nil, "talkbridge "+purpose, sm3.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", purpose, err)
	}
	return derived, nil
}

func newSealer(namespace string, key bridge.Secret) (*sealer, error) {
	secret, err := decodeKey(key)
	if err != nil {
		return nil, err
	}
	sealKey, err := hkdf.Key(sm3.New, secret, nil, "talkbridge state seal 1", 16)
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	digestKey, err := hkdf.Key(sm3.New, secret, nil, "talkbridge state digest 1", sm3.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the digest key: %w", err)
	}
	block, err := sm4.NewCipher(sealKey)
	if err != nil {
		return nil, fmt.Errorf("set up SM4: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up SM4-GCM: %w", err)
	}
	return &sealer{namespace: namespace, aead: aead, digestKey: digestKey}, nil
}

// seal gives version, nonce, ciphertext and tag.
func (s *sealer) seal(purpose, id string, plain []byte) ([]byte, error) {
	out := make([]byte, sealHead, sealHead+len(plain)+sealOverhead)
	return s.sealInPlace(purpose, id, append(out, plain...))
}

// sealInPlace is seal for a text that nobody needs any more, behind sealHead bytes: the sealed text takes the place of all.
func (s *sealer) sealInPlace(purpose, id string, text []byte) ([]byte, error) {
	text[0] = sealVersion
	nonce := text[1:sealHead:sealHead]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return s.aead.Seal(text[:sealHead], nonce, text[sealHead:], s.bound(purpose, id)), nil
}

// open gives the plain text of what seal made for the same purpose and record.
func (s *sealer) open(purpose, id string, sealed []byte) ([]byte, error) {
	return s.openTo(nil, purpose, id, sealed)
}

// openInPlace is open for a sealed text that nobody needs any more: the plain text takes its place.
func (s *sealer) openInPlace(purpose, id string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHead {
		return nil, errSealBroken
	}
	return s.openTo(sealed[sealHead:sealHead], purpose, id, sealed)
}

func (s *sealer) openTo(dst []byte, purpose, id string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHead || sealed[0] != sealVersion {
		return nil, errSealBroken
	}
	plain, err := s.aead.Open(dst, sealed[1:sealHead], sealed[sealHead:], s.bound(purpose, id))
	if err != nil {
		return nil, errSealBroken
	}
	return plain, nil
}

// bound is what a sealed text is bound to. Neither namespace nor purpose can hold a NUL, so no two read alike.
func (s *sealer) bound(purpose, id string) []byte {
	return []byte("talkbridge\x00" + s.namespace + "\x00" + purpose + "\x00" + id)
}

// digest is the keyed digest of a submission's columns in canonical form, bound to its record: the same columns give the same digest, and who
// has no key cannot try out contents against it, nor see that two records are alike.
func (s *sealer) digest(id string, columns []byte) []byte {
	h := s.keyed("columns", id)
	defer s.macs.Put(h)
	h.Write(columns)
	return h.Sum(nil)
}

// print is a short keyed digest of texts, to tell them apart.
func (s *sealer) print(texts ...string) []byte {
	h := s.keyed(texts...)
	defer s.macs.Put(h)
	return h.Sum(nil)[:printSize]
}

// keyed starts an HMAC with texts, each after its length. Whoever is done with it puts it back.
func (s *sealer) keyed(texts ...string) hash.Hash {
	h, ok := s.macs.Get().(hash.Hash)
	if ok {
		h.Reset()
	} else {
		h = hmac.New(sm3.New, s.digestKey)
	}
	for _, t := range texts {
		h.Write(binary.AppendUvarint(nil, uint64(len(t))))
		h.Write([]byte(t))
	}
	return h
}
