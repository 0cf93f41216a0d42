package app_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/app"
	"talkbridge/internal/testserver"
	"talkbridge/state"
)

// The hour of a DBA, on real servers, with the bridge as a process and Prometheus' own evaluation of the alert rules over what was scraped from
// it: the bridge falls behind, the alert comes, it catches up, the alert goes; the bridge is stopped, the log is purged under it, and its start
// finds what it missed; a wrong position is refused or, where nobody could know, put right afterwards. The platform judges: nothing lost,
// nothing stale.
func TestTheDBAsHour(t *testing.T) {
	t.Parallel()
	h := newHour(t)
	h.passes("all is well")
	h.fallsBehind()
	h.stoppedAndPurged()
	h.wrongPosition()
	require.Zero(t, h.f.stale(), "older content after newer")
	require.Zero(t, h.c.sim.Stats().Overlaps, "two calls for one record at once")
	h.watch.judged()
}

// hourRecords are submitted again and again during the hour.
const hourRecords = 12

type hour struct {
	t     *testing.T
	c     *college
	wire  *wire
	n     *node
	f     *flow
	watch *watch

	purged admin.Position // saved once, and gone from the source's log
}

func newHour(t *testing.T) *hour {
	t.Helper()
	testserver.Promtool(t) // which judges in the end
	c := newCollege(t, testserver.StartRedis(t).URL())
	c.quick(t)
	c.withoutWriteback(t) // so that reconcile sees every submitted row
	h := &hour{t: t, c: c, wire: newWire(t, c.mariadb.Addr), f: newFlow(t, c, hourRecords)}
	c.edit(t, "addr: "+c.mariadb.Addr, "addr: "+h.wire.addr)
	c.exec(t, "CREATE TABLE bulk (id INT AUTO_INCREMENT PRIMARY KEY, pad VARCHAR(1000))")
	h.n = c.node(t, "reader")
	c.config = h.n.config // the commands are given the bridge's own file
	h.n.takesOver(30 * time.Second)
	h.f.submit(t, hourRecords)
	h.f.arrives(t, time.Minute)
	h.watch = newWatch(t, h.n.admin)
	return h
}

// passes waits until a scrape shows a bridge that has nothing left to do, and wants no alert then.
func (h *hour) passes(what string) {
	h.t.Helper()
	h.watch.until(func(s samples) error {
		if s["talkbridge_leader"] != 1 || s["talkbridge_source_lag_seconds"] != 0 || s["talkbridge_source_lag_bytes"] != 0 {
			return fmt.Errorf("%s: it listens: %v, and is %v s and %v bytes behind", what,
				s["talkbridge_leader"], s["talkbridge_source_lag_seconds"], s["talkbridge_source_lag_bytes"])
		}
		return nil
	})
	h.watch.wants(what)
}

// A line that carries too little, and a bulk job: reading falls behind until the line is as it was.
func (h *hour) fallsBehind() {
	h.t.Helper()
	h.wire.rate.Store(4 << 10)
	for range 1000 { // some five minutes of this line, of what no route watches
		h.c.exec(h.t, "INSERT INTO bulk (pad) VALUES (REPEAT('x', 1000))")
	}
	h.f.submit(h.t, hourRecords)
	behind := 0 // scrapes in a row
	h.watch.until(func(s samples) error {
		if behind++; !(s["talkbridge_source_lag_seconds"] > 300) { // NaN is not more
			behind = 0
		}
		if behind < 7 || !(s["talkbridge_source_lag_bytes"] > 100e3) { // the rule wants five minutes, which are six scrapes
			return fmt.Errorf("more than five minutes behind for %d scrapes; now %v s and %v bytes", behind,
				s["talkbridge_source_lag_seconds"], s["talkbridge_source_lag_bytes"])
		}
		return nil
	})
	h.watch.wants("behind", "TalkbridgeReadLag")
	require.Len(h.t, h.f.missing(), hourRecords, "what was submitted behind the bulk has not been read")
	h.wire.rate.Store(0)
	h.f.arrives(h.t, time.Minute)
	h.passes("caught up")
}

// The bridge is stopped, records are submitted, and the log with them is purged: the start queues what it cannot read any more.
func (h *hour) stoppedAndPurged() {
	h.t.Helper()
	_, err := h.n.stops()
	require.NoError(h.t, err)
	saved := &h.purged
	h.c.says(h.t, 0, saved, "position", "show")
	h.f.submit(h.t, hourRecords-3) // the others stay as they are
	h.c.press(h.t, "1013")
	h.c.exec(h.t, "UPDATE xl_gzth SET tj_zt = '0' WHERE id = 1013") // pressed and taken back
	h.c.exec(h.t, "FLUSH BINARY LOGS")
	newest, _ := h.endOfLog()
	eventually(h.t, 30*time.Second, func() error { // the server notices with its next heartbeat that nobody reads this file any more
		h.c.exec(h.t, fmt.Sprintf("PURGE BINARY LOGS TO '%s'", newest))
		if files, _ := h.binlogs(); slices.Contains(files, saved.File) {
			return fmt.Errorf("%s is not purged", saved.File)
		}
		return nil
	})
	away := 0
	h.watch.until(func(s samples) error {
		if away++; s["up"] != 0 {
			away = 0
		}
		if away < 4 { // two minutes are three scrapes
			return fmt.Errorf("away for %d scrapes", away)
		}
		return nil
	})
	h.watch.wants("stopped", "TalkbridgeDown", "TalkbridgeNobodyListens")
	require.Len(h.t, h.f.missing(), hourRecords-3)

	h.n.start()
	h.n.says(30*time.Second, "the saved position cannot be resumed from; as source.on_purged says")
	h.f.arrives(h.t, time.Minute)
	h.passes("started again")
	eventually(h.t, time.Minute, func() error {
		runs := h.c.status(h.t).Reconcile
		i := slices.IndexFunc(runs, func(r state.Reconciled) bool { return r.Route == "one" && r.Cause == state.CausePurged })
		if i < 0 || runs[i].Scanned != hourRecords || runs[i].Queued != hourRecords-3 {
			return fmt.Errorf("the status does not tell what the start found and queued: %+v", runs)
		}
		return nil
	})
	_, taken := h.c.sim.Record("one", "1013")
	require.False(h.t, taken, "what was taken back is not sent")
	h.inSync(0)
}

// No place is set beside a running bridge, and none that the server does not have. One that it has and that is too far ahead is not, and loses sight of what lies
// between; reconcile says so, and the right place brings it, but nothing that something newer has replaced.
func (h *hour) wrongPosition() {
	h.t.Helper()
	var right, still admin.Position
	h.c.says(h.t, 0, &right, "position", "show")
	_, stderr := h.set(1, right.File, right.Pos)
	require.Contains(h.t, stderr, "a bridge runs on this store")
	_, err := h.n.stops()
	require.NoError(h.t, err)
	h.c.says(h.t, 0, &right, "position", "show")
	h.f.submit(h.t, hourRecords)
	for _, wrong := range []struct {
		file string
		pos  uint64
		why  string
	}{
		{h.purged.File, h.purged.Pos, "the server has no log " + h.purged.File},
		{right.File, right.Pos + 7, "no transaction begins at"},
	} {
		_, stderr = h.set(1, wrong.file, wrong.pos)
		require.Contains(h.t, stderr, wrong.why)
		h.c.says(h.t, 0, &still, "position", "show")
		require.Equal(h.t, right, still, "nothing was saved")
	}
	file, end := h.endOfLog()
	answer, _ := h.set(0, file, end)
	require.Equal(h.t, app.MoveForward, answer.Move, "the command says that it goes past something")
	require.Equal(h.t, right, *answer.Before, "and from where")

	const again = 5
	h.n.start()
	h.f.submit(h.t, again) // the first of them once more
	h.f.missesOnly(h.t, hourRecords-again)
	h.passes("at the wrong place")
	h.inSync(hourRecords - again)

	_, err = h.n.stops()
	require.NoError(h.t, err)
	missed, before := fmt.Sprint(h.f.missing()), len(h.c.sim.Journal())
	answer, _ = h.set(0, right.File, right.Pos)
	require.Equal(h.t, app.MoveBack, answer.Move)
	h.n.start()
	h.f.arrives(h.t, time.Minute)
	h.passes("put right")
	for _, a := range h.c.sim.Journal()[before:] {
		require.Contains(h.t, missed, a.RecordID, "what was missed, and nothing that was replaced meanwhile")
	}
	h.inSync(0)
}

// inSync asks reconcile how many of the flagged rows are not at the platform as they are; all others have to be.
func (h *hour) inSync(differing int) {
	h.t.Helper()
	var r app.Reconciliation
	h.c.says(h.t, min(differing, 1), &r, "reconcile", "--route", "one")
	one := r.Routes[0]
	require.Equal(h.t, [4]int{hourRecords, hourRecords - differing, 0, differing}, [4]int{one.Scanned, one.InSync, one.Missing, one.Differing})
}

// set is position set, which has to end with code.
func (h *hour) set(code int, file string, pos uint64) (answer app.PositionAnswer, stderr string) {
	h.t.Helper()
	into := any(&answer)
	if code != 0 {
		into = nil
	}
	stderr = h.c.says(h.t, code, into, "position", "set", "--yes", "--file", file, "--pos", strconv.FormatUint(pos, 10))
	return answer, stderr
}

// endOfLog is where the source writes next.
func (h *hour) endOfLog() (file string, pos uint64) {
	files, sizes := h.binlogs()
	return files[len(files)-1], sizes[len(sizes)-1]
}

// binlogs are the files of the source's log, oldest first, and their sizes.
func (h *hour) binlogs() (files []string, sizes []uint64) {
	h.t.Helper()
	rows, err := h.c.db.QueryContext(h.t.Context(), "SHOW BINARY LOGS")
	require.NoError(h.t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(h.t, err)
	for rows.Next() {
		var file, rest string
		var size uint64
		into := []any{&file, &size, &rest}
		require.NoError(h.t, rows.Scan(into[:len(columns)]...)) // MySQL says too whether it is encrypted
		files, sizes = append(files, file), append(sizes, size)
	}
	require.NoError(h.t, rows.Err())
	require.NotEmpty(h.t, files)
	return files, sizes
}

// missesOnly waits until the platform lacks the latest content of n records, the last ones in the flow's turn.
func (f *flow) missesOnly(t *testing.T, n int) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		if ids := f.missing(); len(ids) != n {
			return fmt.Errorf("the latest content of %d records has not arrived: %v", len(ids), ids)
		}
		return nil
	})
}
