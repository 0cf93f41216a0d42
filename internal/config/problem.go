package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong, or unwise, at one place of the file. It shows no secret, see file.hide.
type Problem struct {
	File    string
	Line    int    // from 1
	Column  int    // in characters, from 1
	Path    string // of the setting, such as source.addr or routes.one.fields.talkTime; empty for the file as a whole
	Message string

	width   int    // characters to underline
	excerpt string // the line and the caret below it
}

// String is the problem as a person reads it: place, path and message, then the line itself with a caret under the offending text.
func (p Problem) String() string {
	head := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		head += p.Path + ": "
	}
	return head + p.Message + p.excerpt
}

// Problems is everything that is wrong with a file, in the order of the file. There is at least one.
type Problems []Problem //nolint:errname // it is what it says: a list of Problem

// Error prints every problem.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}

// sorted brings problems into the order of the file, drops the repetitions that come from a part used twice by alias, and adds
// the excerpts: only now is it known what in the file is secret.
func (f *file) sorted(problems []Problem) Problems {
	type fault struct {
		line, column int
		key, message string
	}
	seen := map[fault]bool{}
	problems = slices.DeleteFunc(problems, func(p Problem) bool {
		key := fault{p.Line, p.Column, lastKey(p.Path), p.Message}
		repeated := seen[key]
		seen[key] = true
		return repeated
	})
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for i, p := range problems {
		problems[i].excerpt = f.excerpt(span{p.Line, p.Column, p.width})
	}
	return problems
}
