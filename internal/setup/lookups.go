package setup

import (
	"fmt"
	"slices"
	"strings"
)

// A place is a table in which a field may be found, with the look-up that leads there.
type place struct {
	table  *Table
	own    bool // the table is the entity's own
	lookup *LookupProposal
}

// elsewhere lists the tables in which an attribute of an entity may be: those on the way to the entity's table, and that itself.
func (p *planner) elsewhere(c concept) []place {
	var out []place
	of := c.of
	if of == ofTalk {
		return nil
	}
	target, why := entityTable(p.tables, of)
	if target == nil || target == p.out.Table {
		return nil
	}
	avoid, _ := entityTable(p.tables, ofParent) // a talk with a student is not found through the student's parents
	if slices.ContainsFunc(p.out.Contract.Fields, func(f Property) bool { return conceptOf(f).of == ofParent }) {
		avoid = nil
		if parents, _ := entityTable(p.tables, ofParent); of == ofStudent && parents != nil {
			avoid = p.besides(parents, target)
		}
	}
	before := ""
	way, others := path(p.out.Table, target, avoid, p.tables)
	for i, l := range way {
		name := string(of)
		if of == ofParent {
			name = "parent"
		}
		if l.to != target {
			name = shortName(l.to)
		}
		lookup := p.lookup(name, l, before)
		if l.to == target {
			lookup.Why = strings.TrimSuffix(fmt.Sprintf("%s: %s; %s of %s: %s", l.to.Name, why, l.column, l.from.Name, l.why), "; ")
			lookup.Label = map[entity]string{ofStaff: "辅导员", ofStudent: "学生", ofParent: "家长", ofTalk: ""}[of]
		}
		if l.score < sure {
			lookup.Decide = fmt.Sprintf("does %s.%s really point at %s.%s?", l.from.Name, l.column, l.to.Name, l.target)
		}
		if l.to == target && len(others) > 0 {
			lookup.Decide = fmt.Sprintf("is this the right way to %s? another one leads over %s", target.Name, strings.Join(others, ", "))
		}
		out = append([]place{{l.to, l.to == target, lookup}}, out...)
		before = name
		if i > 0 {
			out[1].lookup.take(l.column)
		}
	}
	return out
}

// besides is the table that a talk with parents should not go through on its way to the student: the one that is not the parents'.
func (p *planner) besides(parents, target *Table) *Table {
	for _, l := range links(p.out.Table, p.tables) {
		if l.to != parents && slices.ContainsFunc(links(l.to, p.tables), func(second link) bool { return second.to == target }) {
			return l.to
		}
	}
	return nil
}

// lookup gives the look-up of that name, made new where there is none yet.
func (p *planner) lookup(name string, l link, before string) *LookupProposal {
	if i := slices.IndexFunc(p.out.Lookups, func(o *LookupProposal) bool { return o.Name == name }); i >= 0 {
		return p.out.Lookups[i]
	}
	bind := ":" + l.column
	if before != "" {
		bind = ":" + before + "." + l.column
	}
	from := fmt.Sprintf("FROM %s WHERE %s = %s", l.to, l.target, bind)
	if c, there := softDelete(l.to); c != nil {
		from += fmt.Sprintf(" AND %s = '%s'", c.Name, there)
	}
	out := &LookupProposal{
		Name: name, table: l.to, from: from,
		Note: Note{Why: fmt.Sprintf("%s of %s: %s", l.column, l.from.Name, l.why)},
	}
	p.out.Lookups = append(p.out.Lookups, out)
	return out
}

// shortName is a table's name without the prefix of its module.
func shortName(t *Table) string {
	if i := strings.LastIndexByte(t.Name, '_'); i >= 0 && i+1 < len(t.Name) {
		return t.Name[i+1:]
	}
	return t.Name
}

const membersName = "participants"

// members is the look-up of a talk's students, where there is a table of them.
func (p *planner) members() *LookupProposal {
	if i := slices.IndexFunc(p.out.Lookups, func(l *LookupProposal) bool { return l.Name == membersName }); i >= 0 {
		return p.out.Lookups[i]
	}
	student, _ := entityTable(p.tables, ofStudent)
	if student == nil {
		return nil
	}
	toTalk, toStudent, ok := members(p.out.Table, student, p.tables)
	if !ok {
		return nil
	}
	list := toTalk.from
	on := fmt.Sprintf("s.%s = m.%s%s", toStudent.target, toStudent.column, collate(student.column(toStudent.target), list.column(toStudent.column)))
	if c, there := softDelete(student); c != nil {
		on += fmt.Sprintf(" AND s.%s = '%s'", c.Name, there)
	}
	where := []string{fmt.Sprintf("m.%s = :%s", toTalk.column, toTalk.target)}
	for _, key := range p.out.Table.Key {
		if key != toTalk.target && list.column(key) != nil {
			where = append(where, fmt.Sprintf("m.%s = :%s", key, key))
		}
	}
	if c, there := softDelete(list); c != nil {
		where = append(where, fmt.Sprintf("m.%s = '%s'", c.Name, there))
	}
	l := &LookupProposal{
		Name: membersName, Label: "参与学生", Many: true, table: student, prefix: "s.",
		from: fmt.Sprintf("FROM %s m JOIN %s s ON %s WHERE %s%s", list, student, on, strings.Join(where, " AND "), order(list)),
		Note: Note{Why: fmt.Sprintf("%s points at the talk (%s: %s) and at %s (%s: %s)", list.Name, toTalk.column, toTalk.why, student.Name, toStudent.column, toStudent.why)},
	}
	if toTalk.score < sure || toStudent.score < sure {
		l.Decide = "are these the columns that join talk, list and student?"
	}
	p.out.Lookups = append(p.out.Lookups, l)
	return l
}

// collate makes two columns of different collations comparable, which servers refuse otherwise (error 1267).
func collate(student, list *Column) string {
	if student == nil || list == nil || student.Collation == list.Collation || student.Collation == "" || list.Collation == "" {
		return ""
	}
	set := func(collation string) string { name, _, _ := strings.Cut(collation, "_"); return name }
	if set(student.Collation) == set(list.Collation) {
		return " COLLATE " + student.Collation
	}
	return ""
}

// order is how the list is sorted in the school's own pages.
func order(t *Table) string {
	for _, c := range t.Columns {
		if slices.Contains([]string{"sx", "xsxh", "sort", "sortno", "ordernum", "seq", "sortorder"}, plain(c.Name)) {
			return " ORDER BY m." + c.Name
		}
	}
	if len(t.Key) > 0 {
		return " ORDER BY m." + strings.Join(t.Key, ", m.")
	}
	return ""
}

// listField proposes a list of objects: one for each of the talk's students.
func (p *planner) listField(property Property) FieldProposal {
	l := p.members()
	if l == nil {
		f := p.nothing(property)
		f.Decide = "no table looks like the list of a talk's students: write a look-up with many: true, and each over it"
		return f
	}
	f := FieldProposal{Name: property.Name, Each: l.Name, Note: Note{Why: l.table.Name}}
	for _, item := range property.Items {
		m := best(l.table, item, conceptOf(item), true, nil)
		if m.score < guess {
			f.Fields = append(f.Fields, p.nothing(item))
			continue
		}
		l.take(m.column.Name)
		f.Fields = append(f.Fields, p.from(item, m.column.Name, m))
	}
	return f
}
