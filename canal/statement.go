package canal

import (
	"slices"
	"strings"
)

// A statement is the text of a QueryEvent, cut into words. DDL of every dialect has to be understood well enough to see which
// tables it is about, and no parser reads all of it; so none is used. Literals and comments are dropped unread: nothing of them
// can end in an error or a log line.
type statement struct {
	words []word
}

// A word is a keyword, a name, or a sign of punctuation.
type word struct {
	text   string
	quoted bool // it stood in backquotes or, as ANSI_QUOTES has it, in double quotes: never a keyword
}

// cutStatement cuts at most limit words.
func cutStatement(sql string, limit int) statement {
	var s statement
	for i := 0; i < len(sql) && len(s.words) < limit; {
		switch c := sql[i]; {
		case c == '\'':
			i = skipQuoted(sql, i)
		case c == '`' || c == '"':
			end := skipQuoted(sql, i)
			q := string(c)
			s.words = append(s.words, word{strings.ReplaceAll(strings.Trim(sql[i:end], q), q+q, q), true})
			i = end
		case c == '#', strings.HasPrefix(sql[i:], "-- "), strings.HasPrefix(sql[i:], "--\n"):
			i = skipPast(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*!"), strings.HasPrefix(sql[i:], "/*M!"): // executed: its words count
			i += strings.IndexByte(sql[i:], '!') + 1
			for i < len(sql) && sql[i] >= '0' && sql[i] <= '9' {
				i++
			}
		case strings.HasPrefix(sql[i:], "/*"):
			i = skipPast(sql, i+2, "*/")
		case isNameByte(c):
			end := i
			for end < len(sql) && isNameByte(sql[end]) {
				end++
			}
			s.words = append(s.words, word{sql[i:end], false})
			i = end
		case c == '.' || c == ';' || c == ',':
			s.words = append(s.words, word{string(c), false})
			i++
		default:
			i++
		}
	}
	return s
}

// skipQuoted gives the place behind the quotation that starts at i. A quotation mark inside is doubled or follows a backslash.
func skipQuoted(sql string, i int) int {
	q := sql[i]
	for i++; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && q != '`':
			i++
		case sql[i] == q && i+1 < len(sql) && sql[i+1] == q:
			i++
		case sql[i] == q:
			return i + 1
		}
	}
	return len(sql)
}

func skipPast(sql string, i int, end string) int {
	if n := strings.Index(sql[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(sql)
}

func isNameByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '@' || c >= 0x80
}

// keyword is the word at i in capitals, empty where there is none or it is a quoted name.
func (s statement) keyword(i int) string {
	if i >= len(s.words) || s.words[i].quoted {
		return ""
	}
	return strings.ToUpper(s.words[i].text)
}

// name is the word at i as it stands.
func (s statement) name(i int) string {
	if i >= len(s.words) {
		return ""
	}
	return s.words[i].text
}

// mentions tells whether the statement names the table: with its schema, or alone where schema is the session's own.
func (s statement) mentions(schema, table string, own bool) bool {
	for i, w := range s.words {
		if !strings.EqualFold(w.text, table) {
			continue
		}
		if i >= 2 && s.words[i-1].text == "." && !s.words[i-1].quoted {
			if strings.EqualFold(s.words[i-2].text, schema) {
				return true
			}
			continue
		}
		if own {
			return true
		}
	}
	return false
}

// changes tells whether a statement of the kind statementChange may change the table: it looks no further than where the names of
// the tables that are only read begin.
func (s statement) changes(schema, table string, own bool) bool {
	ends := map[string][]string{
		"INSERT": {"VALUES", "VALUE", "SELECT", "SET", "WITH"}, "REPLACE": {"VALUES", "VALUE", "SELECT", "SET", "WITH"},
		"UPDATE": {"SET"}, "DELETE": {"WHERE", "ORDER", "LIMIT"},
	}[s.keyword(0)]
	for i := range s.words {
		if slices.Contains(ends, s.keyword(i)) {
			return statement{s.words[:i]}.mentions(schema, table, own)
		}
	}
	return s.mentions(schema, table, own)
}

// What a statement is to the listener.
type statementKind int

const (
	statementOther statementKind = iota
	statementBegin
	statementCommit
	statementRollback
	statementRollbackTo
	statementSavepoint
	statementXA
	statementChange  // INSERT, UPDATE, DELETE, …: rows changed without rows events
	statementDefines // DROP, RENAME, ALTER, CREATE: tables changed
)

// kind sorts the statement by its first words.
func (s statement) kind() statementKind {
	switch s.keyword(0) {
	case "BEGIN":
		return statementBegin
	case "START":
		if s.keyword(1) == "TRANSACTION" {
			return statementBegin
		}
	case "COMMIT":
		return statementCommit
	case "ROLLBACK":
		if s.keyword(1) == "TO" {
			return statementRollbackTo
		}
		return statementRollback
	case "SAVEPOINT":
		return statementSavepoint
	case "XA":
		return statementXA
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH", "CALL":
		return statementChange
	case "DROP", "RENAME", "ALTER", "CREATE":
		return statementDefines
	}
	return statementOther
}

// savepoint is the name in SAVEPOINT x, ROLLBACK TO x and ROLLBACK TO SAVEPOINT x.
func (s statement) savepoint() string {
	i := 1
	if s.keyword(0) == "ROLLBACK" {
		i = 2
		if s.keyword(2) == "SAVEPOINT" && len(s.words) > 3 {
			i = 3
		}
	}
	return strings.ToLower(s.name(i))
}
