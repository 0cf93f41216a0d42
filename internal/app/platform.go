package app

import (
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/pusher"
)

func pusherOptions(c *config.Config, cache pusher.TokenCache) pusher.Options {
	p := c.Platform
	return pusher.Options{
		BaseURL: p.BaseURL, ClientID: p.ClientID, ClientSecret: p.ClientSecret, KeyEncoding: p.KeyEncoding,
		TLS:     pusher.TLSOptions{CA: p.TLS.CA, MinVersion: p.TLS.MinVersion},
		Proxy:   p.Proxy.Reveal(),
		Timeout: p.Timeout, Connections: p.Concurrency,
		Token: tokenDialect(p.Token),
		Request: pusher.Envelope{
			Shape: p.Request.Envelope, DataField: p.Request.DataField, Extra: p.Request.Extra, Headers: revealed(p.Request.Headers),
		},
		Response: pusher.Rules{
			CodeAt: p.Response.CodeAt, MessageAt: p.Response.MessageAt, Success: p.Response.Success,
			Reauth: pusher.ReauthRules{HTTP: p.Response.Reauth.HTTP, Code: p.Response.Reauth.Code, Message: p.Response.Reauth.Message},
			Retry:  pusher.RetryRules{HTTP: p.Response.Retry.HTTP, Code: p.Response.Retry.Code},
		},
		Cache: cache,
	}
}

func tokenDialect(t config.Token) pusher.Dialect {
	d := pusher.Dialect{
		Path: t.Path, Method: t.Method, Send: t.Send, Credentials: t.Credentials, SecretForm: t.SecretForm,
		Fields: map[string]string{"grant_type": t.Fields.GrantType, "client_id": t.Fields.ClientID, "client_secret": t.Fields.ClientSecret},
		Extra:  t.Extra, Headers: revealed(t.Headers),
		TokenAt: t.TokenAt, ExpiresAt: t.ExpiresAt, ExpiresUnit: t.ExpiresUnit, DefaultTTL: t.DefaultTTL, Skew: t.Skew,
		Header: t.Header, Format: t.Format,
	}
	if t.Sign != nil {
		sign := pusher.Sign(*t.Sign)
		d.Sign = &sign
	}
	return d
}

// revealed takes values out of their wrapping on their way to the one place they are meant for: a request's headers.
func revealed(in map[string]bridge.Secret) map[string]string {
	out := make(map[string]string, len(in))
	for name, value := range in {
		out[name] = value.Reveal()
	}
	return out
}
