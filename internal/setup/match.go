package setup

import (
	"fmt"
	"slices"
	"strings"
)

// A match is a column that may be what a field wants, how sure that is (0 to 1), and why.
type match struct {
	column *Column
	score  float64
	why    string
}

// From where on a guess is taken, and from where on nobody is asked to look at it.
const (
	guess = 0.5
	sure  = 0.8
)

// best finds the column of a table for a concept. own says that the table is the entity's own, where xm needs no prefix. Columns for
// which taken is true are other fields' already.
func best(t *Table, p Property, c concept, own bool, taken func(string) bool) match {
	var found match
	for i := range t.Columns {
		column := &t.Columns[i]
		if taken != nil && taken(column.Name) || housekeeping(column) {
			continue
		}
		m := score(column, p, c, own)
		if m.score > found.score {
			found = m
		}
	}
	if found.score < guess {
		return match{}
	}
	return found
}

func score(column *Column, p Property, c concept, own bool) match {
	byName, nameWhy := nameScore(column, c, own)
	byComment, commentWhy := commentScore(column, p, c, own)
	m := match{column: column, score: max(byName, byComment), why: nameWhy}
	switch {
	case byName > 0 && byComment > 0:
		m.score, m.why = min(m.score+0.1, 1), nameWhy+", "+commentWhy
	case byComment > byName:
		m.why = commentWhy
	}
	if m.score == 0 {
		return m
	}
	m.score -= typePenalty(column, p)
	return m
}

func nameScore(column *Column, c concept, own bool) (float64, string) {
	have := plain(column.Name)
	if i := slices.IndexFunc(c.names, func(n string) bool { return plain(n) == have }); i >= 0 {
		return 0.9 - 0.01*float64(i), "by its name"
	}
	if own {
		if i := slices.IndexFunc(c.bare, func(n string) bool { return plain(n) == have }); i >= 0 {
			return 0.85 - 0.01*float64(i), "by its name"
		}
	}
	for _, n := range c.names {
		if n = plain(n); len(n) >= 5 && (strings.HasSuffix(have, n) || strings.HasPrefix(have, n)) {
			return 0.6, "its name has " + n + " in it"
		}
	}
	return 0, ""
}

func commentScore(column *Column, p Property, c concept, own bool) (float64, string) {
	if column.Comment == "" {
		return 0, ""
	}
	head := commentHead(column.Comment)
	for i, word := range append([]string{p.Title}, c.chinese...) {
		if word == "" || !own && c.of != ofTalk && i > 0 && generic(word) {
			continue
		}
		switch {
		case head == word:
			return 0.9, fmt.Sprintf("by its comment “%s”", head)
		case strings.Contains(head, word):
			return 0.7, fmt.Sprintf("its comment has “%s”", word)
		case len([]rune(head)) >= 2 && strings.Contains(word, head):
			return 0.55, fmt.Sprintf("its comment “%s”", head)
		}
	}
	return 0, ""
}

// generic words say something only inside the entity's own table.
func generic(word string) bool {
	return slices.Contains([]string{"姓名", "手机号", "联系电话", "电话"}, word)
}

// commentHead is a comment up to its first explanation.
func commentHead(comment string) string {
	if i := strings.IndexAny(comment, "((::,,;;  0123456789"); i > 0 {
		return strings.TrimSpace(comment[:i])
	}
	return strings.TrimSpace(comment)
}

// typePenalty lowers what cannot hold such values.
func typePenalty(column *Column, p Property) float64 {
	timed := wantsTime(p) != ""
	switch {
	case timed && !column.time() && column.Kind != "varchar" && column.Kind != "char":
		return 0.5
	case !timed && column.time():
		return 0.5
	case p.Type == "integer" && !column.number() && column.Kind != "decimal":
		return 0.3
	case p.Type == "string" && len(p.Enum) == 0 && p.MaxLength > 100 && column.number():
		return 0.4
	default:
		return 0
	}
}

// wantsTime is the layout of a time that the contract asks for, or empty.
func wantsTime(p Property) string {
	text := p.text()
	switch {
	case strings.Contains(text, "yyyy-MM-dd HH:mm:ss"), strings.Contains(p.Pattern, `\d{2}:\d{2}:\d{2}`):
		return "yyyy-MM-dd HH:mm:ss"
	case p.Format == "date", strings.Contains(text, "yyyy-MM-dd"):
		return "yyyy-MM-dd"
	case p.Format == "date-time":
		return "yyyy-MM-dd'T'HH:mm:ssXXX"
	default:
		return ""
	}
}

// housekeeping columns are never what a platform asks for.
func housekeeping(column *Column) bool {
	return slices.Contains([]string{
		"createby", "createtime", "updateby", "updatetime", "cjr", "cjsj", "gxr", "gxsj", "delflag", "scbz", "deleted", "isdeleted", "version", "tenantid", "password", "salt",
	}, plain(column.Name))
}

// softDelete finds the column that marks deleted rows, and its value for a row that is there.
func softDelete(t *Table) (*Column, string) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if slices.Contains([]string{"delflag", "scbz", "deleted", "isdeleted", "isdel", "sfsc"}, plain(c.Name)) {
			return c, "0"
		}
	}
	return nil, ""
}

// entityTable finds the table of an entity by its name and comment.
func entityTable(tables []*Table, of entity) (*Table, string) {
	var found *Table
	top, why := 0, ""
	for _, hint := range entities() {
		if hint.of != of {
			continue
		}
		for _, t := range tables {
			points, reason := tablePoints(t, hint)
			if points > top {
				found, top, why = t, points, reason
			}
		}
	}
	return found, why
}

func tablePoints(t *Table, hint entityHint) (points int, why string) {
	name := plain(t.Name)
	for i, n := range hint.names {
		switch {
		case strings.HasSuffix(name, n):
			points, why = 20-i, "by its name"
		case strings.Contains(name, n) && points == 0:
			points, why = 5, "by its name"
		}
		if points > 0 {
			break
		}
	}
	for i, word := range hint.chinese {
		if strings.HasPrefix(t.Comment, word) {
			return points + 15 - i, strings.TrimPrefix(why+fmt.Sprintf(", by its comment “%s”", commentHead(t.Comment)), ", ")
		}
	}
	return points, why
}
