package app_test

import (
	"cmp"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
)

// reconciled waits until the status has a run of a cause over route one, and gives its figures.
func (c *college) reconciled(t *testing.T, cause state.Cause) state.Figures {
	t.Helper()
	var found state.Reconciled
	eventually(t, 30*time.Second, func() error {
		for _, r := range c.status(t).Reconcile {
			if found = r; r.Route == "one" && r.Cause == cause {
				return nil
			}
		}
		return fmt.Errorf("no run of %s over route one: the last is %+v", cause, found)
	})
	require.WithinDuration(t, time.Now(), found.EndedAt, time.Minute)
	require.False(t, found.EndedAt.Before(found.BeganAt))
	return found.Figures
}

// What each kind of run found is in the status by route, with its cause, whoever ran it, and over restarts.
func TestTheStatusShowsWhatTheLastRunFound(t *testing.T) {
	c := newCollege(t, testserver.StartRedis(t).URL()) // the store itself is tested on both back ends
	c.withoutWriteback(t)
	c.press(t, "1001")
	c.press(t, "1008") // refused
	stop := c.run(t)
	require.Equal(t, state.Figures{Scanned: 2, Missing: 2, Queued: 2}, c.reconciled(t, state.CauseStart), "the first scan")
	require.Equal(t, []string{"one", "multi", "patriarch"}, func() (routes []string) {
		for _, r := range c.status(t).Reconcile {
			routes = append(routes, r.Route)
		}
		return routes
	}(), "each route, also one without a row")
	c.taken(t, "one", "1001", 1)
	c.becomes(t, "one/1008", bridge.StatusRejected)
	c.says(t, 0, nil, "reconcile", "--route", "one")
	require.Equal(t, state.Figures{Scanned: 2, InSync: 1, Rejected: 1}, c.reconciled(t, state.CauseHand))
	require.Equal(t, state.CauseStart, c.status(t).Reconcile[1].Cause, "a run over one route leaves the others'")
	stop()

	c.press(t, "1002")
	c.unseen(t, "UPDATE xl_gzth SET thnr = CONCAT(thnr, '<p>改过的内容</p>') WHERE id = 1001")
	c.purge(t)
	stop = c.run(t)
	require.Equal(t, state.Figures{Scanned: 3, Missing: 1, Differing: 1, Rejected: 1, Queued: 2}, c.reconciled(t, state.CausePurged),
		"the position was purged")
	c.taken(t, "one", "1002", 1)
	c.taken(t, "one", "1001", 2)
	stop()
	c.edit(t, "  # reconcile_every: 24h ", "  reconcile_every: 1s    ")
	c.run(t)
	require.Equal(t, state.CausePurged, c.status(t).Reconcile[0].Cause, "over a restart")
	require.Equal(t, state.Figures{Scanned: 3, InSync: 2, Rejected: 1}, c.reconciled(t, state.CauseSchedule))
}

// purge takes away every log but the one that is written now.
func (c *college) purge(t *testing.T) {
	t.Helper()
	root := c.mariadb.DB("")
	defer root.Close()
	_, err := root.ExecContext(t.Context(), "FLUSH BINARY LOGS")
	require.NoError(t, err)
	eventually(t, 30*time.Second, func() error { // a file is kept until the server's own checkpoint has come by
		first, last, err := logs(t, root)
		if err != nil || first == last {
			return err
		}
		if _, err := root.ExecContext(t.Context(), "PURGE BINARY LOGS TO '"+last+"'"); err != nil {
			return err
		}
		return fmt.Errorf("%s is still there", first)
	})
}

// logs names the first and the last log that the server has. Servers differ in the columns behind the name.
func logs(t *testing.T, root *sql.DB) (first, last string, err error) {
	t.Helper()
	rows, err := root.QueryContext(t.Context(), "SHOW BINARY LOGS")
	if err != nil {
		return "", "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", "", err
	}
	for rows.Next() {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(sql.RawBytes)
		}
		row[0] = &last
		if err := rows.Scan(row...); err != nil {
			return "", "", err
		}
		first = cmp.Or(first, last)
	}
	return first, last, rows.Err()
}
