package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/audit"
	"talkbridge/internal/bridge"
)

// Whatever changes something leaves an event with the account that did it, beside a running bridge and without one, and the chain is whole.
func TestChangingCommandsLeaveEvents(t *testing.T) {
	onBothStores(t, func(t *testing.T, c *college) {
		t.Helper()
		stop := c.run(t)
		c.press(t, "1008")
		c.becomes(t, "one/1008", bridge.StatusRejected)
		c.asked(t, "pause", "--reason", "换密钥")
		c.asked(t, "resume")
		c.asked(t, "token", "refresh")
		c.asked(t, "records", "retry", "one/1008")
		c.becomes(t, "one/1008", bridge.StatusRejected)
		c.talkbridge(t, "push", "--route", "one", "--key", "1013")
		c.talkbridge(t, "position", "clear", "--yes")
		c.asked(t, "backup", filepath.Join(t.TempDir(), "b"))
		c.says(t, 0, nil, "records", "list")
		c.asked(t, "token", "show")
		stop()
		c.asked(t, "records", "discard", "one/1008", "--yes")
		c.asked(t, "position", "clear", "--yes")

		var events []audit.Event
		c.says(t, 0, &events, "audit", "show")
		type what struct {
			action, object string
			result         audit.Result
		}
		var got []what
		for _, e := range events {
			if e.Actor == "bridge" { // its own start and stop
				continue
			}
			if e.Action == "backup" {
				e.Object = "b"
			}
			require.Regexp(t, `^cli:.`, e.Actor)
			got = append(got, what{e.Action, e.Object, e.Result})
		}
		require.ElementsMatch(t, []what{
			{"pause", "delivery", audit.Done},
			{"resume", "delivery", audit.Done},
			{"token.refresh", "", audit.Done},
			{"records.retry", "one/1008", audit.Done},
			{"push", "one/1013", audit.Refused},
			{"position.clear", "", audit.Refused},
			{"backup", "b", audit.Done},
			{"records.discard", "one/1008", audit.Done},
			{"position.clear", "", audit.Done},
		}, got)
		c.says(t, 0, nil, "audit", "verify")
		text, err := os.ReadFile(c.load(t).Admin.AuditLog)
		require.NoError(t, err)
		require.Contains(t, string(text), "换密钥")
	})
}
