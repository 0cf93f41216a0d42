package mapper

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
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

	kind       sourceKind
	from       source
	constant   datum
	expr       *exprs.Program
	exprReads  []source // what the expression names: columns, and lookups as a whole (column is empty)
	exprSource string
	each       *lookup
	elements   []*field
	noun       string // what one element is called

	trim, optional, html, truncate bool
	dict                           *dict
	layout                         *timeLayout
	typeWord                       string
	check                          check
	checkWord                      string
	max                            int
}

// A sourceKind says where a field's value comes from.
type sourceKind string

const (
	fromColumn     sourceKind = "column"
	fromLookup     sourceKind = "lookup"
	fromConstant   sourceKind = "constant"
	fromExpression sourceKind = "expression"
	fromEach       sourceKind = "each"
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
		return f.exprSource
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
	names := make([]string, len(f.exprReads))
	for i, s := range f.exprReads {
		names[i] = s.text
	}
	return strings.Join(names, ", ")
}

// A level is one object of the payload while its fields are compiled.
type level struct {
	shape    shape
	contract *contract
	prefix   string  // students[].
	each     *lookup // whose rows are being mapped; nil at the top
}

func (c *compiler) compileFields(fields []Field, at level) []*field {
	var out []*field
	seen := map[string]bool{}
	for _, f := range fields {
		place := "field " + at.prefix + f.Name
		if f.Name == "" || seen[f.Name] {
			c.fail(place, errors.New("a field needs a name that its object does not have yet"))
			continue
		}
		seen[f.Name] = true
		if at.shape.refuses(f.Name) {
			c.fail(place, fmt.Errorf("contract %s does not know it, and allows nothing else", at.contract.name))
		}
		compiled := c.compileField(f, at, place)
		compiled.order = len(out)
		out = append(out, compiled)
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
		name: f.Name, quoted: append(appendString(nil, f.Name), ':'), path: at.prefix + f.Name,
		label: cmp.Or(s.title(), f.Name), want: s.kinds(),
		trim: f.Trim, optional: f.Optional, max: f.Max,
	}
	if err := c.compileSource(out, f, at); err != nil {
		c.fail(place, err)
	}
	if err := c.compileConversions(out, f); err != nil {
		c.fail(place, err)
	}
	switch {
	case out.kind == fromEach:
		out.noun = cmp.Or(s.items().title(), out.eachLabel())
		if out.want != 0 && !out.want.has(wantArray) {
			c.fail(place, fmt.Errorf("each makes a list, and contract %s wants none here", at.contract.name))
		}
		out.elements = c.compileFields(f.Fields, level{shape: s.items(), contract: at.contract, prefix: out.path + "[].", each: out.each})
		if len(f.Fields) == 0 {
			c.fail(place, errors.New("each needs fields"))
		}
	case len(f.Fields) > 0:
		c.fail(place, errors.New("fields belong to each"))
	case out.kind == fromConstant && len(s) > 0:
		if err := s[0].Validate(out.constant.native()); err != nil {
			c.fail(place, fmt.Errorf("the constant does not satisfy contract %s: %w", at.contract.name, err))
		}
	}
	return out
}

func (f *field) eachLabel() string {
	if f.each == nil {
		return ""
	}
	return f.each.label
}

func (c *compiler) compileSource(out *field, f Field, at level) (err error) {
	given := 0
	for _, set := range []bool{f.From != "", f.HasValue, f.Expr != "", f.Each != ""} {
		if set {
			given++
		}
	}
	if given != 1 {
		return errors.New("exactly one of from, value, expr and each has to be given")
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
		err = c.compileExpr(out, f.Expr, at)
	default:
		out.kind = fromEach
		out.each, err = c.eachLookup(f.Each, at)
	}
	return err
}

// sourceAt resolves a name where the field stands: inside an each, a bare name is a column of the element's row if the query gives
// such a column, and else a column of the record's row. Where the query's columns cannot be read off its text, it is the element's.
func (c *compiler) sourceAt(name string, at level) (source, error) {
	if at.each != nil && !strings.Contains(name, ".") && c.lookups[name] == nil && at.each.mayGive(name) == nil {
		at.each.uses(name)
		return source{element: true, lookup: at.each, column: name, text: at.each.name + "." + name}, nil
	}
	return c.source(name)
}

func (c *compiler) eachLookup(name string, at level) (*lookup, error) {
	l := c.lookups[name]
	switch {
	case at.each != nil:
		return nil, errors.New("an each inside an each is not supported")
	case l == nil:
		return nil, fmt.Errorf("lookup %s is not defined%s", name, known("the lookups are", slices.Collect(maps.Keys(c.lookups))))
	case !l.many:
		return nil, fmt.Errorf("lookup %s gives one row; set many: true to map each of several", name)
	}
	return l, nil
}

func (c *compiler) compileExpr(out *field, expression string, at level) error {
	if err := noWholeEnv(expression); err != nil {
		return err
	}
	program, err := exprs.Compile(expression)
	if err != nil {
		return err
	}
	out.expr, out.exprSource = program, expression
	for _, name := range program.Names() {
		if l := c.lookups[name]; l != nil {
			out.exprReads = append(out.exprReads, source{lookup: l, text: name})
			if err := l.givesMembers(program.Members(name)); err != nil {
				return err
			}
			continue
		}
		s, err := c.sourceAt(name, at)
		if err != nil {
			return err
		}
		out.exprReads = append(out.exprReads, s)
	}
	return nil
}

// compileConversions checks that the conversions of a field exist and go together.
func (c *compiler) compileConversions(out *field, f Field) error {
	var errs []error
	if words := conversionWords(f); len(words) > 0 && (out.kind == fromConstant || out.kind == fromEach) {
		return fmt.Errorf("%s goes with from and expr only", strings.Join(words, ", "))
	}
	var err error
	if f.Dict != "" {
		if out.dict = c.dicts[f.Dict]; out.dict == nil {
			errs = append(errs, fmt.Errorf("dict %s is not defined%s", f.Dict, known("the dictionaries are", slices.Collect(maps.Keys(c.dicts)))))
		}
	}
	if f.Time != "" {
		if out.layout, err = parseTimeLayout(f.Time); err != nil {
			errs = append(errs, err)
		}
	}
	if f.Check != "" {
		if out.check, err = findCheck(f.Check); err != nil {
			errs = append(errs, err)
		}
		out.checkWord = f.Check
	}
	if out.html = f.Text == "html"; f.Text != "" && !out.html {
		errs = append(errs, fmt.Errorf("text %q is not known; use html", f.Text))
	}
	if out.typeWord = f.Type; f.Type != "" && !isTypeWord(f.Type) {
		errs = append(errs, fmt.Errorf("type %q is not known; use integer, decimal, boolean or string", f.Type))
	}
	out.truncate = f.Overflow == "truncate"
	return errors.Join(append(errs, conflicts(f, out.want)...)...)
}

func conversionWords(f Field) []string {
	var words []string
	for word, set := range map[string]bool{
		"dict": f.Dict != "", "time": f.Time != "", "type": f.Type != "", "text": f.Text != "", "check": f.Check != "",
		"max": f.Max != 0, "overflow": f.Overflow != "", "trim": f.Trim,
	} {
		if set {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}

// conflicts lists the conversions that contradict each other or the contract.
func conflicts(f Field, want kinds) []error {
	var errs []error
	add := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	add(f.Overflow != "" && f.Overflow != "reject" && f.Overflow != "truncate", fmt.Sprintf("overflow %q is not known; use reject or truncate", f.Overflow))
	add(f.Overflow == "truncate" && f.Max == 0, "overflow: truncate needs max")
	add(f.Max < 0, "max has to be positive")
	add(f.Time != "" && (f.Dict != "" || f.Text != "" || f.Type != ""), "time does not go with dict, text or type")
	add(f.Dict != "" && f.Text != "", "dict does not go with text")
	typed := f.Type != "" && f.Type != "string"
	add(typed && (f.Check != "" || f.Max != 0), "type "+f.Type+" does not go with check or max, which are for text")
	made := map[string]kinds{"string": wantString, "integer": wantInteger | wantNumber, "decimal": wantInteger | wantNumber, "boolean": wantBoolean}[f.Type]
	add(made != 0 && want != 0 && !want.has(made), "type "+f.Type+" is not what the contract allows here")
	return errs
}
