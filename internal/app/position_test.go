package app_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
)

// A position is set and cleared by hand while no bridge runs, and never beside one; a wrong one is refused before anything is saved.
func TestThePositionIsSetByHand(t *testing.T) {
	onBothStores(t, func(t *testing.T, c *college) {
		t.Helper()
		stop := c.run(t)
		c.press(t, "1001")
		c.taken(t, "one", "1001", 1)
		c.becomes(t, "one/1001", bridge.StatusDelivered)
		var first, second admin.Position
		c.says(t, 0, &first, "position", "show")
		place := func(p admin.Position) []string {
			return []string{"--file", p.File, "--pos", strconv.FormatUint(p.Pos, 10)}
		}
		set := func(code int, args ...string) (answer app.PositionAnswer, stderr string) {
			return answer, c.says(t, code, nil, append([]string{"position", "set"}, args...)...)
		}
		_, stderr := set(1, append(place(first), "--yes")...)
		require.Contains(t, stderr, "a bridge runs on this store")
		require.Contains(t, stderr, "Stop every bridge")
		code, _, stderr := c.talkbridge(t, "position", "clear", "--yes")
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "a bridge runs on this store")
		var answer app.PositionAnswer
		c.says(t, 0, &answer, append([]string{"position", "set", "--dry-run"}, place(first)...)...)
		require.False(t, answer.Saved)
		c.press(t, "1002") // the bridge goes on reading beside who only looks
		c.taken(t, "one", "1002", 1)
		c.becomes(t, "one/1002", bridge.StatusDelivered)
		stop()

		c.says(t, 0, &second, "position", "show")
		_, stderr = set(1, "--file", first.File, "--pos", strconv.FormatUint(first.Pos+7, 10), "--yes")
		require.Contains(t, stderr, "no transaction begins at")
		never := "0-1-99999999"
		if c.mariadb.Flavor == "mysql" {
			never = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"
		}
		_, stderr = set(1, "--gtid", never, "--yes")
		require.Contains(t, stderr, "cannot send its log from there")
		_, stderr = set(2, place(first)...)
		require.Contains(t, stderr, "--yes")
		_, stderr = set(2, "--yes")
		require.Contains(t, stderr, "name the place")
		c.says(t, 0, &answer, append([]string{"position", "set", "--yes"}, place(first)...)...)
		require.True(t, answer.Saved)
		require.Equal(t, app.MoveBack, answer.Move)
		require.Equal(t, second.Pos, answer.Before.Pos)
		require.Equal(t, first.GTID, answer.After.GTID)
		c.says(t, 0, &answer, "position", "set", "--yes", "--gtid", second.GTID)
		require.Equal(t, second.GTID, answer.After.GTID)
		c.says(t, 0, &answer, append([]string{"position", "set", "--yes"}, place(first)...)...)

		calls := c.sim.Stats().Calls
		c.press(t, "1013")
		stop = c.run(t)
		c.taken(t, "one", "1013", 1)
		require.Equal(t, calls+1, c.sim.Stats().Calls, "what was read again is not sent again")
		stop()

		c.says(t, 0, &answer, "position", "clear", "--yes")
		require.True(t, answer.Saved)
		code, _, stderr = c.talkbridge(t, "position", "show")
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "no position is saved yet")
		c.exec(t, "UPDATE xl_gzth SET tj_zt = '1' WHERE id = 1014")
		c.run(t)
		c.taken(t, "one", "1014", 1) // start: reconcile
	})
}

// Invariant 4: a position that is saved after a restore is what lets delivery go on, so none is set by hand before.
func TestNoPositionIsSetBetweenARestoreAndItsResume(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	stop := c.run(t)
	c.press(t, "1001")
	c.becomes(t, "one/1001", bridge.StatusDelivered)
	var p admin.Position
	c.says(t, 0, &p, "position", "show")
	stop()
	file := filepath.Join(t.TempDir(), "b")
	c.asked(t, "backup", file)
	c.asked(t, "restore", file, "--replace")
	for _, args := range [][]string{{"set", "--file", p.File, "--pos", strconv.FormatUint(p.Pos, 10)}, {"clear"}} {
		code, _, stderr := c.talkbridge(t, append(append([]string{"position"}, args...), "--yes")...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "restored from a backup")
	}
	c.asked(t, "resume", "--force")
	c.asked(t, "position", "clear", "--yes")
}
