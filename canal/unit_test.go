package canal

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/internal/bridge"
)

func TestStatementsAreSorted(t *testing.T) {
	for sql, want := range map[string]statementKind{
		"BEGIN": statementBegin, "start transaction": statementBegin, "COMMIT /* x */": statementCommit, "/* hi */ commit": statementCommit,
		"ROLLBACK": statementRollback, "ROLLBACK TO `a`": statementRollbackTo, "SAVEPOINT a": statementSavepoint, "XA END 'x'": statementXA,
		"# a comment\nUPDATE t SET a=1": statementChange, "-- a comment\nINSERT t VALUES (1)": statementChange, "/*!50000 replace */ t values(1)": statementChange,
		"(SELECT 1)": statementOther, "DROP TABLE `commit`": statementDefines, "/*M!100100 ALTER TABLE t */": statementDefines, "": statementOther,
		"`BEGIN`": statementOther, "GRANT ALL ON *.* TO x": statementOther, "START SLAVE": statementOther,
	} {
		require.Equal(t, want, cutStatement(sql, 100).kind(), sql)
	}
}

func TestTablesAreFoundInStatements(t *testing.T) {
	for _, c := range []struct {
		sql  string
		own  bool
		want bool
	}{
		{"UPDATE talk SET a=1", true, true},
		{"UPDATE talk SET a=1", false, false},
		{"UPDATE `db`.`talk` SET a=1", false, true},
		{"UPDATE db . talk SET a=1", false, true},
		{"UPDATE other.talk SET a=1", true, false},
		{"update x, DB.TALK set a=1", false, true},
		{"UPDATE x SET a=(SELECT b FROM db.talk)", true, false},
		{"INSERT INTO x SELECT * FROM db.talk", true, false},
		{"INSERT IGNORE INTO talk SELECT * FROM x", true, true},
		{"INSERT INTO x VALUES ('talk', \"talk\", 'it''s talk', 'a\\' talk')", true, false},
		{"INSERT INTO x /* talk */ VALUES (1) -- talk", true, false},
		{"DELETE x FROM x JOIN talk WHERE 1", true, true},
		{"DELETE FROM x WHERE a IN (SELECT id FROM talk)", true, false},
		{"LOAD DATA INFILE 'f' INTO TABLE talk", true, true},
		{"INSERT INTO talks VALUES (1)", true, false},
		{"INSERT INTO `ta``lk` VALUES (1)", true, false},
	} {
		require.Equal(t, c.want, cutStatement(c.sql, 100).changes("db", "talk", c.own), c.sql)
	}
	require.Equal(t, "a b", cutStatement("SAVEPOINT `A b`", 9).savepoint())
	require.Equal(t, "x", cutStatement("ROLLBACK TO SAVEPOINT x", 9).savepoint())
	require.Equal(t, "savepoint", cutStatement("ROLLBACK TO `savepoint`", 9).savepoint())
}

func TestPositionsBeyond4GiB(t *testing.T) {
	require.Equal(t, uint64(500), extend(4, 500))
	require.Equal(t, uint64(1<<32+10), extend(1<<32-100, 10))
	require.Equal(t, uint64(5<<32+10), extend(5<<32+4, 10))
	require.Equal(t, uint64(100), extend(104, 100), "a step back is no turn of the counter")
	_, err := start(nil, &server{}, place{file: "f", pos: 1 << 32})
	require.ErrorContains(t, err, "4 GiB")
}

func TestGTIDs(t *testing.T) {
	set, err := parseGTIDs(FlavorMariaDB, "0-1-5, 2-7-9")
	require.NoError(t, err)
	gtid{mariadb: &mysql.MariadbGTID{ServerID: 3, SequenceNumber: 6}}.addTo(set)
	require.Equal(t, "0-3-6,2-7-9", set.String(), "one for each domain, whoever wrote it")
	uuid := "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	set, err = parseGTIDs(FlavorMySQL, uuid+":1-5,\n"+uuid+":tag:1")
	require.NoError(t, err)
	id := gtid{gno: 6}
	require.NoError(t, id.sid.UnmarshalText([]byte(uuid)))
	id.addTo(set)
	require.Equal(t, uuid+":6", id.String())
	id.tag = mysql.NewTag("tag")
	id.gno = 2
	id.addTo(set)
	require.Equal(t, uuid+":tag:2", id.String())
	require.Equal(t, uuid+":1-6:tag:1-2", set.String())
	gtid{}.addTo(set)
	require.Empty(t, gtid{}.String())
	for _, bad := range []string{"x", "1-2", "1-2-3-4"} {
		_, err = parseGTIDs(FlavorMariaDB, bad)
		require.ErrorContains(t, err, "as in 0-1-4711")
	}
	_, err = parseGTIDs(FlavorMySQL, "x")
	require.Error(t, err)
}

func TestErrorsAreSorted(t *testing.T) {
	dump := func(message string) error { return &mysql.MyError{Code: 1236, Message: message} }
	for _, c := range []struct {
		err           error
		stop          bool
		lost, foreign bool
		want          string
	}{
		{err: errors.New("connection reset")},
		{err: errors.New("panic canary\nstack: goroutine 1 [running]:\nruntime.gopanic()\n\t/go/runtime/panic.go:860 +0x1\nx.decode(0x1)\n\t/m/row_event.go:12 +0x5"), stop: true, want: "at row_event.go:12)"},
		{err: &mysql.MyError{Code: 1927, Message: "Connection was killed"}},
		{err: &driver.MySQLError{Number: 1053, Message: "Server shutdown in progress"}},
		{err: &driver.MySQLError{Number: 1045, Message: "Access denied"}, stop: true, want: "source.password"},
		{err: &mysql.MyError{Code: 1227, Message: "Access denied"}, stop: true, want: "REPLICATION SLAVE"},
		{err: &mysql.MyError{Code: 4052, Message: "A slave with the same server_uuid/server_id"}, stop: true, want: "source.server_id"},
		{err: dump("A slave with the same server_uuid/server_id as this slave has connected to the master"), stop: true, want: "source.server_id"},
		{err: dump("Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged."), lost: true},
		{err: dump("Could not find first log file name in binary log index file"), lost: true},
		{err: dump("Cannot replicate because the source purged required binary logs."), lost: true},
		{err: dump("Error: connecting slave requested to start from GTID 0-1-9, which is not in the master's binlog"), lost: true, foreign: true},
		{err: dump("Slave has more GTIDs than the master has, using the master's SERVER_UUID."), lost: true, foreign: true},
		{err: dump("Client requested master to start replication from impossible position"), lost: true, foreign: true},
		{err: dump("log event entry exceeded max_allowed_packet"), stop: true, want: "Raise max_allowed_packet"},
		{err: dump("bogus data in log event"), stop: true, want: "error log"},
		{
			err:  &replication.EventError{Header: &replication.EventHeader{EventType: replication.TABLE_MAP_EVENT}, Err: "odd", Data: []byte("canary")},
			stop: true, want: "TableMapEvent",
		},
	} {
		err := classify(c.err)
		require.Equal(t, c.stop, stops(err), c.err)
		var lost *lostError
		require.Equal(t, c.lost, errors.As(err, &lost), c.err)
		if c.lost {
			require.Equal(t, c.foreign, lost.foreign, c.err)
		}
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), "canary")
	}
	require.NoError(t, classify(nil))
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, err := newTracker(nil, nil, 6*time.Second)
		require.NoError(t, err)
		tr.begun()
		require.Zero(t, tr.snapshot().Lag, "nothing is known yet")
		require.True(t, math.IsNaN(tr.lagSeconds()), "which is not 0 seconds behind")
		tr.anchored(place{file: "b.1", pos: 4, committed: time.Now().Add(-time.Minute)}, time.Time{})
		tr.change(func(s *Status) { s.Connected = true })
		require.Equal(t, time.Minute, tr.snapshot().Lag, "behind by what was not read yet")
		idle := batch{place: place{file: "b.1", pos: 4}, idle: true}
		tr.queued(idle)
		require.Equal(t, time.Minute, tr.snapshot().Lag)
		tr.written(idle, 1)
		time.Sleep(5 * time.Second)
		require.Zero(t, tr.snapshot().Lag, "a heartbeat says that there is nothing more")
		time.Sleep(5 * time.Second)
		require.Equal(t, 10*time.Second, tr.snapshot().Lag, "a server that has fallen silent is not idle")
		tr.queued(idle)
		tr.written(idle, 1)
		change := batch{place: place{file: "b.1", pos: 9, committed: time.Now()}}
		tr.queued(change)
		time.Sleep(3 * time.Second)
		require.Equal(t, 3*time.Second, tr.snapshot().Lag, "a transaction that the store has not taken counts")
		tr.passed(place{committed: time.Now()})
		require.Equal(t, 3*time.Second, tr.snapshot().Lag, "also when others pass by")
		tr.written(change, 1)
		tr.passed(place{committed: time.Now()})
		require.Zero(t, tr.snapshot().Lag)
		require.Zero(t, tr.lagSeconds())

		tr.ended()
		time.Sleep(time.Hour)
		require.Zero(t, tr.snapshot().Lag, "who does not read is not behind")
		require.True(t, math.IsNaN(tr.lagSeconds()))
		tr.begun()
		require.True(t, math.IsNaN(tr.lagSeconds()), "what was known an hour ago is forgotten: another may have read since")
	})
}

func TestRetryPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &memory{}
		tries := []time.Duration{}
		begun := time.Now()
		out.onAppend = func([]bridge.Change, *bridge.Checkpoint) error {
			tries = append(tries, time.Since(begun))
			if len(tries) < 12 {
				return errors.New("away")
			}
			return nil
		}
		require.NoError(t, appendTo(t.Context(), out, nil, nil, defaultTuning(), zap.NewNop()))
		require.Less(t, tries[1], time.Second)
		// Growing, and no further than storeRetryMax: a store that is back is noticed within seconds.
		require.Greater(t, tries[11]-tries[10], 2*time.Second)
		require.LessOrEqual(t, tries[11]-tries[10], 8*time.Second)
	})
}

// A transaction whose end never came is dropped at the next GTID event, at the head of the next file, and when it comes again.
func TestAnUnfinishedTransactionIsDropped(t *testing.T) {
	var sent []batch
	r := &reader{flavor: FlavorMariaDB, filter: newFilter(nil, false), opener: newOpener(FlavorMariaDB, time.UTC, nil, nil), tuning: defaultTuning(), savedAt: time.Now()}
	tr, err := newTracker(nil, nil, time.Second)
	require.NoError(t, err)
	r.status, r.flows = tr, func(place) {}
	r.send = func(b batch) error { sent = append(sent, b); return nil }
	handle := func(kind replication.EventType, pos uint32, e replication.Event) {
		t.Helper()
		require.NoError(t, r.HandleEvent(&replication.BinlogEvent{
			Header: &replication.EventHeader{EventType: kind, LogPos: pos, EventSize: 10, Timestamp: 1}, Event: e, RawData: make([]byte, 30),
		}))
	}
	open := func(pos uint32) {
		t.Helper()
		handle(replication.MARIADB_GTID_EVENT, pos, &replication.MariadbGTIDEvent{GTID: mysql.MariadbGTID{ServerID: 1, SequenceNumber: uint64(pos)}})
		require.NoError(t, r.tx.pile.add(bridge.Change{Key: "x"}))
	}
	handle(replication.ROTATE_EVENT, 0, &replication.RotateEvent{Position: 4, NextLogName: []byte("b.000001")})
	sent = nil
	open(100)
	open(200)
	require.NoError(t, r.HandleEvent(formatEvent(6)))
	handle(replication.XID_EVENT, 300, &replication.XIDEvent{})
	require.Empty(t, sent)
	open(400)
	handle(replication.ROTATE_EVENT, 0, &replication.RotateEvent{Position: 4, NextLogName: []byte("b.000001")})
	open(500)
	handle(replication.XID_EVENT, 600, &replication.XIDEvent{})
	require.Len(t, sent, 1)
	require.Len(t, sent[0].changes, 1)
	require.Equal(t, uint64(600), sent[0].place.pos)
}

func TestReplicaName(t *testing.T) {
	require.Len(t, replicaName(strings.Repeat("n", 100)), 60)
	require.NotEqual(t, autoServerID("a", ""), autoServerID("b", ""))
	require.GreaterOrEqual(t, autoServerID("a", ""), uint32(3_000_000_000))
}
