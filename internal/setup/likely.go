package setup

import (
	"regexp"
	"slices"
	"strings"
)

// Likely finds the table that holds the records of a contract: the one with the most columns that are its fields. It is nil where
// none has at least four.
func Likely(tables []*Table, contract Contract) *Table {
	var found *Table
	top := 3
	for _, t := range tables {
		p := &planner{tables: tables, out: &Proposal{Contract: contract, Table: t, Submit: submitOf(t)}}
		n := 0
		for _, m := range p.assign() {
			if m.score >= sure {
				n++
			}
		}
		if n > top {
			found, top = t, n
		}
	}
	return found
}

// Role says what a table looks like, for the list that a person chooses from; empty: nothing in particular.
func Role(t *Table) string {
	for _, e := range entities() {
		if points, _ := tablePoints(t, e); points >= 10 {
			return map[entity]string{ofStaff: "staff", ofStudent: "students", ofParent: "parents", ofTalk: "talks"}[e.of]
		}
	}
	if t.column("dict_type") != nil && t.column("dict_value") != nil {
		return "codes"
	}
	return ""
}

// Find finds a table by name, with or without its database.
func Find(tables []*Table, name string) *Table {
	i := slices.IndexFunc(tables, func(t *Table) bool { return strings.EqualFold(t.Name, name) || strings.EqualFold(t.String(), name) })
	if i < 0 {
		return nil
	}
	return tables[i]
}

var (
	quotedSQL = regexp.MustCompile(`'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"`)
	fromTable = regexp.MustCompile("(?i)\\b(?:FROM|JOIN)\\s+([\\p{L}\\p{N}_$.`]+)")
)

// TablesOf lists the tables that a query reads, as SCHEMA.TABLE where it says so.
func TablesOf(query string) []string {
	var out []string
	for _, m := range fromTable.FindAllStringSubmatch(quotedSQL.ReplaceAllString(query, "''"), -1) {
		out = append(out, strings.ReplaceAll(m[1], "`", ""))
	}
	return out
}
