package canal

import (
	"fmt"
	"slices"
	"time"

	"talkbridge/internal/bridge"
)

// A transaction is the one that the log is in the middle of.
type transaction struct {
	open bool
	id   gtid
	at   bridge.Coordinates // of the first event
	// single says that the group is one statement without a COMMIT behind it: DDL. MariaDB says so in the GTID event; in MySQL it
	// is a group whose first statement is not BEGIN.
	single bool
	began  bool   // BEGIN was there
	xa     bool   // XA START was there
	xid    string // with this name
	// ended is where the rows of the pile came to be, for one that was prepared earlier; else it is empty, and they did where they stand.
	ended bridge.Coordinates

	schema     *history // what the tables look like behind its DDL; nil: as before
	rowsEvents uint64   // seen in it, watched or not
	pile       pile     // the submissions in it
	savepoints []savepoint
	committed  time.Time // by MySQL's GTID event; zero where only the last event tells
}

// name is the transaction's id, or file:pos of its first event where the server has no ids. It is made only where it is asked for: of
// most transactions nothing is watched.
func (t *transaction) name() string {
	if name := t.id.String(); name != "" {
		return name
	}
	return fmt.Sprintf("%s:%d", t.at.File, t.at.Pos)
}

// A savepoint is how many changes there were when it was set.
type savepoint struct {
	name    string
	changes int
}

// save sets a savepoint. A second one of the same name replaces the first.
func (t *transaction) save(name string) {
	t.savepoints = append(t.savepoints, savepoint{name, t.pile.len()})
}

// rollbackTo drops what came behind the savepoint. The server leaves such rows in the log, with the ROLLBACK TO behind them, where
// the transaction touched a table that cannot roll back; elsewhere it takes them out itself.
func (t *transaction) rollbackTo(name string) (known bool, err error) {
	for i, s := range slices.Backward(t.savepoints) {
		if s.name == name {
			t.savepoints = t.savepoints[:i+1]
			return true, t.pile.cut(s.changes)
		}
	}
	return false, nil
}

// rowBits is how many bits of Coordinates.Row count the rows of one event; the rest count the rows events of the transaction.
// Counting events, watched or not, makes a row's number independent of which tables the configuration watches today. The whole
// stays below 2^53, which every store and every JSON reader keeps exact. Both count from 1, so that 0 is left for what was read by
// a scan at the place where the transaction begins: it is older than the transaction's first row.
const rowBits = 20

func rowNumber(event, row uint64) uint64 { return event<<rowBits | min(row, 1<<rowBits-1) }
