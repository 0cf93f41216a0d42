package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// The drill of an emergency, by the program's own commands: a backup while the bridge runs, the store destroyed under it, the
// backup restored on the other back end. Nothing that was delivered before the backup is sent twice, everything that waited is
// delivered, and what was submitted after the backup is read again. `make drill` runs it.
func TestDrillOfBackupAndRestore(t *testing.T) {
	for _, d := range []struct{ name, from, to string }{
		{"embedded to redis", "file:talkbridge.db", "redis"},
		{"redis to embedded", "redis", "file:talkbridge.db"},
	} {
		t.Run(d.name, func(t *testing.T) {
			r := testserver.StartRedis(t)
			url := func(s string) string { return strings.Replace(s, "redis", r.URL(), 1) }
			c := newCollege(t, url(d.from))
			c.edit(t, "rate: 50 ", "rate: 0 ")
			drill(t, c, r, url(d.from), url(d.to))
		})
	}
}

const drillDelivered, drillPending, drillLater = 12, 8, 5

func drill(t *testing.T, c *college, r *testserver.Redis, from, to string) {
	t.Helper()
	c.talks(t, drillDelivered+drillPending+drillLater)
	process := c.spawn(t)
	for i := range drillDelivered {
		c.press(t, talkNo(i))
	}
	for i := range drillDelivered {
		c.taken(t, "one", talkNo(i), 1)
	}
	c.press(t, "1008") // which the rules refuse
	c.counted(t, bridge.StatusRejected, 1)
	paused := c.asked(t, "pause", "--reason", "the drill")
	require.Equal(t, true, paused["paused"])
	require.Equal(t, true, paused["changed"])
	for i := range drillPending {
		c.press(t, talkNo(drillDelivered+i))
	}
	c.counted(t, bridge.StatusPending, drillPending)

	file := filepath.Join(t.TempDir(), "drill.backup")
	backup := c.asked(t, "backup", file)
	require.EqualValues(t, drillDelivered+drillPending+1, backup["records"])
	require.Equal(t, backup["digest"], c.asked(t, "verify", file)["digest"])
	code, _, stderr := c.talkbridge(t, "restore", file, "--replace")
	require.Equal(t, 1, code, "not under a running bridge")
	require.Regexp(t, "in use by another process|is held by another talkbridge|a bridge listens into this store", stderr)
	for i := range drillLater { // after the backup: these are in the source's log only
		c.press(t, talkNo(drillDelivered+drillPending+i))
	}
	c.exec(t, "UPDATE xl_gzth SET bt = '改过的题目', tj_zt = '0' WHERE id = "+talkNo(drillDelivered))
	c.press(t, talkNo(drillDelivered)) // and one that waits is submitted again
	c.counted(t, bridge.StatusPending, drillPending+drillLater)

	require.NoError(t, process.Process.Kill())
	_ = process.Wait()
	destroy(t, c, r, from)
	c.edit(t, "url: "+from, "url: "+to)
	restored := c.asked(t, "restore", file)
	require.Equal(t, backup["statuses"], restored["statuses"])
	again := c.asked(t, "backup", filepath.Join(t.TempDir(), "again.backup"))
	require.Equal(t, backup["digest"], again["digest"], "what came back is what was there")
	code, _, stderr = c.talkbridge(t, "resume")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "wait until it has caught up")

	c.afterRestore(t)
}

// afterRestore starts a bridge on the restored store, lets it catch up, and resumes.
func (c *college) afterRestore(t *testing.T) {
	t.Helper()
	before := c.sim.Stats().Applied
	stop := c.run(t)
	defer stop()
	c.counted(t, bridge.StatusPending, drillPending+drillLater)
	status := c.status(t)
	require.NotNil(t, status.Paused)
	require.Contains(t, status.Paused.Reason, "restored from a backup")
	require.Contains(t, c.page(t, "/metrics"), "talkbridge_paused 1")
	require.Equal(t, before, c.sim.Stats().Applied, "nothing is sent while it is paused")

	eventually(t, 20*time.Second, func() error {
		code, _, stderr := c.talkbridge(t, "resume")
		if code != 0 {
			return errors.New(stderr)
		}
		return nil
	})
	for i := range drillPending + drillLater {
		c.taken(t, "one", talkNo(drillDelivered+i), 1)
	}
	c.counted(t, bridge.StatusDelivered, drillDelivered+drillPending+drillLater)
	for i := range drillDelivered + drillPending + drillLater {
		record, _ := c.sim.Record("one", talkNo(i))
		require.Equal(t, 1, record.Count, "record %s is sent once", talkNo(i))
	}
	require.Contains(t, c.taken(t, "one", talkNo(drillDelivered), 1), "改过的题目")
	require.Contains(t, c.page(t, "/metrics"), "talkbridge_paused 0")
	t.Logf("%d delivered before and not sent again; %d waited and %d came after the backup, all delivered",
		drillDelivered, drillPending, drillLater)
}

func destroy(t *testing.T, c *college, r *testserver.Redis, url string) {
	t.Helper()
	if path, ok := strings.CutPrefix(url, "file:"); ok {
		require.NoError(t, os.Remove(filepath.Join(filepath.Dir(c.config), path)))
		return
	}
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer client.Close()
	require.NoError(t, client.FlushAll(t.Context()).Err())
}

func talkNo(i int) string { return fmt.Sprint(7000 + i) }

// talks makes n rows that nobody has submitted yet.
func (c *college) talks(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		c.exec(t, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, tj_zt)
			SELECT ?, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, '0' FROM xl_gzth WHERE id = 1001`, talkNo(i))
	}
}

// asked runs a command with --json, which has to work, and gives what it printed.
func (c *college) asked(t *testing.T, args ...string) map[string]any {
	t.Helper()
	code, out, stderr := c.talkbridge(t, append(args, "--json")...)
	require.Zero(t, code, "%v: %s", args, stderr)
	require.Empty(t, stderr, "nothing but the answer where nobody looks at a terminal")
	var shape map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &shape))
	return shape
}

// page reads a page of the running bridge.
func (c *college) page(t *testing.T, path string) string {
	t.Helper()
	var body string
	eventually(t, 20*time.Second, func() error {
		resp, err := http.Get("http://" + c.load(t).Admin.Listen + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		body = string(text)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		return err
	})
	return body
}

func (c *college) status(t *testing.T) (s admin.Status) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(c.page(t, "/api/v1/status")), &s))
	return s
}

// counted waits until so many records are in a status.
func (c *college) counted(t *testing.T, status bridge.Status, n int) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		if s := c.status(t); s.Records[status] != n {
			return fmt.Errorf("%v, not %d %s", s.Records, n, status)
		}
		return nil
	})
}

// Pause and resume on either back end, beside a running bridge: what is submitted meanwhile waits.
func TestPauseAndResumeBesideARunningBridge(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	stop := c.run(t)
	c.press(t, "1001")
	c.taken(t, "one", "1001", 1)
	code, out, _ := c.talkbridge(t, "pause", "--reason", "门户停机")
	require.Zero(t, code)
	require.Contains(t, out, "delivery is paused now")
	c.press(t, "1002")
	c.counted(t, bridge.StatusPending, 1)
	require.Equal(t, "门户停机", c.status(t).Paused.Reason)
	_, out, _ = c.talkbridge(t, "pause")
	require.Contains(t, out, "was paused already")
	require.Contains(t, out, "门户停机")

	stop()
	again := c.run(t) // it outlives the process
	require.NotNil(t, c.status(t).Paused)
	code, out, _ = c.talkbridge(t, "resume")
	require.Zero(t, code)
	require.Contains(t, out, "delivery goes on")
	c.counted(t, bridge.StatusPending, 0)
	again()
	_, out, _ = c.talkbridge(t, "resume")
	require.Contains(t, out, "was not paused")

	code, _, stderr := c.talkbridge(t, "backup", c.config)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "is there already")
	code, _, stderr = c.talkbridge(t, "verify", c.config)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "not a backup of talkbridge")
}
