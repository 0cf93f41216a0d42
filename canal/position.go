package canal

import (
	"fmt"
	"strings"
	"time"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/google/uuid"
)

// A place is where in the server's log reading stands: behind the last transaction that was taken in whole.
type place struct {
	file  string
	pos   uint64        // 64 bits, though an event's header has 32: a file may pass 4 GiB; 0: not known, only the GTIDs are
	gtids mysql.GTIDSet // everything up to here; nil where that is not known, and then file and pos alone count

	committed time.Time // of the last transaction before this place
	schema    *history  // what the watched tables look like here; nil where nothing was ever read

	// born is when the server began bornFile. It is worth something only while that is still the place's file.
	born     time.Time
	bornFile string
}

// bornAt is when the server began the place's file; zero where that is not known.
func (p place) bornAt() time.Time {
	if p.bornFile != p.file {
		return time.Time{}
	}
	return p.born
}

// byGTID tells whether the place can be found by its GTIDs: on any server of the same replication, whatever its files are called.
func (p place) byGTID() bool { return p.gtids != nil && !p.gtids.IsEmpty() }

// text is the place for people and for the ids of events.
func (p place) text() string {
	if p.byGTID() {
		return p.gtids.String()
	}
	return fmt.Sprintf("%s:%d", p.file, p.pos)
}

// describe is the place with everything known about it.
func (p place) describe() string {
	if p.byGTID() {
		return fmt.Sprintf("%s:%d (GTID %s)", p.file, p.pos, p.gtids)
	}
	return fmt.Sprintf("%s:%d", p.file, p.pos)
}

// clone is a place that stays as it is while p goes on.
func (p place) clone() place {
	if p.gtids != nil {
		p.gtids = p.gtids.Clone()
	}
	return p
}

// checkpoint is the place as the store keeps it.
func (p place) checkpoint(flavor Flavor, server string) *bridge.Checkpoint {
	cp := &bridge.Checkpoint{Flavor: string(flavor), File: p.file, Pos: p.pos, ServerUUID: server, FileBornAt: p.bornAt(), CommittedAt: p.committed}
	cp.Schema = p.schema.encode()
	if p.gtids != nil {
		cp.GTID = p.gtids.String()
	}
	return cp
}

// placeOf reads a saved position.
func placeOf(cp bridge.Checkpoint, flavor Flavor) (place, error) {
	p := place{file: cp.File, pos: cp.Pos, committed: cp.CommittedAt, born: cp.FileBornAt, bornFile: cp.File}
	var err error
	if p.schema, err = decodeHistory(cp.Schema); err != nil {
		return place{}, err
	}
	if cp.GTID == "" {
		return p, nil
	}
	if p.gtids, err = parseGTIDs(flavor, cp.GTID); err != nil {
		return place{}, fmt.Errorf("read the saved position: %w", err)
	}
	return p, nil
}

// parseGTIDs reads a GTID set (MySQL) or position (MariaDB: one GTID for each domain).
func parseGTIDs(flavor Flavor, text string) (mysql.GTIDSet, error) {
	text = strings.Join(strings.Fields(text), "") // MySQL breaks long sets into lines
	if flavor != FlavorMariaDB {
		set, err := mysql.ParseMysqlGTIDSet(text)
		if err != nil {
			return nil, fmt.Errorf("GTID set %q: %w (as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77)", text, err)
		}
		return set, nil
	}
	set := &mysql.MariadbGTIDSet{Sets: map[uint32]*mysql.MariadbGTID{}}
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		id, err := mysql.ParseMariadbGTID(part)
		if err != nil {
			return nil, fmt.Errorf("GTID %q: %w (as in 0-1-4711)", part, err)
		}
		set.Sets[id.DomainID] = id
	}
	return set, nil
}

// A gtid is the identity of one transaction, of either flavor. The zero gtid is none.
type gtid struct {
	mariadb *mysql.MariadbGTID
	sid     uuid.UUID
	tag     mysql.Tag
	gno     int64
}

// String is the id as the server writes it; empty for none.
func (g gtid) String() string {
	switch {
	case g.mariadb != nil:
		return g.mariadb.String()
	case g.gno == 0: // MySQL's anonymous transactions, gtid_mode=OFF
		return ""
	case g.tag.String() != "":
		return fmt.Sprintf("%s:%s:%d", g.sid, g.tag, g.gno)
	default:
		return fmt.Sprintf("%s:%d", g.sid, g.gno)
	}
}

// addTo puts the transaction into the set. A MariaDB position has one GTID for each domain, the last one, whoever wrote it.
func (g gtid) addTo(set mysql.GTIDSet) {
	switch set := set.(type) {
	case *mysql.MariadbGTIDSet:
		if g.mariadb != nil {
			set.Sets[g.mariadb.DomainID] = g.mariadb
		}
	case *mysql.MysqlGTIDSet:
		if g.gno != 0 {
			set.AddGTIDWithTag(g.sid, g.tag, g.gno)
		}
	}
}

// extend makes 64 bits of the 32 that an event's header has for its end, knowing that the log goes forward: a number that is
// far below the last one has wrapped around.
func extend(from uint64, low uint32) uint64 {
	to := from&^(1<<32-1) | uint64(low)
	if to+1<<31 < from {
		to += 1 << 32
	}
	return to
}

// gtidList makes a set of what MariaDB writes at the head of each file.
func gtidList(ids []mysql.MariadbGTID) mysql.GTIDSet {
	set := &mysql.MariadbGTIDSet{Sets: map[uint32]*mysql.MariadbGTID{}}
	for _, id := range ids {
		// A list may hold several servers for a domain; the last one is the domain's position (MariaDB, Gtid_list_log_event).
		set.Sets[id.DomainID] = id.Clone()
	}
	return set
}
