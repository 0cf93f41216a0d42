package canal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"talkbridge/internal/faults"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// An opener decodes the events of one connection. The syncer hands them out as they are (RawModeEnabled), and most of them stay so: the
// descriptions and the rows of tables that nobody watches, which is nearly all that a server's log consists of, are told by their
// first bytes and passed.
type opener struct {
	parser  *replication.BinlogParser
	watched func(schema, table []byte) bool

	checksums bool        // each event ends with one
	idSize    int         // bytes of a table's number
	described []described // the tables of the statement that is open
}

// described is a table that a TABLE_MAP event has described.
type described struct {
	id      uint64
	watched bool
}

// newOpener makes the opener of one connection. rows is go-mysql's RowsEventDecodeFunc: for the watched tables, and for all tables inside a
// compressed transaction, which is decoded as a whole.
func newOpener(flavor Flavor, zone *time.Location, watched func(schema, table []byte) bool, rows func(*replication.RowsEvent, []byte) error) *opener {
	p := replication.NewBinlogParser()
	p.SetFlavor(string(flavor))
	p.SetParseTime(false) // a zero or partial date is no time.Time
	p.SetTimestampStringLocation(zone)
	p.SetRenderJSONAsMySQLText(true)
	p.SetRowsEventDecodeFunc(rows)
	return &opener{parser: p, watched: watched, idSize: 6}
}

// open decodes the event where somebody needs what is in it. Its header stays as it came.
func (o *opener) open(e *replication.BinlogEvent) error {
	kind := e.Header.EventType
	if _, head := e.Event.(*replication.FormatDescriptionEvent); !head && !holdsRows(kind) {
		if err := o.whole(e); err != nil {
			return err
		}
	}
	switch e.Event.(type) {
	case *replication.FormatDescriptionEvent:
		return o.begin(e)
	case *replication.GenericEvent:
	default:
		return nil // the syncer itself decodes ROTATE
	}
	switch {
	case kind == replication.TABLE_MAP_EVENT:
		return o.tableMap(e)
	case holdsRows(kind):
		return o.rows(e)
	case needed(kind):
		return o.decode(e)
	}
	return nil
}

// begin takes in the head of a file: it says how the events are written.
func (o *opener) begin(e *replication.BinlogEvent) error {
	o.described = o.described[:0]
	if err := o.decode(e); err != nil {
		return err
	}
	format, ok := e.Event.(*replication.FormatDescriptionEvent)
	o.checksums = ok && format.ChecksumAlgorithm == replication.BINLOG_CHECKSUM_ALG_CRC32
	if err := o.whole(e); err != nil {
		return err
	}
	if ok && len(format.EventTypeHeaderLengths) >= int(replication.TABLE_MAP_EVENT) {
		o.idSize = 6
		if format.EventTypeHeaderLengths[replication.TABLE_MAP_EVENT-1] == 6 { // before MySQL 5.1.4
			o.idSize = 4
		}
	}
	return nil
}

// whole holds the event against its checksum. A bit that turned on the way would be another letter of a name, another table, or a
// transaction without its end. Only the rows of tables that nobody watches, nearly all of the log, are passed without it. The error is
// one that makes the connection anew, so the event comes again.
func (o *opener) whole(e *replication.BinlogEvent) error {
	end := len(e.RawData) - replication.BinlogChecksumLength
	if !o.checksums || end < replication.EventHeaderSize || crc32.ChecksumIEEE(e.RawData[:end]) == binary.LittleEndian.Uint32(e.RawData[end:]) {
		return nil
	}
	return fmt.Errorf("event %s that ends at %d arrived damaged: its checksum is another. If this comes again, look at the network and at the "+
		"server's error log", e.Header.EventType, e.Header.LogPos)
}

// decode has the library decode the event. Where it panics, over an event that is damaged or of a kind that it does not know, that is an
// error like its others. Invariant 8: of the panic only type and place are kept.
func (o *opener) decode(e *replication.BinlogEvent) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &stopError{fmt.Errorf("event %s that ends at %d cannot be read (%s at %s); please report it with the server's version",
				e.Header.EventType, e.Header.LogPos, faults.Type(fault), faults.Where(faults.Frames()))}
		}
	}()
	if g, ok := e.Event.(*replication.GenericEvent); ok {
		if err := promises(e.Header.EventType, g.Data); err != nil {
			return &stopError{fmt.Errorf("event %s that ends at %d cannot be read: %w", e.Header.EventType, e.Header.LogPos, err)}
		}
	}
	opened, err := o.parser.Parse(e.RawData)
	if err != nil {
		return err // classify takes the event's data out of it
	}
	e.Event = opened.Event
	return nil
}

func (o *opener) tableMap(e *replication.BinlogEvent) error {
	id, _, body, err := o.head(e)
	if err != nil {
		return err
	}
	schema, table, ok := tableMapNames(body)
	if !ok {
		return &stopError{fmt.Errorf("event %s that ends at %d: %w", e.Header.EventType, e.Header.LogPos, errShortTableMap)}
	}
	d := described{id, o.watched(schema, table)}
	if i := slices.IndexFunc(o.described, func(d described) bool { return d.id == id }); i >= 0 {
		o.described[i] = d
	} else {
		o.described = append(o.described, d)
	}
	if !d.watched {
		return nil
	}
	data := e.RawData[:replication.EventHeaderSize+len(body)+o.idSize+2]
	if err := o.decode(e); err != nil {
		return err
	}
	e.RawData = data // without the checksum: the same description is to look the same each time
	return nil
}

// rows decodes the rows of a watched table. Rows whose table was not described in their statement are nobody's, and an error.
func (o *opener) rows(e *replication.BinlogEvent) error {
	id, flags, _, err := o.head(e)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(o.described, func(d described) bool { return d.id == id })
	// Beside a watched table, or without any, the number itself is held against the checksum: a bit of it may be what makes these rows
	// another table's.
	if i < 0 || slices.ContainsFunc(o.described, func(d described) bool { return d.watched }) {
		if err := o.whole(e); err != nil {
			return err
		}
	}
	switch {
	case i >= 0 && o.described[i].watched:
		err = o.decode(e)
	case i < 0 && !dummyTable(id):
		err = &stopError{fmt.Errorf("event %s that ends at %d: rows of table number %d without the table's description", e.Header.EventType,
			e.Header.LogPos, id)}
	}
	if flags&replication.RowsEventStmtEndFlag != 0 {
		o.described = o.described[:0]
	}
	return err
}

// head takes apart what TABLE_MAP and rows events begin with.
func (o *opener) head(e *replication.BinlogEvent) (id uint64, flags uint16, body []byte, err error) {
	g, ok := e.Event.(*replication.GenericEvent)
	if !ok || len(g.Data) < o.idSize+2 {
		return 0, 0, nil, &stopError{fmt.Errorf("event %s that ends at %d is cut off", e.Header.EventType, e.Header.LogPos)}
	}
	return mysql.FixedLengthInt(g.Data[:o.idSize]), binary.LittleEndian.Uint16(g.Data[o.idSize:]), g.Data[o.idSize+2:], nil
}

// tableMapNames takes the table's names out of a TABLE_MAP event, from behind its flags: two texts with their lengths and a zero byte.
func tableMapNames(body []byte) (schema, table []byte, ok bool) {
	cut := func() (name []byte) {
		if !ok || len(body) == 0 || len(body) < int(body[0])+2 {
			ok = false
			return nil
		}
		name, body = body[1:1+body[0]], body[2+int(body[0]):]
		return name
	}
	ok = true
	schema, table = cut(), cut()
	return schema, table, ok
}

// holdsRows tells whether such events are rows of a table.
func holdsRows(kind replication.EventType) bool {
	switch kind {
	case replication.WRITE_ROWS_EVENTv0, replication.UPDATE_ROWS_EVENTv0, replication.DELETE_ROWS_EVENTv0,
		replication.WRITE_ROWS_EVENTv1, replication.UPDATE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv1,
		replication.WRITE_ROWS_EVENTv2, replication.UPDATE_ROWS_EVENTv2, replication.DELETE_ROWS_EVENTv2,
		replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1,
		replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1, replication.PARTIAL_UPDATE_ROWS_EVENT:
		return true
	default:
		return false
	}
}

// needed tells whether the reader or the surveyor looks into such events. Of others the header says enough.
func needed(kind replication.EventType) bool {
	switch kind {
	case replication.QUERY_EVENT, replication.MARIADB_QUERY_COMPRESSED_EVENT, replication.XID_EVENT, replication.EXECUTE_LOAD_QUERY_EVENT,
		replication.GTID_EVENT, replication.ANONYMOUS_GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT, replication.MARIADB_GTID_EVENT,
		replication.PREVIOUS_GTIDS_EVENT, replication.MARIADB_GTID_LIST_EVENT, replication.MARIADB_BINLOG_CHECKPOINT_EVENT,
		replication.TRANSACTION_PAYLOAD_EVENT, replication.HEARTBEAT_EVENT, replication.HEARTBEAT_LOG_EVENT_V2:
		return true
	default:
		return false
	}
}
