package setup

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A code is a value and what it means.
type code struct{ value, label string }

var codePattern = regexp.MustCompile(`(?:^|[\s,,;;::((、/])([0-9A-Za-z]{1,4})\s*[=::.-]?\s*([\p{Han}][\p{Han}/A-Za-z]*)`)

// codesIn reads the codes out of a comment or a description: “0未递交 1待上报”, “01面谈 02电话”.
func codesIn(text string) []code {
	var out []code
	for rest := text; ; {
		m := codePattern.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		out = append(out, code{rest[m[2]:m[3]], rest[m[4]:m[5]]})
		rest = rest[m[5]:]
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// alike is how much two labels have in common: 微信/QQ and 微信/QQ等网络 are one thing.
func alike(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a == b || a != "" && b != "" && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}

// A dictionary is a table of codes as RuoYi and its like have it.
type dictionary struct {
	table              *Table
	kind, value, label string // columns
	status             string // column; empty: none
	others             []string
	kinds              map[string][]dictRow
}

type dictRow struct {
	value, label string
	others       map[string]string
}

// readDictionary finds and reads the code table. It holds no person's data.
func readDictionary(ctx context.Context, db *sql.DB, tables []*Table) (*dictionary, error) {
	i := slices.IndexFunc(tables, func(t *Table) bool {
		return t.column("dict_type") != nil && t.column("dict_value") != nil && t.column("dict_label") != nil
	})
	if i < 0 {
		return nil, nil //nolint:nilnil // a school may have none
	}
	d := &dictionary{table: tables[i], kind: "dict_type", value: "dict_value", label: "dict_label", kinds: map[string][]dictRow{}}
	if d.table.column("status") != nil {
		d.status = "status"
	}
	for _, name := range []string{"remark", "css_class", "list_class", "dict_code_out", "platform_code", "ext"} {
		if d.table.column(name) != nil {
			d.others = append(d.others, name)
		}
	}
	query := "SELECT " + names(append([]string{d.kind, d.value, d.label}, d.others...)) + " FROM " + tableSQL(d.table.Schema, d.table.Name)
	if d.status != "" {
		query += " WHERE " + backquote(d.status) + " = '0'"
	}
	rows, err := db.QueryContext(ctx, query+" LIMIT 20000")
	if err != nil {
		return nil, fmt.Errorf("read the code table %s: %w", d.table, err)
	}
	defer rows.Close()
	for rows.Next() {
		values := make([]sql.NullString, 3+len(d.others))
		targets := make([]any, len(values))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read the code table %s: %w", d.table, err)
		}
		row := dictRow{values[1].String, values[2].String, map[string]string{}}
		for i, name := range d.others {
			row.others[name] = values[3+i].String
		}
		d.kinds[values[0].String] = append(d.kinds[values[0].String], row)
	}
	return d, rows.Err()
}

var dictWord = regexp.MustCompile(`(?:字典|dict(?:ionary)?)[\s::]*([A-Za-z][A-Za-z0-9_]*)`)

// of finds the kind of code that a column holds: by its comment, or by its name.
func (d *dictionary) of(c *Column) (kind string, rows []dictRow) {
	if d == nil {
		return "", nil
	}
	if m := dictWord.FindStringSubmatch(c.Comment); m != nil && d.kinds[m[1]] != nil {
		return m[1], d.kinds[m[1]]
	}
	for _, name := range []string{c.Name, "biz_" + c.Name, "sys_" + c.Name} {
		if d.kinds[name] != nil {
			return name, d.kinds[name]
		}
	}
	return "", nil
}

// A translation is how the codes of a column become the platform's.
type translation struct {
	name    string // of the dictionary in the configuration
	query   string // instead of entries
	entries []entry
	why     string
	same    bool // the school's codes are the platform's: nothing to translate
}

type entry struct {
	from, to, note string
	open           bool // to was not found
}

// translate proposes how a coded column becomes what the contract lists.
func translate(p Property, c *Column, d *dictionary) *translation {
	if len(p.Enum) == 0 {
		return nil
	}
	t := &translation{name: snake(p.Name)}
	kind, rows := d.of(c)
	known := codesIn(p.Description)
	switch {
	case len(rows) > 0:
		t.fromRows(p, d, kind, rows, known)
	case len(c.Labels) > 0:
		for _, label := range c.Labels {
			t.add(label, label, p, known)
		}
		t.why = "the column is an ENUM"
	default:
		codes := codesIn(c.Comment)
		if len(codes) == 0 {
			return nil
		}
		for _, code := range codes {
			t.add(code.value, code.label, p, known)
		}
		t.why = "the codes stand in the column's comment"
	}
	t.same = t.query == "" && !slices.ContainsFunc(t.entries, func(e entry) bool { return e.open || e.from != e.to })
	return t
}

// fromRows prefers a column of the code table that holds the platform's codes already: a new code is then added there, by the school.
func (t *translation) fromRows(p Property, d *dictionary, kind string, rows []dictRow, known []code) {
	if !slices.ContainsFunc(rows, func(r dictRow) bool { return !slices.Contains(p.Enum, r.value) }) {
		for _, r := range rows {
			t.entries = append(t.entries, entry{from: r.value, to: r.value, note: r.label})
		}
		return
	}
	for _, name := range d.others {
		if slices.ContainsFunc(rows, func(r dictRow) bool { return !slices.Contains(p.Enum, r.others[name]) }) {
			continue
		}
		t.query = fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s = '%s'", d.value, name, d.table, d.kind, kind)
		if d.status != "" {
			t.query += fmt.Sprintf(" AND %s = '0'", d.status)
		}
		t.why = fmt.Sprintf("%s.%s holds the platform's codes for every entry of %s", d.table.Name, name, kind)
		return
	}
	for _, r := range rows {
		t.add(r.value, r.label, p, known)
	}
	t.why = fmt.Sprintf("the labels of %s %s, compared with the contract's description", d.table.Name, kind)
}

// add finds the platform's code for one of the school's: the same label, or the same code.
func (t *translation) add(value, label string, p Property, known []code) {
	for _, k := range known {
		if alike(label, k.label) && slices.Contains(p.Enum, k.value) {
			t.entries = append(t.entries, entry{from: value, to: k.value, note: label})
			return
		}
	}
	e := entry{from: value, note: label, open: true}
	if slices.Contains(p.Enum, value) && len(known) == 0 {
		e.to, e.open = value, false
	}
	t.entries = append(t.entries, e)
}
