package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/state"
)

// A talk is one row of the fixture's xl_gzth.
type talk struct{ id, kind, title string }

func (k talk) route() string {
	return map[string]string{"1": "one", "2": "multi", "3": "patriarch"}[k.kind]
}

func talks(t *testing.T, c *college) []talk {
	t.Helper()
	rows, err := c.db.QueryContext(t.Context(), "SELECT id, th_lx, COALESCE(bt, '') FROM xl_gzth ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	var list []talk
	for rows.Next() {
		var k talk
		require.NoError(t, rows.Scan(&k.id, &k.kind, &k.title))
		list = append(list, k)
	}
	require.NoError(t, rows.Err())
	return list
}

// The 35 talk records of the fixture: 递交 is pressed on each, and each either arrives with exactly the payload that the
// configuration means, or is refused with the reasons that a person would give. testdata/fixture.golden was read by a person.
func TestEveryTalkOfTheFixtureArrivesOrIsRefusedWithItsReason(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.run(t)
	list := talks(t, c)
	require.Len(t, list, 35)
	for _, k := range list {
		c.press(t, k.id)
	}
	cfg := c.load(t)
	client := admin.NewClient(cfg.Admin.Listen)
	var out strings.Builder
	for _, k := range list {
		fmt.Fprintf(&out, "── %s %s  %s\n", k.route(), k.id, shorten(k.title))
		out.WriteString(outcome(t, c, cfg, client, k))
	}
	compareGolden(t, "testdata/fixture.golden", out.String())
	require.Zero(t, c.sim.Stats().Overlaps)
	require.Zero(t, c.sim.Stats().Unreadable)
}

// outcome waits until the record has settled, or knows that the row is no submission, and describes what came of it.
func outcome(t *testing.T, c *college, cfg *config.Config, client *admin.Client, k talk) string {
	t.Helper()
	preview, err := app.PreviewRow(t.Context(), cfg, k.route(), k.id)
	require.NoError(t, err)
	if preview.Why != "" && !strings.Contains(preview.Why, "tj_zt") { // the flag itself has been marked by now
		_, found, err := client.Record(t.Context(), bridge.RecordID(k.route(), k.id))
		require.NoError(t, err)
		require.False(t, found, "%s is no submission and must not be a record", k.id)
		return "不上报：" + preview.Why + "\n"
	}
	var r bridge.Record
	eventually(t, 30*time.Second, func() error {
		var err error
		r, _, err = client.Record(t.Context(), bridge.RecordID(k.route(), k.id))
		if err == nil && r.Status != bridge.StatusDelivered && r.Status != bridge.StatusRejected {
			err = fmt.Errorf("%s/%s is %q: %s", k.route(), k.id, r.Status, r.Message)
		}
		return err
	})
	var text strings.Builder
	if r.Status == bridge.StatusRejected {
		fmt.Fprintf(&text, "refused by %s\n", r.Stage)
		for _, p := range r.Problems {
			fmt.Fprintf(&text, "  %s  [%s ← %s, %s]\n", p.Message, p.Field, p.Column, p.Rule)
		}
		if len(r.Problems) == 0 {
			fmt.Fprintf(&text, "  %s %s\n", r.Code, r.Message)
		}
		return text.String()
	}
	held, ok := c.sim.Record(k.route(), k.id)
	require.True(t, ok)
	require.JSONEq(t, string(preview.Payload), string(held.Payload), "map shows what run sends")
	require.Equal(t, string(preview.Payload), string(held.Payload), "to the byte")
	return "delivered\n" + pretty(t, held.Payload)
}

func pretty(t *testing.T, payload []byte) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Indent(&out, payload, "  ", "  "))
	return "  " + out.String() + "\n"
}

func shorten(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Fatalf("%s (-want +got; make golden writes it anew):\n%s", path, diff)
	}
}

// The first start finds what was flagged before it was there: start: reconcile.
func TestTheFirstStartQueuesWhatIsFlaggedAlready(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	for _, id := range []string{"1001", "1008", "2001", "3001", "1011"} { // 1011 is deleted: where is false
		c.press(t, id)
	}
	stop := c.run(t)
	c.taken(t, "one", "1001", 1)
	c.taken(t, "multi", "2001", 1)
	c.taken(t, "patriarch", "3001", 1)
	client := admin.NewClient(c.load(t).Admin.Listen)
	eventually(t, 10*time.Second, func() error {
		records, _, err := client.Records(t.Context(), state.Filter{Status: bridge.StatusRejected})
		if err == nil && (len(records) != 1 || records[0].ID != "one/1008") {
			err = fmt.Errorf("refused: %v", records)
		}
		return err
	})
	stop()
	c.run(t) // the position is saved now: nothing is queued or sent again
	c.press(t, "1015")
	c.taken(t, "one", "1015", 1)
	require.Equal(t, 4, c.sim.Stats().Applied)
}
