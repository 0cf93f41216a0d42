package canal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"talkbridge/internal/bridge"
	"talkbridge/internal/sqlrow"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// value turns what go-mysql decoded for the column into a Value, equal to the one that internal/sqlrow gives for the same cell.
func (c *column) value(v any) (bridge.Value, error) {
	if c.problem != nil {
		return bridge.Value{}, c.problem
	}
	if v == nil {
		return bridge.Value{}, nil
	}
	switch v := v.(type) {
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64, int:
		return c.integer(v)
	case float32:
		return bridge.Value{Kind: bridge.KindFloat, Text: strconv.FormatFloat(float64(v), 'g', -1, 32)}, nil
	case float64:
		return bridge.Value{Kind: bridge.KindFloat, Text: strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case string:
		return c.string(v)
	case []byte:
		return c.string(string(v))
	default:
		return bridge.Value{}, fmt.Errorf("a value of type %T, which talkbridge does not know", v)
	}
}

// integer is for everything that go-mysql gives as a number without a fraction.
func (c *column) integer(v any) (bridge.Value, error) {
	if c.unsigned {
		v = unsigned(v, c.kind)
	}
	switch c.kind {
	case mysql.MYSQL_TYPE_YEAR:
		return bridge.Value{Kind: bridge.KindYear, Text: fmt.Sprintf("%04d", v)}, nil
	case mysql.MYSQL_TYPE_BIT:
		bits, ok := v.(int64)
		if !ok {
			return bridge.Value{}, fmt.Errorf("a BIT of type %T", v)
		}
		kind := bridge.KindBits
		if c.bits() == 1 {
			kind = bridge.KindBool
		}
		return bridge.Value{Kind: kind, Text: strconv.FormatUint(uint64(bits), 10)}, nil
	case mysql.MYSQL_TYPE_ENUM:
		return c.enumLabel(v)
	case mysql.MYSQL_TYPE_SET:
		return c.setLabels(v)
	default:
		return bridge.Value{Kind: bridge.KindInt, Text: fmt.Sprint(v)}, nil
	}
}

// bits is the width of a BIT column: whole bytes in the high half of the metadata, the rest in the low half.
func (c *column) bits() int { return int(c.meta>>8)*8 + int(c.meta&0xff) }

// enumLabel finds the label. Index 0 is what an invalid value became under a lax sql_mode; the server prints it empty.
func (c *column) enumLabel(v any) (bridge.Value, error) {
	i, ok := v.(int64)
	switch {
	case !ok || i < 0 || int(i) > len(c.labels):
		return bridge.Value{}, fmt.Errorf("ENUM index %v of %d labels", v, len(c.labels))
	case i == 0:
		return bridge.Value{Kind: bridge.KindEnum}, nil
	default:
		return bridge.Value{Kind: bridge.KindEnum, Text: c.labels[i-1]}, nil
	}
}

func (c *column) setLabels(v any) (bridge.Value, error) {
	n, ok := v.(int64)
	bits := uint64(n)
	if !ok || len(c.labels) < 64 && bits>>len(c.labels) != 0 {
		return bridge.Value{}, fmt.Errorf("SET bits %v of %d labels", v, len(c.labels))
	}
	var chosen []string
	for i, label := range c.labels {
		if bits&(1<<i) != 0 {
			chosen = append(chosen, label)
		}
	}
	return bridge.Value{Kind: bridge.KindSet, Text: strings.Join(chosen, ",")}, nil
}

// string is for everything that go-mysql gives as text or bytes. What it gives shares the memory of the whole event, so every
// way out of here copies.
func (c *column) string(v string) (bridge.Value, error) {
	switch c.kind {
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return bridge.Value{Kind: bridge.KindDecimal, Text: v}, nil
	case mysql.MYSQL_TYPE_DATE:
		return bridge.Value{Kind: bridge.KindDate, Text: v}, nil
	case mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIMESTAMP2:
		return bridge.Value{Kind: bridge.KindDateTime, Text: v}, nil
	case mysql.MYSQL_TYPE_TIME2:
		return bridge.Value{Kind: bridge.KindTime, Text: withFraction(v, int(c.meta))}, nil
	case mysql.MYSQL_TYPE_JSON:
		if v == "" { // an empty document stands for the literal null (MySQL's json_binary.cc, "empty document")
			v = "null"
		}
		if len(v) > bridge.MaxValue {
			return bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableSize}, nil
		}
		if !utf8.ValidString(v) { // no server takes such a document in, but a damaged one would be passed on as it is
			return bridge.Value{}, fmt.Errorf("%w (JSON)", errInvalidBytes)
		}
		text, err := sqlrow.JSON([]byte(v))
		return bridge.Value{Kind: bridge.KindJSON, Text: text}, err
	}
	if c.compressed {
		var err error
		if v, err = inflate(v); err != nil {
			return bridge.Value{}, err
		}
	}
	if len(v) > bridge.MaxValue { // before anything is made of it
		return bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableSize}, nil
	}
	if c.shownAs != "" {
		text, err := showBytes(c.shownAs, c.padded(v))
		return bridge.Value{Kind: bridge.KindText, Text: text}, err
	}
	if c.charset.name == binaryCharset {
		return bridge.Value{Kind: bridge.KindBinary, Text: c.padded(v)}, nil
	}
	text, err := c.charset.text(v)
	if err != nil {
		return bridge.Value{}, fmt.Errorf("%w (%s)", err, c.charset.name)
	}
	return bridge.Value{Kind: bridge.KindText, Text: text}, nil
}

// withFraction adds the zeros that go-mysql leaves out where a TIME(n) has no fraction and the server prints them.
func withFraction(v string, digits int) string {
	if digits == 0 || strings.Contains(v, ".") {
		return v
	}
	return v + "." + strings.Repeat("0", digits)
}

// padded gives a BINARY(n) back its trailing zero bytes, which the server leaves out of the log and puts back on reading.
func (c *column) padded(v string) string {
	if missing := c.fixedLength() - len(v); c.kind == mysql.MYSQL_TYPE_STRING && missing > 0 {
		return v + strings.Repeat("\x00", missing)
	}
	return strings.Clone(v)
}

// fixedLength is the length in bytes of a CHAR or BINARY, unpacked from metadata that hides its two highest bits in the type
// (MySQL, Field_string::do_save_field_metadata).
func (c *column) fixedLength() int {
	high, low := c.meta>>8, c.meta&0xff
	if high&0x30 != 0x30 {
		return int(low | (high&0x30^0x30)<<4)
	}
	return int(low)
}

// errOldTemporal says that a column is stored in a form that go-mysql cannot read exactly.
var errOldTemporal = errors.New("it is stored in the temporal format of before MySQL 5.6; rebuild the table: ALTER TABLE … FORCE")

// readable tells why values of a type cannot be read, or nil.
func readable(kind byte) error {
	switch kind {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG,
		mysql.MYSQL_TYPE_NEWDECIMAL, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_BIT, mysql.MYSQL_TYPE_YEAR,
		mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIMESTAMP2, mysql.MYSQL_TYPE_TIME2,
		mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET, mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING,
		mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_VECTOR:
		return nil
	case mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIME:
		return errOldTemporal
	default:
		return fmt.Errorf("its type (number %d in the log) is not one that talkbridge reads; give the route another column", kind)
	}
}

// text tells whether the column's values are bytes in some character set, or in none.
func (c *column) text() bool {
	switch c.kind {
	case mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_BLOB:
		return c.shownAs == ""
	}
	return false
}

// unsigned turns a number that was read as a signed one, for want of the sign in the log, into what it is.
func unsigned(v any, kind byte) any {
	switch n := v.(type) {
	case int8:
		return uint8(n)
	case int16:
		return uint16(n)
	case int32:
		if kind == mysql.MYSQL_TYPE_INT24 {
			return uint32(n) & 0xffffff
		}
		return uint32(n)
	case int64:
		if kind == mysql.MYSQL_TYPE_LONGLONG {
			return uint64(n)
		}
	}
	return v
}
