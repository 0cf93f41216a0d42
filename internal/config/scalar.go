package config

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// A check says what is wrong with a text, or nothing. What it says must not repeat the text: it may be a secret.
type check func(text string) (fault string)

// redacted is what stands in place of a secret wherever a configuration is printed.
const redacted = "<secret>"

// expanded is the scalar's text with every ${…} replaced. ok is false when a reference had no value, which is reported already.
func (s *setting) expanded() (value string, ok bool) {
	ok = true
	value, used := s.w.expand(s.value.text, func(ref, problem string) {
		ok = false
		s.w.problem(s.w.file.find(s.at, ref), s.path, problem)
	})
	s.tainted = s.tainted || used
	return value, ok
}

// find narrows s down to where part stands in it, if it stands on that line.
func (f *file) find(s span, part string) span {
	line := f.line(s.line)
	if s.column < 1 || s.column > len(line) {
		return s
	}
	rest := string(line[s.column-1:])
	before, _, found := strings.Cut(rest, part)
	if !found {
		return s
	}
	return span{s.line, s.column + len([]rune(before)), len([]rune(part))}
}

// readText gives the text of a setting that is there and is text. With scalars any scalar is text, as it is written.
func (s *setting) readText(scalars bool) (value string, ok bool) {
	switch {
	case s.value == nil:
		return "", false
	case s.value.kind == text, scalars && (s.value.kind == number || s.value.kind == boolean):
		return s.expanded()
	case s.value.kind == number || s.value.kind == boolean:
		s.problem("must be text, not %v: put it in quotes", s.value.kind)
	default:
		s.wants("text")
	}
	return "", false
}

// passes reports the first check that finds a fault.
func (s *setting) passes(value string, checks []check) bool {
	for _, c := range checks {
		if fault := c(value); fault != "" {
			s.problem("%s", fault)
			return false
		}
	}
	return true
}

// text reads a text.
func (s *setting) text(into *string, checks ...check) {
	if value, ok := s.readText(false); ok && s.passes(value, checks) {
		*into = value
	}
	s.showText(*into)
}

// anyText reads any scalar as the text that is written: 01 is "01".
func (s *setting) anyText(into *string, checks ...check) {
	if value, ok := s.readText(true); ok && s.passes(value, checks) {
		*into = value
	}
	s.showText(*into)
}

func (s *setting) showText(value string) {
	switch {
	case s.tainted:
		s.show(redacted)
	case s.value != nil || value != "":
		s.show(value)
	}
}

// secret reads a text that no output may show. One that is written in clear, not by reference, is worth a warning.
func (s *setting) secret(into *bridge.Secret, checks ...check) {
	if value, ok := s.readText(false); ok && s.passes(value, checks) {
		*into = bridge.Secret(value)
		s.warnIfClear(value)
	}
	if *into != "" {
		s.show(redacted)
	}
}

// address reads a URL that may hold a password: only that part of it is hidden.
func (s *setting) address(into *bridge.Secret, checks ...check) {
	if value, ok := s.readText(false); ok && s.passes(value, checks) {
		*into = bridge.Secret(value)
	}
	shown := into.Reveal()
	if at := strings.LastIndexByte(shown, '@'); at >= 0 {
		scheme, _, _ := strings.Cut(shown, "://")
		s.warnIfClear(shown)
		shown = scheme + "://" + redacted + shown[at:]
	}
	s.showText(shown)
}

func (s *setting) warnIfClear(value string) {
	if !s.tainted && value != "" {
		s.warn("a secret in clear: keep it in the environment or a file of its own, and write ${env:NAME} or ${file:PATH} here")
	}
}

// file reads the path of a file that has to be there; empty means none.
func (s *setting) file(into *string) (content []byte) {
	var path string
	if s.text(&path); path == "" {
		return nil
	}
	*into = s.w.path(path)
	content, err := s.w.world.readFile(*into)
	if err != nil {
		s.problem("the file %s", fileFault(err))
	}
	return content
}

// path reads the path of a file that need not be there yet.
func (s *setting) newFile(into *string) {
	path := *into
	s.text(&path, notEmpty)
	*into = s.w.path(path)
}

// hash reads what a password was hashed to. It is not shown either, but it may stand in the file.
func (s *setting) hash(into *bridge.Secret) {
	if value, ok := s.readText(false); ok && s.passes(value, []check{bcryptHash}) {
		*into = bridge.Secret(value)
		s.show(redacted)
	}
}

// boolean reads true or false.
func (s *setting) boolean(into *bool) {
	if s.value != nil {
		if value, ok := s.unquoted(boolean); ok {
			switch strings.ToLower(value) {
			case "true":
				*into = true
			case "false":
				*into = false
			default:
				s.problem("must be true or false")
			}
		}
		s.showScalar(*into)
	}
}

// unquoted gives the text of a scalar of kind k; a reference may stand for it.
func (s *setting) unquoted(k kind) (string, bool) {
	switch {
	case s.value.kind == k, s.value.kind == text && isReference(s.value.text):
		value, ok := s.expanded()
		return strings.TrimSpace(value), ok
	case s.value.kind == text && k == number && numeric.MatchString(s.value.text):
		s.problem("must be a number, not text: remove the quotes")
	default:
		s.wants(k.String())
	}
	return "", false
}

func (s *setting) showScalar(value any) {
	if s.tainted {
		value = redacted
	}
	s.show(value)
}

var (
	numeric    = regexp.MustCompile(`^[-+]?[0-9.]+$`)
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

// integer reads a whole number between low and high, in decimal digits.
func (s *setting) integer(into *int, low, high int) {
	if s.value != nil {
		if value, ok := s.unquoted(number); ok {
			n, err := strconv.Atoi(value)
			switch {
			case err != nil && strings.Trim(value, "-+0123456789") != "":
				s.problem("must be a whole number in decimal digits")
			case err != nil || n < low || n > high:
				s.problem("must be %s", between(low, high))
			default:
				*into = n
			}
		}
	}
	if s.value != nil || *into != 0 {
		s.showScalar(*into)
	}
}

func between(low, high int) string {
	if high == math.MaxInt {
		return fmt.Sprintf("at least %d", low)
	}
	return fmt.Sprintf("from %d to %d", low, high)
}

// number reads a number between low and high.
func (s *setting) number(into *float64, low, high float64) {
	if s.value != nil {
		if value, ok := s.unquoted(number); ok {
			n, err := strconv.ParseFloat(value, 64)
			switch {
			case err != nil || !jsonNumber.MatchString(value):
				s.problem("must be a number, such as 0.5")
			case n < low || n > high:
				s.problem("must be from %v to %v", low, high)
			default:
				*into = n
			}
		}
	}
	s.showScalar(*into)
}

// duration reads a time with its unit between low and high; high 0 sets no bound.
func (s *setting) duration(into *time.Duration, low, high time.Duration) {
	if s.value != nil {
		s.readDuration(into, low, high)
	}
	shown := any(formatDuration(*into))
	s.showScalar(shown)
}

func (s *setting) readDuration(into *time.Duration, low, high time.Duration) {
	if s.is(number) && s.value.text != "0" {
		s.problem("needs a unit: %ss, %sm, %sh or %sd", s.value.text, s.value.text, s.value.text, s.value.text)
		return
	}
	value, ok := s.readText(true)
	if !ok {
		return
	}
	d, err := parseDuration(value)
	switch {
	case err != nil:
		s.problem("must be a duration, such as 500ms, 30s, 10m, 12h or 400d")
	case d < low:
		s.problem("must be at least %s", formatDuration(low))
	case high > 0 && d > high:
		s.problem("must be at most %s", formatDuration(high))
	default:
		*into = d
	}
}

// texts reads a list of scalars as the texts that are written.
func (s *setting) texts(into *[]string, checks ...check) {
	if s.value == nil {
		if len(*into) > 0 {
			s.show(*into)
		}
		return
	}
	if s.value.kind != sequence && s.value.kind != nothing && s.value.kind != mapping {
		s.problem("must be a list, even of one: [ ] around it")
		return
	}
	values := []string{}
	s.list(func(item *setting) {
		var value string
		item.anyText(&value, checks...)
		values = append(values, value)
	})
	*into = values
}

// words reads a list of words, or one word alone.
func (s *setting) words(into *[]string, checks ...check) {
	if s.is(text) {
		var word string
		s.text(&word, checks...)
		*into = []string{word}
		return
	}
	s.texts(into, checks...)
}

// anyValue reads any YAML as the JSON that it stands for, and tells whether there is a value.
func (s *setting) anyValue(into *any) bool {
	if s.value == nil {
		return false
	}
	value, shown := s.constant()
	*into = value
	s.show(shown)
	return true
}

// integers reads a list of whole numbers between low and high.
func (s *setting) integers(into *[]int, low, high int) {
	if s.value == nil {
		if len(*into) > 0 {
			s.show(*into)
		}
		return
	}
	values := []int{}
	s.list(func(item *setting) {
		var n int
		item.integer(&n, low, high)
		values = append(values, n)
	})
	*into = values
}

// constant reads any YAML as the JSON that it stands for. Numbers keep their digits; one that JSON would not write so (01, .5) is text.
func (s *setting) constant() (value, shown any) {
	switch s.value.kind {
	case nothing:
		return nil, nil
	case boolean:
		b := strings.EqualFold(s.value.text, "true")
		return b, b
	case number:
		if jsonNumber.MatchString(s.value.text) {
			return json.Number(s.value.text), json.Number(s.value.text)
		}
		return s.value.text, s.value.text
	case text:
		expanded, _ := s.expanded()
		if s.tainted {
			return expanded, redacted
		}
		return expanded, expanded
	case mapping:
		members, view := map[string]any{}, &object{}
		s.entries(func(item *setting) {
			v, show := item.constant()
			members[item.name] = v
			view.set(item.name, show)
		})
		return members, view
	default:
		items, view := []any{}, []any{}
		s.list(func(item *setting) {
			v, show := item.constant()
			items, view = append(items, v), append(view, show)
		})
		return items, view
	}
}
