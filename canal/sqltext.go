package canal

import (
	"strings"
)

// SQL modes that change how a statement is cut into tokens, as their bits stand in the log (MySQL, sql_class.h; the same in MariaDB).
const (
	modeRealAsFloat        = 1 << 0
	modeAnsiQuotes         = 1 << 2
	modeNoBackslashEscapes = 1 << 20
)

// A tokenKind tells the tokens of a statement apart.
type tokenKind byte

const (
	tokenWord   tokenKind = iota // a keyword, a name or a number
	tokenName                    // a quoted name: never a keyword
	tokenString                  // a literal
	tokenSign                    // one byte of punctuation
)

// A token is a piece of a statement. Unlike a word of cutStatement it keeps literals: the labels of an ENUM are some.
type token struct {
	kind tokenKind
	text string
}

// tokens is a statement or a part of one.
type tokens []token

// is tells whether the token at i is the keyword or sign.
func (ts tokens) is(i int, want string) bool {
	return i >= 0 && i < len(ts) && (ts[i].kind == tokenWord || ts[i].kind == tokenSign) && strings.EqualFold(ts[i].text, want)
}

// has tells whether the keywords stand at i.
func (ts tokens) has(i int, want ...string) bool {
	for k, w := range want {
		if !ts.is(i+k, w) {
			return false
		}
	}
	return true
}

// skip drops the keywords, as often as any of them stands in front.
func (ts tokens) skip(words ...string) tokens {
	for {
		before := len(ts)
		for _, w := range words {
			if ts.is(0, w) {
				ts = ts[1:]
			}
		}
		if len(ts) == before {
			return ts
		}
	}
}

// skipIf drops IF EXISTS and IF NOT EXISTS and tells whether it was there.
func (ts tokens) skipIf() (tokens, bool) {
	switch {
	case ts.has(0, "IF", "EXISTS"):
		return ts[2:], true
	case ts.has(0, "IF", "NOT", "EXISTS"):
		return ts[3:], true
	}
	return ts, false
}

// name takes a name from the front.
func (ts tokens) name() (name string, rest tokens, ok bool) {
	if len(ts) == 0 || ts[0].kind == tokenString || ts[0].kind == tokenSign {
		return "", ts, false
	}
	return ts[0].text, ts[1:], true
}

// table takes a table's name from the front, with its schema or the given one.
func (ts tokens) table(schema string) (tableName, tokens, bool) {
	name, rest, ok := ts.name()
	if !ok {
		return tableName{}, ts, false
	}
	if !rest.is(0, ".") {
		return tableName{schema, name}, rest, schema != ""
	}
	schema = name
	name, rest, ok = rest[1:].name()
	return tableName{schema, name}, rest, ok
}

// group takes what stands in parentheses at the front.
func (ts tokens) group() (inner, rest tokens, ok bool) {
	if !ts.is(0, "(") {
		return nil, ts, false
	}
	depth := 0
	for i := range ts {
		switch {
		case ts.is(i, "("):
			depth++
		case ts.is(i, ")"):
			if depth--; depth == 0 {
				return ts[1:i], ts[i+1:], true
			}
		}
	}
	return nil, ts, false
}

// split cuts at the commas outside of parentheses.
func (ts tokens) split() []tokens {
	var out []tokens
	depth, from := 0, 0
	for i := range ts {
		switch {
		case ts.is(i, "("):
			depth++
		case ts.is(i, ")"):
			depth--
		case ts.is(i, ",") && depth == 0:
			out = append(out, ts[from:i])
			from = i + 1
		}
	}
	return append(out, ts[from:])
}

// cutSQL cuts a statement into tokens, as a server under the mode would. Comments that the server executes count.
func cutSQL(sql string, mode uint64) tokens {
	var out tokens
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'' || c == '"' && mode&modeAnsiQuotes == 0:
			text, end := literal(sql, i, mode&modeNoBackslashEscapes == 0)
			out = append(out, token{tokenString, text})
			i = end
		case c == '`' || c == '"':
			text, end := literal(sql, i, false)
			out = append(out, token{tokenName, text})
			i = end
		case c == '#', strings.HasPrefix(sql[i:], "-- "), strings.HasPrefix(sql[i:], "--\n"):
			i = skipPast(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*!"), strings.HasPrefix(sql[i:], "/*M!"):
			i += strings.IndexByte(sql[i:], '!') + 1
			for i < len(sql) && sql[i] >= '0' && sql[i] <= '9' {
				i++
			}
		case strings.HasPrefix(sql[i:], "/*"):
			i = skipPast(sql, i+2, "*/")
		case strings.HasPrefix(sql[i:], "*/"): // the end of an executed one
			i += 2
		case isNameByte(c):
			end := i
			for end < len(sql) && isNameByte(sql[end]) {
				end++
			}
			out = append(out, token{tokenWord, sql[i:end]})
			i = end
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
		default:
			out = append(out, token{tokenSign, sql[i : i+1]})
			i++
		}
	}
	return out
}

// literal reads the quotation that starts at i, and gives the place behind it.
func literal(sql string, i int, escapes bool) (string, int) {
	q := sql[i]
	var b strings.Builder
	for i++; i < len(sql); i++ {
		switch c := sql[i]; {
		case escapes && c == '\\' && i+1 < len(sql):
			i++
			b.WriteByte(unescape(sql[i]))
		case c == q && i+1 < len(sql) && sql[i+1] == q:
			i++
			b.WriteByte(q)
		case c == q:
			return b.String(), i + 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(sql)
}

// unescape is what follows a backslash (MySQL manual, "String Literals").
func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 26
	}
	return c
}
