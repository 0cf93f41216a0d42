package state

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// An ident is what the rules of Append need to know of a change, in the open and in fixed places:
//
//	 0: 8  line: a print of the server and the base name of its log; changes of one line can be ordered
//	 8:32  order: log number, position, row, big-endian, so that bytes compare as the numbers do
//	32:48  event: a print of the event id
//	48:80  digest: keyed digest of the columns
//	80:96  committed and captured at, microseconds
//
// The prints are keyed and cut short: 64 bits tell a handful of servers apart, 128 bits all events there will ever be.
type ident [identSize]byte

// ident makes it of a change and its columns in canonical form.
func (s *sealer) ident(c bridge.Change, columns []byte) ident {
	var i ident
	base := c.At.File
	if dot := strings.LastIndexByte(base, '.'); dot >= 0 {
		base = base[:dot]
	}
	copy(i[0:8], s.print("line", c.At.Server, base))
	binary.BigEndian.PutUint64(i[8:], bridge.LogNumber(c.At.File))
	binary.BigEndian.PutUint64(i[16:], c.At.Pos)
	binary.BigEndian.PutUint64(i[24:], c.At.Row)
	copy(i[32:48], s.print("event", c.EventID))
	copy(i[48:80], s.digest(c.ID(), columns))
	binary.LittleEndian.PutUint64(i[80:], micros(c.CommittedAt))
	binary.LittleEndian.PutUint64(i[88:], micros(c.CapturedAt))
	return i
}

func (i *ident) sameEvent(j *ident) bool  { return bytes.Equal(i[32:48], j[32:48]) }
func (i *ident) sameDigest(j *ident) bool { return bytes.Equal(i[48:80], j[48:80]) }

// sameLine tells whether the two are places in one log, and so can be ordered.
func (i *ident) sameLine(j *ident) bool { return bytes.Equal(i[0:8], j[0:8]) }

// olderThan tells whether i is certainly older than j: on the same line, and before it.
func (i *ident) olderThan(j *ident) bool {
	return i.sameLine(j) && bytes.Compare(i[8:32], j[8:32]) < 0
}

func (i *ident) committedAt() time.Time { return fromMicros(binary.LittleEndian.Uint64(i[80:])) }
func (i *ident) capturedAt() time.Time  { return fromMicros(binary.LittleEndian.Uint64(i[88:])) }

func micros(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMicro())
}

func fromMicros(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return shown(time.UnixMicro(int64(n)))
}

// shown is a time as the ledger shows it. One that no clock gives, in a record that was damaged, is none: JSON has no such years, and one
// record would make a whole page unreadable.
func shown(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
