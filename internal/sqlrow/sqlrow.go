// Package sqlrow turns the rows of an SQL query into the same Values that the binary log gives for them, so that a row read from
// its table and the row of an event map to the same record. The connection has to be utf8mb4 with parseTime off.
package sqlrow

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// ErrTooMany says that a query gave more rows than it was allowed.
var ErrTooMany = errors.New("too many rows")

// Read reads all rows, at most limit of them, as maps from column name to value. kinds overrides what the driver says of a
// column's type, for what the driver does not know (the width of a BIT, that a LONGTEXT holds JSON); nil is fine.
func Read(rows *sql.Rows, limit int, kinds map[string]bridge.Kind) ([]map[string]bridge.Value, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("read column types: %w", err)
	}
	raw := make([]sql.RawBytes, len(types))
	targets := make([]any, len(types))
	for i := range raw {
		targets[i] = &raw[i]
	}
	var out []map[string]bridge.Value
	for rows.Next() {
		if len(out) == limit {
			return nil, fmt.Errorf("%w: more than %d", ErrTooMany, limit)
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		row := make(map[string]bridge.Value, len(types))
		var bound bridge.Bound
		for i, t := range types {
			kind, ok := kinds[t.Name()]
			if !ok {
				kind = kindOf(t.DatabaseTypeName())
			}
			v, err := value(kind, raw[i])
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", t.Name(), err)
			}
			row[t.Name()] = bound.Carry(v)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return out, nil
}

// value copies raw, which the driver reuses for the next row.
func value(kind bridge.Kind, raw sql.RawBytes) (bridge.Value, error) {
	if raw == nil {
		return bridge.Value{}, nil
	}
	if len(raw) > bridge.MaxValue {
		return bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableSize}, nil
	}
	switch kind {
	case bridge.KindBool, bridge.KindBits: // BIT comes as big-endian bytes
		if len(raw) > 8 {
			return bridge.Value{}, fmt.Errorf("a BIT of %d bytes", len(raw))
		}
		var n uint64
		for _, b := range raw {
			n = n<<8 | uint64(b)
		}
		return bridge.Value{Kind: kind, Text: strconv.FormatUint(n, 10)}, nil
	case bridge.KindYear:
		return bridge.Value{Kind: kind, Text: fmt.Sprintf("%04s", raw)}, nil // prepared statements give year 0 as "0"
	case bridge.KindBinary:
		return bridge.Value{Kind: kind, Text: string(raw)}, nil
	case bridge.KindJSON:
		text, err := JSON(raw)
		return bridge.Value{Kind: kind, Text: text}, err
	default:
		if !utf8.Valid(raw) {
			return bridge.Value{}, errors.New("the text is not valid UTF-8")
		}
		return bridge.Value{Kind: kind, Text: string(raw)}, nil
	}
}

// kindOf knows the names that go-sql-driver/mysql gives to column types.
func kindOf(databaseType string) bridge.Kind {
	switch name := strings.TrimPrefix(databaseType, "UNSIGNED "); name {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT":
		return bridge.KindInt
	case "YEAR":
		return bridge.KindYear
	case "DECIMAL":
		return bridge.KindDecimal
	case "FLOAT", "DOUBLE":
		return bridge.KindFloat
	case "DATE":
		return bridge.KindDate
	case "DATETIME", "TIMESTAMP":
		return bridge.KindDateTime
	case "TIME":
		return bridge.KindTime
	case "ENUM":
		return bridge.KindEnum
	case "SET":
		return bridge.KindSet
	case "BIT":
		return bridge.KindBits
	case "JSON":
		return bridge.KindJSON
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "VECTOR":
		return bridge.KindBinary
	default:
		return bridge.KindText
	}
}
