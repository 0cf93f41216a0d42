package canal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// Oldest asks the server for the oldest log that it still has, and reads in its head when it was begun, in whole seconds. A transaction
// that committed earlier is not in any of its logs.
func (s *Source) Oldest(ctx context.Context) (file string, begun time.Time, err error) {
	if file, begun, err = s.oldest(ctx); err != nil {
		return "", time.Time{}, fmt.Errorf("look at the server's oldest log: %w", reachable(s.options.Addr, classify(err)))
	}
	return file, begun, nil
}

func (s *Source) oldest(ctx context.Context) (file string, begun time.Time, err error) {
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return "", time.Time{}, err
	}
	files, err := binaryLogs(ctx, s.db)
	if err != nil {
		return "", time.Time{}, err
	}
	if len(files) == 0 {
		return "", time.Time{}, errors.New("the server keeps no log: log_bin is off")
	}
	h := &headReader{}
	err = s.stretch(ctx, srv, place{file: files[0].name, pos: 4}, h, func() error { return h.ended })
	if errors.Is(h.ended, errSurveyed) {
		return files[0].name, h.begun, nil
	}
	return "", time.Time{}, err
}

// A headReader takes in when a log was begun, and wants no more of it. It is replication.EventHandler.
type headReader struct {
	begun time.Time // zero where the server begins within the log, and leaves it out
	ended error
}

// HandleEvent implements replication.EventHandler.
func (h *headReader) HandleEvent(e *replication.BinlogEvent) error {
	if e.Header.EventType != replication.FORMAT_DESCRIPTION_EVENT {
		return nil
	}
	if h.ended = errSurveyed; e.Header.Timestamp > 0 {
		h.begun = time.Unix(int64(e.Header.Timestamp), 0)
	}
	return h.ended
}

// Has checks that the server still has every transaction that is not in a GTID set (for MariaDB: behind its GTIDs). It asks for the log from
// there: what MariaDB has purged it says only then.
func (s *Source) Has(ctx context.Context, set string) error {
	err := s.has(ctx, set)
	if err == nil {
		return nil
	}
	err = classify(err)
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		err = fmt.Errorf("the server cannot send its log from there: %w", lost)
	}
	return reachable(s.options.Addr, err)
}

func (s *Source) has(ctx context.Context, set string) error {
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return err
	}
	identity, err := s.identity(ctx, srv)
	if err != nil {
		return err
	}
	from, err := s.gtidPlace(ctx, srv, identity, set)
	if err != nil {
		return err
	}
	h := &headReader{}
	return s.stretch(ctx, srv, from, h, func() error { return h.ended })
}

// GTIDs are a set of transactions: MySQL's GTID set, or MariaDB's last GTID of each domain with everything before it.
type GTIDs struct{ set mysql.GTIDSet }

// ParseGTIDs reads a set of either server, whichever it looks like.
func ParseGTIDs(text string) (GTIDs, error) {
	flavor := FlavorMariaDB
	if strings.Contains(text, ":") { // between a server's UUID, which may begin like a MariaDB GTID, and its numbers
		flavor = FlavorMySQL
	}
	set, err := parseGTIDs(flavor, text)
	return GTIDs{set}, err
}

// Has tells whether the transaction of a change is in the set; an error where the transaction has no GTID.
func (g GTIDs) Has(c bridge.Change) (bool, error) {
	name, _, _ := strings.Cut(c.EventID, "#")
	if of, mariadb := g.set.(*mysql.MariadbGTIDSet); mariadb {
		id, err := mysql.ParseMariadbGTID(name)
		if err != nil {
			return false, fmt.Errorf("the transaction %s has no GTID: name a place by file and offset", name)
		}
		last := of.Sets[id.DomainID]
		return last != nil && id.SequenceNumber <= last.SequenceNumber, nil
	}
	id, err := mysql.ParseMysqlGTIDSet(name)
	if err != nil {
		return false, fmt.Errorf("the transaction %s has no GTID: name a place by file and offset", name)
	}
	return g.set.Contain(id), nil
}

// Within tells whether a position's GTIDs, as a Checkpoint has them, have the whole set; false where the position has none.
func (g GTIDs) Within(position string) bool {
	at, err := ParseGTIDs(position)
	if err != nil || position == "" {
		return false
	}
	return at.set.Contain(g.set)
}
