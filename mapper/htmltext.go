package mapper

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlToText makes plain text of rich text: scripts and styles dropped, paragraphs, rows and <br> on lines of their own, the cells
// of a row parted by a space, entities resolved, blank lines at most one in a row. A value without any markup keeps its line
// breaks. Control characters go in either case, as HTML allows none; CRLF becomes LF.
//
// The tokenizer of x/net/html does the reading: unlike a tree it has no depth that a document could exhaust.
func htmlToText(s string) string {
	s = dropControls(s)
	s, tags := escapeStrayBrackets(s)
	if !tags {
		if strings.IndexByte(s, '&') >= 0 {
			s = html.UnescapeString(s)
		}
		return strings.TrimSpace(dropControls(strings.ReplaceAll(s, "\u00a0", " ")))
	}
	w := textWriter{out: make([]byte, 0, len(s))}
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case html.ErrorToken: // the end: a reader of a string has no other error
			return w.text()
		case html.TextToken:
			if !w.dropping() {
				w.write(dropControls(string(z.Text())))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			w.open(atom.Lookup(name))
		case html.EndTagToken:
			name, _ := z.TagName()
			w.close(atom.Lookup(name))
		case html.CommentToken, html.DoctypeToken:
		}
	}
}

// dropControls takes out the control characters that no text has a use for, NUL first of all, and turns CRLF and CR into LF.
func dropControls(s string) string {
	if strings.IndexFunc(s, isStrayControl) < 0 {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case isStrayControl(r):
			return -1
		default:
			return r
		}
	}, s)
}

func isStrayControl(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0
}

// escapeStrayBrackets keeps a < that begins no tag ("成绩<b,但…") from swallowing what follows it, and tells whether there are tags.
func escapeStrayBrackets(s string) (escaped string, tags bool) {
	lastClose := strings.LastIndexByte(s, '>')
	if !hasTag(s, lastClose) { // the brackets stay as they are, however many
		return s, false
	}
	var b strings.Builder
	copied := 0
	for i := range len(s) {
		if s[i] != '<' {
			continue
		}
		if i < lastClose && beginsTag(s[i+1:]) {
			continue
		}
		b.WriteString(s[copied:i])
		b.WriteString("&lt;")
		copied = i + 1
	}
	if copied == 0 {
		return s, true
	}
	b.WriteString(s[copied:])
	return b.String(), true
}

// hasTag tells whether a tag begins in s before the last place where one can end.
func hasTag(s string, lastClose int) bool {
	for i := range max(lastClose, 0) {
		if s[i] == '<' && beginsTag(s[i+1:]) {
			return true
		}
	}
	return false
}

// beginsTag tells whether s, which follows a <, reads like a tag, a comment or a declaration.
func beginsTag(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '!' || s[0] == '?' {
		return len(s) > 1 && s[1] < 0x80
	}
	s = strings.TrimPrefix(s, "/")
	n := 0
	for n < len(s) && (isASCIILetter(s[n]) || n > 0 && (s[n] >= '0' && s[n] <= '9' || s[n] == '-' || s[n] == ':')) {
		n++
	}
	return n > 0 && n < len(s) && (s[n] == '>' || s[n] == '/' || s[n] <= ' ')
}

func isASCIILetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// textWriter lays words out in lines as a browser would, as far as plain text can.
type textWriter struct {
	out   []byte    // finished lines
	line  []byte    // the line that is being written
	blank int       // blank lines since the last line with text
	space bool      // white space was seen since the last character
	drop  atom.Atom // the element whose content is being dropped
	pre   int       // depth of <pre>
}

func (w *textWriter) dropping() bool { return w.drop != 0 }

func (w *textWriter) open(tag atom.Atom) {
	switch {
	case w.dropping():
	case tag == atom.Script || tag == atom.Style || tag == atom.Title || tag == atom.Iframe || tag == atom.Noembed || tag == atom.Noframes:
		w.drop = tag // the tokenizer reads the content of these as one text, up to their end tag
	case tag == atom.Br:
		w.breakLine(true)
	case tag == atom.Td || tag == atom.Th:
		w.space = true
	case isBlock(tag):
		w.breakLine(false)
		if tag == atom.Pre {
			w.pre++
		}
	}
}

func (w *textWriter) close(tag atom.Atom) {
	switch {
	case w.dropping():
		if tag == w.drop {
			w.drop = 0
		}
	case tag == atom.Td || tag == atom.Th:
		w.space = true
	case isBlock(tag):
		w.breakLine(false)
		if tag == atom.Pre && w.pre > 0 {
			w.pre--
		}
	}
}

func isBlock(tag atom.Atom) bool {
	switch tag {
	case atom.P, atom.Div, atom.Li, atom.Ul, atom.Ol, atom.Tr, atom.Table, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Blockquote, atom.Pre, atom.Hr, atom.Dl, atom.Dt, atom.Dd, atom.Section, atom.Article, atom.Header, atom.Footer,
		atom.Caption, atom.Figure, atom.Figcaption, atom.Form, atom.Fieldset, atom.Address, atom.Main, atom.Nav, atom.Aside,
		atom.Option, atom.Body, atom.Head, atom.Html:
		return true
	default:
		return false
	}
}

func (w *textWriter) write(s string) {
	for _, r := range s {
		switch {
		case r == '\n' && w.pre > 0:
			w.breakLine(true)
		case r == ' ' || r == '\t' || r == '\n' || r == '\f': // what HTML runs together; a no-break space stands for itself
			w.space = true
		default:
			if w.space && len(w.line) > 0 {
				w.line = append(w.line, ' ')
			}
			w.space = false
			if r == '\u00a0' {
				r = ' '
			}
			w.line = utf8.AppendRune(w.line, r)
		}
	}
}

// breakLine ends the line. An empty line counts only where it was asked for, by <br>.
func (w *textWriter) breakLine(asked bool) {
	line := bytes.TrimSpace(w.line)
	w.line = w.line[:0] // line is read before anything is written again
	w.space = false
	if len(line) == 0 {
		if asked {
			w.blank++
		}
		return
	}
	if len(w.out) > 0 {
		w.out = append(w.out, '\n')
		if w.blank > 0 {
			w.out = append(w.out, '\n')
		}
	}
	w.blank = 0
	w.out = append(w.out, line...)
}

func (w *textWriter) text() string {
	w.breakLine(false)
	return string(w.out)
}
