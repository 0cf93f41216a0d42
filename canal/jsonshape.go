package canal

import (
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// The library follows a binary JSON document wherever its offsets lead. In a damaged one they may lead back, which ends in a stack that
// is too large, and with that the process; or many times to one place, which ends never. So the documents of an event are walked before
// they are decoded (MySQL, json_binary.h: the format).

// deepestJSON is more than a server takes in (JSON_DOCUMENT_MAX_DEPTH, 100).
const deepestJSON = 128

// The kinds of a document's values that hold others.
const (
	jsonSmallObject = iota
	jsonLargeObject
	jsonSmallArray
	jsonLargeArray
)

// soundJSON tells whether the JSON documents in the event's rows can be decoded. For that the rows are read once with the documents left as
// they are. What cannot be read at all is for the decoder to say.
func soundJSON(e *replication.RowsEvent, pos int, data []byte) bool {
	var documents []int
	for i, kind := range e.Table.ColumnType {
		if kind == mysql.MYSQL_TYPE_JSON {
			documents = append(documents, i)
		}
	}
	if len(documents) == 0 {
		return true
	}
	probe, table := *e, *e.Table
	table.ColumnType = append([]byte(nil), table.ColumnType...)
	for _, i := range documents {
		table.ColumnType[i] = mysql.MYSQL_TYPE_BLOB // written alike: a length, and bytes
	}
	probe.Table = &table
	if probe.DecodeData(pos, data) != nil {
		return false
	}
	for _, row := range probe.Rows {
		for _, i := range documents {
			document, ok := row[i].([]byte)
			if w := (jsonWalk{left: len(document)}); ok && len(document) > 0 && !w.sound(document[0], document[1:], 0) {
				return false
			}
		}
	}
	return true
}

// A jsonWalk counts values: a document has at most one for each byte, or it leads to one place more than once.
type jsonWalk struct{ left int }

// sound walks one value. data begins where it begins.
func (w *jsonWalk) sound(kind byte, data []byte, depth int) bool {
	if kind > jsonLargeArray {
		return true // no other is in it; what it holds is for the decoder to judge
	}
	width := 2
	if kind == jsonLargeObject || kind == jsonLargeArray {
		width = 4
	}
	if depth > deepestJSON || len(data) < 2*width {
		return false
	}
	number := func(at int) int {
		if width == 2 {
			return int(binary.LittleEndian.Uint16(data[at:]))
		}
		return int(binary.LittleEndian.Uint32(data[at:]))
	}
	count, at := number(0), 2*width
	if w.left -= count; w.left < 0 {
		return false
	}
	if kind == jsonSmallObject || kind == jsonLargeObject {
		at += count * (width + 2) // offset and length of each key
	}
	end := at + count*(1+width)
	if end > len(data) {
		return false
	}
	for ; at < end; at += 1 + width {
		if data[at] > jsonLargeArray {
			continue
		}
		offset := number(at + 1)
		if offset < end || offset >= len(data) || !w.sound(data[at], data[offset:], depth+1) {
			return false
		}
	}
	return true
}
