package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"talkbridge/internal/bridge"
)

// Nothing are the arguments of an operation that takes none.
type Nothing struct{}

// A TokenState is what may be known of the platform's token: never the token itself.
type TokenState struct {
	Present   bool      `json:"present"`
	FetchedAt time.Time `json:"fetched_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Expired   bool      `json:"expired"`
	Account   string    `json:"account,omitempty"` // a keyed digest of the address and the credentials that it was issued for
	Current   bool      `json:"current"`           // it was issued for the credentials of this configuration
}

// accountLength is how much of the account's digest is shown: enough to tell two apart.
const accountLength = 16

func tokenState(t bridge.Token, ok bool, account string) TokenState {
	if !ok {
		return TokenState{}
	}
	return TokenState{
		Present: true, FetchedAt: t.FetchedAt, ExpiresAt: t.ExpiresAt, Expired: !time.Now().Before(t.ExpiresAt),
		Account: t.Account[:min(len(t.Account), accountLength)], Current: t.Account == account,
	}
}

// ShowToken tells about the token that the bridges share.
func (o *Operator) ShowToken(ctx context.Context, _ string, _ Nothing, _ Tell) (TokenState, error) {
	parts, err := o.parts()
	if err != nil {
		return TokenState{}, err
	}
	t, ok, err := o.store.Token(ctx)
	return tokenState(t, ok, parts.client.Tokens().Account()), err
}

// RefreshToken drops the token and fetches another. Where the platform voids the old one, calls in flight that still use it are
// answered with a refusal of the token and repeated with the new one.
func (o *Operator) RefreshToken(ctx context.Context, by string, _ WholeArgs, _ Tell) (TokenState, error) {
	parts, err := o.parts()
	if err != nil {
		return TokenState{}, err
	}
	t, err := parts.client.Tokens().Refresh(ctx)
	if err != nil {
		return TokenState{}, err
	}
	o.log.Info("the token is refreshed", zap.String("by", by), zap.Time("expires_at", t.ExpiresAt))
	return tokenState(t, true, parts.client.Tokens().Account()), nil
}
