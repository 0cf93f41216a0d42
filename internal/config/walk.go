package config

import (
	"fmt"
	"slices"
	"strings"
)

// A walk is one reading of one file. It collects problems and goes on, so that a person sees all of them at once.
//
// The walk has two nouns. A block is a mapping with known keys; asking it for a key is what makes the key known, and closing it
// reports the keys that nobody asked for. A setting is one value, which may be absent; reading it into a Go variable leaves the
// variable, that is the default, alone where the setting is absent or wrong.
type walk struct {
	file       *file
	dir        string // absolute; relative paths begin here
	world      world
	references map[string]reference

	problems []Problem
	warnings []Problem
	later    []func() // checks that need the whole configuration
}

func (w *walk) problem(at span, path, message string) {
	w.problems = append(w.problems, w.made(at, path, message))
}

func (w *walk) made(at span, path, message string) Problem {
	return Problem{File: w.file.name, Line: max(at.line, 1), Column: max(at.column, 1), Path: path, Message: message, width: at.width}
}

// A block is a mapping whose keys are known, or the lack of one, in which every key is absent.
type block struct {
	w       *walk
	path    string
	at      span // where a missing key is reported
	entries []entry
	known   []string
	view    *object
}

// open opens the root of the file.
func (w *walk) open(root *node, view **object) *block {
	*view = &object{}
	return &block{w: w, at: root.at, entries: root.entries, view: *view}
}

// may asks for a key that need not be there.
func (b *block) may(key string) *setting {
	b.known = append(b.known, key)
	s := &setting{w: b.w, name: key, path: joinPath(b.path, key), at: b.at, show: func(v any) { b.view.set(key, v) }}
	for _, e := range b.entries {
		if e.key.text == key {
			s.found(e)
		}
	}
	return s
}

// found puts a setting where the file has it.
func (s *setting) found(e entry) {
	s.at, s.owner, s.value = e.key.at, e.key.at, e.value
	if e.value.kind != nothing && e.value.at.line > 0 {
		s.at = e.value.at
	}
}

// need asks for a key that has to be there.
func (b *block) need(key string) *setting {
	s := b.may(key)
	if s.value == nil {
		b.w.problem(b.at, s.path, "missing, and there is no default")
		s.missing = true
	}
	return s
}

// has tells whether the file has a key.
func (b *block) has(key string) bool {
	for _, e := range b.entries {
		if e.key.text == key {
			return true
		}
	}
	return false
}

// close reports the keys that nobody asked for.
func (b *block) close() {
	for _, e := range b.entries {
		if slices.Contains(b.known, e.key.text) {
			continue
		}
		message := "unknown key"
		if near := nearest(e.key.text, b.known); near != "" {
			message += fmt.Sprintf(", did you mean %q?", near)
			if holdsSecret(lastKey(b.path), near) { // a secret under a misspelt key
				b.w.file.hide(e.value)
			}
		} else {
			message += ", known here: " + strings.Join(b.known, ", ")
		}
		b.w.problem(e.key.at, joinPath(b.path, e.key.text), message)
	}
}

// A setting is one value of the file, or the lack of one.
type setting struct {
	w       *walk
	name    string
	path    string
	at      span      // of the value; of its key where that holds nothing; of the block where there is neither
	owner   span      // of the key, where there is one
	value   *node     // nil: absent
	show    func(any) // puts the effective value into what Redacted prints
	tainted bool      // the value came, in part, from a reference
	missing bool      // it had to be there; that is reported
}

// problem reports what is wrong with the setting. The message must not repeat the value: it may be a secret.
func (s *setting) problem(format string, args ...any) {
	s.w.problem(s.at, s.path, fmt.Sprintf(format, args...))
}

// warn reports what is allowed but unwise.
func (s *setting) warn(message string) {
	s.w.warnings = append(s.w.warnings, s.w.made(s.at, s.path, message))
}

// later puts a check off until the whole file has been read.
func (s *setting) later(check func()) { s.w.later = append(s.w.later, check) }

// is tells whether the setting is there and of this kind.
func (s *setting) is(k kind) bool { return s.value != nil && s.value.kind == k }

// wants reports that the value should have been something else.
func (s *setting) wants(what string) {
	if s.value.kind == nothing {
		s.problem("must be %s, but nothing is written here", what)
		return
	}
	s.problem("must be %s, not %v", what, s.value.kind)
}

// block reads a mapping with known keys. An absent one, and one whose keys are all commented out, has them all absent.
func (s *setting) block(read func(*block)) {
	b := &block{w: s.w, path: s.path, at: s.at, view: &object{}}
	if s.owner.line > 0 {
		b.at = s.owner
	}
	switch {
	case s.missing:
		return // what is missing in it goes without saying
	case s.value == nil || s.value.kind == nothing:
	case s.value.kind == mapping:
		b.entries = s.value.entries
	default:
		s.wants("a mapping")
		return
	}
	read(b)
	b.close()
	if s.value != nil || len(*b.view) > 0 {
		s.show(b.view)
	}
}

// entries reads a mapping whose keys are free: names that the file chooses.
func (s *setting) entries(read func(*setting)) {
	if s.value == nil {
		return
	}
	view := &object{}
	switch s.value.kind {
	case nothing:
	case mapping:
		for _, e := range s.value.entries {
			one := &setting{w: s.w, name: e.key.text, path: joinPath(s.path, e.key.text), show: func(v any) { view.set(e.key.text, v) }}
			one.found(e)
			if e.key.text == "" {
				s.w.problem(e.key.at, s.path, "an empty name")
			}
			read(one)
		}
	default:
		s.wants("a mapping")
	}
	s.show(view)
}

// list reads a sequence. A problem names an item by its name where it has one, else by its number.
func (s *setting) list(read func(*setting)) {
	if s.value == nil {
		return
	}
	view := []any{}
	switch s.value.kind {
	case nothing:
	case sequence:
		for i, item := range s.value.items {
			path := itemPath(s.path, i, item.ownName())
			at := item.at
			if at.line == 0 || item.kind == nothing {
				at = s.at
			}
			read(&setting{w: s.w, path: path, at: at, value: item, show: func(v any) { view = append(view, v) }})
		}
	default:
		s.wants("a list")
	}
	s.show(view)
}

// ownName is what a mapping's key "name" says, where that is a plain word.
func (n *node) ownName() string {
	for _, e := range n.entries {
		if e.key.text == "name" && e.value.kind == text && !strings.Contains(e.value.text, "${") {
			return e.value.text
		}
	}
	return ""
}
