package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
)

// logEnd is where the server's log ends, by file and by GTID.
func (c *college) logEnd(t *testing.T) (file, gtid string) {
	t.Helper()
	root := c.mariadb.DB("")
	defer root.Close()
	var name, pos, ignored string
	if c.mariadb.Flavor == "mysql" {
		require.NoError(t, root.QueryRowContext(t.Context(), "SHOW BINARY LOG STATUS").Scan(&name, &pos, &ignored, &ignored, &gtid))
		return name + ":" + pos, strings.ReplaceAll(gtid, "\n", "")
	}
	require.NoError(t, root.QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&name, &pos, &ignored, &ignored))
	require.NoError(t, root.QueryRowContext(t.Context(), "SELECT @@GLOBAL.gtid_binlog_pos").Scan(&gtid))
	return name + ":" + pos, gtid
}

// titled submits a row under a title.
func (c *college) titled(t *testing.T, id, title string) {
	t.Helper()
	c.exec(t, "UPDATE xl_gzth SET tj_zt = '0' WHERE id = "+id)
	c.exec(t, "UPDATE xl_gzth SET tj_zt = '1', bt = ? WHERE id = "+id, title)
}

// A ledger that is gone cannot say what is newer. The log can: of each record only its last submission goes out, and none that a later one
// behind the stretch has replaced.
func TestReplayWithoutALedgerSendsOnlyTheLast(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withoutWriteback(t)
	from, before := c.logEnd(t)
	c.titled(t, "1001", "第一次")
	c.titled(t, "1002", "只有一次")
	c.titled(t, "1001", "第二次")
	to, gtid := c.logEnd(t)
	c.titled(t, "1001", "第三次")
	c.titled(t, "1015", "后来的")

	var played app.Replayed
	replay := func(code int, args ...string) string {
		t.Helper()
		return c.says(t, code, &played, append([]string{"replay"}, args...)...)
	}
	for _, bounds := range [][2]string{{from, to}, {before, gtid}, {from, gtid}, {before, to}} {
		replay(0, "--from", bounds[0], "--to", bounds[1], "--dry-run")
		require.Equal(t, [3]int{3, 2, 0}, [3]int{played.Submissions, played.Records, played.Queued}, "%v: %+v", bounds, played)
	}
	replay(0, "--from", from, "--to", gtid)
	require.Equal(t, [3]int{3, 2, 1}, [3]int{played.Submissions, played.Records, played.Queued}, "of 1001 there is something newer behind the stretch")
	c.becomes(t, "one/1002", bridge.StatusPending)
	replay(0, "--from", from)
	require.Equal(t, [3]int{5, 3, 2}, [3]int{played.Submissions, played.Records, played.Queued}, "1002 waits already")
	stop := c.run(t)
	c.becomes(t, "one/1001", bridge.StatusDelivered)
	c.becomes(t, "one/1015", bridge.StatusDelivered)
	require.Equal(t, []string{"第三次"}, c.titles(t, "1001"))
	require.Equal(t, []string{"只有一次"}, c.titles(t, "1002"))
	stop()
	require.NoError(t, os.Remove(filepath.Join(c.dir, "bridge", "talkbridge.db")))
	replay(0, "--from", from)
	require.Equal(t, 3, played.Queued, "and once more from the log alone")
}

// A ledger that is older than the log, as after a restored backup, knows the record, but not what it became: nothing older than what the platform
// may have goes out.
func TestReplayIntoAnOlderLedgerSendsOnlyTheLast(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withoutWriteback(t)
	from, _ := c.logEnd(t)
	stop := c.run(t)
	c.titled(t, "1001", "第一次")
	c.becomes(t, "one/1001", bridge.StatusDelivered)
	stop()
	c.titled(t, "1001", "第二次")
	to, _ := c.logEnd(t)
	// So much log of others that the stretch's end is reached before the next submission is read.
	require.NoError(t, c.mariadb.Exec("CREATE TABLE xgxt_demo.pad (b LONGBLOB)"))
	for range 8 {
		require.NoError(t, c.mariadb.Exec("INSERT INTO xgxt_demo.pad VALUES (REPEAT('x', 8000000))"))
	}
	c.titled(t, "1001", "第三次")
	var played app.Replayed
	c.says(t, 0, &played, "replay", "--from", from, "--to", to)
	require.Equal(t, [2]int{2, 0}, [2]int{played.Submissions, played.Queued}, "the last one stands behind the stretch: %+v", played)
	c.says(t, 0, &played, "replay", "--from", from)
	require.Equal(t, [2]int{3, 1}, [2]int{played.Submissions, played.Queued}, "%+v", played)
}

// quietSecond waits until a whole second of the source's clock has gone by in which nothing was committed, and gives it: what was committed
// before is older, and what will be is newer, as a log that keeps seconds can tell them.
func (c *college) quietSecond(t *testing.T) time.Time {
	t.Helper()
	now := func() (at int64) {
		require.NoError(t, c.db.QueryRowContext(t.Context(), "SELECT UNIX_TIMESTAMP(NOW())").Scan(&at))
		return at
	}
	quiet := now() + 1
	eventually(t, 30*time.Second, func() error {
		if at := now(); at <= quiet {
			return fmt.Errorf("the source's clock says %d, not yet more than %d", at, quiet)
		}
		return nil
	})
	return time.Unix(quiet, 0)
}

// An operator who knows when it happened needs to know no place of the log: a moment is an end of a stretch, by the source's time zone.
func TestReplayByTime(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withoutWriteback(t)
	wall := func(at time.Time) string { return at.In(c.load(t).Source.Location).Format("2006-01-02T15:04:05") }
	start := wall(c.quietSecond(t))
	c.titled(t, "1001", "先前的")
	at := c.quietSecond(t)
	c.titled(t, "1002", "后来的")
	c.titled(t, "1015", "后来的")

	var played app.Replayed
	found := func(args ...string) [3]int {
		t.Helper()
		c.says(t, 0, &played, append([]string{"replay"}, args...)...)
		return [3]int{played.Submissions, played.Records, played.Queued}
	}
	moment := wall(at)
	require.Equal(t, [3]int{2, 2, 0}, found("--from", moment, "--dry-run"))
	require.Equal(t, [3]int{2, 2, 0}, found("--from", at.UTC().Format(time.RFC3339), "--dry-run"), "with its own offset")
	require.Equal(t, [3]int{1, 1, 0}, found("--from", start, "--to", moment, "--dry-run"))
	require.Equal(t, [3]int{3, 3, 0}, found("--from", start, "--dry-run"))
	require.Equal(t, [3]int{0, 0, 0}, found("--from", moment, "--to", moment, "--dry-run"))

	require.Equal(t, [3]int{1, 1, 1}, found("--from", start, "--to", moment))
	c.becomes(t, "one/1001", bridge.StatusPending)
	require.Equal(t, [3]int{2, 2, 2}, found("--from", moment))
	c.becomes(t, "one/1002", bridge.StatusPending)
	c.becomes(t, "one/1015", bridge.StatusPending)
	c.run(t)
	for id, title := range map[string]string{"1001": "先前的", "1002": "后来的", "1015": "后来的"} {
		c.becomes(t, "one/"+id, bridge.StatusDelivered)
		require.Equal(t, []string{title}, c.titles(t, id))
	}
}

// What the server has no log of is not passed over in silence.
func TestReplayOfAPurgedStretchSaysWhatThereIs(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withoutWriteback(t)
	c.press(t, "1001")
	why := c.says(t, 1, nil, "replay", "--from", "2001-01-01T08:00")
	begun := regexp.MustCompile(`The oldest that the server still has is (\S+), begun at (\S+): --from (\S+) begins there`).FindStringSubmatch(why)
	require.NotNil(t, begun, why)
	at, err := time.ParseInLocation("2006-01-02T15:04:05", begun[2], c.load(t).Source.Location)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, 5*time.Minute)
	var played app.Replayed
	for _, from := range begun[2:] { // the message's own ways out
		c.says(t, 0, &played, "replay", "--from", from, "--route", "one", "--dry-run")
		require.NotZero(t, played.Submissions, from)
	}
	c.purge(t)
	why = c.says(t, 1, nil, "replay", "--from", begun[1]+":4")
	require.Contains(t, why, "the server has purged "+begun[1])
	require.NotContains(t, why, "--from "+begun[1], "another one is the oldest now")
	if c.mariadb.Flavor != "mysql" {
		why = c.says(t, 1, nil, "replay", "--from", "0-1-1")
		require.Contains(t, why, "The oldest that the server still has is")
		why = c.says(t, 1, nil, "replay", "--from", "0-1-99999")
		require.Contains(t, why, "--from 0-1-99999")
	}
}
