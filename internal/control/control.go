// Package control lets the command line act on a bridge that holds an embedded store. The file has one owner, so what changes it has
// to be asked of that process (ADR 0008). What can be asked for are Operations: functions with a name, which take and give JSON and may
// tell how far they are. The same Operations run in the command's own process where it can open the store itself, so that there is one
// way to do each thing.
//
// A request proves that its sender has state.key, by a MAC under a key derived from it, and so does each line of the answer. No
// password and no key crosses the connection; a request cannot be sent again by who overheard it; and only this machine is listened to.
package control

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// Path is where the handler belongs in the admin listener.
const Path = "/control/v1/"

const (
	purposeControl = "control 2"

	headerTime  = "Talkbridge-Time" // seconds since 1970
	headerNonce = "Talkbridge-Nonce"
	headerProof = "Talkbridge-Proof" // hex

	// tolerance is how far the clocks of command line and bridge, both on one machine, may differ.
	tolerance = time.Minute
)

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

func (s *Signer) requestProof(r *http.Request, body []byte) string {
	return s.proof("request", r.Method, r.URL.RequestURI(), r.Header.Get(headerTime), r.Header.Get(headerNonce), string(body))
}

// lineProof is the proof of the nth line of the answer to the request with this nonce.
func (s *Signer) lineProof(nonce string, n int, text []byte) string {
	return s.proof("line", nonce, strconv.Itoa(n), string(text))
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
