package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// unseen changes the table without a trace in the log: what the listener never learns of.
func (c *college) unseen(t *testing.T, statement string, args ...any) {
	t.Helper()
	root := c.mariadb.DB("xgxt_demo")
	defer root.Close()
	conn, err := root.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "SET SESSION sql_log_bin = 0")
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// withoutWriteback leaves delivered rows flagged, as a school does that wants its tables left alone.
func (c *college) withoutWriteback(t *testing.T) {
	t.Helper()
	c.edit(t, "    writeback:                                       # optional", "    # writeback:                                     # optional")
	c.edit(t, "      delivered: {tj_zt: \"3\", sb_xx: \"\"}\n", "")
	c.edit(t, "      rejected:  {tj_zt: \"4\", sb_xx: \"{message}\"}\n", "")
}

func TestReconcileFindsWhatIsMissingAndWhatDiffers(t *testing.T) {
	for _, back := range []string{"embedded", "redis"} {
		t.Run(back, func(t *testing.T) {
			url := "file:talkbridge.db"
			if back == "redis" {
				url = testserver.StartRedis(t).URL()
			}
			c := newCollege(t, url)
			c.withoutWriteback(t)
			c.talks(t, 4)
			stop := c.run(t)
			c.press(t, "1001")
			c.press(t, "1008") // refused
			c.press(t, "2001")
			c.taken(t, "one", "1001", 1)
			c.taken(t, "multi", "2001", 1)
			c.becomes(t, "one/1008", bridge.StatusRejected)
			c.reconciles(t, beside)
			stop()
			c.reconciles(t, alone)
		})
	}
}

const beside, alone = true, false

// reconciles goes through every kind of difference, beside a running bridge or without one.
func (c *college) reconciles(t *testing.T, running bool) {
	t.Helper()
	var r app.Reconciliation
	c.says(t, 0, &r, "reconcile")
	one := r.Routes[0]
	require.Equal(t, "one", one.Route)
	require.Equal(t, [7]int{one.Scanned, one.Scanned - 1, 0, 0, 1, 0, 0}, [7]int{one.Scanned, one.InSync, one.Missing, one.Differing, one.Rejected, one.Discarded, one.Queued})
	require.Equal(t, 1, r.Routes[1].InSync)

	unseen := []string{talkNo(0), talkNo(1)}
	if !running { // those of before are known
		unseen = []string{talkNo(2), talkNo(3)}
	}
	c.unseen(t, "UPDATE xl_gzth SET tj_zt = '1' WHERE id IN ("+strings.Join(unseen, ", ")+")")
	c.unseen(t, "UPDATE xl_gzth SET thnr = CONCAT(thnr, '<p>改过的内容</p>') WHERE id = 1001")
	stderr := c.says(t, 1, &r, "reconcile")
	require.Empty(t, stderr)
	one = r.Routes[0]
	require.Equal(t, 2, one.Missing)
	require.ElementsMatch(t, []string{"one/" + unseen[0], "one/" + unseen[1]}, one.MissingIDs)
	require.Equal(t, []string{"one/1001"}, one.DifferingIDs)
	require.Zero(t, one.Queued, "nothing is changed unless it is asked for")
	c.says(t, 1, &r, "reconcile")
	require.Equal(t, 2, r.Routes[0].Missing)

	c.says(t, 0, &r, "reconcile", "--fix", "--route", "one")
	require.Len(t, r.Routes, 1)
	require.Equal(t, 3, r.Routes[0].Queued, "%+v", r)
	if running {
		c.becomes(t, "one/"+unseen[0], bridge.StatusDelivered)
		c.becomes(t, "one/"+unseen[1], bridge.StatusDelivered)
		require.Contains(t, c.taken(t, "one", "1001", 2), "改过的内容")
		c.says(t, 0, &r, "reconcile")
		require.Equal(t, 3, r.Routes[0].InSync)
		return
	}
	c.becomes(t, "one/"+unseen[0], bridge.StatusPending)
	c.says(t, 0, &r, "reconcile")
	require.Equal(t, r.Routes[0].Scanned-1, r.Routes[0].InSync, "on their way counts")
	require.NotEmpty(t, c.says(t, 1, nil, "reconcile", "--route", "nobody"))
}

func TestBackfillAndReplaySendAgain(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withoutWriteback(t)
	c.run(t)
	c.press(t, "1001")
	c.taken(t, "one", "1001", 1)
	var filled app.Backfilled
	c.says(t, 0, &filled, "backfill", "--route", "one")
	require.Equal(t, app.Backfilled{Route: "one", Scanned: 1}, filled, "the ledger has it as it is")
	c.says(t, 0, &filled, "backfill", "--route", "one", "--again")
	require.Equal(t, 1, filled.Queued)
	c.taken(t, "one", "1001", 2)

	c.press(t, "1008") // refused
	c.becomes(t, "one/1008", bridge.StatusRejected)
	c.asked(t, "records", "discard", "--yes", "one/1008")
	c.says(t, 0, &filled, "backfill", "--route", "one", "--again")
	require.Equal(t, app.Backfilled{Route: "one", Scanned: 2, Queued: 1, Discarded: 1}, filled, "what was given up by hand stays given up")
	c.taken(t, "one", "1001", 3)
	c.becomes(t, "one/1008", bridge.StatusDiscarded)
	c.says(t, 0, &filled, "backfill", "--route", "one", "--again", "--discarded")
	require.Equal(t, app.Backfilled{Route: "one", Scanned: 2, Queued: 2}, filled, "unless it is asked for")
	c.becomes(t, "one/1008", bridge.StatusRejected)

	eventually(t, 30*time.Second, func() error { // the position of before is saved
		if position := c.asked(t, "position", "show"); position["file"] == "" {
			return fmt.Errorf("%v", position)
		}
		return nil
	})
	from := c.asked(t, "position", "show")
	c.press(t, "1002")
	c.press(t, "2001")
	c.taken(t, "one", "1002", 1)
	c.taken(t, "multi", "2001", 1)
	place := fmt.Sprintf("%s:%.0f", from["file"], from["pos"])
	var played app.Replayed
	c.says(t, 0, &played, "replay", "--from", place, "--dry-run")
	require.GreaterOrEqual(t, played.Submissions, 2)
	require.Zero(t, played.Queued)
	before := c.asked(t, "position", "show")
	c.says(t, 0, &played, "replay", "--from", place, "--route", "multi")
	require.Equal(t, 1, played.Queued)
	c.taken(t, "multi", "2001", 2)
	require.Equal(t, before["file"], c.asked(t, "position", "show")["file"], "the saved position stays")

	// What is older than what the ledger holds is not sent again.
	c.exec(t, "UPDATE xl_gzth SET tj_zt = '0' WHERE id = 1002")
	c.exec(t, "UPDATE xl_gzth SET tj_zt = '1', bt = '第二次' WHERE id = 1002")
	require.Contains(t, c.taken(t, "one", "1002", 2), "第二次")
	c.says(t, 0, &played, "replay", "--from", place, "--route", "one")
	last := c.taken(t, "one", "1002", 3) // the newer of the two, and only that
	require.Contains(t, last, "第二次")
	require.Contains(t, c.says(t, 1, nil, "replay", "--from", "binlog.000999:4"), "binlog.000999")
	require.Contains(t, c.says(t, 1, nil, "replay", "--from", "yesterday"), "FILE:POS")
}

// What the listener never learns of is found by itself, where that is asked for.
func TestReconciliationOnASchedule(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withoutWriteback(t)
	c.edit(t, "  # reconcile_every: 24h ", "  reconcile_every: 1s    ")
	c.run(t)
	c.press(t, "1001")
	c.taken(t, "one", "1001", 1)
	c.talks(t, 1)
	c.exec(t, "UPDATE xl_gzth SET thnr = CONCAT(thnr, '改过,没有再次递交') WHERE id = 1001")
	c.unseen(t, "UPDATE xl_gzth SET tj_zt = '1' WHERE id = "+talkNo(0))
	c.taken(t, "one", talkNo(0), 1)
	eventually(t, 10*time.Second, func() error { // the figures follow when all routes are through
		if !strings.Contains(c.page(t, "/metrics"), "talkbridge_reconcile_timestamp_seconds 1") {
			return errors.New("no run has ended")
		}
		return nil
	})
	require.Contains(t, c.page(t, "/metrics"), `talkbridge_reconcile_rows{result="differing",route="one"} 1`)
	held, _ := c.sim.Record("one", "1001")
	require.Equal(t, 1, held.Count, "what nobody pressed for is not sent")
}

func TestMapDiffSaysWhetherARowIsAsItWasDelivered(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.run(t)
	says := func(code int, what string) {
		t.Helper()
		got, out, stderr := c.talkbridge(t, "map", "--route", "one", "--key", "1001", "--diff")
		require.Equal(t, code, got, "%s%s", out, stderr)
		require.Contains(t, out, what)
	}
	says(1, "从未递交")
	c.press(t, "1001")
	c.becomes(t, "one/1001", bridge.StatusDelivered) // and the row is marked with 3
	says(0, "送达的内容相同")
	c.exec(t, "UPDATE xl_gzth SET bt = '改过' WHERE id = 1001")
	says(1, "已被修改")
}

// Reconcile --fix in a loop beside writers: what the platform ends with is each record's latest content, and nothing older comes after.
func TestReconcileBesideWriters(t *testing.T) {
	c := newCollege(t, testserver.StartRedis(t).URL())
	c.withoutWriteback(t)
	c.edit(t, "rate: 50 ", "rate: 0 ")
	c.run(t)
	const records, rounds = 20, 15
	c.talks(t, records)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if code, out, stderr := c.talkbridge(t, "reconcile", "--fix", "--json"); code != 0 && ctx.Err() == nil { //nolint:testifylint // it fails only where the program cannot be started at all
				t.Errorf("%s%s", out, stderr)
			}
		}
		done <- n
	}()
	for round := range rounds {
		for i := range records {
			c.exec(t, "UPDATE xl_gzth SET tj_zt = '0' WHERE id = "+talkNo(i))
			c.exec(t, fmt.Sprintf("UPDATE xl_gzth SET tj_zt = '1', bt = '第%02d次' WHERE id = %s", round, talkNo(i)))
		}
	}
	cancel()
	t.Logf("%d reconciliations beside %d submissions", <-done, records*rounds)
	eventually(t, time.Minute, func() error {
		if s := c.status(t); s.Records[bridge.StatusDelivered] != records {
			return fmt.Errorf("%v", s.Records)
		}
		return nil
	})
	for i := range records {
		highest := ""
		for _, title := range c.titles(t, talkNo(i)) {
			require.GreaterOrEqual(t, title, highest, "record %s: nothing older after something newer", talkNo(i))
			highest = title
		}
		require.Equal(t, fmt.Sprintf("第%02d次", rounds-1), highest)
	}
}

// titles are what the platform took of a record, in order.
func (c *college) titles(t *testing.T, id string) (titles []string) {
	t.Helper()
	for _, e := range c.sim.Journal() {
		if e.RecordID != id || !e.Applied {
			continue
		}
		_, rest, _ := strings.Cut(string(e.Payload), `"talkTitle":"`)
		title, _, _ := strings.Cut(rest, `"`)
		titles = append(titles, title)
	}
	return titles
}
