package setup

import (
	"fmt"
	"slices"
	"strings"
)

// A link leads from a column of one table to the row of another.
type link struct {
	from, to       *Table
	column, target string
	score          float64
	why            string
}

// links finds how the rows of a table point at rows of others: by foreign keys, and where there are none, by names.
func links(from *Table, tables []*Table) []link {
	var out []link
	for _, to := range tables {
		if to == from {
			continue
		}
		for i := range from.Columns {
			if l := linkBy(from, to, &from.Columns[i]); l.score > 0 {
				out = append(out, l)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b link) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		default:
			return 0
		}
	})
	return out
}

func linkBy(from, to *Table, c *Column) link {
	l := link{from: from, to: to, column: c.Name}
	for _, r := range from.Refs {
		if r.Column == c.Name && r.Schema == to.Schema && r.Table == to.Name {
			l.target, l.score, l.why = r.Target, 1, "foreign key"
			return l
		}
	}
	name := plain(c.Name)
	if len(to.Key) == 1 && !slices.Contains(from.Key, c.Name) {
		key := plain(to.Key[0])
		switch {
		case key != "id" && key == name:
			l.target, l.score, l.why = to.Key[0], 0.85, "it has the name of that table's key"
		case key == "id" && strings.HasSuffix(name, "id") && len(name) > 3 && strings.HasSuffix(plain(to.Name), strings.TrimSuffix(name, "id")):
			l.target, l.score, l.why = to.Key[0], 0.8, "it has the name of that table"
		}
	}
	if l.score > 0 {
		return l
	}
	for _, u := range to.Unique { // student_no ↔ a unique student_no
		if plain(u) == name && name != "id" && !slices.Contains(from.Unique, c.Name) {
			l.target, l.score, l.why = u, 0.75, "that table has a unique column of the same name"
		}
	}
	if l.score == 0 {
		l.target, l.score, l.why = byRole(from, to, c)
	}
	return l
}

// byRole knows that counselor_id means a user, whatever the users' table is called.
func byRole(_, to *Table, c *Column) (target string, score float64, why string) {
	if len(to.Key) != 1 {
		return "", 0, ""
	}
	for _, e := range entities() {
		points, _ := tablePoints(to, e)
		if points < 10 {
			continue
		}
		for _, role := range roles(e.of) {
			if strings.EqualFold(c.Name, role+"_id") || plain(c.Name) == role+"id" {
				return to.Key[0], 0.7, fmt.Sprintf("%s_id means a row of %s", role, to.Name)
			}
		}
	}
	return "", 0, ""
}

func roles(of entity) []string {
	switch of {
	case ofStaff:
		return []string{"counselor", "teacher", "staff", "user"}
	case ofStudent:
		return []string{"student", "stu"}
	case ofParent:
		return []string{"parent", "guardian", "family", "patriarch"}
	case ofTalk:
	}
	return nil
}

// path finds the links from a table to another, over at most one table in between, and other ways that lead there too. avoid is a
// table to go through only where there is no other way.
func path(from, to, avoid *Table, tables []*Table) (way []link, others []string) {
	first := links(from, tables)
	for _, l := range first {
		if l.to == to {
			return []link{l}, nil
		}
	}
	var ways, last [][]link
	for _, l := range first {
		for _, second := range links(l.to, tables) {
			switch {
			case second.to != to:
			case l.to == avoid:
				last = append(last, []link{l, second})
			default:
				ways = append(ways, []link{l, second})
			}
		}
	}
	if ways = append(ways, last...); len(ways) == 0 {
		return nil, nil
	}
	for _, w := range ways[1:] {
		others = append(others, w[0].to.Name)
	}
	return ways[0], others
}

// members finds the table that lists a talk's students: it points at the talk, and at a student.
func members(talk, student *Table, tables []*Table) (toTalk, toStudent link, ok bool) {
	for _, t := range tables {
		if t == talk || t == student {
			continue
		}
		var a, b link
		for _, l := range links(t, tables) {
			if l.to == talk && a.score == 0 {
				a = l
			}
			if l.to == student && b.score == 0 {
				b = l
			}
		}
		if a.score == 0 && len(talk.Key) > 0 { // th_id, record_id, talk_id: named after what it means
			a = byShortName(t, talk)
		}
		if a.score > 0 && b.score > 0 && memberLike(t, talk) {
			return a, b, true
		}
	}
	return link{}, link{}, false
}

// memberLike keeps other tables that point at both apart, such as family members or the talks themselves.
func memberLike(t, talk *Table) bool {
	name := plain(t.Name)
	return strings.HasPrefix(name, plain(talk.Name)) || strings.Contains(t.Comment, "参与") || strings.Contains(name, "member") || strings.Contains(name, "participant")
}

func byShortName(t, talk *Table) link {
	last := talk.Key[len(talk.Key)-1]
	for _, c := range t.Columns {
		name := plain(c.Name)
		if slices.Contains([]string{"thid", "talkid", "recordid", "mainid", "pid"}, name) || name == plain(last) && name != "id" {
			return link{from: t, to: talk, column: c.Name, target: last, score: 0.65, why: "its name"}
		}
	}
	return link{}
}
