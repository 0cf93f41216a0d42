package canal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// A server sends a transaction to its readers when it is in the log, which is before the engine has committed it: mostly less than a
// millisecond, but as long as a replica takes to answer where the server waits for one (semi-synchronous replication, AFTER_SYNC, 10 s and
// more). What is looked up for a submission in that time is what was there before its transaction: a talk without the students that were
// entered with it. So whoever looks something up asks first whether the transaction can be seen.

// doubtedFor is how long after its capture a transaction may still be on its way. Behind that it counts as seen whatever the server says: a
// server whose log was begun anew would be waited for in vain.
const doubtedFor = 5 * time.Minute

// A horizon is how far the server shows what its log holds. It only moves on, so a backlog asks once.
type horizon struct {
	mu       sync.Mutex    // guards what follows; held while the server is asked, so that all who wait share the answer
	srv      *server       // that was asked; nil: not known, or in doubt
	identity string        // of the log that the rest is about, as coordinates have it: places of one say nothing about another's
	file     string        // MariaDB: everything in front of this place is seen
	pos      uint64        //
	gtids    mysql.GTIDSet // MySQL: these are
}

// Visible returns when what is read from the server's tables from now on has the transaction in which the change was read. An error is one
// that goes by: ask again later.
func (s *Source) Visible(ctx context.Context, change bridge.Change) error {
	if change.Origin != bridge.OriginBinlog {
		return nil // it was read from the tables
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		age := time.Since(change.CapturedAt)
		if age > doubtedFor {
			return nil
		}
		seen, err := s.shows(ctx, change, age)
		if err != nil {
			return fmt.Errorf("ask whether the submission's transaction can be seen: %w", reachable(s.options.Addr, classify(err)))
		}
		if seen {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.New("the server has the submission's transaction in its log and has not committed it yet; is it waiting for a " +
				"semi-synchronous replica?")
		}
	}
}

// shows tells whether the transaction can be seen now.
func (s *Source) shows(ctx context.Context, change bridge.Change, age time.Duration) (bool, error) {
	h := &s.horizon
	h.mu.Lock()
	defer h.mu.Unlock()
	if change.At.Server != h.identity {
		h.srv, h.identity, h.file, h.pos, h.gtids = nil, change.At.Server, "", 0, nil
	}
	if h.covers(change) {
		return true, nil
	}
	var err error
	if h.srv == nil {
		if h.srv, err = inspect(ctx, s.db, s.options.Flavor); err != nil {
			return false, err
		}
	}
	if !(&standing{server: change.At.Server}).of(h.srv) {
		return true, nil // another server by now, which has it from its log or not at all
	}
	switch {
	case h.srv.flavor == FlavorMariaDB:
		err = h.askMariaDB(ctx, s)
	case h.srv.gtid && change.GTID != "":
		err = h.askMySQL(ctx, s.db)
	default:
		return age > s.tuning.settle, nil // see takeMySQL
	}
	if err == nil && h.covers(change) {
		return true, nil
	}
	h.srv = nil // behind the address there may be another server since it was asked
	return false, err
}

// covers tells whether the transaction lies in front of the horizon. At is the place at which it begins.
func (h *horizon) covers(change bridge.Change) bool {
	if h.gtids != nil {
		set, err := mysql.ParseMysqlGTIDSet(change.GTID)
		return err == nil && change.GTID != "" && h.gtids.Contain(set)
	}
	here, there := bridge.LogNumber(h.file), bridge.LogNumber(change.At.File)
	return here > there || here == there && h.pos > change.At.Pos
}

// askMariaDB: the place of the log that belongs to a consistent snapshot is one in front of which everything is committed (MDEV-232).
func (h *horizon) askMariaDB(ctx context.Context, s *Source) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	a := &anchor{conn: conn}
	defer a.end(ctx)
	if err := a.open(ctx); err != nil {
		return err
	}
	h.file, h.pos, err = a.snapshotPlace(ctx)
	return err
}

// askMySQL: the server adds a transaction to the set after the engine has committed it.
func (h *horizon) askMySQL(ctx context.Context, q querier) error {
	answer, err := record(ctx, q, "SELECT @@GLOBAL.gtid_executed AS gtids")
	if err != nil {
		return err
	}
	h.gtids, err = parseGTIDs(FlavorMySQL, answer["gtids"])
	return err
}

// snapshotPlace is where the log stands for a consistent snapshot of MariaDB's.
func (a *anchor) snapshotPlace(ctx context.Context) (file string, pos uint64, err error) {
	status, err := pairs(ctx, a.conn, "SHOW SESSION STATUS LIKE 'binlog_snapshot_%'")
	if err != nil {
		return "", 0, err
	}
	file = status["Binlog_snapshot_file"]
	if pos, err = strconv.ParseUint(status["Binlog_snapshot_position"], 10, 64); err != nil || file == "" {
		return "", 0, errors.New("the server tells no position of the log for the snapshot; is log_bin on?")
	}
	return file, pos, nil
}
