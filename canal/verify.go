package canal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// verifyPosition looks whether the server can go on from the place, as far as that can be asked before asking for the log:
// executed ⊇ place ⊇ purged, and a history that is the one we know. It gives a lostError where not.
func (s *Source) verifyPosition(ctx context.Context, srv *server, at *standing) error {
	byGTID := srv.gtid && at.place.byGTID()
	if !at.of(srv) {
		if !byGTID {
			return &lostError{fmt.Errorf("the saved position is one of the server %s, but this is %s, and file and position mean nothing "+
				"from one server to another", at.server, srv.identity), true}
		}
		s.log.Warn("reading goes on at another server, by GTID")
		at.server, at.place.file, at.place.pos = srv.identity, "", 0
	}
	switch {
	case !byGTID:
		return nil
	case srv.flavor == FlavorMariaDB:
		return s.verifyMariaDB(ctx, at.place)
	default:
		return s.verifyMySQL(ctx, at.place)
	}
}

func (s *Source) verifyMySQL(ctx context.Context, p place) error {
	set := p.gtids.String()
	answer, err := record(ctx, s.db, "SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed) AS ours, GTID_SUBSET(@@GLOBAL.gtid_purged, ?) AS kept", set, set)
	switch {
	case err != nil:
		return fmt.Errorf("compare the saved position with the server's: %w", err)
	case answer["ours"] != "1":
		return &lostError{errors.New("the server never had some of the transactions of the saved position"), true}
	case answer["kept"] != "1":
		return &lostError{errors.New("the server has purged transactions that the saved position does not have yet"), false}
	}
	return nil
}

// verifyMariaDB finds a log that was begun anew (RESET MASTER) or put back from an old copy. The server itself does not: asked for
// what follows a GTID of a domain that its log does not know, it waits, in silence, until that GTID comes; and after a RESET MASTER
// the same GTIDs are given again, to other transactions. What has been purged it does say itself.
func (s *Source) verifyMariaDB(ctx context.Context, p place) error {
	answer, err := record(ctx, s.db, "SELECT @@GLOBAL.gtid_binlog_pos AS log, @@GLOBAL.gtid_current_pos AS executed")
	if err != nil {
		return fmt.Errorf("compare the saved position with the server's: %w", err)
	}
	ours, _ := p.gtids.(*mysql.MariadbGTIDSet)
	for _, name := range []string{"executed", "log"} {
		set, err := parseGTIDs(FlavorMariaDB, answer[name])
		if err != nil {
			return fmt.Errorf("compare the saved position with the server's: %w", err)
		}
		theirs, _ := set.(*mysql.MariadbGTIDSet)
		for domain, id := range ours.Sets {
			if last := theirs.Sets[domain]; last != nil && last.SequenceNumber < id.SequenceNumber || last == nil && name == "executed" {
				return &lostError{fmt.Errorf("the server's log ends at %q, before the saved position: it was begun anew (RESET MASTER), or put "+
					"back from an older copy, or this is another server", answer[name]), true}
			}
		}
	}
	if p.file == "" || p.pos == 0 {
		return nil
	}
	return s.verifyHistory(ctx, p)
}

// verifyHistory looks whether the log has the position's GTIDs at the position's file and offset.
func (s *Source) verifyHistory(ctx context.Context, p place) error {
	files, err := binaryLogs(ctx, s.db)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(files, func(f logFile) bool { return f.name == p.file }) {
		return s.verifyPurged(ctx, p, files)
	}
	there := place{file: p.file, pos: p.pos}
	if err := there.resolve(ctx, s.db); err != nil {
		return err
	}
	if there.gtids == nil || !there.gtids.Equal(p.gtids) { // nil: no event ends there
		return &lostError{fmt.Errorf("at %s:%d the server's log does not stand where the saved position says: it was begun anew "+
			"(RESET MASTER) or put back from a copy", p.file, p.pos), true}
	}
	return nil
}

// verifyPurged is for a place whose file is gone. Where the server had it, all of the place is in the files before the oldest that is
// left. That the server has purged too much it says itself.
func (s *Source) verifyPurged(ctx context.Context, p place, files []logFile) error {
	if len(files) == 0 {
		return nil
	}
	if bridge.LogNumber(p.file) > bridge.LogNumber(files[0].name) {
		return &lostError{errBegunAnew, true}
	}
	oldest := place{file: files[0].name, pos: 4}
	if err := oldest.resolve(ctx, s.db); err != nil {
		return err
	}
	if theirs, ok := oldest.gtids.(*mysql.MariadbGTIDSet); ok && lacks(theirs, p.gtids) {
		return &lostError{errBegunAnew, true}
	}
	return nil
}

// lacks tells whether a MariaDB position is before another in some domain. A domain that it does not have says nothing: it may have
// been deleted from the list.
func lacks(theirs *mysql.MariadbGTIDSet, ours mysql.GTIDSet) bool {
	set, ok := ours.(*mysql.MariadbGTIDSet)
	if !ok {
		return false
	}
	for domain, id := range set.Sets {
		if last := theirs.Sets[domain]; last != nil && last.SequenceNumber < id.SequenceNumber {
			return true
		}
	}
	return false
}

// A log that was begun anew (RESET MASTER, RESET BINARY LOGS AND GTIDS) or put back from a copy gives the same file names, the same
// offsets and the same GTIDs again, to other transactions. Once it has grown past the saved position no question finds that out; the
// log itself does: each file says when it was begun, and a server asked by GTID sends first the file in which the saved position
// lies, or a later one whose head has all of it.

// errBegunAnew says so.
var errBegunAnew = errors.New("the server's log is not the one that the saved position belongs to: it was begun anew (RESET MASTER, " +
	"RESET BINARY LOGS AND GTIDS) or put back from a copy, and has grown past the position since")

// head takes in when the file was begun that the server sends, and holds the first one against the place that was resumed from.
func (r *reader) head(h *replication.EventHeader) error {
	born := time.Unix(int64(h.Timestamp), 0)
	from := r.resumed
	switch now, then := bridge.LogNumber(r.place.file), bridge.LogNumber(from.file); {
	case from.file == "":
	case r.place.file == from.file:
		if known := from.bornAt(); !known.IsZero() && !known.Equal(born) {
			return &lostError{errBegunAnew, true}
		}
		r.resumed = place{}
	case now < then:
		return &lostError{errBegunAnew, true}
	}
	if !r.place.bornAt().Equal(born) {
		r.place.born, r.place.bornFile, r.unsaved = born, r.place.file, true
	}
	return nil
}

// continues holds the GTIDs at the head of the first file that is sent against the place that was resumed from. It is asked where the
// server begins with a later file than the place's: all of the place has to be in the files before it.
func (r *reader) continues(head mysql.GTIDSet) error {
	from := r.resumed
	r.resumed = place{}
	if from.file == "" || !from.byGTID() {
		return nil
	}
	missing := !head.Contain(from.gtids)
	if theirs, ok := head.(*mysql.MariadbGTIDSet); ok {
		missing = lacks(theirs, from.gtids)
	}
	if missing {
		return &lostError{errBegunAnew, true}
	}
	return nil
}
