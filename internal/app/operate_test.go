package app_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
)

// onBothStores runs a test with a college whose configuration names the embedded store, and with one that names Redis.
func onBothStores(t *testing.T, test func(t *testing.T, c *college)) {
	t.Helper()
	for _, kind := range []string{"embedded", "redis"} {
		t.Run(kind, func(t *testing.T) {
			url := "file:talkbridge.db"
			if kind == "redis" {
				url = testserver.StartRedis(t).URL()
			}
			test(t, newCollege(t, url))
		})
	}
}

// says runs a command that has to end with code and reads its --json answer into what is given.
func (c *college) says(t *testing.T, code int, into any, args ...string) (stderr string) {
	t.Helper()
	got, out, stderr := c.talkbridge(t, append(args, "--json")...)
	require.Equal(t, code, got, "%v: %s%s", args, out, stderr)
	if into != nil {
		reflect.ValueOf(into).Elem().SetZero() // a member that is left out keeps no older value
		require.NoError(t, json.Unmarshal([]byte(out), into), "%v: %s%s", args, out, stderr)
	}
	return stderr
}

// becomes waits until the ledger has the record in a status.
func (c *college) becomes(t *testing.T, id string, status bridge.Status) bridge.Record {
	t.Helper()
	var r bridge.Record
	eventually(t, 20*time.Second, func() error {
		code, out, stderr := c.talkbridge(t, "records", "show", id, "--json")
		if code != 0 {
			return errors.New(stderr)
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			return err
		}
		if r.Status != status {
			return errors.New(out)
		}
		return nil
	})
	return r
}

// A refused record whose look-up was put right is retried, and one that nobody wants is discarded, beside a running bridge and without one.
func TestRecordsAreRetriedAndDiscarded(t *testing.T) {
	onBothStores(t, func(t *testing.T, c *college) {
		t.Helper()
		stop := c.run(t)
		c.press(t, "1008") // which ends before it begins
		c.exec(t, "UPDATE xg_fdyxx SET xm = '' WHERE gh = (SELECT gh FROM xl_gzth WHERE id = 1001)")
		c.press(t, "1001")
		c.becomes(t, "one/1008", bridge.StatusRejected)
		c.becomes(t, "one/1001", bridge.StatusRejected)

		complete, err := exec.CommandContext(t.Context(), binary(t), "__complete", "-c", c.config, "records", "retry", "one/1008", "one/").Output()
		require.NoError(t, err)
		require.Contains(t, string(complete), "one/1001\trejected")
		require.NotContains(t, string(complete), "one/1008\t", "it is named already")

		c.exec(t, "UPDATE xg_fdyxx SET xm = '王老师' WHERE gh = (SELECT gh FROM xl_gzth WHERE id = 1001)")
		var answer app.RecordsAnswer
		c.says(t, 1, &answer, "records", "retry", "one/1001", "one/404")
		require.Equal(t, 1, answer.Changed)
		require.Equal(t, 1, answer.Failed)
		require.Contains(t, answer.Records[1].Message, "no such record")
		c.taken(t, "one", "1001", 1)
		c.becomes(t, "one/1001", bridge.StatusDelivered)
		c.says(t, 1, &answer, "records", "retry", "one/1001")
		require.Contains(t, answer.Records[0].Message, "its content is gone")

		code, _, stderr := c.talkbridge(t, "records", "discard", "one/1008")
		require.Equal(t, 2, code)
		require.Contains(t, stderr, "--yes")
		stop()
		c.says(t, 0, &answer, "records", "retry", "--status", "rejected", "--route", "one")
		require.Equal(t, []app.RecordDone{{ID: "one/1008", Done: true}}, answer.Records)
		c.says(t, 0, &answer, "records", "retry", "--status", "rejected")
		require.Empty(t, answer.Records)
		c.says(t, 0, &answer, "records", "discard", "one/1008", "--yes")
		require.Equal(t, bridge.StatusDiscarded, c.becomes(t, "one/1008", bridge.StatusDiscarded).Status)
	})
}

func TestTheTokenIsShownAndRefreshedButNeverPrinted(t *testing.T) {
	onBothStores(t, func(t *testing.T, c *college) {
		t.Helper()
		var before, after app.TokenState
		c.says(t, 0, &before, "token", "show")
		require.False(t, before.Present)
		stop := c.run(t)
		c.says(t, 0, &before, "token", "show")
		require.True(t, before.Present && before.Current && !before.Expired)
		require.Len(t, before.Account, 16)
		fetched := c.sim.Stats().TokensIssued
		c.says(t, 0, &after, "token", "refresh")
		require.Equal(t, fetched+1, c.sim.Stats().TokensIssued)
		require.True(t, after.FetchedAt.After(before.FetchedAt))
		c.press(t, "1001")
		c.taken(t, "one", "1001", 1)
		stop()
		c.says(t, 0, &after, "token", "show")
		_, text, _ := c.talkbridge(t, "token", "show")
		require.Contains(t, text, "good until")
		_, shown, _ := c.talkbridge(t, "token", "show", "--json")
		trail, err := os.ReadFile(c.load(t).Admin.AuditLog)
		require.NoError(t, err)
		token := c.storedToken(t)
		require.NotEmpty(t, token)
		require.NotContains(t, text+shown+string(trail), token)
		c.edit(t, "${env:TALKBRIDGE_CLIENT_ID}", "another")
		c.says(t, 0, &after, "token", "show")
		require.False(t, after.Current)
	})
}

// storedToken is the token itself, as the store has it.
func (c *college) storedToken(t *testing.T) string {
	t.Helper()
	cfg := c.load(t)
	s, err := state.Open(t.Context(), state.Options{URL: cfg.State.URL.Reveal(), Namespace: cfg.State.Namespace, Key: cfg.State.Key})
	require.NoError(t, err)
	defer s.Close()
	token, _, err := s.Token(t.Context())
	require.NoError(t, err)
	return token.Value.Reveal()
}

// Where the bridge that holds the file cannot be asked, the command says what to do.
func TestABridgeThatCannotBeAsked(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.run(t)
	listen := c.load(t).Admin.Listen
	c.edit(t, listen, "127.0.0.1:1")
	code, _, stderr := c.talkbridge(t, "pause")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "see that admin.listen (127.0.0.1:1) is the one it runs with")
	require.NotContains(t, strings.ToLower(stderr), "panic")
}
