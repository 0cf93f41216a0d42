package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"talkbridge/mapper"
)

// widestPayload is where the column of sources stands at most; beside a longer line it follows the line.
const widestPayload = 72

// A payloadLine is one line of a payload that is printed for a person, and the field that it belongs to.
type payloadLine struct {
	text string
	path string // as in mapper.Source: students[].studentNo; empty: none
}

// printPayload prints a payload over several lines, with where each field comes from beside it.
func printPayload(out io.Writer, payload []byte, fields []mapper.Source) error {
	lines, err := payloadLines(payload)
	if err != nil {
		return err
	}
	sources := make(map[string]string, len(fields))
	for _, f := range fields {
		sources[f.Field] = sourceText(f)
	}
	column := 0
	for _, l := range lines {
		if w := displayWidth(l.text); sources[l.path] != "" && w <= widestPayload {
			column = max(column, w)
		}
	}
	for _, l := range lines {
		source := sources[l.path]
		if source == "" {
			fmt.Fprintln(out, l.text)
			continue
		}
		fmt.Fprintf(out, "%s%s  %s\n", l.text, strings.Repeat(" ", max(0, column-displayWidth(l.text))), source)
	}
	return nil
}

func sourceText(f mapper.Source) string {
	switch f.Kind {
	case "constant":
		return "  constant"
	case "expression":
		return "= " + f.Source
	case "each":
		return "← each row of " + f.Source
	default:
		return "← " + f.Source
	}
}

// payloadLines lays a payload out with its members in their order. Of a list's elements only the first carries paths.
func payloadLines(payload []byte) ([]payloadLine, error) {
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	w := &payloadWriter{dec: dec}
	if err := w.value("", "", "", true); err != nil {
		return nil, fmt.Errorf("lay the payload out: %w", err)
	}
	return w.lines, nil
}

type payloadWriter struct {
	dec   *json.Decoder
	lines []payloadLine
}

// value writes one value: lead stands before it on its first line.
func (w *payloadWriter) value(indent, lead, path string, annotate bool) error {
	token, err := w.dec.Token()
	if err != nil {
		return err
	}
	shown := ""
	if annotate {
		shown = path
	}
	delim, ok := token.(json.Delim)
	if !ok {
		text, err := scalar(token)
		if err != nil {
			return err
		}
		w.lines = append(w.lines, payloadLine{indent + lead + text, shown})
		return nil
	}
	w.lines = append(w.lines, payloadLine{indent + lead + delim.String(), shown})
	for i := 0; w.dec.More(); i++ {
		if i > 0 {
			w.lines[len(w.lines)-1].text += ","
		}
		if err := w.element(delim, indent+"  ", path, annotate && (delim == '{' || i == 0)); err != nil {
			return err
		}
	}
	end, err := w.dec.Token()
	if err != nil {
		return err
	}
	w.lines = append(w.lines, payloadLine{text: indent + fmt.Sprint(end)})
	return nil
}

func (w *payloadWriter) element(of json.Delim, indent, path string, annotate bool) error {
	if of == '[' {
		return w.value(indent, "", path+"[]", annotate)
	}
	name, err := w.dec.Token()
	if err != nil {
		return err
	}
	text, err := scalar(name)
	if err != nil {
		return err
	}
	inner := fmt.Sprint(name)
	if path != "" {
		inner = path + "." + inner
	}
	return w.value(indent, text+": ", inner, annotate)
}

func scalar(token json.Token) (string, error) {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(token); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// displayWidth counts the cells of a terminal: Chinese takes two.
func displayWidth(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
			r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
			n += 2
		default:
			n++
		}
	}
	return n
}
