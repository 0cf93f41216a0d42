// Package control lets the command line act on a bridge that holds an embedded store: pause it, resume it, take its backup. The
// file has one owner, so what changes it has to be asked of that process (ADR 0008).
//
// A request proves that its sender has state.key, by a MAC under a key derived from it, and so does each answer. No password and
// no key crosses the connection; a request cannot be sent again by who overheard it; and only this machine is listened to.
package control

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// Path is where the handler belongs in the admin listener.
const Path = "/control/v1/"

const (
	purposeControl = "control 1"

	headerTime  = "Talkbridge-Time" // seconds since 1970
	headerNonce = "Talkbridge-Nonce"
	headerProof = "Talkbridge-Proof" // hex, of requests and of answers

	// tolerance is how far the clocks of command line and bridge, both on one machine, may differ.
	tolerance = time.Minute
)

// A Store is what can be asked for; *state.Store is one, and so is a Client.
type Store interface {
	Pause(ctx context.Context, reason string) (p state.Pause, changed bool, err error)
	Resume(ctx context.Context, force bool) (p state.Pause, changed bool, err error)
	Backup(ctx context.Context, w io.Writer, progress state.Progress) (state.Summary, error)
}

// A Signer makes and checks proofs. It may be used by several goroutines.
type Signer struct {
	key       []byte
	namespace string

	mu   sync.Mutex           // guards seen
	seen map[string]time.Time // nonces of requests that were accepted, as long as their time would still do
}

// NewSigner derives the key of proofs.
func NewSigner(key bridge.Secret, namespace string) (*Signer, error) {
	derived, err := state.DeriveKey(key, purposeControl)
	if err != nil {
		return nil, err
	}
	return &Signer{key: derived, namespace: namespace, seen: map[string]time.Time{}}, nil
}

// proof is a MAC over texts, each after its length, so that no two lists of texts read alike.
func (s *Signer) proof(texts ...string) string {
	h := hmac.New(sm3.New, s.key)
	for _, t := range append([]string{s.namespace}, texts...) {
		h.Write(binary.AppendUvarint(nil, uint64(len(t))))
		h.Write([]byte(t))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (s *Signer) requestProof(r *http.Request) string {
	return s.proof("request", r.Method, r.URL.RequestURI(), r.Header.Get(headerTime), r.Header.Get(headerNonce))
}

func (s *Signer) answerProof(nonce string, body []byte) string {
	return s.proof("answer", nonce, string(body))
}

// fresh notes a nonce; false: it was used before.
func (s *Signer) fresh(nonce string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, at := range s.seen {
		if now.Sub(at) > 2*tolerance {
			delete(s.seen, n)
		}
	}
	if _, used := s.seen[nonce]; used {
		return false
	}
	s.seen[nonce] = now
	return true
}
