package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of a document: generous for any real one (the largest public ones are a few megabytes), small enough that nothing that a
// document says can exhaust the machine.
const (
	maxBytes  = 16 << 20
	maxDepth  = 100
	maxValues = 1_000_000
	maxRefs   = 20_000
)

// An object is a JSON object in the order in which it was written.
type object []member

type member struct {
	name  string
	value any // object, []any, string, json.Number, bool or nil
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// at walks down members.
func (o object) at(path ...string) any { return at(o, path...) }

func at(value any, path ...string) any {
	for _, name := range path {
		o, ok := value.(object)
		if !ok {
			return nil
		}
		value = o.get(name)
	}
	return value
}

func (o object) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

func (o *object) set(name string, value any) {
	for i, m := range *o {
		if m.name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

func (o object) names() []string {
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = m.name
	}
	return names
}

// readObject reads a JSON object within the bounds.
func readObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	r := &reader{decoder: json.NewDecoder(bytes.NewReader(data))}
	r.decoder.UseNumber()
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the end of the JSON")
	}
	o, ok := value.(object)
	if !ok {
		return nil, errors.New("it is no JSON object")
	}
	return o, nil
}

type reader struct {
	decoder *json.Decoder
	values  int
	refs    int
}

func (r *reader) value(depth int) (any, error) {
	token, err := r.decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if r.values++; r.values > maxValues {
		return nil, fmt.Errorf("it holds more than %d values", maxValues)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		return r.object(depth)
	case json.Delim('['):
		list := []any{}
		for r.decoder.More() {
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := r.decoder.Token()
		return list, err
	default:
		return token, nil
	}
}

func (r *reader) object(depth int) (object, error) {
	o, seen := object{}, map[string]bool{}
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		name, _ := token.(string)
		if name == "$ref" {
			if r.refs++; r.refs > maxRefs {
				return nil, fmt.Errorf("it holds more than %d references", maxRefs)
			}
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			o.set(name, value) // the last one counts, as for every reader of JSON here
			continue
		}
		seen[name] = true
		o = append(o, member{name, value})
	}
	if _, err := r.decoder.Token(); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	return o, nil
}

// write writes a value as JSON, indented by two spaces as the contracts are.
func write(value any) []byte {
	var b bytes.Buffer
	writeValue(&b, value, 0)
	b.WriteByte('\n')
	return b.Bytes()
}

func writeValue(b *bytes.Buffer, value any, indent int) {
	inner := strings.Repeat("  ", indent+1)
	switch v := value.(type) {
	case object:
		if len(v) == 0 {
			b.WriteString("{}")
			return
		}
		for i, m := range v {
			b.WriteString([]string{",\n", "{\n"}[btoi(i == 0)] + inner + quote(m.name) + ": ")
			writeValue(b, m.value, indent+1)
		}
		b.WriteString("\n" + inner[2:] + "}")
	case []any:
		if len(v) == 0 {
			b.WriteString("[]")
			return
		}
		for i, item := range v {
			b.WriteString([]string{",\n", "[\n"}[btoi(i == 0)] + inner)
			writeValue(b, item, indent+1)
		}
		b.WriteString("\n" + inner[2:] + "]")
	default:
		b.WriteString(quote(v))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quote writes a scalar, without escapes for the sake of HTML.
func quote(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "null" // a float that is no number: no document can hold one
	}
	return strings.TrimSpace(b.String())
}

// ordered makes an object, its members sorted, of what encoding/json gives.
func ordered(value any) any {
	switch v := value.(type) {
	case map[string]any:
		text, err := json.Marshal(v) // sorts
		if err != nil {
			return nil
		}
		o, err := readObject(text)
		if err != nil {
			return nil
		}
		return o
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = ordered(item)
		}
		return out
	default:
		return v
	}
}
