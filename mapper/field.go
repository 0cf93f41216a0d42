package mapper

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"talkbridge/internal/exprs"
)

// A field is a Field that was checked and made ready to run.
type field struct {
	name   string
	quoted []byte // "name":
	path   string // as in Explain: students[].studentNo
	label  string // what the contract calls it
	order  int    // among its siblings
	want   kinds  // what the contract allows here

	kind     sourceKind
	from     source
	constant datum
	expr     *formula
	each     *lookup
	elements []*field // of each, object and list
	noun     string   // what one element is called

	when      *formula
	fallback  datum // sent where there is no value; formNone: nothing is
	optional  bool
	html      bool
	clean     cleaning
	split     string
	wantOne   kinds // what the contract allows for one part of split; the same as want without one
	dict      *dict
	layout    *timeLayout
	dateOrder dateOrder
	orderings []ordering
	ordered   bool // another field's ordering needs this one's moment
	typeWord  string
	check     wordedCheck
	checkBy   *checkBy
	min, max  int
	truncate  bool
}

// isTextual tells whether the field has a conversion that only a text can go through.
func (f *field) isTextual() bool {
	return f.check.check != nil || f.checkBy != nil || f.min > 0 || f.max > 0
}

// A sourceKind says where a field's value comes from.
type sourceKind string

const (
	fromColumn     sourceKind = "column"
	fromLookup     sourceKind = "lookup"
	fromConstant   sourceKind = "constant"
	fromExpression sourceKind = "expression"
	fromEach       sourceKind = "each"
	fromObject     sourceKind = "object"
	fromList       sourceKind = "list"
)

// A source is a column of the row (lookup is nil), of the row of an each (element is set), or of a lookup's row.
type source struct {
	lookup  *lookup
	element bool
	column  string
	text    string // as it was written
}

// sourceText is where the field comes from, as the configuration writes it.
func (f *field) sourceText() string {
	switch f.kind {
	case fromExpression:
		return f.expr.program.String()
	case fromEach:
		return f.each.name
	default:
		return f.from.text
	}
}

// columnText is the Problem's column: what the value was made of.
func (f *field) columnText() string {
	if f.kind != fromExpression {
		return f.sourceText()
	}
	names := make([]string, len(f.expr.reads))
	for i, s := range f.expr.reads {
		names[i] = s.text
	}
	return strings.Join(names, ", ")
}

// A level is one object of the payload while its fields are compiled.
type level struct {
	shape    shape
	contract *contract
	prefix   string    // students[].
	each     []*lookup // whose rows are being mapped, the outermost first
	list     *field    // the list whose elements these are; nil in an object
	top      *[]*field // the record's own fields, complete when all is compiled
}

// in tells whether the level lies in l's each.
func (at level) in(l *lookup) bool { return slices.Contains(at.each, l) }

func (c *compiler) compileFields(fields []Field, at level) []*field {
	var out []*field
	if at.top == nil {
		at.top = &out
	}
	siblings := &out
	seen := map[string]bool{}
	for i, f := range fields {
		place := "field " + at.prefix + f.Name
		switch {
		case at.list != nil:
			place = "field " + at.list.path + "[" + strconv.Itoa(i) + "]"
			if f.Name != "" {
				c.fail(place, errors.New("the elements of a list have no names"))
			}
		case f.Name == "" || seen[f.Name]:
			c.fail(place, errors.New("a field needs a name that its object does not have yet"))
			continue
		case at.shape.refuses(f.Name):
			c.fail(place, fmt.Errorf("contract %s does not know it, and allows nothing else", at.contract.name))
		}
		seen[f.Name] = true
		compiled := c.compileField(f, at, place)
		compiled.order = i
		out = append(out, compiled)
		c.later = append(c.later, func() { c.compileOrderings(compiled, f, siblings, at.top, place) })
	}
	if at.list != nil {
		return out
	}
	for _, name := range at.shape.required() {
		if !seen[name] {
			c.fail("field "+at.prefix+name, fmt.Errorf("contract %s requires it, and no field fills it", at.contract.name))
		}
	}
	return out
}

func (c *compiler) compileField(f Field, at level, place string) *field {
	s := at.shape.property(f.Name)
	out := &field{
		name: f.Name, path: at.prefix + f.Name, label: cmp.Or(s.title(), f.Name),
		optional: f.Optional, min: f.Min, max: f.Max,
	}
	if at.list != nil {
		s = at.shape
		out.path, out.label = strings.TrimPrefix(place, "field "), cmp.Or(s.title(), at.list.label)
	} else {
		out.quoted = append(appendString(nil, f.Name), ':')
	}
	out.want, out.wantOne = s.kinds(), s.kinds()
	if f.Split != "" {
		out.wantOne = s.items().kinds()
	}
	for _, compile := range []func(*field, Field, level) error{c.compileSource, c.compileWhen, c.compileConversions} {
		if err := compile(out, f, at); err != nil {
			c.fail(place, err)
		}
	}
	for _, err := range []error{c.compileFallback(out, f, s, at), c.compileElements(out, f, s, at), c.compileDictUse(out, f, s, at)} {
		if err != nil {
			c.fail(place, err)
		}
	}
	return out
}

// compileElements compiles what is inside of an each, an object or a list, and sees that the contract has room for it.
func (c *compiler) compileElements(out *field, f Field, s shape, at level) error {
	inner := level{contract: at.contract, each: at.each, top: at.top}
	var fields []Field
	made := wantArray
	switch out.kind {
	case fromEach:
		out.noun = cmp.Or(s.items().title(), out.eachLabel())
		inner.shape, inner.prefix, fields = s.items(), out.path+"[].", f.Fields
		inner.each = append(slices.Clone(at.each), out.each)
	case fromObject:
		inner.shape, inner.prefix, fields, made = s, out.path+".", f.Object, wantObject
	case fromList:
		inner.shape, inner.list, fields = s.items(), out, f.List
	case fromConstant:
		return c.satisfies(out.constant, s, at, "constant")
	default:
		return nil
	}
	if out.kind == fromEach && out.each == nil {
		return nil // said already
	}
	if out.want != 0 && !out.want.has(made) {
		return fmt.Errorf("%s makes %s, and contract %s wants none here", out.kind, map[kinds]string{wantArray: "a list", wantObject: "an object"}[made],
			at.contract.name)
	}
	if len(fields) == 0 {
		return fmt.Errorf("%s needs fields", out.kind)
	}
	out.elements = c.compileFields(fields, inner)
	return nil
}

// satisfies holds a value of the configuration to the contract.
func (c *compiler) satisfies(d datum, s shape, at level, what string) error {
	if d.form == formNone || len(s) == 0 {
		return nil
	}
	if err := s[0].Validate(d.native()); err != nil {
		return fmt.Errorf("the %s does not satisfy contract %s: %w", what, at.contract.name, err)
	}
	return nil
}

// compileFallback prepares the default. It is sent as it stands, so it has to be what the contract wants.
func (c *compiler) compileFallback(out *field, f Field, s shape, at level) error {
	if !f.HasDefault {
		return nil
	}
	switch {
	case out.kind == fromConstant || len(out.elements) > 0 || out.kind == fromEach || out.kind == fromObject || out.kind == fromList:
		return errors.New("default goes with from and expr only")
	case f.Optional:
		return errors.New("a field with a default is never left out: take optional away")
	case f.Default == nil:
		return errors.New("default cannot be null; optional leaves the member out")
	}
	var err error
	if out.fallback, err = constantDatum(f.Default); err != nil {
		return err
	}
	return c.satisfies(out.fallback, s, at, "default")
}

func (f *field) eachLabel() string {
	if f.each == nil {
		return ""
	}
	return f.each.label
}

func (c *compiler) compileSource(out *field, f Field, at level) (err error) {
	given := 0
	for _, set := range []bool{f.From != "", f.HasValue, f.Expr != "", f.Each != "", f.Object != nil, f.List != nil} {
		if set {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("exactly one of from, value, expr, each, object and list has to be given")
	case len(f.Fields) > 0 && f.Each == "":
		return errors.New("fields belong to each")
	}
	switch {
	case f.From != "":
		out.kind = fromColumn
		out.from, err = c.sourceAt(f.From, at)
		if out.from.lookup != nil || out.from.element {
			out.kind = fromLookup
		}
	case f.HasValue:
		out.kind = fromConstant
		out.constant, err = constantDatum(f.Value)
	case f.Expr != "":
		out.kind = fromExpression
		out.expr, err = c.compileFormula(f.Expr, at, exprs.Compile)
	case f.Each != "":
		out.kind = fromEach
		out.each, err = c.eachLookup(f.Each, at)
	case f.Object != nil:
		out.kind = fromObject
	default:
		out.kind = fromList
	}
	return err
}

func (c *compiler) compileWhen(out *field, f Field, at level) (err error) {
	if f.When != "" {
		out.when, err = c.compileFormula(f.When, at, exprs.CompileCondition)
	}
	return err
}
