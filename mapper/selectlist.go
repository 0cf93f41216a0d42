package mapper

import (
	"slices"
	"strings"
)

// selectList reads the names of the result's columns off the text of a SELECT. known is false where that cannot be done safely: a
// star, an expression without a name, a WITH. Nothing hangs on it but earlier and better errors, and which of two scopes a bare name
// of an each belongs to.
func selectList(tokens []token) (names []string, known bool) {
	for len(tokens) > 0 && tokens[0].isPunct("(") {
		tokens = tokens[1:]
	}
	if len(tokens) == 0 || !tokens[0].is("SELECT") {
		return nil, false
	}
	tokens = tokens[1:]
	for len(tokens) > 0 && slices.ContainsFunc(selectOptions(), tokens[0].is) {
		tokens = tokens[1:]
	}
	for _, item := range splitItems(tokens) {
		name, ok := itemName(item)
		if !ok {
			return nil, false
		}
		names = append(names, name)
	}
	return names, len(names) > 0
}

func selectOptions() []string {
	return []string{
		"ALL", "DISTINCT", "DISTINCTROW", "HIGH_PRIORITY", "STRAIGHT_JOIN", "SQL_SMALL_RESULT", "SQL_BIG_RESULT",
		"SQL_BUFFER_RESULT", "SQL_CACHE", "SQL_NO_CACHE", "SQL_CALC_FOUND_ROWS",
	}
}

// splitItems cuts the select list at its commas; commas and keywords inside parentheses do not count.
func splitItems(tokens []token) [][]token {
	var items [][]token
	depth, start := 0, 0
	for i, t := range tokens {
		switch {
		case t.isPunct("("):
			depth++
		case t.isPunct(")"):
			depth--
			if depth < 0 {
				return append(items, tokens[start:i])
			}
		case depth == 0 && t.isPunct(","):
			items = append(items, tokens[start:i])
			start = i + 1
		case depth == 0 && (t.is("FROM") || t.is("UNION") || t.is("EXCEPT") || t.is("INTERSECT") || t.is("LIMIT") || t.is("ORDER")):
			return append(items, tokens[start:i])
		}
	}
	return append(items, tokens[start:])
}

// itemName is the name that one item of the select list gets.
func itemName(item []token) (string, bool) {
	if len(item) == 0 {
		return "", false
	}
	last := item[len(item)-1]
	if len(item) == 1 {
		return last.text, last.kind == tokenWord && !isOperator(last)
	}
	before := item[len(item)-2]
	switch {
	case before.is("AS"):
		return last.text, last.kind == tokenWord || last.kind == tokenString
	case last.kind != tokenWord || isOperator(last):
		return "", false
	case before.isPunct("."), before.isPunct(")"), before.kind == tokenNumber, before.kind == tokenString:
		return last.text, true
	default:
		return last.text, before.kind == tokenWord && !isOperator(before) || before.is("END")
	}
}

// isOperator knows the words after which a word is an operand and not a name, and the words that end an expression themselves.
func isOperator(t token) bool {
	if t.kind != tokenWord || t.quoted {
		return false
	}
	switch strings.ToUpper(t.text) {
	case "AND", "OR", "XOR", "NOT", "DIV", "MOD", "LIKE", "RLIKE", "REGEXP", "IN", "IS", "BETWEEN", "COLLATE", "BINARY", "INTERVAL",
		"CASE", "WHEN", "THEN", "ELSE", "END", "NULL", "TRUE", "FALSE", "UNKNOWN", "ESCAPE", "SOUNDS":
		return true
	default:
		return false
	}
}

// tableName is a table or view as a query names it; the schema is empty where the connection's own is meant.
type tableName struct{ schema, table string }

// tablesOf lists what stands behind FROM and JOIN. It is used to look up what a result does not tell, never to decide what is read.
func tablesOf(tokens []token) []tableName {
	var tables []tableName
	for i, t := range tokens {
		if !t.is("FROM") && !t.is("JOIN") || i+1 == len(tokens) || tokens[i+1].kind != tokenWord {
			continue
		}
		name := tableName{table: tokens[i+1].text}
		if i+3 < len(tokens) && tokens[i+2].isPunct(".") && tokens[i+3].kind == tokenWord {
			name = tableName{schema: name.table, table: tokens[i+3].text}
		}
		if !slices.Contains(tables, name) {
			tables = append(tables, name)
		}
	}
	return tables
}
