package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// What the listener has yet to read of the log is not missing: reconcile waits for it. Where nobody listens it says so.
func TestReconcileWaitsForTheListener(t *testing.T) {
	c := newCollege(t, testserver.StartRedis(t).URL())
	c.withoutWriteback(t)
	stop := c.run(t)
	c.press(t, "1001")
	c.becomes(t, "one/1001", bridge.StatusDelivered)
	stop()
	c.press(t, "1002")
	type said struct {
		code        int
		out, stderr string
	}
	answer := make(chan said, 1)
	go func() {
		code, out, stderr := c.talkbridge(t, "reconcile", "--route", "one", "--json") //nolint:testifylint // it fails only where the program cannot be started at all
		answer <- said{code, out, stderr}
	}()
	select {
	case s := <-answer:
		t.Fatalf("it did not wait: %+v", s)
	case <-time.After(2 * time.Second): // what it waits for does not come: nobody listens
	}
	stop = c.run(t)
	s := <-answer
	require.Zero(t, s.code, "%s%s", s.out, s.stderr)
	require.Contains(t, s.out, `"in_sync": 2`)
	require.Contains(t, s.out, `"behind": false`)

	stop()
	c.press(t, "1015")
	var r app.Reconciliation
	c.says(t, 1, &r, "reconcile", "--route", "one")
	require.True(t, r.Behind)
	require.Equal(t, []string{"one/1015"}, r.Routes[0].MissingIDs)
}
