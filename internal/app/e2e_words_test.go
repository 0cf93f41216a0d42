package app //nolint:testpackage // the words are made inside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/internal/config"
	"talkbridge/state"
)

// What the store says is kept; what to do about it is added, where the store does not say so itself.
func TestErrorsOfTheStoreSayWhatToDo(t *testing.T) {
	for said, advice := range map[string]string{
		"OOM command not allowed when used memory > 'maxmemory'.":          "Raise maxmemory",
		"READONLY You can't write against a read only replica.":            "Point state.url at the master",
		"MISCONF Redis is configured to save RDB snapshots, but":           "space on its disk",
		"LOADING Redis is loading the dataset in memory":                   "reads its file",
		"MASTERDOWN Link with MASTER is down":                              "lost its master",
		"NOPERM this user has no permissions to run the 'evalsha' command": "ACL LOG",
	} {
		err := explained(fmt.Errorf("append outbox: %w", errors.New(said)))
		require.ErrorContains(t, err, said)
		require.ErrorContains(t, err, advice)
	}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	require.ErrorContains(t, explained(refused), "Redis cannot be reached")
	require.ErrorIs(t, explained(refused), error(refused))
	require.ErrorContains(t, explained(context.DeadlineExceeded), "did not answer in time")
	for _, plain := range []error{nil, state.ErrFenced, state.ErrLeaseLost, errors.New("something else")} {
		require.Equal(t, plain, explained(plain))
	}
}

func TestAnOutageIsSaidTwice(t *testing.T) {
	var o outage
	begun, ended, _ := o.note(nil)
	require.False(t, begun || ended)
	begun, _, _ = o.note(errors.New("away"))
	require.True(t, begun)
	begun, ended, _ = o.note(errors.New("still away"))
	require.False(t, begun || ended)
	_, ended, length := o.note(nil)
	require.True(t, ended)
	require.Less(t, length, time.Minute)
}

// loud is an error as some libraries make them: printed in full it shows where it was made.
type loud struct{}

func (loud) Error() string { return "short" }

func (loud) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('+') {
		_, _ = f.Write([]byte("long, with a stack"))
		return
	}
	_, _ = f.Write([]byte("short"))
}

func TestAnErrorIsLoggedAsItsText(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(config.Log{Level: "info", Format: "json"}, &out)
	require.NoError(t, err)
	log.With(zap.Error(loud{})).Info("one")
	log.Info("two", zap.Error(loud{}), zap.Int("n", 1))
	log.Debug("three")
	require.Contains(t, out.String(), `"error":"short","n":1`)
	require.NotContains(t, out.String(), "stack")
	require.NotContains(t, out.String(), "three")
}
