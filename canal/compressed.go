package canal

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// The types of MariaDB's compressed columns in the log (field.h, MYSQL_TYPE_BLOB_COMPRESSED and MYSQL_TYPE_VARCHAR_COMPRESSED).
const (
	typeBlobCompressed    = 140
	typeVarcharCompressed = 141
)

// compressedColumns finds MariaDB's compressed columns and makes the event such that its rows can be decoded: go-mysql does not know the two
// types, takes no metadata for them, and so gives every later column its neighbour's. It tells by column which are compressed; nil: none.
func compressedColumns(e *replication.TableMapEvent, body []byte) ([]bool, error) {
	if bytes.IndexByte(e.ColumnType, typeBlobCompressed) < 0 && bytes.IndexByte(e.ColumnType, typeVarcharCompressed) < 0 {
		return nil, nil
	}
	types, meta, err := tableMapParts(body)
	if err != nil {
		return nil, err
	}
	compressed := make([]bool, len(types))
	kinds, lengths := make([]byte, len(types)), make([]uint16, len(types))
	for i, t := range types {
		n := metaSize(t)
		if len(meta) < n {
			return nil, errShortTableMap
		}
		switch {
		case t == mysql.MYSQL_TYPE_STRING || t == mysql.MYSQL_TYPE_NEWDECIMAL:
			lengths[i] = binary.BigEndian.Uint16(meta)
		case n == 2:
			lengths[i] = binary.LittleEndian.Uint16(meta)
		case n == 1:
			lengths[i] = uint16(meta[0])
		}
		meta = meta[n:]
		switch kinds[i] = t; t {
		case typeBlobCompressed:
			kinds[i], compressed[i] = mysql.MYSQL_TYPE_BLOB, true
		case typeVarcharCompressed:
			kinds[i], compressed[i] = mysql.MYSQL_TYPE_VARCHAR, true
		}
	}
	e.ColumnType, e.ColumnMeta = kinds, lengths
	return compressed, nil
}

var errShortTableMap = errors.New("the table's description in the log is cut off")

// metaSize is how many bytes of metadata a type has.
func metaSize(t byte) int {
	switch t {
	case mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_NEWDECIMAL, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_BIT,
		typeVarcharCompressed:
		return 2
	case mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_JSON,
		mysql.MYSQL_TYPE_TIME2, mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIMESTAMP2, typeBlobCompressed:
		return 1
	}
	return 0
}

// tableMapParts takes types and metadata out of a TABLE_MAP event: number and flags, two names with their lengths and a zero byte, and
// the two lists.
func tableMapParts(body []byte) (types, meta []byte, err error) {
	pos := 8
	for range 2 {
		if pos >= len(body) {
			return nil, nil, errShortTableMap
		}
		pos += 1 + int(body[pos]) + 1
	}
	if pos >= len(body) {
		return nil, nil, errShortTableMap
	}
	count, _, n := mysql.LengthEncodedInt(body[pos:])
	pos += n
	if uint64(len(body)-pos) < count {
		return nil, nil, errShortTableMap
	}
	types, pos = body[pos:pos+int(count)], pos+int(count)
	meta, _, _, err = mysql.LengthEncodedString(body[pos:])
	return types, meta, err
}

// inflate undoes MariaDB's column compression (field.cc, compress_zlib): a first byte with method, wrapping and the width of the length,
// the length, then the deflated text; or a zero byte and the text as it is.
func inflate(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	head, rest := v[0], v[1:]
	if head == 0 {
		return rest, nil
	}
	width := int(head & 7)
	if head&0xf0 != 0x80 || width > len(rest) {
		return "", fmt.Errorf("it is compressed in a way (%#x) that talkbridge does not know", head&0xf0)
	}
	size := 0
	for _, b := range []byte(rest[:width]) {
		size = size<<8 | int(b)
	}
	var r io.Reader = bytes.NewReader([]byte(rest[width:]))
	if head&8 != 0 {
		r = flate.NewReader(r)
	} else {
		var err error
		if r, err = zlib.NewReader(r); err != nil {
			return "", errors.New("it is compressed, and cannot be read")
		}
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(size)+1))
	if err != nil || len(out) != size {
		return "", errors.New("it is compressed, and cannot be read")
	}
	return string(out), nil
}
