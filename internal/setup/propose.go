package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Proposal is a route as far as names can tell. Every part says why, and where it is not sure, what a person has to decide.
type Proposal struct {
	Contract Contract
	Table    *Table
	Submit   SubmitProposal
	Where    []Term
	Lookups  []*LookupProposal
	Fields   []FieldProposal
	Marks    []string // a write-back block to think about, as lines
	dicts    []*translation
}

// A SubmitProposal is what a submission looks like.
type SubmitProposal struct {
	Column string
	Mode   string
	Values []string
	Note
}

// A Note says why something was proposed and what is to be decided.
type Note struct {
	Why    string
	Decide string
}

// A Term is one part of a route's condition.
type Term struct {
	Text string
	Note
}

// A LookupProposal is one look-up.
type LookupProposal struct {
	Name, Label string
	Many        bool
	Note

	table   *Table
	select_ []string //nolint:revive // select is a keyword
	from    string   // everything behind the select list
	prefix  string   // of the columns
}

func (l *LookupProposal) take(column string) {
	if !slices.Contains(l.select_, column) {
		l.select_ = append(l.select_, column)
	}
}

// Query is the look-up's SQL.
func (l *LookupProposal) Query() string {
	columns := make([]string, len(l.select_))
	for i, c := range l.select_ {
		columns[i] = l.prefix + c
	}
	return "SELECT " + strings.Join(columns, ", ") + " " + l.from
}

// A FieldProposal is one member of the payload.
type FieldProposal struct {
	Name   string
	Value  string // the right side, as YAML; empty: it is only a comment
	Each   string // a many look-up; Fields is over its rows
	Fields []FieldProposal
	Note
}

// A planner makes one proposal.
type planner struct {
	tables []*Table
	dict   *dictionary
	out    *Proposal
	school string
	known  map[string]string // the dictionaries of all proposals so far, by name
}

// propose makes a proposal for a contract over a table. tables are all tables of the database, dict its table of codes.
func propose(tables []*Table, dict *dictionary, contract Contract, table *Table, school string, known map[string]string) *Proposal {
	p := &planner{tables: tables, dict: dict, school: school, known: known, out: &Proposal{Contract: contract, Table: table}}
	p.out.Submit = submitOf(table)
	p.where()
	assigned := p.assign()
	for _, property := range contract.Fields {
		p.out.Fields = append(p.out.Fields, p.field(property, assigned[property.Name]))
	}
	p.out.Lookups = slices.DeleteFunc(p.out.Lookups, func(l *LookupProposal) bool { return len(l.select_) == 0 })
	p.out.Marks = marks(table, p.out.Submit)
	return p.out
}

// assign gives each of the table's own columns to the field that fits it best, so that no column is two fields.
func (p *planner) assign() map[string]match {
	type pair struct {
		property string
		match
	}
	var pairs []pair
	for _, property := range p.out.Contract.Fields {
		if property.Type == "array" || isKeyField(property) {
			continue
		}
		c := conceptOf(property)
		for i := range p.out.Table.Columns {
			column := &p.out.Table.Columns[i]
			if column.Name == p.out.Submit.Column || housekeeping(column) || slices.Contains(p.out.Table.Key, column.Name) || p.surrogate(column) {
				continue
			}
			if m := score(column, property, c, c.of == ofTalk); m.score >= guess {
				pairs = append(pairs, pair{property.Name, m})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.score, a.score) })
	out, taken := map[string]match{}, map[string]bool{}
	for _, x := range pairs {
		if _, done := out[x.property]; done || taken[x.column.Name] {
			continue
		}
		out[x.property], taken[x.column.Name] = x.match, true
	}
	return out
}

// surrogate tells whether a column is only a number that points at another table's row, and nothing that anybody else knows.
func (p *planner) surrogate(c *Column) bool {
	return c.number() && slices.ContainsFunc(links(p.out.Table, p.tables), func(l link) bool { return l.column == c.Name })
}

func isKeyField(p Property) bool {
	return slices.Contains([]string{"recordid", "id", "bizid", "businessid", "recordno"}, plain(p.Name))
}

// field proposes one member.
func (p *planner) field(property Property, own match) FieldProposal {
	switch {
	case isKeyField(property):
		return p.keyField(property)
	case plain(property.Name) == "schoolcode":
		return p.schoolField(property)
	case property.Type == "array" && len(property.Items) > 0:
		return p.listField(property)
	case plain(property.Name) == "participantcount":
		if l := p.members(); l != nil {
			return FieldProposal{Name: property.Name, Value: "{expr: len(" + l.Name + ")}", Note: Note{Why: "how many rows the look-up gives"}}
		}
	}
	if own.score >= guess {
		return p.from(property, own.column.Name, own)
	}
	c := conceptOf(property)
	for _, at := range p.elsewhere(c) {
		if m := best(at.table, property, c, at.own, nil); m.score >= guess {
			at.lookup.take(m.column.Name)
			return p.from(property, at.lookup.Name+"."+m.column.Name, m)
		}
	}
	return p.nothing(property)
}

func (p *planner) nothing(property Property) FieldProposal {
	lacks := fmt.Sprintf("no column looks like “%s”", cmp.Or(property.Title, property.Name))
	if property.Required {
		return FieldProposal{
			Name: property.Name, Value: `{expr: "nil"}`,
			Note: Note{Decide: lacks + ", and the contract requires it: name its column; until then every record is refused"},
		}
	}
	return FieldProposal{Name: property.Name, Note: Note{Why: lacks + "; it is optional"}}
}

func (p *planner) keyField(property Property) FieldProposal {
	key := p.out.Table.Key
	switch len(key) {
	case 0:
		return p.nothing(property)
	case 1:
		return FieldProposal{Name: property.Name, Value: key[0], Note: Note{Why: "the primary key: the same record overwrites what the platform has"}}
	}
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = "string(" + c + ")"
	}
	return FieldProposal{
		Name: property.Name, Value: "{expr: " + yamlText(strings.Join(parts, ` + "-" + `)) + "}",
		Note: Note{Why: "the primary key has " + fmt.Sprint(len(key)) + " columns"},
	}
}

func (p *planner) schoolField(property Property) FieldProposal {
	if p.school != "" {
		return FieldProposal{Name: property.Name, Value: "{value: " + yamlText(p.school) + "}", Note: Note{Why: "as told"}}
	}
	f := p.nothing(property)
	f.Why, f.Decide = "", `write the school's code here: {value: "13001"}`
	return f
}

// from is a field that takes a column, with the conversions that contract and column ask for.
func (p *planner) from(property Property, source string, m match) FieldProposal {
	f := FieldProposal{Name: property.Name, Note: Note{Why: m.why}}
	if m.score < sure {
		f.Decide = "is " + m.column.Name + " right?"
		if m.column.Comment != "" {
			f.Decide += " its comment says “" + m.column.Comment + "”"
		}
	}
	parts := []string{"from: " + source}
	add := func(text string) { parts = append(parts, text) }
	if t := translate(property, m.column, p.dict); t != nil && !t.same {
		add("dict: " + p.keepDict(t))
		f.Why += "; " + t.why
		if slices.ContainsFunc(t.entries, func(e entry) bool { return e.open }) {
			f.Decide = strings.TrimPrefix(f.Decide+"; see dicts below: some codes have no counterpart", "; ")
		}
	} else if t == nil && len(property.Enum) > 0 {
		f.Decide = strings.TrimPrefix(f.Decide+fmt.Sprintf("; the platform takes only %s: does the column hold these?", strings.Join(property.Enum, " ")), "; ")
	}
	if layout := wantsTime(property); layout != "" {
		add("time: " + yamlText(layout))
	}
	p.limits(property, m.column, add, &f)
	if !property.Required {
		add("optional: true")
	}
	f.Value = "{" + strings.Join(parts, ", ") + "}"
	if len(parts) == 1 {
		f.Value = source
	}
	return f
}

// limits adds what keeps a value within the contract.
func (p *planner) limits(property Property, column *Column, add func(string), f *FieldProposal) {
	name := plain(property.Name)
	checked := strings.HasSuffix(name, "idcard") || strings.HasSuffix(name, "phone") || strings.Contains(property.Pattern, "1[3-9]")
	switch {
	case property.Type == "integer" && !column.number():
		add("type: integer")
	case property.Type == "boolean" && column.Full != "bit(1)":
		add("type: boolean")
	case strings.HasSuffix(name, "idcard"):
		add("check: id_card")
	case strings.Contains(property.Pattern, "1[3-9]"):
		add("check: mobile")
	case strings.HasSuffix(name, "phone"):
		add("check: phone")
	case strings.HasSuffix(name, "no") && column.Kind == "char":
		add("trim: true")
	}
	if column.long() && len(property.Enum) == 0 {
		add("text: html")
		if !strings.Contains(column.Comment, "HTML") && !strings.Contains(column.Comment, "富文本") {
			f.Decide = strings.TrimPrefix(f.Decide+"; "+column.Kind+": take text: html away if no editor writes HTML into it", "; ")
		}
	}
	if property.MaxLength > 0 && column.Length > property.MaxLength && len(property.Enum) == 0 && wantsTime(property) == "" && !checked {
		add(fmt.Sprintf("max: %d", property.MaxLength))
		if column.long() {
			add("overflow: reject")
		}
	}
}

// keepDict keeps a dictionary under a name of its own: two routes share one only if it says the same.
func (p *planner) keepDict(t *translation) string {
	text := fmt.Sprint(t.query, t.entries)
	if before, taken := p.known[t.name]; taken && before != text {
		t.name += "_" + plain(p.out.Contract.Name)
	}
	p.known[t.name] = text
	p.out.dicts = append(p.out.dicts, t)
	return t.name
}
