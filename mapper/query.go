package mapper

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A query is a lookup's SELECT with its binds turned into placeholders.
type query struct {
	sql   string   // with a ? for every bind
	binds []string // what stands in the place of each ?: a column, or lookup.column

	// columns are the names that the select list gives, where they can be read off the text: no star, every item a column or
	// named by AS. columnsKnown is false otherwise; the server then tells at Preflight.
	columns      []string
	columnsKnown bool

	tables []tableName
	names  []string // every word that is no string: columns, aliases, tables, keywords and functions
}

// tokenKind is coarse: just enough to find binds and the select list.
type tokenKind byte

const (
	tokenWord   tokenKind = iota // an identifier or keyword, backquotes taken off (quoted is set then)
	tokenBind                    // :name or :lookup.column, without the colon
	tokenString                  // '…' or "…", quotes taken off
	tokenNumber
	tokenPunct // one character
)

type token struct {
	kind       tokenKind
	text       string
	quoted     bool
	start, end int // bytes of the query
}

func (t token) is(word string) bool {
	return t.kind == tokenWord && !t.quoted && strings.EqualFold(t.text, word)
}

func (t token) isPunct(c string) bool { return t.kind == tokenPunct && t.text == c }

// parseQuery finds the binds and refuses what is not one plain SELECT.
func parseQuery(text string) (query, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "; \t\r\n")
	tokens, err := tokenize(text)
	if err != nil {
		return query{}, err
	}
	if err := onlyReads(tokens); err != nil {
		return query{}, err
	}
	var q query
	var sql strings.Builder
	copied := 0
	for _, t := range tokens {
		if t.kind != tokenBind {
			continue
		}
		q.binds = append(q.binds, t.text)
		sql.WriteString(text[copied:t.start])
		sql.WriteByte('?')
		copied = t.end
	}
	sql.WriteString(text[copied:])
	q.sql = sql.String()
	q.columns, q.columnsKnown = selectList(tokens)
	q.tables = tablesOf(tokens)
	for _, t := range tokens {
		if t.kind == tokenWord || t.kind == tokenBind {
			q.names = append(q.names, t.text)
		}
	}
	return q, nil
}

// onlyReads keeps invariant 9 on this side: a lookup reads, it neither writes nor locks.
//
// Invariant 9: the source is never written, except the write-back columns where a route asks for them.
func onlyReads(tokens []token) error {
	if len(tokens) == 0 {
		return errors.New("the query is empty")
	}
	if first := tokens[0]; !first.is("SELECT") && !first.is("WITH") && !first.isPunct("(") {
		return errors.New("the query has to be a SELECT")
	}
	for i, t := range tokens {
		switch {
		case t.isPunct(";"):
			return errors.New("the query has to be one statement")
		case t.isPunct("?"):
			return errors.New("write :name for a bind, not a question mark")
		case t.is("INTO"), t.is("LOCK"), t.is("INSERT"), t.is("DELETE"):
			// As functions, INSERT() and so on read: they are followed by a parenthesis.
			if i+1 < len(tokens) && tokens[i+1].isPunct("(") {
				continue
			}
			return fmt.Errorf("the query may only read, and it says %s", strings.ToUpper(t.text))
		case t.is("FOR") && i+1 < len(tokens) && (tokens[i+1].is("UPDATE") || tokens[i+1].is("SHARE")):
			return errors.New("the query may not lock rows: leave FOR UPDATE and FOR SHARE out")
		}
	}
	return nil
}

// tokenize cuts SQL as MySQL does: quotes doubled or escaped by a backslash, backquoted names, comments of all three kinds.
func tokenize(text string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(text); {
		rest := text[i:]
		if n := blankLen(rest); n > 0 {
			i += n
			continue
		}
		t, err := nextToken(text, i)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i = t.end
	}
	return tokens, nil
}

// blankLen is the length of the white space or comment that s begins with.
func blankLen(s string) int {
	switch {
	case strings.HasPrefix(s, "#"), s == "--", strings.HasPrefix(s, "--") && s[2] <= ' ': // MySQL wants a space after --
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end + 1
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if end := strings.Index(s[2:], "*/"); end >= 0 {
			return end + 4
		}
		return len(s)
	}
	n := 0
	for n < len(s) && s[n] <= ' ' {
		n++
	}
	return n
}

func nextToken(text string, at int) (token, error) {
	switch c := text[at]; {
	case c == '\'' || c == '"' || c == '`':
		content, n, ok := quotedText(text[at:])
		if !ok {
			return token{}, fmt.Errorf("the quote %c is never closed", c)
		}
		if c == '`' {
			return token{kind: tokenWord, text: content, quoted: true, start: at, end: at + n}, nil
		}
		return token{kind: tokenString, text: content, start: at, end: at + n}, nil
	case c == ':':
		if n := bindLen(text, at); n > 0 {
			return token{kind: tokenBind, text: text[at+1 : at+n], start: at, end: at + n}, nil
		}
	case c >= '0' && c <= '9':
		n := 1
		for at+n < len(text) && (isWordByte(text[at+n]) || text[at+n] == '.') {
			n++
		}
		return token{kind: tokenNumber, text: text[at : at+n], start: at, end: at + n}, nil
	}
	if n := wordLen(text[at:]); n > 0 {
		return token{kind: tokenWord, text: text[at : at+n], start: at, end: at + n}, nil
	}
	_, n := utf8.DecodeRuneInString(text[at:])
	return token{kind: tokenPunct, text: text[at : at+n], start: at, end: at + n}, nil
}

// quotedText reads a quoted text from its opening quote on: its content and its length with the quotes.
func quotedText(s string) (content string, length int, ok bool) {
	var b strings.Builder
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
			b.WriteByte(quote)
		case s[i] == quote:
			return b.String(), i + 1, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

// bindLen is the length of the bind that starts at the colon, or 0: a colon after a word or another colon binds nothing.
func bindLen(text string, at int) int {
	if at > 0 && (text[at-1] == ':' || isWordByte(text[at-1])) {
		return 0
	}
	n := wordLen(text[at+1:])
	if n == 0 {
		return 0
	}
	end := at + 1 + n
	if end < len(text) && text[end] == '.' {
		if m := wordLen(text[end+1:]); m > 0 {
			end += 1 + m
		}
	}
	return end - at
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// wordLen is the length of the identifier that s begins with; it does not begin with a digit.
func wordLen(s string) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if r != '_' && r != '$' && !unicode.IsLetter(r) && (n == 0 || !unicode.IsDigit(r)) {
			break
		}
		n += size
	}
	return n
}
