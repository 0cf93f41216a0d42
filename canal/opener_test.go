package canal

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/stretchr/testify/require"
)

// rawEvent writes an event as a server does, without a checksum.
func rawEvent(kind replication.EventType, body ...byte) *replication.BinlogEvent {
	raw := make([]byte, replication.EventHeaderSize, replication.EventHeaderSize+len(body))
	raw[4] = byte(kind)
	binary.LittleEndian.PutUint32(raw[9:], uint32(len(raw)+len(body)))
	raw = append(raw, body...)
	h := new(replication.EventHeader)
	if err := h.Decode(raw); err != nil {
		panic(err)
	}
	e := &replication.BinlogEvent{RawData: raw, Header: h, Event: &replication.GenericEvent{Data: raw[replication.EventHeaderSize:]}}
	if kind == replication.FORMAT_DESCRIPTION_EVENT {
		e.Event = new(replication.FormatDescriptionEvent)
	}
	return e
}

// formatEvent is the head of a file, of a server that writes table numbers of idSize bytes.
func formatEvent(idSize int) *replication.BinlogEvent {
	body := make([]byte, 57, 57+170)
	binary.LittleEndian.PutUint16(body, 4)
	copy(body[2:], "5.0.0") // such a server writes no checksums
	body[56] = replication.EventHeaderSize
	for range 169 {
		body = append(body, byte(idSize+2))
	}
	return rawEvent(replication.FORMAT_DESCRIPTION_EVENT, body...)
}

// describes is a TABLE_MAP event of a table in the database d with one INT.
func describes(id []byte, table string) *replication.BinlogEvent {
	body := append(append([]byte{}, id...), 0, 0, 1, 'd', 0, byte(len(table)))
	body = append(append(body, table...), 0, 1, 3, 0, 0)
	return rawEvent(replication.TABLE_MAP_EVENT, body...)
}

// rowsOf is a WRITE_ROWS event with one row, the last of its statement or not.
func rowsOf(id []byte, last bool) *replication.BinlogEvent {
	flags := byte(0)
	if last {
		flags = 1
	}
	return rawEvent(replication.WRITE_ROWS_EVENTv1, append(append([]byte{}, id...), flags, 0, 1, 1, 0, 7, 0, 0, 0)...)
}

func testOpener(t *testing.T) *opener {
	t.Helper()
	f := newFilter([]*route{{Route: Route{Name: "r", Schema: "d", Table: "watched"}}}, false)
	return newOpener(FlavorMySQL, time.UTC, f.watched, f.decode)
}

func TestOnlyRowsOfWatchedTablesAreDecoded(t *testing.T) {
	for _, idSize := range []int{4, 6} {
		o := testOpener(t)
		require.NoError(t, o.open(formatEvent(idSize)))
		one, two := []byte{1, 0, 0, 0, 0, 0}[:idSize], []byte{2, 0, 0, 0, 0, 0}[:idSize]
		decoded := func(e *replication.BinlogEvent) bool {
			t.Helper()
			require.NoError(t, o.open(e))
			_, raw := e.Event.(*replication.GenericEvent)
			return !raw
		}
		// A statement over two tables.
		require.True(t, decoded(describes(one, "watched")))
		require.False(t, decoded(describes(two, "other")))
		e := rowsOf(one, false)
		require.True(t, decoded(e))
		require.Equal(t, [][]any{{int32(7)}}, e.Event.(*replication.RowsEvent).Rows)
		require.False(t, decoded(rowsOf(two, true)))
		// The number is another table's now, and then this one's again.
		require.False(t, decoded(describes(one, "other")))
		require.False(t, decoded(rowsOf(one, true)))
		require.True(t, decoded(describes(one, "watched")))
		require.True(t, decoded(rowsOf(one, true)))
	}
}

// A description holds for its statement, and no longer.
func TestRowsWithoutADescriptionStop(t *testing.T) {
	number := []byte{1, 0, 0, 0, 0, 0}
	for name, before := range map[string][]*replication.BinlogEvent{
		"never described":  nil,
		"of another table": {describes([]byte{2, 0, 0, 0, 0, 0}, "watched")},
		"statement ended":  {describes(number, "watched"), rowsOf(number, true)},
		"unwatched, ended": {describes(number, "other"), rowsOf(number, true)},
		"file ended":       {describes(number, "watched"), formatEvent(6)},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOpener(t)
			require.NoError(t, o.open(formatEvent(6)))
			for _, e := range before {
				require.NoError(t, o.open(e))
			}
			err := o.open(rowsOf(number, true))
			require.ErrorContains(t, err, "rows of table number 1 without the table's description")
			require.True(t, stops(err))
		})
	}
	o := testOpener(t)
	require.NoError(t, o.open(formatEvent(6)))
	require.NoError(t, o.open(rowsOf([]byte{255, 255, 255, 0, 0, 0}, true)), "the number that stands for no table")
}

// An event that is cut off stops the listener with its kind and place, whatever the cut.
func TestACutEventStops(t *testing.T) {
	whole := describes([]byte{1, 0, 0, 0, 0, 0}, "unwatched").RawData[replication.EventHeaderSize:]
	for n := range len(whole) - 6 { // up to the table's name
		o := testOpener(t)
		require.NoError(t, o.open(formatEvent(6)))
		err := o.open(rawEvent(replication.TABLE_MAP_EVENT, whole[:n]...))
		require.Error(t, err, n)
		require.True(t, stops(err))
	}
	rows := rowsOf([]byte{1, 0, 0, 0, 0, 0}, true).RawData[replication.EventHeaderSize:]
	for n := range 8 {
		o := testOpener(t)
		require.NoError(t, o.open(formatEvent(6)))
		require.True(t, stops(o.open(rawEvent(replication.WRITE_ROWS_EVENTv1, rows[:n]...))))
	}
}

// A bit that turns in a table's number may make it the neighbour's: beside a watched table that is noticed, whichever table it was.
func TestANumberThatTurnsIsNoticed(t *testing.T) {
	o := testOpener(t)
	require.NoError(t, o.open(checked(formatEvent(6))))
	require.True(t, o.checksums)
	two, three := []byte{2, 0, 0, 0, 0, 0}, []byte{3, 0, 0, 0, 0, 0}
	for _, e := range []*replication.BinlogEvent{describes(two, "watched"), describes(three, "other")} {
		require.NoError(t, o.open(checked(e)))
	}
	turned := func(bit byte) *replication.BinlogEvent {
		e := checked(rowsOf(two, false))
		e.RawData[replication.EventHeaderSize] ^= bit
		return e
	}
	for _, bit := range []byte{1, 4} { // the neighbour, and nobody
		err := o.open(turned(bit))
		require.ErrorContains(t, err, "arrived damaged")
		require.False(t, stops(err), "it comes again")
	}
}

// The same description looks the same each time, wherever in the log it stands, or nothing that was made of it would serve twice.
func TestADescriptionLooksTheSameEachTime(t *testing.T) {
	o := testOpener(t)
	require.NoError(t, o.open(checked(formatEvent(6))))
	var seen [2]*replication.BinlogEvent
	for i := range seen {
		seen[i] = describes([]byte{2, 0, 0, 0, 0, 0}, "watched")
		seen[i].RawData[13] = byte(i) // its position in the log
		seen[i] = checked(seen[i])
		require.NoError(t, o.open(seen[i]))
		require.IsType(t, &replication.TableMapEvent{}, seen[i].Event)
	}
	require.Equal(t, seen[0].RawData[replication.EventHeaderSize:], seen[1].RawData[replication.EventHeaderSize:])
}

// checked puts a checksum behind an event; behind the head of a file it also says that there is one.
func checked(e *replication.BinlogEvent) *replication.BinlogEvent {
	raw := append([]byte{}, e.RawData...)
	if e.Header.EventType == replication.FORMAT_DESCRIPTION_EVENT {
		copy(raw[replication.EventHeaderSize+2:], "8.4.0\x00")
		raw = append(raw, byte(replication.BINLOG_CHECKSUM_ALG_CRC32))
	}
	binary.LittleEndian.PutUint32(raw[9:], uint32(len(raw)+replication.BinlogChecksumLength))
	raw = binary.LittleEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	h := new(replication.EventHeader)
	if err := h.Decode(raw); err != nil {
		panic(err)
	}
	c := &replication.BinlogEvent{RawData: raw, Header: h, Event: e.Event}
	if _, generic := e.Event.(*replication.GenericEvent); generic {
		c.Event = &replication.GenericEvent{Data: raw[replication.EventHeaderSize : len(raw)-replication.BinlogChecksumLength]}
	}
	return c
}
