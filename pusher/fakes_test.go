package pusher

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/require"
)

// The key of the vectors: its Base64 has + / = in it.
const (
	testID     = "college+1/a=b"
	testSecret = "ASNFZ4mrze/+3LqYdlQyEA=="
)

// memoryCache is a TokenCache as a store offers it, shared by the "processes" of a test.
type memoryCache struct {
	mu    sync.Mutex // guards what follows
	token bridge.Token
	owner string
	until time.Time
	drops int
	fail  error
}

func (c *memoryCache) Token(context.Context) (bridge.Token, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token, c.token.Value != "", c.fail
}

func (c *memoryCache) SaveToken(_ context.Context, token bridge.Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	return c.fail
}

func (c *memoryCache) DropToken(_ context.Context, value bridge.Secret) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Value == value {
		c.token = bridge.Token{}
		c.drops++
	}
	return c.fail
}

func (c *memoryCache) LockToken(_ context.Context, owner string, ttl time.Duration) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner != "" && c.owner != owner && time.Now().Before(c.until) {
		return false, c.fail
	}
	c.owner, c.until = owner, time.Now().Add(ttl)
	return true, c.fail
}

func (c *memoryCache) UnlockToken(_ context.Context, owner string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner == owner {
		c.owner = ""
	}
	return c.fail
}

// testOptions are those of the example configuration, against a platform at baseURL.
func testOptions(baseURL string) Options {
	return Options{
		BaseURL: baseURL, ClientID: testID, ClientSecret: testSecret, Timeout: 5 * time.Second,
		Token:    Dialect{Skew: 30 * time.Second},
		Response: exampleRules(),
		Cache:    &memoryCache{},
	}
}

func newTestClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var errLeaseLost = errors.New("lease lost")

// memoryOutbox is an Outbox that checks its callers: it knows who holds what, and until when.
type memoryOutbox struct {
	mu       sync.Mutex // guards what follows
	records  map[string]*outboxRecord
	order    []string
	leases   int
	fail     error // of every call
	calls    int   // of Lease and NextDue
	settled  []bridge.Settlement
	released []string
	wake     chan struct{}
	expected int // by the last Expect
}

type outboxRecord struct {
	change   bridge.Change
	due      time.Time
	token    string
	attempts int
	seq      uint64
	final    bridge.Verdict
	ttl      time.Duration
}

func newMemoryOutbox() *memoryOutbox {
	return &memoryOutbox{records: map[string]*outboxRecord{}, wake: make(chan struct{}, 1)}
}

func (o *memoryOutbox) submit(changes ...bridge.Change) {
	o.mu.Lock()
	for _, c := range changes {
		r := o.records[c.ID()]
		if r == nil {
			r = &outboxRecord{}
			o.records[c.ID()] = r
			o.order = append(o.order, c.ID())
		}
		r.seq++
		r.change, r.final = c, ""
		if r.token == "" {
			r.due = time.Now()
		}
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *memoryOutbox) Lease(_ context.Context, n int, ttl time.Duration) ([]bridge.Lease, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	if o.fail != nil {
		return nil, o.fail
	}
	var leases []bridge.Lease
	for _, id := range o.order {
		r := o.records[id]
		if len(leases) == n {
			break
		}
		if r.final != "" || r.due.After(time.Now()) {
			continue
		}
		o.leases++
		r.token, r.due, r.ttl = string(rune('a'+o.leases%26))+id, time.Now().Add(ttl), ttl
		leases = append(leases, bridge.Lease{ID: id, Token: r.token, Seq: r.seq, Change: r.change, Attempts: r.attempts, Until: r.due})
	}
	return leases, nil
}

func (o *memoryOutbox) Settle(_ context.Context, l bridge.Lease, s bridge.Settlement) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	r := o.records[l.ID]
	if r.token != l.Token {
		return errLeaseLost
	}
	o.settled = append(o.settled, s)
	r.token = ""
	switch {
	case r.seq != l.Seq:
		r.due = time.Now()
	case s.Verdict == bridge.VerdictRetry:
		r.attempts++
		r.due = time.Now().Add(s.After)
	default:
		r.final = s.Verdict
	}
	return nil
}

func (o *memoryOutbox) Release(_ context.Context, l bridge.Lease) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.records[l.ID]
	if r.token != l.Token {
		return errLeaseLost
	}
	r.token, r.due = "", time.Now()
	o.released = append(o.released, l.ID)
	return o.fail
}

// Expect implements Outbox. It only notes what is expected: leases are quick here.
func (o *memoryOutbox) Expect(_ context.Context, n int, _ time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expected = n
	return o.fail
}

func (o *memoryOutbox) NextDue(context.Context) (time.Duration, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	next, ok := time.Duration(0), false
	for _, r := range o.records {
		if r.final != "" {
			continue
		}
		if wait := max(time.Until(r.due), 0); !ok || wait < next {
			next, ok = wait, true
		}
	}
	return next, ok, o.fail
}

func (o *memoryOutbox) Wake() <-chan struct{} { return o.wake }

// verdict is how a record ended; empty while it has not.
func (o *memoryOutbox) verdict(id string) bridge.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.records[id]; r != nil {
		return r.final
	}
	return ""
}

func (o *memoryOutbox) settlements() []bridge.Settlement {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]bridge.Settlement(nil), o.settled...)
}

func (o *memoryOutbox) breakDown(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

// asked is how often the outbox was asked for work.
func (o *memoryOutbox) asked() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

// attempts is how many failed attempts are counted, over all records.
func (o *memoryOutbox) attempts() (sum int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.records {
		sum += r.attempts
	}
	return sum
}

func (o *memoryOutbox) givenBack() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.released...)
}

// mapperFunc is a Mapper.
type mapperFunc func(ctx context.Context, c bridge.Change) ([]byte, []bridge.Problem, error)

func (f mapperFunc) Map(ctx context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
	return f(ctx, c)
}

// pusherFunc is a Pusher.
type pusherFunc func(ctx context.Context, endpoint string, payload []byte) Result

func (f pusherFunc) Push(ctx context.Context, endpoint string, payload []byte) Result {
	return f(ctx, endpoint, payload)
}

// writebackFunc is a Writeback.
type writebackFunc func(ctx context.Context, c bridge.Change, s bridge.Settlement) error

func (f writebackFunc) Write(ctx context.Context, c bridge.Change, s bridge.Settlement) error {
	return f(ctx, c, s)
}

// signedIn is a client that has a token already, good for an hour.
func signedIn(t *testing.T, o Options) *Client {
	t.Helper()
	cache := &memoryCache{}
	o.Cache = cache
	c := newTestClient(t, o)
	cache.token = bridge.Token{Value: "fresh", Account: c.tokens.account, FetchedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	return c
}
