package canal

import (
	"errors"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/faults"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/google/uuid"
)

// A reader takes the events of one connection, one after the other, in the goroutine that reads them from the network, and sends
// finished transactions to the writer. It is replication.EventHandler.
type reader struct {
	flavor Flavor
	server string // identity, for Coordinates
	sets   collations
	fold   bool
	opener *opener
	filter *filter
	status *tracker
	tuning tuning

	// shapes reads what the tables look like, if the server's log ends at the place; else it gives nil.
	shapes func(file string, pos uint64) *history
	// verify looks at the tables as they are now. It is asked after DDL that names a watched table.
	verify func() error
	// flows is told once, at the first event.
	flows func(place)
	// send hands a batch to the writer; it fails when the connection is to end.
	send func(batch) error

	place   place       // behind the last whole transaction
	reached uint64      // behind the last event, whole transaction or not; same file as place
	tx      transaction // the open one

	held     map[string]*prepared // transactions in two phases, by name
	prepares uint64               // how many there were

	unsaved   bool      // place has moved on since the writer got it
	savedAt   time.Time // when the writer last got a place
	savedFrom uint64    // bytes that had been read then
	live      bool      // an event has come
	quiet     bool      // the server has said on this connection that it has nothing more
	resumed   place     // where this connection began, until the log was found to be the one that the place belongs to
	failure   error     // what HandleEvent gave back: go-mysql keeps only its text
}

// A batch is what the reader sends to the writer: the changes of one transaction, or none, and the place behind it.
type batch struct {
	changes []bridge.Change
	bytes   int   // about, of changes
	window  int64 // what it takes of the window between reader and writer
	place   place // behind the transaction
	safe    place // what is saved with them: place, or in front of a transaction that is prepared
	part    bool  // more of the transaction follows, so no place is saved yet
	idle    bool  // the server has nothing more to send
	save    bool  // the place is to be saved even though there are no changes
}

// HandleEvent implements replication.EventHandler.
//
// Invariant 8: a fault of the program here would reach go-mysql, which makes its value, and so maybe a row's, a part of an error's text.
func (r *reader) HandleEvent(e *replication.BinlogEvent) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = r.stop(r.reached, fmt.Errorf("a fault of the program (%s) at %s; please report it with the server's version",
				faults.Type(fault), faults.Where(faults.Frames())))
			r.failure = err
		}
	}()
	r.status.received(e.Header.EventSize)
	if !r.live {
		r.live = true
		r.flows(r.place)
	}
	err = r.opener.open(e)
	if err == nil {
		err = r.outer(e)
	}
	r.failure = err
	return err
}

// outer keeps the place in the log, then looks at the event. Events inside a compressed transaction have no place of their own.
func (r *reader) outer(e *replication.BinlogEvent) error {
	switch event := e.Event.(type) {
	case *replication.RotateEvent:
		return r.rotate(event, artificial(e.Header))
	case *replication.HeartbeatEvent:
		return r.heartbeat(event, e.Header)
	case *replication.FormatDescriptionEvent:
		// The head of a file. A transaction that is still open was never finished: the server died in its middle.
		r.tx.pile.drop()
		r.tx = transaction{}
		r.filter.forget()
		if e.Header.LogPos > 0 && r.reached <= 4 {
			r.reached = uint64(e.Header.LogPos)
		}
		return r.head(e.Header)
	}
	start := r.advance(e.Header)
	if payload, ok := e.Event.(*replication.TransactionPayloadEvent); ok {
		for _, inner := range payload.Events {
			if err := r.event(inner, start); err != nil {
				return err
			}
		}
		return nil
	}
	return r.event(e, start)
}

// artificial tells whether the server made the event up for us: it stands in no file and moves no position.
func artificial(h *replication.EventHeader) bool {
	return h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 || h.LogPos == 0
}

// advance moves behind the event and gives the place of its first byte. MariaDB 11.4 and later leave the position of the events
// inside a transaction zero, since they write them before it is known (MDEV-31273); there the size has to do.
func (r *reader) advance(h *replication.EventHeader) (start uint64) {
	switch {
	case h.LogPos != 0 && h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0:
		r.reached = extend(r.reached, h.LogPos)
		return r.reached - min(uint64(h.EventSize), r.reached)
	case h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0:
		start = r.reached
		r.reached += uint64(h.EventSize)
		return start
	default:
		return r.reached
	}
}

// event looks at one event of the log.
func (r *reader) event(e *replication.BinlogEvent, start uint64) error {
	switch event := e.Event.(type) {
	case *replication.MariadbGTIDEvent:
		id := event.GTID
		r.begin(gtid{mariadb: &id}, start, time.Time{}, event.IsStandalone())
	case *replication.GTIDEvent:
		return r.beginMySQL(event, start)
	case *replication.GtidTaggedLogEvent:
		return r.beginMySQL(&event.GTIDEvent, start)
	case *replication.QueryEvent:
		return r.query(event, e.Header, start)
	case *replication.XIDEvent:
		return r.commit(e.Header)
	case *replication.TableMapEvent:
		if err := r.filter.tableMap(event, e.RawData, lexicon{flavor: r.flavor, sets: r.sets}, r.schema()); err != nil {
			return r.stop(start, err)
		}
	case *replication.RowsEvent:
		return r.rows(event, start)
	case *replication.PreviousGTIDsEvent:
		return r.learn(event.GTIDSets)
	case *replication.MariadbGTIDListEvent:
		if artificial(e.Header) {
			return nil
		}
		list := gtidList(event.GTIDs)
		if r.place.gtids == nil {
			r.place.gtids = list
		}
		return r.continues(list)
	case *replication.ExecuteLoadQueryEvent:
		return r.stop(start, errLoadStatement)
	default:
		return r.rare(e, start)
	}
	return nil
}

// rare looks at the events that were not decoded.
func (r *reader) rare(e *replication.BinlogEvent, start uint64) error {
	if holdsRows(e.Header.EventType) {
		r.tx.rowsEvents++ // a submission's number in its transaction does not depend on which tables are watched
		return nil
	}
	switch e.Header.EventType {
	case replication.INCIDENT_EVENT:
		return r.stop(start, errIncident)
	case replication.XA_PREPARE_LOG_EVENT:
		if g, ok := e.Event.(*replication.GenericEvent); ok && len(g.Data) > 0 && g.Data[0] == 1 { // XA COMMIT … ONE PHASE
			return r.commit(e.Header)
		}
		return r.xaPrepared(e.Header)
	default:
		return nil
	}
}

// learn takes the set at the head of a file of MySQL, where the place is not known by its GTIDs yet.
func (r *reader) learn(text string) error {
	set, err := parseGTIDs(r.flavor, text)
	if err != nil {
		return fmt.Errorf("read the log's PREVIOUS_GTIDS: %w", err)
	}
	if r.place.gtids == nil && text != "" {
		r.place.gtids = set
	}
	return r.continues(set)
}

func (r *reader) beginMySQL(e *replication.GTIDEvent, start uint64) error {
	sid, err := uuid.FromBytes(e.SID)
	if err != nil {
		return fmt.Errorf("read the log's GTID: %w", err)
	}
	r.begin(gtid{sid: sid, tag: e.Tag, gno: e.GNO}, start, e.ImmediateCommitTime(), false)
	return nil
}

// begin opens a transaction. One that is still open is dropped: its end was never written, or it comes again from the start.
func (r *reader) begin(id gtid, start uint64, committed time.Time, single bool) {
	r.tx.pile.drop()
	r.tx = transaction{
		open: true, id: id, single: single, committed: committed,
		at: bridge.Coordinates{Server: r.server, File: r.place.file, Pos: start},
	}
}

// commit ends the transaction: the place moves behind it, and its changes go to the writer.
//
// Invariant 2: only here, at a change of file and behind an empty stretch does the place move.
func (r *reader) commit(h *replication.EventHeader) error {
	committed := r.tx.committed
	if committed.IsZero() && h.Timestamp > 0 {
		committed = time.Unix(int64(h.Timestamp), 0)
	}
	r.place.pos, r.place.committed = r.reached, committed
	if r.tx.schema != nil {
		r.place.schema = r.tx.schema
	}
	if r.place.gtids != nil {
		r.tx.id.addTo(r.place.gtids)
	}
	r.unsaved = true
	if r.tx.pile.len() == 0 {
		r.tx = transaction{}
		return r.deliver(nil, false)
	}
	tx := r.tx
	tx.committed, r.tx = committed, transaction{}
	return r.finish(&tx)
}

// finish sends the changes of a transaction whose end was read. What is too much for one write goes out in parts; the place goes with the
// last of them.
func (r *reader) finish(tx *transaction) error {
	p := tx.pile
	defer p.drop()
	dated := func(changes []bridge.Change) []bridge.Change {
		for i := range changes {
			changes[i].CommittedAt, changes[i].GTID = tx.committed, tx.id.String()
			if at := &changes[i].At; tx.ended.File != "" {
				at.File, at.Pos = tx.ended.File, tx.ended.Pos
			}
		}
		return changes
	}
	err := p.each(func(changes []bridge.Change) error {
		b := batch{changes: dated(changes), place: r.place.clone(), part: true, bytes: weightOf(changes)}
		r.status.queued(b)
		return r.send(b)
	})
	if err != nil {
		return err
	}
	if p.filed > 0 {
		r.savedAt = time.Time{} // the place is due, even if nothing is left to send with it
	}
	return r.deliver(dated(p.tail), false)
}

// deliver sends changes and the place behind them. Where there are no changes it sends the place only now and then, so that the
// traffic of tables that nobody watches costs the store nothing.
func (r *reader) deliver(changes []bridge.Change, idle bool) error {
	bytes, now := r.status.bytes(), time.Now()
	r.status.heard(now)
	due := r.unsaved && (now.Sub(r.savedAt) >= r.tuning.saveEvery || bytes-r.savedFrom >= r.tuning.saveBytes)
	if len(changes) == 0 && !due && !idle {
		r.status.passed(r.place)
		return nil
	}
	b := batch{changes: changes, place: r.place.clone(), safe: r.safe(), idle: idle, save: due, bytes: weightOf(changes)}
	if due || len(changes) > 0 {
		r.unsaved, r.savedAt, r.savedFrom = false, now, bytes
	}
	r.status.queued(b)
	return r.send(b)
}

// rotate goes to another file. The server makes up such an event at the start of a connection and at the head of each file; the
// one that stands at the end of a file is followed by one that was made up.
func (r *reader) rotate(e *replication.RotateEvent, made bool) error {
	r.tx.pile.drop()
	r.tx = transaction{}
	r.filter.forget()
	file := string(e.NextLogName)
	r.reached = max(e.Position, 4)
	switch {
	case !made || !r.place.byGTID():
		moved := file != r.place.file
		r.place.file, r.place.pos = file, r.reached
		if !moved {
			return nil
		}
		r.unsaved = true
		return r.deliver(nil, false)
	case file != r.place.file:
		// The server looked for our GTIDs and found them in this file; where in it, the next event or heartbeat tells.
		r.place.file, r.place.pos = file, 0
	}
	return nil
}

// heartbeat comes when the server has had nothing to send for a while: all that it has is taken in.
func (r *reader) heartbeat(e *replication.HeartbeatEvent, h *replication.EventHeader) error {
	r.status.heard(time.Now())
	if r.tx.open {
		return nil
	}
	// With GTIDs the server passes over transactions that we have, silently; the heartbeat says how far it got.
	if r.place.byGTID() && e.Filename == r.place.file && uint64(h.LogPos) > r.place.pos && r.place.pos < 1<<32 {
		r.place.pos, r.reached = uint64(h.LogPos), uint64(h.LogPos)
	}
	if !r.quiet {
		// The place is saved once even though it did not move: after a restore from a backup that is the only proof that nothing newer
		// waits in the log of a source on which nothing happens, and delivery may be resumed.
		r.quiet, r.unsaved, r.savedAt = true, true, time.Time{}
	}
	r.heal()
	return r.deliver(nil, true)
}

// stop makes an error that ends Run, with the place at which it arose.
func (r *reader) stop(start uint64, err error) error {
	name := ""
	if r.tx.open {
		name = ", transaction " + r.tx.name()
	}
	return &stopError{fmt.Errorf("at %s:%d%s: %w", r.place.file, start, name, err)}
}

// errClosing ends a connection that is no longer wanted.
var errClosing = errors.New("the connection is to end")
