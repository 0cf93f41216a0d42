package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/pusher"
)

// A PlatformInput is what is checked of the platform.
type PlatformInput struct {
	Client  *pusher.Client // with a cache that keeps what it gets to itself: see PrivateCache
	BaseURL string
	Stored  bridge.Secret // the token that lies in the store and in Client's cache; empty: none

	TryDialects bool
	Dialect     pusher.Dialect                               // the configured one
	With        func(pusher.Dialect) (*pusher.Client, error) // a client like Client, but for the dialect
	Loopback    func(baseURL string) bool                    // whether the address never leaves this machine
	Progress    func(done, all int, variant string)          // nil: none
}

// The clocks may differ by so much: Date tells whole seconds, and a platform that looks at timestamps allows minutes.
const (
	clockWarn  = 30 * time.Second
	clockFail  = 5 * time.Minute
	expiryWarn = 30 * 24 * time.Hour
)

// Platform asks for the way there, the certificate, the clock and a token.
func Platform(ctx context.Context, in PlatformInput) []Item {
	probe, err := in.Client.Probe(ctx)
	if _, untrusted := errors.AsType[*pusher.CertificateError](err); untrusted { // the way there is fine: the firewall and the proxy are not what to look at
		return []Item{{
			"platform.tls", Fail, "the platform's certificate is not accepted", err.Error(),
			"if an authority of its own signed it: name that authority's PEM file in platform.tls.ca; if it names another host: write the host that it names in " +
				"platform.base_url; if it is out of date: ask the platform's people to renew it, and look at this machine's clock",
		}}
	}
	if err != nil {
		return []Item{{
			"platform.reach", Fail, "the platform cannot be reached", err.Error(),
			"check platform.base_url, platform.proxy and platform.tls.ca, and that the firewall lets this machine out: curl -I " + in.BaseURL,
		}}
	}
	items := []Item{
		pass("platform.reach", fmt.Sprintf("%s answers (HTTP %d)", in.BaseURL, probe.Status)),
		tlsItem(probe.TLS, in), clockItem(probe),
	}
	token := tokenItem(ctx, in)
	items = append(items, token)
	if token.Level == Fail && in.TryDialects {
		items = append(items, dialectItem(ctx, in))
	}
	return items
}

func tlsItem(state *tls.ConnectionState, in PlatformInput) Item {
	if state == nil {
		if in.Loopback(in.BaseURL) {
			return pass("platform.tls", "not encrypted, on this machine only")
		}
		return Item{
			"platform.tls", Warn, "the way to the platform is not encrypted", "the token, and block by block the pattern of the data, travel in the open",
			"write https:// in platform.base_url",
		}
	}
	version := tls.VersionName(state.Version)
	if len(state.PeerCertificates) == 0 {
		return pass("platform.tls", version)
	}
	ends := state.PeerCertificates[0].NotAfter
	if left := time.Until(ends); left < expiryWarn {
		return Item{
			"platform.tls", Warn, fmt.Sprintf("the platform's certificate ends in %d days", int(left.Hours()/24)),
			version + ", certificate verified, valid until " + ends.Format(time.DateOnly), "ask the platform's people to renew it; delivery stops when it ends",
		}
	}
	return pass("platform.tls", version+", certificate verified, valid until "+ends.Format(time.DateOnly))
}

func clockItem(p pusher.Probe) Item {
	if p.Date.IsZero() {
		return pass("platform.clock", "the platform does not tell its time")
	}
	// Date was cut to the second: what it says lies up to a second in the past.
	off := p.Asked.Sub(p.Date.Add(500 * time.Millisecond)).Round(time.Second)
	side := "ahead of"
	if off < 0 {
		side = "behind"
	}
	if off.Abs() <= clockWarn {
		return pass("platform.clock", "this machine's clock and the platform's agree")
	}
	level := Warn
	if off.Abs() > clockFail {
		level = Fail
	}
	return Item{
		"platform.clock", level, fmt.Sprintf("this machine's clock is %v %s the platform's", off.Abs(), side),
		"token lifetimes, signed requests and rules that compare with now go wrong", "timedatectl set-ntp true   # or: chronyc makestep",
	}
}

func tokenItem(ctx context.Context, in PlatformInput) Item {
	token, err := in.Client.Tokens().Token(ctx)
	switch {
	case err == nil && in.Stored != "" && token.Value == in.Stored:
		return pass("platform.token", "the token in the store was issued for these credentials and is good until "+token.ExpiresAt.Local().Format(time.DateTime))
	case err == nil:
		return pass("platform.token", "the platform gave a token in the configured dialect, good for "+time.Until(token.ExpiresAt).Round(time.Second).String())
	}
	var refused *pusher.TokenError
	if errors.As(err, &refused) && !refused.Refused {
		return Item{
			"platform.token", Fail, "the platform gave no token", err.Error(),
			"if it stays so: check platform.token.path (a login page or a gateway in the way?), and ask the platform's people",
		}
	}
	fix := "check client_id and client_secret; then let talkbridge look for the right dialect: talkbridge check --try-dialects " +
		"(up to " + fmt.Sprint(len(variants(in.Dialect))) + " token requests; on some platforms each new token voids the one in use)"
	if in.TryDialects {
		fix = "see platform.dialect below"
	}
	return Item{"platform.token", Fail, "the platform refuses a token in the configured dialect", err.Error(), fix}
}

// dialectItem tries the other dialects one after the other, and stops at the first that works, or when the platform is gone.
func dialectItem(ctx context.Context, in PlatformInput) Item {
	all := variants(in.Dialect)
	for i, d := range all {
		if in.Progress != nil {
			in.Progress(i+1, len(all), describe(d))
		}
		client, err := in.With(d)
		if err != nil {
			continue // this secret cannot be sent so
		}
		_, err = client.Tokens().Token(ctx)
		client.Close()
		var failure *pusher.TokenError
		switch {
		case err == nil:
			return Item{
				"platform.dialect", Warn, "another token dialect works: " + describe(d), fmt.Sprintf("found with request %d of at most %d", i+1, len(all)),
				"platform:\n  token: {" + describe(d) + "}   # with the other members as they are",
			}
		case errors.As(err, &failure) && failure.Status == 0, ctx.Err() != nil:
			return Item{"platform.dialect", Fail, "the platform stopped answering while dialects were tried", err.Error(), "try again later, and not too often"}
		}
	}
	return Item{
		"platform.dialect", Fail, fmt.Sprintf("none of %d dialects works", len(all)), "all ways to send the credentials were refused, at " + pathOf(in.Dialect),
		"check client_id, client_secret and platform.token.path, and ask the platform's people what the token request looks like " +
			"(names of the members: platform.token.fields; more of them: platform.token.extra)",
	}
}

func pathOf(d pusher.Dialect) string {
	if d.Path == "" {
		return "/oauth2/token"
	}
	return d.Path
}

// variants are the dialects to try, the likelier ones first: how the parameters are sent, where the credentials are, and in which
// form the secret is. The configured one is left out.
func variants(configured pusher.Dialect) []pusher.Dialect {
	var out []pusher.Dialect
	for _, form := range []string{"issued", "decoded"} {
		for _, credentials := range []string{
			pusher.CredentialsBody, pusher.CredentialsBasic, pusher.CredentialsBasicURLEncoded, pusher.CredentialsHeader,
		} {
			for _, send := range []string{pusher.SendForm, pusher.SendJSON, pusher.SendQuery, pusher.SendMultipart, "GET"} {
				d := configured
				d.Method, d.Send, d.Credentials, d.SecretForm = "POST", send, credentials, form
				if send == "GET" {
					d.Method, d.Send = "GET", pusher.SendQuery
				}
				if describe(d) != describe(configured) {
					out = append(out, d)
				}
			}
		}
	}
	return out
}

// describe is a dialect as platform.token writes it.
func describe(d pusher.Dialect) string {
	or := func(value, usual string) string {
		if value == "" {
			return usual
		}
		return value
	}
	return strings.Join([]string{
		"method: " + or(d.Method, "POST"), "send: " + or(d.Send, pusher.SendForm),
		"credentials: " + or(d.Credentials, pusher.CredentialsBody), "secret_form: " + or(d.SecretForm, "issued"),
	}, ", ")
}

// PrivateCache is a token cache that nobody shares and that is gone with the process: a check leaves no token behind.
type PrivateCache struct {
	mu    sync.Mutex // guards token
	token *bridge.Token
}

// NewPrivateCache makes a cache; with a token in it where there is one already, so that none is fetched needlessly.
func NewPrivateCache(token bridge.Token, there bool) *PrivateCache {
	if !there {
		return &PrivateCache{}
	}
	return &PrivateCache{token: &token}
}

// Token implements pusher.TokenCache.
func (c *PrivateCache) Token(context.Context) (bridge.Token, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == nil {
		return bridge.Token{}, false, nil
	}
	return *c.token, true, nil
}

// SaveToken implements pusher.TokenCache.
func (c *PrivateCache) SaveToken(_ context.Context, t bridge.Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = &t
	return nil
}

// DropToken implements pusher.TokenCache.
func (c *PrivateCache) DropToken(context.Context, bridge.Secret) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = nil
	return nil
}

// LockToken implements pusher.TokenCache.
func (c *PrivateCache) LockToken(context.Context, string, time.Duration) (bool, error) {
	return true, nil
}

// UnlockToken implements pusher.TokenCache.
func (c *PrivateCache) UnlockToken(context.Context, string) error { return nil }
