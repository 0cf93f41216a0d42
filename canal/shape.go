package canal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// A shape is what a table looks like at one place of the log, as far as information_schema and DDL tell. The log itself tells types
// and lengths with every TABLE_MAP event; names, signs, character sets and labels only where the server is asked to send them
// (binlog_row_metadata), and that a BINARY(16) is a UUID never. A shape is not changed once it is part of a history.
type shape struct {
	Columns []shapeColumn `json:"columns,omitempty"`
	Key     []string      `json:"key,omitempty"`     // the primary key
	Charset string        `json:"charset,omitempty"` // of columns that are added without one
	RowEnd  string        `json:"row_end,omitempty"` // of a system-versioned table: the column that says until when a row was
	Lost    string        `json:"lost,omitempty"`    // why it is not known; the rest is empty then
}

// A shapeColumn is one column, in the table's order, hidden ones included.
type shapeColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // as information_schema's COLUMN_TYPE
	Charset string `json:"charset,omitempty"`
	Null    string `json:"null,omitempty"` // yes, no, or empty where the statement left it to the server's settings

	Generated bool `json:"generated,omitempty"` // AS (…), stored or not
}

// lost is a shape that is not known.
func lost(format string, args ...any) *shape { return &shape{Lost: fmt.Sprintf(format, args...)} }

// known tells whether there is a shape to go by.
func (s *shape) known() bool { return s != nil && s.Lost == "" }

func (s *shape) index(name string) int {
	return slices.IndexFunc(s.Columns, func(c shapeColumn) bool { return strings.EqualFold(c.Name, name) })
}

func (s *shape) equal(o *shape) bool {
	if s == nil || o == nil {
		return s == o
	}
	return slices.Equal(s.Columns, o.Columns) && slices.Equal(s.Key, o.Key) && s.Charset == o.Charset && s.RowEnd == o.RowEnd && s.Lost == o.Lost
}

// clone is a shape to be changed.
func (s *shape) clone() *shape {
	c := *s
	c.Columns, c.Key = slices.Clone(s.Columns), slices.Clone(s.Key)
	return &c
}

// A columnType is a COLUMN_TYPE taken apart.
type columnType struct {
	base       string // lower case: varchar, decimal, …
	numbers    []int  // in parentheses
	labels     []string
	unsigned   bool
	compressed bool // MariaDB's column compression
}

func parseType(text string) columnType {
	ts := cutSQL(text, 0)
	var t columnType
	if len(ts) == 0 {
		return t
	}
	t.base = strings.ToLower(ts[0].text)
	rest := ts[1:]
	if inner, after, ok := rest.group(); ok {
		rest = after
		for _, p := range inner {
			if n, err := strconv.Atoi(p.text); p.kind == tokenWord && err == nil {
				t.numbers = append(t.numbers, n)
			}
			if p.kind == tokenString {
				t.labels = append(t.labels, p.text)
			}
		}
	}
	for i := range rest {
		t.unsigned = t.unsigned || rest.is(i, "UNSIGNED") || rest.is(i, "ZEROFILL")
		t.compressed = t.compressed || rest.is(i, "COMPRESSED")
	}
	return t
}

// number is the i-th number in parentheses, or the given one.
func (t columnType) number(i, otherwise int) int {
	if i < len(t.numbers) {
		return t.numbers[i]
	}
	return otherwise
}

// logged is the type and metadata that a TABLE_MAP event has for the column (MySQL, Field::save_field_metadata); ok is false for a type that
// is not known here. A charset whose width is not known gives exact false: the length is not compared then.
func (c shapeColumn) logged() (kind byte, meta uint16, exact, ok bool) {
	t := parseType(c.Type)
	if k, plain := plainTypes(t.base); plain {
		return k.kind, k.meta, true, true
	}
	width, exact := charsetWidth(c.Charset)
	switch t.base {
	case "decimal":
		return mysql.MYSQL_TYPE_NEWDECIMAL, uint16(t.number(0, 10)<<8 | t.number(1, 0)), true, true
	case "bit":
		n := t.number(0, 1)
		return mysql.MYSQL_TYPE_BIT, uint16(n/8<<8 | n%8), true, true
	case "datetime":
		return mysql.MYSQL_TYPE_DATETIME2, uint16(t.number(0, 0)), true, true
	case "timestamp":
		return mysql.MYSQL_TYPE_TIMESTAMP2, uint16(t.number(0, 0)), true, true
	case "time":
		return mysql.MYSQL_TYPE_TIME2, uint16(t.number(0, 0)), true, true
	case "char", "binary":
		n := t.number(0, 1) * width
		return mysql.MYSQL_TYPE_STRING, uint16((int(mysql.MYSQL_TYPE_STRING)^(n&0x300)>>4)<<8 | n&0xff), exact, true
	case "varchar", "varbinary":
		if t.compressed { // one byte more, for the head of the compressed text
			return mysql.MYSQL_TYPE_VARCHAR, uint16(t.number(0, 0)*width + 1), exact, true
		}
		return mysql.MYSQL_TYPE_VARCHAR, uint16(t.number(0, 0) * width), exact, true
	case "enum":
		return mysql.MYSQL_TYPE_ENUM, uint16(mysql.MYSQL_TYPE_ENUM)<<8 | uint16(1+len(t.labels)/256), true, true
	case "set":
		bytes := (len(t.labels) + 7) / 8
		if bytes > 4 {
			bytes = 8
		}
		return mysql.MYSQL_TYPE_SET, uint16(mysql.MYSQL_TYPE_SET)<<8 | uint16(bytes), true, true
	}
	if n := blobBytes(t.base); n > 0 {
		return mysql.MYSQL_TYPE_BLOB, uint16(n), true, true
	}
	return 0, 0, false, false
}

type loggedType struct {
	kind byte
	meta uint16
}

// plainTypes are those whose metadata is always the same.
func plainTypes(base string) (loggedType, bool) {
	const fixed = uint16(mysql.MYSQL_TYPE_STRING) << 8
	t, ok := map[string]loggedType{
		"tinyint": {mysql.MYSQL_TYPE_TINY, 0}, "smallint": {mysql.MYSQL_TYPE_SHORT, 0}, "mediumint": {mysql.MYSQL_TYPE_INT24, 0},
		"int": {mysql.MYSQL_TYPE_LONG, 0}, "bigint": {mysql.MYSQL_TYPE_LONGLONG, 0}, "float": {mysql.MYSQL_TYPE_FLOAT, 4},
		"double": {mysql.MYSQL_TYPE_DOUBLE, 8}, "year": {mysql.MYSQL_TYPE_YEAR, 0}, "date": {mysql.MYSQL_TYPE_DATE, 0},
		"json": {mysql.MYSQL_TYPE_JSON, 4}, "vector": {mysql.MYSQL_TYPE_VECTOR, 4},
		"uuid": {mysql.MYSQL_TYPE_STRING, fixed | 16}, "inet6": {mysql.MYSQL_TYPE_STRING, fixed | 16}, "inet4": {mysql.MYSQL_TYPE_STRING, fixed | 4},
	}[base]
	if !ok && slices.Contains([]string{
		"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
		"geometrycollection", "geomcollection",
	}, base) {
		return loggedType{mysql.MYSQL_TYPE_GEOMETRY, 4}, true
	}
	return t, ok
}

// blobBytes is how many bytes the length of a BLOB or TEXT takes.
func blobBytes(base string) int {
	return map[string]int{
		"tinyblob": 1, "tinytext": 1, "blob": 2, "text": 2, "mediumblob": 3, "mediumtext": 3, "longblob": 4, "longtext": 4,
	}[base]
}

// charsetWidth is how many bytes a character takes at most.
func charsetWidth(name string) (int, bool) {
	width, ok := map[string]int{
		"": 1, binaryCharset: 1, "latin1": 1, "ascii": 1, "gbk": 2, "gb2312": 2, "big5": 2, "gb18030": 4, "utf8": 3, "utf8mb3": 3,
		"utf8mb4": 4, "ucs2": 2, "utf16": 4, "utf16le": 4, "utf32": 4,
	}[name]
	return max(width, 1), ok
}

// differences compares the shape with what the log says of the table, and gives what is not the same, in words. It compares everything
// that the event has: a table that was changed without our seeing it is found here, and not by rows under wrong names.
func (s *shape) differences(e *replication.TableMapEvent, sets collations) []string {
	if n := int(e.ColumnCount); n != len(s.Columns) {
		return []string{fmt.Sprintf("the log has %d columns, known are %d (%s)", n, len(s.Columns), strings.Join(s.names(), ", "))}
	}
	var out []string
	signs := e.UnsignedMap()
	collation := loggedCollations(e)
	for i, c := range s.Columns {
		differ := func(what, here, there string) {
			out = append(out, fmt.Sprintf("column %d (%s): %s is %s in the log, known is %s", i+1, c.Name, what, here, there))
		}
		kind, meta, exact, ok := c.logged()
		packed := realType(e, i)
		switch {
		case !ok:
			differ("the type", fmt.Sprintf("number %d", packed), c.Type+", of which it is not known how the log shows it")
		case !sameType(packed, kind):
			differ("the type", fmt.Sprintf("number %d", packed), fmt.Sprintf("%s (number %d)", c.Type, kind))
		case exact && packed == kind && meta != e.ColumnMeta[i]:
			differ("the length", fmt.Sprintf("%#x", e.ColumnMeta[i]), fmt.Sprintf("%s (%#x)", c.Type, meta))
		}
		if there, nullable := e.Nullable(i); there && c.Null != "" && nullable != (c.Null == yes) {
			differ("whether it may be NULL", yesNo(nullable), c.Null)
		}
		if unsigned, there := signs[i]; there && ok && unsigned != parseType(c.Type).unsigned && numeric(kind) {
			differ("whether it is unsigned", yesNo(unsigned), c.Type)
		}
		if id, there := collation[i]; there && c.Charset != "" && !sameCharset(sets[id], c.Charset) {
			differ("the character set", sets[id], c.Charset)
		}
	}
	return out
}

// namedAs tells whether the event has the same names.
func (s *shape) namedAs(e *replication.TableMapEvent) bool {
	return slices.EqualFunc(s.Columns, e.ColumnName, func(c shapeColumn, name []byte) bool { return strings.EqualFold(c.Name, string(name)) })
}

func (s *shape) names() []string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Name
	}
	return names
}

const (
	yes = "yes"
	no  = "no"
)

func yesNo(is bool) string {
	if is {
		return yes
	}
	return no
}

// sameType lets the temporal types of before MySQL 5.6 stand for today's: they have the same names, and are refused where they are read.
func sameType(logged, known byte) bool {
	old := map[byte]byte{
		mysql.MYSQL_TYPE_TIMESTAMP: mysql.MYSQL_TYPE_TIMESTAMP2, mysql.MYSQL_TYPE_DATETIME: mysql.MYSQL_TYPE_DATETIME2,
		mysql.MYSQL_TYPE_TIME: mysql.MYSQL_TYPE_TIME2,
	}
	return logged == known || old[logged] == known && known != 0 ||
		logged == mysql.MYSQL_TYPE_VARCHAR && known == mysql.MYSQL_TYPE_VECTOR // MariaDB's VECTOR is a VARBINARY in the log
}

func numeric(kind byte) bool {
	switch kind {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG:
		return true
	}
	return false
}

func sameCharset(a, b string) bool {
	if a == "utf8" {
		a = "utf8mb3"
	}
	if b == "utf8" {
		b = "utf8mb3"
	}
	return a == b
}
