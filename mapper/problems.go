package mapper

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"talkbridge/internal/bridge"
)

// A complaint is a Problem with the place where it belongs among the others.
type complaint struct {
	bridge.Problem
	rank []int // order of the field, index of the element, order of the field in it
}

// A gap is a lookup that found nothing, with the fields that hang on it.
type gap struct {
	result *result
	fields []*field
	paths  []string
	rank   []int
}

// complain notes what is wrong with one field, once: what follows from an earlier complaint about it is noise.
func (r *run) complain(f *field, at *place, rule, message string) {
	r.add(at.path(f), f.columnText(), rule, at.said()+message, at.rank(f))
}

func (r *run) add(path, column, rule, message string, rank []int) {
	r.complaints = append(r.complaints, complaint{
		Problem: bridge.Problem{Field: path, Column: column, Rule: rule, Message: message},
		rank:    rank,
	})
}

// lacks notes that a field's lookup found nothing. An optional field is simply left out, unless the data contradict themselves.
func (r *run) lacks(f *field, at *place, res *result) {
	if f.optional && !res.refusal() {
		return
	}
	i := slices.IndexFunc(r.missing, func(g *gap) bool { return g.result.root == res.root && g.result.at == res.at })
	if i < 0 {
		i = len(r.missing)
		r.missing = append(r.missing, &gap{result: res, rank: at.rank(f)})
	}
	path := f.path // one sentence for all elements of an each: the lookup is the record's
	if res.at != nil {
		path = at.path(f)
	}
	g := r.missing[i]
	if slices.Contains(g.fields, f) {
		return
	}
	g.fields = append(g.fields, f)
	g.paths = append(g.paths, path)
}

// closeGaps turns every missing lookup into one complaint, however many fields hang on it.
func (r *run) closeGaps() {
	for _, g := range r.missing {
		labels := make([]string, len(g.fields))
		for i, f := range g.fields {
			labels[i] = f.label
		}
		r.add(strings.Join(g.paths, ", "), strings.Join(g.result.root.bindNames(), ", "), "lookup",
			g.result.at.saidInside()+sayMissing(g.result, strings.Join(labels, "、")), g.rank)
	}
}

// refuseUnreadable refuses a record for a column that could not be carried and that no field has complained about: the route's where may
// hang on it, and then nobody knows whether the row is a submission.
func (r *run) refuseUnreadable() {
	for _, name := range slices.Sorted(maps.Keys(r.change.Columns)) {
		v := r.change.Columns[name]
		if v.Kind != bridge.KindUnreadable || slices.ContainsFunc(r.complaints, func(c complaint) bool { return c.Column == name }) {
			continue
		}
		r.add("", name, "unreadable", sayUnreadable("列 "+name+" ", v.Text), []int{len(r.route.fields)})
	}
}

// hold checks the finished payload against the contract.
func (r *run) hold(tree map[string]any) error {
	if r.route.contract == nil {
		return nil
	}
	found, err := r.route.contract.violations(tree)
	if err != nil || len(found) == 0 {
		return err
	}
	troubled := r.troubled()
	for _, v := range found {
		f, at, path := r.locate(v.location)
		if troubled[path] || f != nil && troubled[f.path] {
			continue // the field is missing or wrong for a reason that was given already
		}
		rule := "contract." + v.keyword
		switch {
		case f == nil:
			r.add(path, "", rule, v.say(path), []int{len(r.route.fields)})
		case path != at.path(f): // inside of a nested value
			r.add(path, f.columnText(), rule, at.said()+v.say(f.label+partName(v.location[len(v.location)-1])), at.rank(f))
		default:
			r.add(path, f.columnText(), rule, at.said()+v.say(f.label), at.rank(f))
		}
	}
	return nil
}

// partName is how a sentence names a part of a nested value: a member by its name, an element by its number, counted from 1.
func partName(part string) string {
	if index, err := strconv.Atoi(part); err == nil {
		return "的" + ordinal(index, "")
	}
	return "中的 " + part + " "
}

// troubled lists the paths that have a complaint.
func (r *run) troubled() map[string]bool {
	if len(r.complaints) == 0 {
		return nil
	}
	paths := make(map[string]bool, len(r.complaints))
	for _, c := range r.complaints {
		for path := range strings.SplitSeq(c.Field, ", ") {
			paths[path] = true
		}
	}
	return paths
}

// locate finds the field that a place of the payload was made by, as deep as fields go.
func (r *run) locate(location []string) (f *field, at *place, path string) {
	fields := r.route.fields
	at = r.top
	for _, part := range location {
		if index, err := strconv.Atoi(part); err == nil && f != nil {
			path += "[" + part + "]"
			if f.kind == fromEach && fields == nil {
				at, fields = &place{outer: at, field: f, index: index}, f.elements
			}
			continue
		}
		path += "." + part
		if f != nil && f.kind == fromObject && fields == nil {
			at, fields = &place{outer: at, field: f}, f.elements
		}
		if next := fieldNamed(fields, part); next != nil {
			f = next
		}
		fields = nil
	}
	return f, at, strings.TrimPrefix(path, ".")
}

// judge evaluates the rules over the finished payload. tree gets one more member, now; nothing reads it after this.
func (r *run) judge(tree map[string]any) error {
	if len(r.route.rules) == 0 {
		return nil
	}
	troubled := r.troubled()
	tree["now"] = r.now.Format("2006-01-02 15:04:05")
	for i, rule := range r.route.rules {
		if slices.ContainsFunc(rule.fields, func(f *field) bool { return isTroubled(troubled, f.name) }) {
			continue // its fields are wrong anyway
		}
		for _, f := range rule.fields {
			if v, ok := tree[f.name]; ok && hasNumber(v) {
				tree[f.name] = forRules(v)
			}
		}
		holds, err := rule.assert.Holds(tree)
		if err != nil { // its own words are not passed on: they can repeat values
			return fmt.Errorf("route %s: rule %d (%s) cannot be evaluated with %s; a field that was left out is nil, so write "+
				"'field == nil || …'", r.route.name, i+1, rule.assert, typesOf(tree, rule.assert.Names()))
		}
		if !holds {
			r.breach(rule)
		}
	}
	return nil
}

func (r *run) breach(broken *rule) {
	names := make([]string, len(broken.fields))
	columns := make([]string, len(broken.fields))
	rank := []int{len(r.route.fields)}
	for i, f := range broken.fields {
		names[i], columns[i] = f.name, f.columnText()
	}
	if len(broken.fields) > 0 {
		rank = []int{broken.fields[0].order}
	}
	r.add(strings.Join(names, ", "), strings.Join(columns, ", "), "rule", broken.message, rank)
}

// problems gives the complaints in the order of the fields.
func (r *run) problems() []bridge.Problem {
	if len(r.complaints) == 0 {
		return nil
	}
	slices.SortStableFunc(r.complaints, func(a, b complaint) int { return slices.Compare(a.rank, b.rank) })
	out := make([]bridge.Problem, len(r.complaints))
	for i, c := range r.complaints {
		out[i] = c.Problem
	}
	return out
}

// isTroubled tells whether a top-level field, or anything in it, has a complaint.
func isTroubled(troubled map[string]bool, name string) bool {
	for path := range troubled {
		if rest, ok := strings.CutPrefix(path, name); ok && (rest == "" || rest[0] == '[' || rest[0] == '.') {
			return true
		}
	}
	return false
}

// typesOf describes what an expression was given without showing it.
func typesOf(env map[string]any, names []string) string {
	types := make([]string, len(names))
	for i, name := range names {
		types[i] = fmt.Sprintf("%s %T", name, env[name])
		if env[name] == nil {
			types[i] = name + " nil"
		}
	}
	return strings.Join(types, ", ")
}

// path is where the field stands in this payload: students[2].studentNo, counted from 0 as JSON does.
func (p *place) path(f *field) string {
	if p.field == nil {
		return f.name
	}
	return p.inside(f)
}

// inside is the path of f in the place that p is.
func (p *place) inside(f *field) string {
	around := p.outer.path(p.field)
	switch p.field.kind {
	case fromEach:
		return around + "[" + strconv.Itoa(p.index) + "]." + f.name
	case fromList:
		return around + "[" + strconv.Itoa(f.order) + "]"
	default:
		return around + "." + f.name
	}
}

// said is how a sentence begins: 第 3 位学生的, counted from 1 as people do. Objects and lists are not mentioned: their fields have
// names of their own.
func (p *place) said() string {
	if p == nil || p.field == nil {
		return ""
	}
	if p.field.kind == fromEach {
		return p.outer.said() + ordinal(p.index, p.field.noun) + "的"
	}
	return p.outer.said()
}

// saidInside is how a sentence about the whole element begins.
func (p *place) saidInside() string {
	if p == nil {
		return ""
	}
	return strings.TrimSuffix(p.said(), "的") + "："
}

func (p *place) rank(f *field) []int {
	if p.field == nil {
		return []int{f.order}
	}
	around := p.outer.rank(p.field)
	if p.field.kind == fromEach {
		around = append(around, p.index)
	}
	return append(around, f.order)
}
