package canal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/google/uuid"
)

// A surveyor reads a stretch of the log, looking at everything but rows: where transactions begin, which GTIDs they have, and which
// statements could change a watched table. It is replication.EventHandler.
type surveyor struct {
	r        *reader // for its place in the log, and for what it knows of statements
	want     place   // what is looked for; known by its GTIDs, it is where the server begins
	end      place   // the log's end when the survey began, with what the tables look like there
	files    []logFile
	progress func(done, total uint64)

	found   bool   // want is reached
	named   bool   // each transaction has an event in front that names it, or says that it has no name
	gtid    gtid   // of the transaction that is open; its end is the beginning of the next
	last    uint64 // the last boundary in want's file before want
	changed string // why the tables may have looked otherwise at want; empty: they did not
	ended   error  // what HandleEvent gave back
}

// errSurveyed ends a survey that is done.
var errSurveyed = errors.New("the end is reached")

// HandleEvent implements replication.EventHandler.
func (v *surveyor) HandleEvent(e *replication.BinlogEvent) error {
	if v.ended = v.r.opener.open(e); v.ended == nil {
		v.ended = v.event(e)
	}
	return v.ended
}

func (v *surveyor) event(e *replication.BinlogEvent) error {
	r := v.r
	switch event := e.Event.(type) {
	case *replication.RotateEvent:
		return v.rotate(event, e.Header)
	case *replication.HeartbeatEvent:
		return v.heartbeat(event, e.Header)
	case *replication.FormatDescriptionEvent:
		if r.place.file == v.want.file {
			v.want.born, v.want.bornFile = time.Unix(int64(e.Header.Timestamp), 0), r.place.file
			v.found = v.found || v.want.pos <= 4
		}
		if e.Header.LogPos > 0 && r.reached <= 4 {
			r.reached = uint64(e.Header.LogPos)
		}
		return v.atEnd()
	}
	start := r.advance(e.Header)
	if err := v.look(e, start); err != nil {
		return err
	}
	v.tell()
	return v.atEnd()
}

// rotate goes to another file. The one that the server makes up at the start of a connection names the file that was asked for.
func (v *surveyor) rotate(e *replication.RotateEvent, h *replication.EventHeader) error {
	file := string(e.NextLogName)
	if file != v.r.place.file {
		if !artificial(h) && extend(v.r.reached, h.LogPos) == v.want.pos {
			v.r.reached = v.want.pos // the very end of the file
		}
		if v.passed() {
			return v.notThere(0)
		}
	}
	v.r.place.file, v.r.reached = file, max(e.Position, 4)
	return v.atEnd()
}

// heartbeat comes when the server has nothing more to send. MySQL sends one also while it passes over transactions that a GTID set has;
// then it says how far it is.
func (v *surveyor) heartbeat(e *replication.HeartbeatEvent, h *replication.EventHeader) error {
	if v.r.flavor == FlavorMySQL {
		now, end := bridge.LogNumber(e.Filename), bridge.LogNumber(v.end.file)
		if now < end || now == end && extend(v.end.pos, h.LogPos) < v.end.pos {
			return nil
		}
	}
	if !v.found && v.passed() {
		return v.notThere(0)
	}
	return errSurveyed
}

// look looks at one event that begins at start.
func (v *surveyor) look(e *replication.BinlogEvent, start uint64) error {
	if v.between(e) {
		if err := v.boundary(e, start); err != nil {
			return err
		}
	} else if !v.found && v.r.place.file == v.want.file && start >= v.want.pos {
		return v.notThere(0)
	}
	if query, ok := e.Event.(*replication.QueryEvent); ok && v.found {
		v.statement(query, start)
	}
	return nil
}

// between tells whether an event begins a transaction, or stands between two.
func (v *surveyor) between(e *replication.BinlogEvent) bool {
	switch event := e.Event.(type) {
	case *replication.GTIDEvent, *replication.GtidTaggedLogEvent, *replication.MariadbGTIDEvent:
		v.named = true
		return true
	case *replication.PreviousGTIDsEvent, *replication.MariadbGTIDListEvent, *replication.MariadbBinlogCheckPointEvent:
		return true
	case *replication.QueryEvent: // before MySQL 5.7 a transaction has nothing in front
		return !v.named && string(event.Query) == "BEGIN"
	}
	return e.Header.EventType == replication.STOP_EVENT
}

// boundary takes in a place between two transactions.
func (v *surveyor) boundary(e *replication.BinlogEvent, start uint64) error {
	here := v.r.place.file == v.want.file && !v.found
	if here {
		v.add(e)
	}
	switch {
	case !here:
	case start == v.want.pos:
		v.found = true
		if v.r.place.gtids != nil {
			v.want.gtids = v.r.place.gtids.Clone()
		}
	case start > v.want.pos:
		return v.notThere(start)
	default:
		v.last = start
	}
	v.gtid = gtid{}
	switch event := e.Event.(type) {
	case *replication.GTIDEvent:
		v.gtid = gtidOfEvent(event)
	case *replication.GtidTaggedLogEvent:
		v.gtid = gtidOfEvent(&event.GTIDEvent)
	}
	return nil
}

func gtidOfEvent(e *replication.GTIDEvent) gtid {
	sid, err := uuid.FromBytes(e.SID)
	if err != nil {
		return gtid{}
	}
	return gtid{sid: sid, tag: e.Tag, gno: e.GNO}
}

// add adds to MySQL's set what is over: the transaction before, or, at the head of a file, everything in earlier files.
func (v *surveyor) add(e *replication.BinlogEvent) {
	if head, ok := e.Event.(*replication.PreviousGTIDsEvent); ok {
		if set, err := parseGTIDs(v.r.flavor, head.GTIDSets); err == nil {
			v.r.place.gtids = set
		}
		return
	}
	if v.r.place.gtids != nil {
		v.gtid.addTo(v.r.place.gtids)
	}
}

// passed tells whether the wanted file is left behind without its place having been met. Its very end is met by leaving it there.
func (v *surveyor) passed() bool {
	if v.found || v.r.place.file != v.want.file {
		return false
	}
	if v.r.reached == v.want.pos {
		v.found = true
		if v.r.place.gtids != nil {
			v.gtid.addTo(v.r.place.gtids)
			v.want.gtids = v.r.place.gtids.Clone()
		}
	}
	return !v.found
}

// notThere says that no transaction begins at the wanted place. next is the first boundary behind it, 0 where that is not known.
func (v *surveyor) notThere(next uint64) error {
	near := ""
	if v.last > 0 {
		near = fmt.Sprintf(" The last one before begins at %d.", v.last)
	}
	if next > 0 {
		near += fmt.Sprintf(" The next one begins at %d.", next)
	}
	return fmt.Errorf("no transaction begins at %s:%d: it is inside one, or inside an event.%s", v.want.file, v.want.pos, near)
}

// atEnd ends the survey where the log ended when it began.
func (v *surveyor) atEnd() error {
	now, end := bridge.LogNumber(v.r.place.file), bridge.LogNumber(v.end.file)
	if now < end || now == end && v.r.reached < v.end.pos {
		return nil
	}
	if !v.found && v.passed() {
		if now == end && v.want.file == v.end.file && v.want.pos > v.end.pos {
			return nil // the log has grown since; go on to the place
		}
		return v.notThere(0)
	}
	return errSurveyed
}

// tell tells how far the survey is.
func (v *surveyor) tell() {
	i := slices.IndexFunc(v.files, func(f logFile) bool { return f.name == v.r.place.file })
	if i < 0 || v.progress == nil {
		return
	}
	begun := 0
	if v.want.file != "" {
		begun = max(0, slices.IndexFunc(v.files, func(f logFile) bool { return f.name == v.want.file }))
	}
	last := v.files[len(v.files)-1]
	v.progress(v.files[i].start+v.r.reached-v.files[begun].start, last.start+last.size-v.files[begun].start)
}

// statement notes a statement behind the place that could have changed a watched table. It is not asked what the statement does: applied
// to what the table looks like now, one that made it so would seem to do nothing.
func (v *surveyor) statement(e *replication.QueryEvent, start uint64) {
	if v.changed != "" {
		return
	}
	session := statusVars(e.StatusVars, v.r.sets)
	tokens := cutSQL(string(e.Query), session.mode)
	if len(tokens) == 0 || slices.Contains(harmless(), strings.ToUpper(tokens[0].text)) {
		return
	}
	touched := v.r.filter.any(func(w *watch) bool {
		if mentions(e.Query, w.table) || !isASCII(w.table) && !isASCII(string(e.Query)) {
			return true
		}
		// ALTER, CREATE and DROP DATABASE, which may leave the name out where it is the session's own.
		return len(tokens) > 1 && slices.ContainsFunc(tokens[1:min(len(tokens), 5)], func(t token) bool {
			return strings.EqualFold(t.text, "DATABASE") || strings.EqualFold(t.text, "SCHEMA")
		}) && (mentions(e.Query, w.schema) || strings.EqualFold(string(e.Schema), w.schema))
	})
	if touched != nil {
		v.changed = fmt.Sprintf("at %s:%d a statement (%s) names %s.%s, and may have changed it", v.r.place.file, start,
			strings.ToUpper(tokens[0].text), touched.schema, touched.table)
	}
}

// harmless are the first words of statements that change no table's columns.
func harmless() []string {
	return []string{
		"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "XA", "START", "GRANT", "REVOKE", "ANALYZE", "FLUSH", "TRUNCATE", "INSERT",
		"UPDATE", "DELETE", "REPLACE",
	}
}

func mentions(query []byte, name string) bool {
	return bytes.Contains(bytes.ToLower(query), bytes.ToLower([]byte(name)))
}
