package config

import (
	"time"

	"talkbridge/internal/bridge"
)

// defaults is a configuration that says nothing: what is absent from the file stays as it is here. Each default is documented at
// its field.
func defaults() *Config {
	return &Config{
		Source: Source{
			Flavor: "auto", TLS: SourceTLS{Mode: "preferred"}, Location: zoneOf("Asia/Shanghai"), Start: Start{Mode: "reconcile"},
			OnPurged: "reconcile",
		},
		State:    State{URL: "file:talkbridge.db", Namespace: "talkbridge", Retention: 400 * day},
		Platform: defaultPlatform(),
		Admin:    Admin{Listen: "127.0.0.1:9180", AuditLog: "audit.log"},
		Log:      Log{Level: "info", Format: "json"},
	}
}

func defaultPlatform() Platform {
	return Platform{
		KeyEncoding: "auto", TLS: PlatformTLS{MinVersion: "1.2"}, Timeout: 10 * time.Second, Concurrency: 8, Rate: 50,
		Token: Token{
			Path: "/oauth2/token", Method: "POST", Send: "form", Credentials: "body", SecretForm: "issued",
			Fields:    TokenFields{GrantType: "grant_type", ClientID: "client_id", ClientSecret: "client_secret"},
			Extra:     map[string]any{},
			Headers:   map[string]bridge.Secret{},
			TokenAt:   []string{"access_token", "data.access_token", "data.accessToken", "data.token", "client_token", "token"},
			ExpiresAt: []string{"expires_in", "data.expires_in", "data.expiresIn", "data.expire", "data.expiration", "expire"},

			ExpiresUnit: "auto", DefaultTTL: 300 * time.Second, Skew: 30 * time.Second,
			Header: "Authorization", Format: "Bearer {token}",
		},
		Request: Request{Envelope: "json", DataField: "data", Extra: map[string]any{}, Headers: map[string]bridge.Secret{}},
		Response: Response{
			CodeAt: "code", MessageAt: "msg", Success: []string{"0"},
			Reauth: Match{HTTP: []int{401, 424}, Code: []string{"401"}, Message: "token.*(过期|失效|无效|expired|invalid)"},
			Retry:  Match{HTTP: []int{408, 425, 429, 500, 502, 503, 504}},
		},
		Retry:   Retry{Initial: time.Second, Max: 10 * time.Minute, Jitter: 0.2},
		Breaker: Breaker{Failures: 10, OpenFor: 30 * time.Second},
	}
}
