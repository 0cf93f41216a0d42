package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
)

// storedToken is a bridge.Token with its value, which bridge.Token itself never writes.
type storedToken struct {
	Value     string    `json:"value"`
	Account   string    `json:"account"`
	FetchedAt time.Time `json:"fetched_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Token is the token that was saved last and not dropped, expired or not; false: none. One that does not open counts as none:
// a new one is fetched easily.
func (s *Store) Token(ctx context.Context) (bridge.Token, bool, error) {
	value, err := s.back.token(ctx)
	if err != nil {
		return bridge.Token{}, false, fmt.Errorf("read the token: %w", err)
	}
	t, ok := s.openToken(value)
	return t, ok, nil
}

func (s *Store) openToken(value []byte) (bridge.Token, bool) {
	if len(value) < printSize {
		return bridge.Token{}, false
	}
	var t storedToken
	plain, err := s.seal.open(purposeToken, "", value[printSize:])
	if err != nil || json.Unmarshal(plain, &t) != nil {
		return bridge.Token{}, false
	}
	return bridge.Token{Value: bridge.Secret(t.Value), Account: t.Account, FetchedAt: t.FetchedAt, ExpiresAt: t.ExpiresAt}, true
}

// SaveToken keeps the token for all processes, sealed, in the place of any other.
func (s *Store) SaveToken(ctx context.Context, t bridge.Token) error {
	plain, err := json.Marshal(storedToken{t.Value.Reveal(), t.Account, t.FetchedAt, t.ExpiresAt})
	if err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	sealed, err := s.seal.seal(purposeToken, "", plain)
	if err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	if err := s.back.saveToken(ctx, append(s.tokenPrint(t.Value), sealed...)); err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	return nil
}

// DropToken forgets the token if it is still the one with this value: another process may have fetched a new one since.
func (s *Store) DropToken(ctx context.Context, value bridge.Secret) error {
	if err := s.back.dropToken(ctx, [printSize]byte(s.tokenPrint(value))); err != nil {
		return fmt.Errorf("drop the token: %w", err)
	}
	return nil
}

func (s *Store) tokenPrint(value bridge.Secret) []byte { return s.seal.print("token", value.Reveal()) }

// LockToken lets one process fetch while the others wait: true for the owner that has the lock now, for ttl from now.
func (s *Store) LockToken(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	ok, err := s.back.lockToken(ctx, owner, ttl)
	if err != nil {
		return false, fmt.Errorf("lock the token: %w", err)
	}
	return ok, nil
}

// UnlockToken gives the lock back. It is no error if owner does not have it.
func (s *Store) UnlockToken(ctx context.Context, owner string) error {
	if err := s.back.unlockToken(ctx, owner); err != nil {
		return fmt.Errorf("unlock the token: %w", err)
	}
	return nil
}
