package canal

import (
	"errors"
	"strings"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/replication"
)

// A prepared transaction has its rows in the log at XA PREPARE; whether they came to be is known only at XA COMMIT or XA ROLLBACK, a group
// of its own, maybe much later. Its submissions are held until then, and while any are held the position that is saved stays in front of the
// oldest: a restart in between reads them again (docs/adr/0011).
type prepared struct {
	pile   pile
	before place
	number uint64 // in the order of their XA PREPARE
}

// errPreparedBefore is a lostError: the rows are behind us and were never read.
var errPreparedBefore = errors.New("a transaction in two phases (XA) was committed whose XA PREPARE stands before the place where reading began, " +
	"so its rows were never read")

// xaID is the name of a transaction in XA START, XA PREPARE, XA COMMIT and XA ROLLBACK, spelled one way.
func xaID(query string) string {
	ts := cutSQL(query, 0)
	var b strings.Builder
	for _, t := range ts[min(2, len(ts)):] {
		if t.kind == tokenWord && strings.EqualFold(t.text, "ONE") {
			break
		}
		b.WriteString(strings.ToLower(t.text))
		b.WriteByte(' ')
	}
	return b.String()
}

// xa follows a transaction in two phases.
func (r *reader) xa(s statement, query string, h *replication.EventHeader, start uint64) error {
	id := xaID(query)
	switch s.keyword(1) {
	case "START", "BEGIN", "END": // MariaDB has the start in its GTID event, and only the end as text
		r.tx.xa, r.tx.xid = true, id
		return nil
	case "PREPARE":
		return r.xaPrepared(h)
	case "ROLLBACK":
		r.tx.pile.drop()
		if held := r.held[id]; held != nil {
			held.pile.drop()
			delete(r.held, id)
		}
		r.tx.schema = r.schema().prepared(id, false)
		return r.commit(h)
	}
	if !r.tx.xa { // a group of its own
		if err := r.xaCommitted(id, start); err != nil {
			return err
		}
	}
	return r.commit(h)
}

// xaCommitted takes up what was held.
//
// Invariant 4: from here on the rows are what everybody sees, so here is their place among other changes of their records: a read of the
// tables between the two phases sees them as they were before, and is older. Nobody else wrote these rows meanwhile: they were locked.
func (r *reader) xaCommitted(id string, start uint64) error {
	held := r.held[id]
	switch {
	case held != nil:
		delete(r.held, id)
		r.tx.pile.drop()
		r.tx.pile, r.tx.ended = held.pile, bridge.Coordinates{Server: r.server, File: r.place.file, Pos: start}
	case r.schema().isPrepared(id):
		r.tx.schema = r.schema().prepared(id, false)
	default:
		var stop *stopError
		err := r.stop(start, errPreparedBefore)
		errors.As(err, &stop)
		return &lostError{stop.error, false}
	}
	return nil
}

// xaPrepared is the end of the first phase. That a transaction without submissions was prepared is remembered with the position: its end
// would else look like that of one whose rows were missed.
func (r *reader) xaPrepared(h *replication.EventHeader) error {
	if r.tx.pile.len() == 0 {
		r.tx.schema = r.schema().prepared(r.tx.xid, true)
		return r.commit(h)
	}
	if r.held == nil {
		r.held = map[string]*prepared{}
	}
	r.prepares++
	r.held[r.tx.xid] = &prepared{pile: r.tx.pile, before: r.place.clone(), number: r.prepares}
	r.tx.pile = pile{}
	return r.commit(h)
}

// safe is the place to save: behind the last whole transaction, but in front of every one that is prepared and holds submissions.
//
// Invariant 2: it is the end of a transaction, and everything behind it that is not in the outbox yet comes again from there.
func (r *reader) safe() place {
	var oldest *prepared
	for _, p := range r.held {
		if oldest == nil || p.number < oldest.number {
			oldest = p
		}
	}
	if oldest == nil {
		return r.place.clone()
	}
	return oldest.before.clone()
}

// release lets go of everything that is not finished: the next connection reads it again.
func (r *reader) release() {
	r.tx.pile.drop()
	for _, p := range r.held {
		p.pile.drop()
	}
	r.held = nil
}
