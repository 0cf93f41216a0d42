package mapper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form is what a datum is in JSON.
type form byte

const (
	formNone    form = iota // left out
	formString              // text is the string itself
	formInteger             // text is the literal
	formNumber              // text is the literal
	formBoolean             // text is true or false
	formNested              // text is compact JSON, tree what it holds
)

// A datum is a value on its way into the payload.
type datum struct {
	form form
	text string
	tree any // of formNested
}

func stringDatum(s string) datum { return datum{form: formString, text: s} }

func booleanDatum(b bool) datum { return datum{form: formBoolean, text: strconv.FormatBool(b)} }

// native is the value as the contract and the rules see it: string, int, float64, bool, or json.Number where neither number type
// holds every digit.
func (d datum) native() any {
	switch d.form {
	case formString:
		return d.text
	case formInteger:
		if n, err := strconv.Atoi(d.text); err == nil {
			return n
		}
		return json.Number(d.text)
	case formNumber:
		if len(d.text) <= 15 { // a float64 keeps 15 digits and gives them back
			if f, err := strconv.ParseFloat(d.text, 64); err == nil {
				return f
			}
		}
		return json.Number(d.text)
	case formBoolean:
		return d.text == "true"
	case formNested:
		return d.tree
	default:
		return nil
	}
}

// append writes the value as JSON.
func (d datum) append(b []byte) []byte {
	switch d.form {
	case formString:
		return appendString(b, d.text)
	case formNone:
		return append(b, "null"...)
	default:
		return append(b, d.text...)
	}
}

// appendString writes s as a JSON string with only the escapes that RFC 8259 asks for: nothing for the sake of HTML or JavaScript.
// s is valid UTF-8.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// errBadJSON says nothing of the text: it is row content.
var errBadJSON = errors.New("not JSON")

// nestedDatum reads a JSON text and keeps it as it is but for white space: the order of members and every digit of a number stay.
func nestedDatum(text string) (datum, error) {
	if !utf8.ValidString(text) {
		return datum{}, errBadJSON
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return datum{}, errBadJSON
	}
	if decoder.InputOffset() != int64(len(strings.TrimRight(text, " \t\r\n"))) || !plainNumbers(tree) {
		return datum{}, errBadJSON
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		return datum{}, errBadJSON
	}
	return datum{form: formNested, text: compact.String(), tree: tree}, nil
}

// plainNumbers refuses numbers such as 1e999999: no receiver can hold them, and exact arithmetic on them takes for ever.
func plainNumbers(tree any) bool {
	switch v := tree.(type) {
	case json.Number:
		_, err := strconv.ParseFloat(string(v), 64)
		return err == nil && len(v) <= maxNumberLength
	case []any:
		for _, item := range v {
			if !plainNumbers(item) {
				return false
			}
		}
	case map[string]any:
		for _, item := range v {
			if !plainNumbers(item) {
				return false
			}
		}
	}
	return true
}

// constantDatum prepares a constant of the configuration.
func constantDatum(value any) (datum, error) {
	if s, ok := value.(string); ok {
		if !utf8.ValidString(s) {
			return datum{}, errors.New("the constant is not valid UTF-8")
		}
		return stringDatum(s), nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return datum{}, fmt.Errorf("the constant cannot be written as JSON: %w", err)
	}
	d, err := nestedDatum(b.String())
	if err != nil {
		return datum{}, fmt.Errorf("the constant cannot be sent: %w", err)
	}
	return d, nil
}

// forRules gives json.Numbers a type that expressions can reckon with.
func forRules(tree any) any {
	switch v := tree.(type) {
	case json.Number:
		if n, err := strconv.Atoi(string(v)); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = forRules(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = forRules(item)
		}
		return out
	default:
		return tree
	}
}

func hasNumber(tree any) bool {
	switch v := tree.(type) {
	case json.Number:
		return true
	case []any:
		return slices.ContainsFunc(v, hasNumber)
	case map[string]any:
		for _, item := range v {
			if hasNumber(item) {
				return true
			}
		}
	}
	return false
}
