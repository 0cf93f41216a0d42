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

// readField reads one member of the payload: the short form, a column, or a mapping. outer is the field whose each it is in.
func (r *Route) readField(s *setting, into *[]Field, c *Config, outer *Field) {
	f := Field{Name: s.name}
	if s.is(mapping) {
		s.block(func(b *block) { r.readFieldBlock(b, &f, c, outer) })
	} else {
		s.text(&f.From, notEmpty)
		r.checkFrom(s, f.From)
	}
	*into = append(*into, f)
}

func (r *Route) readFieldBlock(b *block, f *Field, c *Config, outer *Field) {
	from := b.may("from")
	from.text(&f.From, notEmpty)
	r.checkFrom(from, f.From)
	value := b.may("value")
	if f.HasValue = value.value != nil; f.HasValue {
		var shown any
		f.Value, shown = value.constant()
		value.show(shown)
	}
	expr := b.may("expr")
	expr.text(&f.Expr, notEmpty)
	expr.compiles(f.Expr, exprs.Compile)
	r.readEach(b, f, c, outer)
	dict := b.may("dict")
	dict.text(&f.Dict, notEmpty)
	dict.later(func() { c.checkDict(dict, f.Dict) })
	b.may("time").text(&f.Time, notEmpty)
	b.may("type").text(&f.Type, oneOf("string", "integer", "decimal", "boolean"))
	b.may("text").text(&f.Text, oneOf("html"))
	b.may("check").text(&f.Check, oneOf("id_card", "mobile", "phone"))
	b.may("max").integer(&f.Max, 1, math.MaxInt32)
	overflow := b.may("overflow")
	overflow.text(&f.Overflow, oneOf("reject", "truncate"))
	b.may("trim").boolean(&f.Trim)
	b.may("optional").boolean(&f.Optional)
	if overflow.value != nil && !b.has("max") {
		overflow.problem("says what happens beyond max, and there is no max")
	}
	b.exactlyOne("from", "value", "expr", "each")
}

// readEach reads the list form: fields over every row of a lookup.
func (r *Route) readEach(b *block, f *Field, c *Config, outer *Field) {
	each, fields := b.may("each"), b.may("fields")
	each.text(&f.Each, notEmpty)
	fields.entries(func(s *setting) { r.readField(s, &f.Fields, c, f) })
	switch {
	case each.value == nil && fields.value != nil:
		fields.problem("belongs to each, which is missing")
	case each.value != nil && len(f.Fields) == 0 && !fields.is(sequence):
		each.problem("needs fields: what is made of every row")
	case each.value != nil && outer != nil:
		each.problem("an each inside an each is not supported")
	case f.Each != "":
		r.checkEach(each, f.Each)
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
func (r *Route) checkFrom(s *setting, from string) {
	lookup, _, dotted := strings.Cut(from, ".")
	if !dotted {
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
