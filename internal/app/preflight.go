package app

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"talkbridge/pusher"
)

// preflight checks everything that a wrong configuration could get wrong, before anything is read or sent. What the operator has
// to mend comes as one error; a platform that is merely down is no reason not to start.
func (b *bridgeParts) preflight(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	for _, w := range b.options.Config.Warnings {
		b.options.Logger.Warn("configuration: "+w.Message, zap.String("at", w.Path), zap.Int("line", w.Line))
	}
	for _, w := range append(b.store.Warnings(ctx), b.client.Warnings()...) {
		b.options.Logger.Warn(w)
	}
	if err := b.source.Preflight(ctx); err != nil {
		return err // without the source nothing below can be asked
	}
	problems := []error{b.mapper.Preflight(ctx)}
	if b.writer != nil {
		problems = append(problems, b.writer.Preflight(ctx))
	}
	return errors.Join(append(problems, b.tryToken(ctx))...)
}

// tryToken fetches a token, so that a wrong secret is found now and not with the first record.
func (b *bridgeParts) tryToken(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.options.Config.Platform.Timeout)
	defer cancel()
	_, err := b.client.Tokens().Token(ctx)
	var refused *pusher.TokenError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Refused:
		return fmt.Errorf("platform: %w", err)
	default:
		b.options.Logger.Warn("the platform gives no token just now; delivery waits for it, reading goes on", zap.Error(err))
		return nil
	}
}
