package app_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// Live and ready are two questions. What is away makes a bridge not ready, and never not alive: to start it anew would not help.
func TestHealthAndReadinessTellTheTruth(t *testing.T) {
	t.Parallel()
	redis := testserver.StartRedis(t)
	c := newCollege(t, redis.URL())
	c.quick(t)
	first := c.node(t, "first")
	first.takesOver(30 * time.Second)
	first.answers("/readyz", http.StatusOK, "")
	first.answers("/healthz", http.StatusOK, "")
	second := c.node(t, "second")
	second.answers("/readyz", http.StatusOK, "") // one that stands by is ready to take over
	second.knowsNothingOfTheLog()

	c.mariadb.Stop()
	first.answers("/readyz", http.StatusServiceUnavailable, "the source is not connected")
	first.answers("/healthz", http.StatusOK, "")
	second.answers("/readyz", http.StatusOK, "")
	for _, line := range []string{"source_connected 0", "source_lag_bytes NaN", "leader 1"} {
		first.answers("/metrics", http.StatusOK, "\ntalkbridge_"+line+"\n")
	}
	require.NotContains(t, page(t, "http://"+first.admin+"/metrics"), "talkbridge_source_lag_seconds NaN", "it grows from what was taken in last")

	redis.Stop()
	for _, n := range []*node{first, second} {
		n.answers("/readyz", http.StatusServiceUnavailable, "")
		n.answers("/healthz", http.StatusOK, "")
		n.answers("/metrics", http.StatusOK, "\ntalkbridge_leader 0\n")
		n.knowsNothingOfTheLog()
		eventually(t, time.Minute, func() error {
			if text := page(t, "http://"+n.admin+"/metrics"); strings.Contains(text, "talkbridge_outbox_oldest_seconds") ||
				!strings.Contains(text, "talkbridge_breaker_open") {
				return fmt.Errorf("what nobody knows should be absent, and the rest there:\n%s", text)
			}
			return nil
		})
	}
	require.NotContains(t, first.said()+second.said(), "this process stands still")
}

// answers waits until a page of the bridge answers with a code, and with some words.
func (n *node) answers(path string, code int, words string) {
	n.t.Helper()
	eventually(n.t, time.Minute, func() error {
		resp, err := http.Get("http://" + n.admin + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && (resp.StatusCode != code || !strings.Contains(string(text), words)) {
			err = fmt.Errorf("%s of bridge %s: %s: %s", path, n.name, resp.Status, text)
		}
		return err
	})
}
