package platformsim

import (
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// tokens are those that are good.
type tokens struct {
	ttl   time.Duration
	voids bool // a new one voids the others

	mu      sync.Mutex // guards what follows
	good    map[string]time.Time
	issued  int
	refused int
}

func newTokens(ttl, dialectTTL time.Duration, voids bool) *tokens {
	if ttl <= 0 {
		ttl = dialectTTL
	}
	return &tokens{ttl: ttl, voids: voids, good: map[string]time.Time{}}
}

func (t *tokens) issue() (value string, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for old, end := range t.good {
		if t.voids || now.After(end) {
			delete(t.good, old)
		}
	}
	value, until = newTokenValue(), now.Add(t.ttl)
	t.good[value] = until
	t.issued++
	return value, until
}

func (t *tokens) valid(value string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.good[value]
	return ok && time.Now().Before(until)
}

func (t *tokens) refuse() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused++
}

func (t *tokens) figures() (issued, refused int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.issued, t.refused
}

// VoidTokens makes every token bad that was given out so far.
func (s *Sim) VoidTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.good)
}

// handleToken gives out a token in the dialect's way.
func (s *Sim) handleToken(w http.ResponseWriter, r *http.Request) {
	if ending := s.suffer(r, s.faults.fire(endpointToken, "")); ending != nil {
		if ending.Apply {
			s.tokens.issue()
		}
		s.perform(w, r, ending)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	if err := s.identify(r); err != nil {
		s.tokens.refuse()
		s.dialect.refuse(w, err)
		return
	}
	value, until := s.tokens.issue()
	writeJSON(w, http.StatusOK, s.dialect.answer(value, s.tokens.ttl, until))
}

// identify finds out whether a token request comes from the one account that is known.
func (s *Sim) identify(r *http.Request) error {
	var id string
	secret := s.options.ClientSecret
	var err error
	if s.dialect.signed != nil {
		id, err = s.dialect.signed(r, secret)
	} else {
		id, secret, err = s.dialect.credentials(r)
	}
	known := subtle.ConstantTimeCompare([]byte(id), []byte(s.options.ClientID))&
		subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.ClientSecret)) == 1
	if err == nil && !known {
		err = errBadClient
	}
	return err
}

// Why a token is refused.
var (
	errBadClient = errors.New("invalid_client")
	errBadGrant  = errors.New("unsupported_grant_type")
	errBadForm   = errors.New("invalid_request")
)

// formBody reads a form from the body alone: Spring Authorization Server does not look at the query.
func formBody(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errBadForm
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errBadForm
	}
	return values, nil
}

// formField is one field of a form.
func formField(form, name string) (string, error) {
	values, err := url.ParseQuery(form)
	if err != nil || !values.Has(name) {
		return "", errors.New("表单应含有" + name + "字段")
	}
	return values.Get(name), nil
}
