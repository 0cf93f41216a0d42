package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Redacted is the configuration in force, defaults included, as YAML with the keys of the file. What came from a ${…}, and what is
// a secret by its nature, reads <secret>. It shows what was loaded, not what was changed in the Config since.
func (c Config) Redacted() string {
	var out strings.Builder
	if c.effective == nil {
		return "{}\n"
	}
	writeBlock(&out, *c.effective, 0)
	return out.String()
}

// Format keeps the secrets in whatever verb a Config is printed with.
func (c Config) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, c.Redacted()) // fmt has nowhere to report it
}

// MarshalJSON writes what Redacted writes, as JSON.
func (c Config) MarshalJSON() ([]byte, error) {
	if c.effective == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(c.effective)
}

// MarshalYAML writes what Redacted writes.
func (c Config) MarshalYAML() ([]byte, error) { return []byte(c.Redacted()), nil }

// An object is a mapping that keeps its order: what a configuration looks like when it is printed.
type object []member

type member struct {
	key   string
	value any // string, bool, number, []string, []int, []any, *object or nil
}

func (o *object) set(key string, value any) {
	for i, m := range *o {
		if m.key == key {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{key, value})
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(quoted(m.key) + ":")
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", m.key, err)
		}
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// writeBlock writes o in YAML's block style.
func writeBlock(out *strings.Builder, o object, indent int) {
	for i, m := range o {
		if i > 0 || indent == 0 {
			out.WriteString(strings.Repeat(" ", indent))
		}
		out.WriteString(scalarText(m.key) + ":")
		writeValue(out, m.value, indent)
	}
}

// writeValue writes what follows a key's colon, to the end of the line or of the lines.
func writeValue(out *strings.Builder, value any, indent int) {
	switch v := value.(type) {
	case *object:
		if len(*v) == 0 || v.small() {
			out.WriteString(" " + flow(v) + "\n")
			return
		}
		out.WriteString("\n" + strings.Repeat(" ", indent+2))
		writeBlock(out, *v, indent+2)
	case []any:
		if !holdsBlocks(v) {
			out.WriteString(" " + flow(v) + "\n")
			return
		}
		out.WriteByte('\n')
		for _, item := range v {
			out.WriteString(strings.Repeat(" ", indent+2) + "-")
			if o, ok := item.(*object); ok && !o.small() && len(*o) > 0 {
				out.WriteByte(' ')
				writeBlock(out, *o, indent+4)
				continue
			}
			out.WriteString(" " + flow(item) + "\n")
		}
	default:
		out.WriteString(" " + flow(v) + "\n")
	}
}

// small tells whether o reads well on one line.
func (o *object) small() bool {
	for _, m := range *o {
		switch v := m.value.(type) {
		case *object:
			if len(*v) > 0 {
				return false
			}
		case []any:
			if holdsBlocks(v) {
				return false
			}
		}
	}
	return len(flow(o)) <= 100
}

func holdsBlocks(items []any) bool {
	for _, item := range items {
		if o, ok := item.(*object); ok && len(*o) > 0 {
			return true
		}
	}
	return false
}

// flow writes a value in YAML's flow style.
func flow(value any) string {
	switch v := value.(type) {
	case *object:
		parts := make([]string, len(*v))
		for i, m := range *v {
			parts[i] = scalarText(m.key) + ": " + flow(m.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		return flowList(v)
	case []string:
		return flowList(v)
	case []int:
		return flowList(v)
	case string:
		return scalarText(v)
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}

func flowList[T any](items []T) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = flow(item)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// plain is a text that YAML reads as itself without quotes, in every style.
var (
	plain    = regexp.MustCompile(`^(?:[\p{L}/][\p{L}\p{N}_./-]*|[0-9]+(?:ms|s|m|h|d))$`)
	reserved = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n)$`)
)

// scalarText writes a text so that YAML reads it back as that text. A YAML double-quoted text may be written as JSON writes it.
func scalarText(text string) string {
	if text == redacted || plain.MatchString(text) && !reserved.MatchString(text) || text == "off" {
		return text
	}
	return quoted(text)
}

func quoted(text string) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return strings.TrimSpace(out.String())
}
