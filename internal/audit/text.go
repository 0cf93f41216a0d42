package audit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textLimit bounds each text of an event, in bytes. A line is then far below lineLimit, whatever JSON makes of it.
const textLimit = 1000

// clean makes the event's texts such that they stand in the file as they were given and can be shown anywhere: they may come from
// somebody who is not even logged in. Invalid UTF-8 would be written otherwise than it is read back, and so break the chain; control
// characters would reach the terminal of whoever reads it.
func (e *Event) clean() {
	for _, text := range []*string{&e.Actor, &e.Role, &e.From, &e.Action, &e.Object, &e.Reason} {
		*text = cleanText(*text)
	}
}

func cleanText(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) { // of spaces only the plain one; no direction marks either
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
	if len(text) <= textLimit {
		return text
	}
	end := textLimit
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
