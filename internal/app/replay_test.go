package app_test

import (
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
