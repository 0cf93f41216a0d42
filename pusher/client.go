package pusher

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Options of a Client.
type Options struct {
	BaseURL      string
	ClientID     bridge.Secret
	ClientSecret bridge.Secret
	KeyEncoding  string
	TLS          TLSOptions
	Proxy        string        // http, https or socks5 address; empty: the environment's
	Timeout      time.Duration // of one HTTP exchange
	Connections  int           // kept open for reuse; as many as calls are in flight
	Token        Dialect
	Request      Envelope
	Response     Rules
	Cache        TokenCache
	Logger       *zap.Logger           // nil: silent
	Registry     prometheus.Registerer // nil: no metrics
}

// A Client makes calls to the platform. It is safe for concurrent use.
type Client struct {
	baseURL  string
	sealer   *Sealer
	envelope Envelope
	rules    compiledRules
	tokens   *TokenSource
	http     *http.Client
	timeout  time.Duration
	redact   redactor
	warnings []string
}

// New makes a Client. All that is wrong with the options comes in one joined error. Nothing is sent.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	key, keyErr := Key(o.ClientSecret, o.KeyEncoding)
	rules, rulesErr := o.Response.compile()
	request, tokenErr := o.Token.prepare(o.BaseURL, o.ClientID, o.ClientSecret, o.KeyEncoding)
	httpClient, httpErr := newHTTPClient(o.TLS, o.Proxy, o.Connections)
	_, baseErr := join(o.BaseURL, "")
	metrics, metricsErr := newTokenMetrics(o.Registry)
	if err := errors.Join(prefixed("platform.base_url", baseErr), prefixed("platform", keyErr), prefixed("platform", o.checkID()),
		prefixed("platform", tokenErr), prefixed("platform", rulesErr), prefixed("platform.request", o.Request.check()),
		prefixed("platform", httpErr), metricsErr); err != nil {
		return nil, err
	}
	sealer, err := NewSealer(key)
	if err != nil {
		return nil, err
	}
	c := &Client{
		baseURL: o.BaseURL, sealer: sealer, envelope: o.Request, rules: rules, http: httpClient, timeout: o.Timeout,
		redact: newRedactor(trimSecret(o.ClientSecret), string(key)), warnings: o.warnings(key),
	}
	c.tokens = &TokenSource{
		request: request, dialect: request.dialect, http: httpClient, timeout: o.Timeout, cache: o.Cache, redact: c.redact,
		log: o.Logger, expiry: metrics, owner: newOwner(), account: accountOf(request.url, o.ClientID, o.ClientSecret), flight: make(chan struct{}, 1),
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Connections <= 0 {
		o.Connections = 8
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Request.Shape == "" {
		o.Request.Shape = EnvelopeJSON
	}
	if o.Request.DataField == "" {
		o.Request.DataField = "data"
	}
	return o
}

func (o Options) checkID() error {
	if strings.TrimSpace(o.ClientID.Reveal()) == "" {
		return errors.New("client_id is empty: set it to the account that the platform issued")
	}
	if o.Cache == nil {
		return errors.New("a client needs a token cache")
	}
	return nil
}

func (o Options) warnings(key []byte) []string {
	var warnings []string
	if w := KeyWarning(key); w != "" {
		warnings = append(warnings, w)
	}
	if u, err := url.Parse(o.BaseURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		warnings = append(warnings, "platform.base_url is http: the token and, block by block, the pattern of the data travel in the open; use https")
	}
	return warnings
}

// Warnings lists what is odd about the options though they can be worked with.
func (c *Client) Warnings() []string { return c.warnings }

// Tokens is the source of this client's token.
func (c *Client) Tokens() *TokenSource { return c.tokens }

// Sealer is the sealer under this client's key.
func (c *Client) Sealer() *Sealer { return c.sealer }

// Close lets go of the connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// PushLimit is the longest that a Push takes: two exchanges, be it token and call or call and second call.
func PushLimit(timeout time.Duration) time.Duration { return 2 * timeout }

// Push seals the payload and posts it to the endpoint (relative to the base URL, or absolute). When the platform refuses the token
// it fetches another one and sends once more, once: what fails again is our credentials' or the platform's fault, and a retry. The
// error, if any, is in the Result: nothing of what can happen here is exceptional.
func (c *Client) Push(ctx context.Context, endpoint string, payload []byte) Result {
	address, err := join(c.baseURL, endpoint)
	if err != nil {
		return Result{Outcome: Retry, Code: codeNetwork, Message: "endpoint: " + err.Error()}
	}
	body, contentType, err := c.envelope.wrap(c.sealer.Seal(payload))
	if err != nil {
		return Result{Outcome: Retry, Code: codeNetwork, Message: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, PushLimit(c.timeout))
	defer cancel()
	call := call{address: address, body: body, contentType: contentType, payload: payload}
	first, token := c.attempt(ctx, call)
	if first.Outcome != Reauth {
		return first
	}
	if err := c.tokens.Drop(ctx, token); err != nil {
		return Result{Outcome: Retry, Code: first.Code, HTTPStatus: first.HTTPStatus, Message: c.redact.text(err.Error())}
	}
	second, _ := c.attempt(ctx, call)
	second.Refetched = true
	if second.Outcome == Reauth {
		second.Outcome = Retry
		second.Message = c.redact.text("the platform refuses a token that it has just issued; it says: " + second.Message)
	}
	return second
}

// A call is what a Push sends, once or twice.
type call struct {
	address     string
	body        []byte
	contentType string
	payload     []byte // in clear: what a message must not repeat
}

// attempt makes one call under the token that is in use, and says which that was.
func (c *Client) attempt(ctx context.Context, call call) (Result, bridge.Token) {
	token, err := c.tokens.Token(ctx)
	if err != nil {
		return Result{Outcome: Retry, Code: codeToken, Message: c.redact.text(err.Error())}, token
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, call.address, bytes.NewReader(call.body))
	if err != nil {
		return Result{Outcome: Retry, Code: codeNetwork, Message: "the address " + bareURL(call.address) + " cannot be used"}, token
	}
	req.Header.Set("Content-Type", call.contentType)
	req.Header.Set("Accept", "application/json")
	for name, value := range c.envelope.Headers {
		req.Header.Set(name, value)
	}
	c.tokens.authorize(req.Header, token)
	r, fault, err := exchange(ctx, c.http, req)
	redact := c.redact.with(token.Value.Reveal())
	if err != nil {
		return c.faulty(ctx, fault, err, call.payload, redact), token
	}
	return c.read(r, call.payload, redact), token
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1"
}
