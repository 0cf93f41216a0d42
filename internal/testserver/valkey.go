package testserver

import (
	"errors"
	"testing"
)

// StartValkey starts a private Valkey for a test, or skips the test where there is none, on CI too: most systems have no package
// of it yet.
func StartValkey(tb testing.TB, args ...string) *Redis {
	tb.Helper()
	r, err := newRedis("valkey-server", shortDir(tb), args...)
	if errors.Is(err, ErrMissing) {
		tb.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	if err != nil {
		tb.Fatalf("start server: %v", err)
	}
	tb.Cleanup(func() { r.Stop() })
	return r
}
