package pusher

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// A TokenCache keeps the token for all processes of one bridge, and lets one of them fetch at a time.
type TokenCache interface {
	Token(ctx context.Context) (bridge.Token, bool, error)
	SaveToken(ctx context.Context, token bridge.Token) error
	// DropToken removes the token if it is still this one.
	DropToken(ctx context.Context, value bridge.Secret) error
	LockToken(ctx context.Context, owner string, ttl time.Duration) (bool, error)
	UnlockToken(ctx context.Context, owner string) error
}

// A TokenSource gives the token for a call: from memory, from the cache, or fetched. Over all processes one fetch runs at a time,
// because some platforms void the old token at each fetch, and two fetchers would void each other's for ever. It is safe for
// concurrent use.
type TokenSource struct {
	request *tokenRequest
	dialect Dialect
	http    *http.Client
	timeout time.Duration
	cache   TokenCache
	redact  redactor
	log     *zap.Logger
	expiry  prometheus.Gauge
	owner   string
	account string        // see bridge.Token
	flight  chan struct{} // holds one element while somebody in this process looks beyond memory

	mu       sync.Mutex   // guards what follows
	current  bridge.Token // zero: none
	failure  error        // of the last fetch; handed out until coolUntil, so that a refusal is not asked for again at once
	cooldown time.Duration
	coolTill time.Time
}

// How long a failed fetch is remembered: at first, and at most.
const (
	firstCooldown = 500 * time.Millisecond
	maxCooldown   = 30 * time.Second
)

// lockPoll is how often a process looks whether another one has fetched the token by now.
const lockPoll = 100 * time.Millisecond

// Token gives a token that should be good for a call just now. It waits for a fetch that is under way.
func (s *TokenSource) Token(ctx context.Context) (bridge.Token, error) {
	if token, err, ok := s.remembered(); ok {
		return token, err
	}
	select {
	case s.flight <- struct{}{}:
		defer func() { <-s.flight }()
	case <-ctx.Done():
		return bridge.Token{}, fmt.Errorf("wait for the token: %w", context.Cause(ctx))
	}
	if token, err, ok := s.remembered(); ok { // somebody else was here while we waited
		return token, err
	}
	return s.obtain(ctx)
}

// Refresh drops the token that is in use and fetches another at once, whatever failed before.
func (s *TokenSource) Refresh(ctx context.Context) (bridge.Token, error) {
	cached, ok, err := s.cache.Token(ctx)
	if err != nil {
		return bridge.Token{}, fmt.Errorf("read the cached token: %w", err)
	}
	if ok {
		if err := s.Drop(ctx, cached); err != nil {
			return bridge.Token{}, err
		}
	}
	s.mu.Lock()
	s.current, s.failure = bridge.Token{}, nil
	s.mu.Unlock()
	return s.Token(ctx)
}

// Account names the address and the credentials that tokens are asked for with; see bridge.Token.
func (s *TokenSource) Account() string { return s.account }

// Drop forgets a token that the platform refused: here and in the cache, and only if it is still the one in use. A caller that
// was slow to fail must not throw away its successor.
func (s *TokenSource) Drop(ctx context.Context, refused bridge.Token) error {
	s.mu.Lock()
	if s.current.Value == refused.Value {
		s.current = bridge.Token{}
	}
	s.mu.Unlock()
	if err := s.cache.DropToken(ctx, refused.Value); err != nil {
		return fmt.Errorf("drop the refused token: %w", err)
	}
	return nil
}

// authorize puts the token on a call.
func (s *TokenSource) authorize(header http.Header, token bridge.Token) {
	header.Set(s.dialect.Header, strings.ReplaceAll(s.dialect.Format, tokenPlace, token.Value.Reveal()))
}

// remembered is what memory can answer: a token that is good, or a failure that is fresh.
func (s *TokenSource) remembered() (bridge.Token, error, bool) { //nolint:revive // the error is part of the answer
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.usable(s.current):
		return s.current, nil, true
	case s.failure != nil && time.Now().Before(s.coolTill):
		return bridge.Token{}, s.failure, true
	default:
		return bridge.Token{}, nil, false
	}
}

func (s *TokenSource) usable(t bridge.Token) bool {
	if t.Value == "" {
		return false
	}
	return time.Now().Before(t.ExpiresAt.Add(-ahead(t.ExpiresAt.Sub(t.FetchedAt), s.dialect.Skew)))
}

// obtain looks into the cache, and fetches under the lock of all processes. Only one goroutine of this process is in here.
func (s *TokenSource) obtain(ctx context.Context) (bridge.Token, error) {
	for {
		if token, ok, err := s.cached(ctx); ok || err != nil {
			return token, err
		}
		// The lock outlasts the longest fetch, so that it is free for another process only when ours is over.
		locked, err := s.cache.LockToken(ctx, s.owner, s.timeout+5*time.Second)
		if err != nil {
			return bridge.Token{}, fmt.Errorf("lock the token: %w", err)
		}
		if locked {
			return s.obtainLocked(ctx)
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return bridge.Token{}, fmt.Errorf("wait for the token that another process fetches: %w", context.Cause(ctx))
		}
	}
}

func (s *TokenSource) obtainLocked(ctx context.Context) (bridge.Token, error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.cache.UnlockToken(ctx, s.owner); err != nil {
			s.log.Warn("cannot unlock the token; others wait until the lock ends by itself", zap.Error(err))
		}
	}()
	if token, ok, err := s.cached(ctx); ok || err != nil { // fetched by another process just before the lock was ours
		return token, err
	}
	token, err := s.fetch(ctx)
	if err != nil {
		s.remember(ctx, err)
		return bridge.Token{}, err
	}
	token.Account = s.account
	if err := s.cache.SaveToken(ctx, token); err != nil {
		s.log.Warn("cannot save the token; this process goes on with it, others fetch their own", zap.Error(err))
	}
	s.keep(token)
	return token, nil
}

func (s *TokenSource) cached(ctx context.Context) (bridge.Token, bool, error) {
	token, ok, err := s.cache.Token(ctx)
	if err != nil {
		return bridge.Token{}, false, fmt.Errorf("read the cached token: %w", err)
	}
	// A token of other credentials is none: after the secret was changed, data under the new key must not go out under the old token.
	if !ok || token.Account != s.account || !s.usable(token) {
		return bridge.Token{}, false, nil
	}
	s.keep(token)
	return token, true, nil
}

func (s *TokenSource) keep(token bridge.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.failure, s.cooldown = token, nil, 0
	s.expiry.Set(float64(token.ExpiresAt.Unix()))
}

// remember keeps a failure for a while. One that our own caller's end brought about says nothing about the platform.
func (s *TokenSource) remember(ctx context.Context, failure error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cooldown = min(max(2*s.cooldown, firstCooldown), maxCooldown)
	s.failure, s.coolTill = failure, time.Now().Add(s.cooldown)
}

// fetch asks the platform for a token.
func (s *TokenSource) fetch(ctx context.Context) (bridge.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := s.request.build(ctx)
	if err != nil {
		return bridge.Token{}, err
	}
	started := time.Now() // a lifetime counts from before the request: never later than the platform's own count
	r, _, err := exchange(ctx, s.http, req)
	if err != nil {
		reason := s.redact.failure(err, nil)
		if errors.Is(err, context.DeadlineExceeded) {
			reason = fmt.Sprintf("no answer within %v", s.timeout)
		}
		return bridge.Token{}, &TokenError{reason: reason + " from " + bareURL(s.request.url)}
	}
	if r.status >= 300 && r.status <= 399 {
		return bridge.Token{}, &TokenError{Refused: true, Status: r.status, reason: redirected(r)}
	}
	if !r.whole {
		r.body = nil // what goes on without end is no answer, whatever it begins with
	}
	token, err := s.dialect.readToken(r.status, r.body, started, s.redact)
	if err != nil {
		return bridge.Token{}, err
	}
	s.log.Debug("token fetched", zap.Time("expires_at", token.ExpiresAt))
	return token, nil
}

func newOwner() string { return rand.Text() }

// accountOf names an account without telling its secret to whoever has the digest only.
func accountOf(address string, id, secret bridge.Secret) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(address + "\x00" + id.Reveal()))
	return hex.EncodeToString(mac.Sum(nil))
}
