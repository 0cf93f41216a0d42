package canal

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"
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
	files, err := pairs(ctx, s.db, "SHOW BINARY LOGS")
	if err != nil {
		return fmt.Errorf("ask for the server's logs: %w", err)
	}
	if _, kept := files[p.file]; !kept {
		return nil // purged, or never there: the server says so itself, if it needs the file
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
