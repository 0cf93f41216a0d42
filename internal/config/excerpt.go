package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// A span is a stretch of one line of the file, counted in characters: an editor's column, not a terminal's cell.
type span struct {
	line, column int // from 1
	width        int // at least 1 where there is something to underline
}

// A file is the text of a configuration, kept for the excerpts under the problems.
type file struct {
	name   string
	lines  []string
	hidden map[int][]span // by line: what an excerpt must not show
}

func newFile(name string, src []byte) *file {
	text := strings.TrimPrefix(string(src), byteOrderMark)
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return &file{name: name, lines: lines, hidden: map[int][]span{}}
}

const byteOrderMark = "\ufeff"

// line is the text of a line, empty where the file has none.
func (f *file) line(number int) []rune {
	if number < 1 || number > len(f.lines) {
		return nil
	}
	return []rune(f.lines[number-1])
}

// hide keeps what is in n out of every excerpt, on all of its lines. A lone reference may be seen: it shows nothing, and is what
// a person has to correct.
func (f *file) hide(n *node) {
	for _, item := range n.items {
		f.hide(item)
	}
	for _, e := range n.entries {
		f.hide(e.value)
	}
	if n.kind == mapping || n.kind == sequence || isOnlyReference(n.text) {
		return
	}
	f.mask(n.at)
	for line := n.at.line + 1; line < n.at.line+n.lines; line++ {
		f.mask(span{line, 1, len(f.line(line))})
	}
}

func (f *file) mask(s span) { f.hidden[s.line] = append(f.hidden[s.line], s) }

// excerpt is the line of s with a caret for every cell below s. A terminal shows an East Asian wide character in two cells, and a
// tab is repeated below a tab so that both lines stay in step.
func (f *file) excerpt(s span) string {
	line := f.line(s.line)
	if len(line) == 0 {
		return ""
	}
	from := min(max(s.column-1, 0), len(line))
	to := min(from+max(s.width, 1), len(line))
	var pad strings.Builder
	for _, r := range line[:from] {
		if r == '\t' {
			pad.WriteByte('\t')
			continue
		}
		pad.WriteString(strings.Repeat(" ", cells(r)))
	}
	carets := 0
	for _, r := range line[from:to] {
		carets += cells(r)
	}
	return fmt.Sprintf("\n%5d | %s\n      | %s%s", s.line, f.shown(s.line), pad.String(), strings.Repeat("^", max(carets, 1)))
}

// shown is a line without its secrets. Characters that are invisible or would drive the terminal show as a dot.
func (f *file) shown(number int) string {
	line := f.line(number)
	secret := make([]bool, len(line))
	for _, s := range f.hidden[number] {
		for i := max(s.column-1, 0); i < min(s.column-1+s.width, len(line)); i++ {
			secret[i] = true
		}
	}
	var out strings.Builder
	for i, r := range line {
		switch {
		case secret[i] && r != '\t':
			out.WriteString(strings.Repeat("*", cells(r)))
		case r == '\t' || unicode.IsGraphic(r) && r != utf8.RuneError:
			out.WriteRune(r)
		default:
			out.WriteRune('·')
		}
	}
	return userInfo.ReplaceAllStringFunc(out.String(), func(found string) string {
		return "://" + strings.Repeat("*", utf8.RuneCountInString(found)-4) + "@"
	})
}

// userInfo is the part of a URL that may hold a password.
var userInfo = regexp.MustCompile(`://[^/@\s"',]*:[^/@\s"',]*@`)

// cells is how many columns of a terminal r takes.
func cells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}
