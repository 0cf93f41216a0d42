package config

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

func (c *Platform) read(b *block) {
	c.readBaseURL(b.need("base_url"))
	b.need("client_id").identity(&c.ClientID, notEmpty)
	b.need("client_secret").secret(&c.ClientSecret, notEmpty)
	b.may("key_encoding").text(&c.KeyEncoding, oneOf("auto", "base64", "base64-hex", "hex"))
	b.may("tls").block(c.TLS.read)
	b.may("proxy").address(&c.Proxy, proxyURL)
	b.may("timeout").duration(&c.Timeout, 100*time.Millisecond, 10*time.Minute)
	b.may("concurrency").integer(&c.Concurrency, 1, 1000)
	b.may("rate").number(&c.Rate, 0, 1e6)
	b.may("token").block(c.Token.read)
	b.may("request").block(c.Request.read)
	b.may("response").block(c.Response.read)
	b.may("retry").block(c.Retry.read)
	b.may("breaker").block(c.Breaker.read)
}

func (c *Platform) readBaseURL(s *setting) {
	s.text(&c.BaseURL, webURL)
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if u, err := url.Parse(c.BaseURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		s.warn("without https the client secret crosses the network in clear")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *PlatformTLS) read(b *block) {
	b.may("ca").file(&c.CA)
	b.may("min_version").text(&c.MinVersion, oneOf("1.2", "1.3"))
}

func (c *Token) read(b *block) {
	b.may("path").text(&c.Path, endpoint)
	method := b.may("method")
	method.text(&c.Method, oneOf(http.MethodPost, http.MethodGet))
	b.may("send").text(&c.Send, oneOf("form", "query", "json", "multipart"))
	b.may("credentials").text(&c.Credentials, oneOf("body", "basic", "basic-urlencoded", "header"))
	b.may("secret_form").text(&c.SecretForm, oneOf("issued", "decoded"))
	b.may("fields").block(c.Fields.read)
	b.may("extra").constants(&c.Extra)
	b.may("headers").headers(&c.Headers)
	b.may("token_at").texts(&c.TokenAt, notEmpty)
	b.may("expires_at").texts(&c.ExpiresAt, notEmpty)
	b.may("expires_unit").text(&c.ExpiresUnit, oneOf("auto", "s", "ms", "epoch_s", "epoch_ms", "datetime"))
	b.may("default_ttl").duration(&c.DefaultTTL, time.Second, 0)
	b.may("skew").duration(&c.Skew, 0, 0)
	b.may("header").text(&c.Header, headerName)
	b.may("format").text(&c.Format, func(text string) string {
		if !strings.Contains(text, "{token}") {
			return `must hold {token}, as in "Bearer {token}"`
		}
		return headerValue(text)
	})
	if sign := b.may("sign"); sign.value != nil && !sign.is(nothing) {
		c.Sign = &Sign{Header: "Authorization", Format: "{signature}", Encoding: "base64", TimestampFormat: "epoch_ms"}
		sign.block(c.Sign.read)
		if strings.HasPrefix(c.Credentials, "basic") {
			sign.problem("a signed request does not send the secret, as credentials: %s would: use body or header", c.Credentials)
		}
	}
	if c.Method == http.MethodGet && c.Send != "query" {
		method.problem("a GET has no body, so it goes with send: query")
	}
}

func (c *Sign) read(b *block) {
	b.need("algorithm").text(&c.Algorithm, oneOf("hmac-sha1", "hmac-sha256", "hmac-sm3"))
	message := b.need("message")
	message.text(&c.Message, notEmpty)
	b.may("header").text(&c.Header, headerName)
	b.may("format").text(&c.Format, func(text string) string {
		if !strings.Contains(text, "{signature}") {
			return `must hold {signature}, as in "HMAC {client_id}:{signature}"`
		}
		return headerValue(text)
	})
	b.may("encoding").text(&c.Encoding, oneOf("base64", "hex"))
	b.may("timestamp_header").text(&c.TimestampHeader, headerName)
	b.may("timestamp_format").text(&c.TimestampFormat, oneOf("epoch_ms", "epoch_s", "datetime", "compact", "rfc3339"))
	b.may("nonce_header").text(&c.NonceHeader, headerName)
	if strings.Contains(c.Message, "{timestamp}") && c.TimestampHeader == "" {
		message.problem("holds {timestamp}, which the platform can check only if it is sent: set timestamp_header")
	}
	if strings.Contains(c.Message, "{nonce}") && c.NonceHeader == "" {
		message.problem("holds {nonce}, which the platform can check only if it is sent: set nonce_header")
	}
}

func (c *TokenFields) read(b *block) {
	b.may("grant_type").text(&c.GrantType)
	b.may("client_id").text(&c.ClientID)
	b.may("client_secret").text(&c.ClientSecret)
}

func (c *Request) read(b *block) {
	b.may("envelope").text(&c.Envelope, oneOf("json", "form", "raw"))
	b.may("data_field").text(&c.DataField, notEmpty)
	b.may("extra").constants(&c.Extra)
	b.may("headers").headers(&c.Headers)
}

func (c *Response) read(b *block) {
	b.may("code_at").text(&c.CodeAt, notEmpty)
	b.may("message_at").text(&c.MessageAt, notEmpty)
	b.may("success").texts(&c.Success, notEmpty)
	b.may("reauth").block(c.Reauth.read)
	b.may("retry").block(c.Retry.read)
}

func (c *Match) read(b *block) {
	b.may("http").integers(&c.HTTP, 100, 599)
	b.may("code").texts(&c.Code, notEmpty)
	b.may("message").text(&c.Message, pattern)
}

func (c *Retry) read(b *block) {
	b.may("initial").duration(&c.Initial, time.Millisecond, time.Hour)
	longest := b.may("max")
	longest.duration(&c.Max, time.Millisecond, day)
	b.may("jitter").number(&c.Jitter, 0, 1)
	if c.Max < c.Initial {
		longest.problem("must not be less than initial")
	}
}

func (c *Breaker) read(b *block) {
	b.may("failures").integer(&c.Failures, 1, math.MaxInt)
	b.may("open_for").duration(&c.OpenFor, time.Millisecond, time.Hour)
}

// identity reads what names the client. It is no secret by its nature, so it may stand in clear; by reference it is one.
func (s *setting) identity(into *bridge.Secret, checks ...check) {
	var value string
	s.text(&value, checks...)
	*into = bridge.Secret(value)
}

// headers reads HTTP headers. Any of them may be a secret: an API key, a cookie.
func (s *setting) headers(into *map[string]bridge.Secret) {
	s.entries(func(item *setting) {
		if fault := headerName(item.name); fault != "" {
			item.problem("%s", fault)
		}
		var value string
		item.anyText(&value, headerValue)
		if holdsSecret(s.name, item.name) {
			item.show(redacted)
			item.warnIfClear(value)
		}
		(*into)[item.name] = bridge.Secret(value)
	})
}

// constants reads members of any type.
func (s *setting) constants(into *map[string]any) {
	s.entries(func(item *setting) {
		value, shown := item.constant()
		(*into)[item.name] = value
		if holdsSecret(s.name, item.name) {
			shown = redacted
			item.warnIfClear(item.value.text)
		}
		item.show(shown)
	})
}
