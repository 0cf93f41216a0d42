package state

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"talkbridge/internal/bridge"
)

// A change is sealed as its head in JSON, after its length, and its columns in canonical form. The columns are not JSON because
// they are most of it: HTML would grow by its escapes, and the digest wants one form for one content anyway.

var errContent = errors.New("the content is not what was written")

// encodeChange appends it to b, and gives beside the whole the columns, which lie at its end.
func encodeChange(b []byte, c bridge.Change) (all, columns []byte, err error) {
	values := c.Columns
	c.Columns = nil
	head, err := json.Marshal(c)
	if err != nil {
		return nil, nil, fmt.Errorf("encode change: %w", err)
	}
	b = slices.Grow(b, binary.MaxVarintLen64+len(head)+sizeOf(values)+sealOverhead)
	b = append(binary.AppendUvarint(b, uint64(len(head))), head...)
	at := len(b)
	b = appendColumns(b, values)
	return b, b[at:], nil
}

// sizeOf is the most that columns take in canonical form.
func sizeOf(columns map[string]bridge.Value) (n int) {
	for name, v := range columns {
		n += len(name) + len(v.Kind) + len(v.Text) + 3*binary.MaxVarintLen32
	}
	return n
}

func decodeChange(b []byte) (bridge.Change, error) {
	var c bridge.Change
	rest := string(b) // all texts are pieces of this one
	head, rest, err := cutText(rest)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal([]byte(head), &c); err != nil {
		return c, errContent
	}
	c.Columns = make(map[string]bridge.Value, columnsIn(rest))
	for len(rest) > 0 {
		var part [3]string
		for i := range part {
			if part[i], rest, err = cutText(rest); err != nil {
				return c, err
			}
		}
		c.Columns[part[0]] = bridge.Value{Kind: bridge.Kind(part[1]), Text: part[2]}
	}
	return c, nil
}

// columnsIn counts columns.
func columnsIn(text string) int {
	n := 0
	for ; len(text) > 0; n++ {
		var err error
		if _, text, err = cutText(text); err != nil {
			break
		}
	}
	return n / 3 // name, kind, text
}

// appendColumns writes columns in canonical form: sorted by name; name, kind and text of each, each after its length.
func appendColumns(b []byte, columns map[string]bridge.Value) []byte {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		v := columns[name]
		for _, text := range [3]string{name, string(v.Kind), v.Text} {
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
	}
	return b
}

func cutText[T string | []byte](s T) (text, rest T, err error) {
	var head [binary.MaxVarintLen64]byte
	n, size := binary.Uvarint(head[:copy(head[:], s)])
	if size <= 0 || n > uint64(len(s)-size) {
		return text, rest, errContent
	}
	end := size + int(n)
	return s[size:end], s[end:], nil
}
