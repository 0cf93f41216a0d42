package bridge

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Kind is the type of a Value, coarse enough that a row of the binlog and the same row read by SQL give equal Values.
type Kind string

// The kinds. Text is always what the MySQL client prints for the value, except where said.
const (
	KindNull     Kind = ""
	KindInt      Kind = "int"     // TINYINT … BIGINT, signed or not: digits
	KindYear     Kind = "year"    // four digits
	KindDecimal  Kind = "decimal" // exact digits, with the scale of the column
	KindFloat    Kind = "float"   // shortest digits that read back as the same number
	KindText     Kind = "text"    // CHAR, VARCHAR, TEXT: valid UTF-8
	KindEnum     Kind = "enum"    // the label; empty for an invalid value
	KindSet      Kind = "set"     // labels joined by commas, in the column's order
	KindDate     Kind = "date"
	KindDateTime Kind = "datetime" // with the column's fraction; zone as configured
	KindTime     Kind = "time"
	KindBool     Kind = "bool" // BIT(1): "0" or "1"
	KindBits     Kind = "bits" // wider BIT: unsigned decimal digits
	KindJSON     Kind = "json" // JSON text
	KindBinary   Kind = "binary"

	// KindUnreadable is a value that is not carried, for the reason that is its Text. It is no value to compute with: its record is refused.
	KindUnreadable Kind = "unreadable"
)

// The reasons of KindUnreadable.
const (
	UnreadableBytes = "bytes" // they are no text in the column's character set
	UnreadableSize  = "size"  // there are more of them than MaxValue, or than MaxRow in the row
)

// The most that is carried of a row, in bytes. A talk record is a few kilobytes, with pictures in its rich text a few megabytes; one of
// hundreds would fill the memory of a small machine, in each of the deliveries that go on side by side.
const (
	MaxValue = 16 << 20
	MaxRow   = 32 << 20
	anySize  = 64 << 10 // a value as short as this is carried in any row: flags and keys are
)

// A Bound carries the values of one row, within the bounds.
type Bound struct{ carried int }

// Carry gives the value, or why it is not carried.
func (b *Bound) Carry(v Value) Value {
	n := len(v.Text)
	if n > MaxValue || n > anySize && b.carried+n > MaxRow {
		return Value{Kind: KindUnreadable, Text: UnreadableSize}
	}
	b.carried += n
	return v
}

// A Value is the content of one column. The zero Value is NULL.
type Value struct {
	Kind Kind
	Text string // for KindBinary: the bytes themselves
}

// IsNull tells whether v is NULL.
func (v Value) IsNull() bool { return v.Kind == KindNull }

// MarshalJSON writes v as [kind, text], with Base64 for binary text; NULL is null.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case KindNull:
		return []byte("null"), nil
	case KindBinary:
		return json.Marshal([2]string{string(v.Kind), base64.StdEncoding.EncodeToString([]byte(v.Text))})
	default:
		return json.Marshal([2]string{string(v.Kind), v.Text})
	}
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*v = Value{}
		return nil
	}
	var pair [2]string
	if err := json.Unmarshal(data, &pair); err != nil {
		return fmt.Errorf("read value: %w", err)
	}
	*v = Value{Kind: Kind(pair[0]), Text: pair[1]}
	if v.Kind == KindBinary {
		raw, err := base64.StdEncoding.DecodeString(pair[1])
		if err != nil {
			return fmt.Errorf("read binary value: %w", err)
		}
		v.Text = string(raw)
	}
	return nil
}
