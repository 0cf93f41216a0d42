package canal

import (
	"encoding/binary"
	"errors"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// errPromise says that an event says of itself that it holds more than it can.
var errPromise = errors.New("it promises more than it can hold, so it is damaged")

// mostOfDeflate is how many bytes one byte of deflated text can become at most (zlib's "maximum compression factor").
const mostOfDeflate = 1032

// promises looks at the numbers for which the library makes room before it looks what is there: what one of a damaged event asks for may be
// more memory than there is, and that ends the process. All of them are in MariaDB's events.
func promises(kind replication.EventType, body []byte) error {
	switch kind {
	case replication.MARIADB_GTID_LIST_EVENT: // a number, its four highest bits flags, and 16 bytes for each
		if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)&(1<<28-1))*16 > uint64(len(body)) {
			return errPromise
		}
	case replication.MARIADB_QUERY_COMPRESSED_EVENT: // 13 bytes, in them the lengths of the schema's name and of the status variables
		if len(body) < 13 {
			return errPromise
		}
		return inflatable(body, 13+int(body[8])+int(binary.LittleEndian.Uint16(body[11:]))+1)
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		return inflatableRows(body, 1)
	case replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1:
		return inflatableRows(body, 2)
	default: // others make room for what is there
	}
	return nil
}

// inflatableRows looks behind the table's number, the flags, the number of columns and the bitmaps of those that are there.
func inflatableRows(body []byte, bitmaps int) error {
	if len(body) < 9 {
		return errPromise
	}
	columns, _, size := mysql.LengthEncodedInt(body[8:])
	if columns > uint64(8*len(body)) {
		return errPromise
	}
	return inflatable(body, 8+size+bitmaps*int((columns+7)/8))
}

// inflatable looks at MariaDB's head of deflated text: a byte with the width of the length, then the length of what it becomes.
func inflatable(body []byte, at int) error {
	if at >= len(body) {
		return errPromise
	}
	width, rest := int(body[at]&7), body[at+1:]
	if width > len(rest) {
		return errPromise
	}
	size := uint64(0)
	for _, b := range rest[:width] {
		size = size<<8 | uint64(b)
	}
	if size > mostOfDeflate*uint64(len(rest)) {
		return errPromise
	}
	return nil
}
