package config

import (
	"math"
	"slices"
	"strings"

	"talkbridge/internal/exprs"
)

func (r *Route) readFields(s *setting, c *Config) {
	s.entries(func(field *setting) { r.readField(field, &r.Fields, c, nil) })
	if (s.is(mapping) || s.is(nothing)) && len(r.Fields) == 0 {
		s.problem("a record needs at least one field")
	}
}

// A scope is where a field stands: the fields whose each it is in, the outermost first.
type scope []*Field

// readField reads one member of the payload: the short form, a column, or a mapping.
func (r *Route) readField(s *setting, into *[]Field, c *Config, in scope) {
	f := Field{Name: s.name}
	if s.is(mapping) {
		s.block(func(b *block) { r.readFieldBlock(b, &f, c, in) })
	} else {
		s.text(&f.From, notEmpty)
		r.checkFrom(s, f.From, in)
	}
	*into = append(*into, f)
}

func (r *Route) readFieldBlock(b *block, f *Field, c *Config, in scope) {
	from := b.may("from")
	from.text(&f.From, notEmpty)
	r.checkFrom(from, f.From, in)
	f.HasValue = b.may("value").anyValue(&f.Value)
	expr := b.may("expr")
	expr.text(&f.Expr, notEmpty)
	expr.compiles(f.Expr, exprs.Compile)
	r.readEach(b, f, c, in)
	r.readNested(b, f, c, in)
	when := b.may("when")
	when.text(&f.When, notEmpty)
	when.compiles(f.When, exprs.CompileCondition)
	fallback := b.may("default")
	f.HasDefault = fallback.anyValue(&f.Default)
	b.may("optional").boolean(&f.Optional)
	if f.HasDefault && f.Optional {
		fallback.problem("a field with a default is never left out: take optional away")
	}
	r.readConversions(b, f, c, in)
	b.exactlyOne("from", "value", "expr", "each", "object", "list")
}

// readConversions reads what happens to the value, in the order in which it happens.
func (r *Route) readConversions(b *block, f *Field, c *Config, in scope) {
	b.may("text").text(&f.Text, oneOf("html"))
	b.may("clean").words(&f.Clean, oneOf("control", "zero_width", "halfwidth", "phone", "no_spaces", "spaces", "trim"))
	b.may("trim").boolean(&f.Trim)
	b.may("split").text(&f.Split, func(text string) string {
		if text == "" {
			return "must not be empty"
		}
		return ""
	})
	dict := b.may("dict")
	dict.text(&f.Dict, notEmpty)
	dict.later(func() { c.checkDict(dict, f.Dict) })
	b.may("time").text(&f.Time, notEmpty)
	b.may("date_order").text(&f.DateOrder, oneOf("ymd", "dmy", "mdy"))
	b.may("not_before").text(&f.NotBefore, notEmpty)
	b.may("not_after").text(&f.NotAfter, notEmpty)
	b.may("type").text(&f.Type, oneOf("string", "integer", "decimal", "boolean"))
	r.readCheck(b.may("check"), f, in)
	b.may("min").integer(&f.Min, 1, math.MaxInt32)
	b.may("max").integer(&f.Max, 1, math.MaxInt32)
	overflow := b.may("overflow")
	overflow.text(&f.Overflow, oneOf("reject", "truncate"))
	if overflow.value != nil && !b.has("max") {
		overflow.problem("says what happens beyond max, and there is no max")
	}
}

// readCheck reads a word, or the column that decides between several.
func (r *Route) readCheck(s *setting, f *Field, in scope) {
	known := oneOf("id_card", "id_card_15", "residence_permit", "permanent_residence", "passport", "hk_macau_permit", "taiwan_permit",
		"mobile", "phone", "none")
	if !s.is(mapping) {
		s.text(&f.Check, known)
		return
	}
	f.CheckBy = &CheckBy{Kinds: map[string]string{}}
	s.block(func(b *block) {
		by := b.need("by")
		by.text(&f.CheckBy.By, notEmpty)
		r.checkFrom(by, f.CheckBy.By, in)
		kinds := b.need("kinds")
		kinds.entries(func(item *setting) {
			var word string
			item.text(&word, known)
			f.CheckBy.Kinds[item.name] = word
		})
		if kinds.value != nil && len(f.CheckBy.Kinds) == 0 && (kinds.is(mapping) || kinds.is(nothing)) {
			kinds.problem(`must name a check for each value of by, such as {"1": id_card, A: passport}`)
		}
		b.may("otherwise").text(&f.CheckBy.Otherwise, known)
	})
}

// readEach reads the list form: fields over every row of a lookup.
func (r *Route) readEach(b *block, f *Field, c *Config, in scope) {
	each, fields := b.may("each"), b.may("fields")
	each.text(&f.Each, notEmpty)
	fields.entries(func(s *setting) { r.readField(s, &f.Fields, c, append(slices.Clip(in), f)) })
	switch {
	case each.value == nil && fields.value != nil:
		fields.problem("belongs to each, which is missing")
	case each.value != nil && len(f.Fields) == 0 && !fields.is(sequence):
		each.problem("needs fields: what is made of every row")
	case f.Each != "":
		r.checkEach(each, f.Each)
	}
}

// readNested reads what makes an object or an array out of fields of its own.
func (r *Route) readNested(b *block, f *Field, c *Config, in scope) {
	members, elements := b.may("object"), b.may("list")
	if members.value != nil {
		f.Object = []Field{}
	}
	members.entries(func(s *setting) { r.readField(s, &f.Object, c, in) })
	if (members.is(mapping) || members.is(nothing)) && len(f.Object) == 0 {
		members.problem("must hold at least one field")
	}
	if elements.value != nil {
		f.List = []Field{}
	}
	elements.list(func(s *setting) { r.readField(s, &f.List, c, in) })
	if (elements.is(sequence) || elements.is(nothing)) && len(f.List) == 0 {
		elements.problem("must hold at least one element: a column, or a field without a name")
	}
}

func (r *Route) checkEach(s *setting, name string) {
	var many []string
	for _, l := range r.Lookups {
		if l.Name == name && !l.Many {
			s.problem("this lookup gives one row: give it many: true")
		}
		if l.Name == name {
			return
		}
		if l.Many {
			many = append(many, l.Name)
		}
	}
	s.problem("there is no such lookup%s", hint(name, many))
}

// checkFrom sees that lookup.column names a lookup. Whether a column exists only the server knows.
func (r *Route) checkFrom(s *setting, from string, in scope) {
	lookup, _, dotted := strings.Cut(from, ".")
	if !dotted || slices.ContainsFunc(in, func(f *Field) bool { return f.Each == lookup }) {
		return
	}
	if fault := r.lookupFault(lookup); fault != "" {
		s.problem("%s", fault)
	}
}

func (c *Config) checkDict(s *setting, name string) {
	known := make([]string, len(c.Dicts))
	for i, d := range c.Dicts {
		known[i] = d.Name
	}
	if name != "" && !slices.Contains(known, name) {
		s.problem("there is no such dictionary under dicts%s", hint(name, known))
	}
}

// exactlyOne reports a block that holds none of the keys, or more than one of them.
func (b *block) exactlyOne(keys ...string) {
	var given []string
	for _, key := range keys {
		if b.has(key) {
			given = append(given, key)
		}
	}
	switch len(given) {
	case 1:
	case 0:
		b.w.problem(b.at, b.path, "one of "+strings.Join(keys, ", ")+" is missing")
	default:
		b.w.problem(b.at, b.path, "only one of "+strings.Join(given, ", ")+" can be the source of a field")
	}
}

// readRule reads a condition over the payload. Its names are those of fields, so a misspelt one would be nil for ever.
func (r *Route) readRule(s *setting) {
	var rule Rule
	s.block(func(b *block) {
		assert := b.need("assert")
		assert.text(&rule.Assert, notEmpty)
		names, ok := assert.compiles(rule.Assert, exprs.CompileCondition)
		b.need("message").text(&rule.Message, notEmpty)
		if !ok {
			return
		}
		known := []string{"now"}
		for _, f := range r.Fields {
			known = append(known, f.Name)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				assert.w.problem(assert.w.file.find(assert.at, name), assert.path, "there is no such field"+hint(name, known))
			}
		}
	})
	r.Rules = append(r.Rules, rule)
}
