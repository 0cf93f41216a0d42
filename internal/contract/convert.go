package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxInline bounds what is written out in every place where it is used: beyond it each named schema is written once, under $defs, and
// referred to. maxParts bounds a contract in either form.
const (
	maxInline = 5000
	maxParts  = 50_000
)

// A Contract is a JSON Schema (2020-12) made of a document's schema.
type Contract struct {
	Schema []byte   // as it is written to a file
	Notes  []string // what of the document could not be taken over, and why
	From   string   // name of the schema in the document
}

// Style is what the operator chooses about a contract.
type Style struct {
	Closed  bool   // members that the document does not list are refused; otherwise as the document says
	Comment string // the file's $comment
}

// Convert makes a contract of a schema by its name.
func (d *Document) Convert(name string, style Style) (Contract, error) {
	if d.api.Components != nil {
		if ref := d.api.Components.Schemas[name]; ref != nil && ref.Value != nil {
			return d.convert(ref, d.rawSchema(name), name, style)
		}
	}
	names := d.Schemas()
	if len(names) > 40 {
		names = append(names[:40], fmt.Sprintf("and %d more", len(names)-40))
	}
	return Contract{}, fmt.Errorf("the document has no schema %s; it has %s", name, strings.Join(names, ", "))
}

// ConvertBody makes a contract of a call's body.
func (d *Document) ConvertBody(o Operation, style Style) (Contract, error) {
	return d.convert(o.schema, o.raw, o.Body, style)
}

// rawSchema finds a schema as it was written, in either format.
func (d *Document) rawSchema(name string) any {
	if raw := d.raw.at("components", "schemas", name); raw != nil {
		return raw
	}
	return d.raw.at("definitions", name)
}

func (d *Document) convert(ref *openapi3.SchemaRef, raw any, name string, style Style) (Contract, error) {
	c := &converter{document: d, style: style, limit: maxInline, defs: map[*openapi3.Schema]string{}, open: map[*openapi3.Schema]bool{}}
	c.findCircles(ref)
	body, err := c.schema(ref, raw, place{})
	if errors.Is(err, errTooLarge) {
		c = &converter{document: d, style: style, limit: maxParts, defs: map[*openapi3.Schema]string{}, open: map[*openapi3.Schema]bool{}}
		c.findNamed(ref)
		body, err = c.schema(ref, raw, place{})
	}
	if err != nil {
		return Contract{}, fmt.Errorf("schema %s: %w", name, err)
	}
	root := object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}}
	if style.Comment != "" {
		root = append(root, member{"$comment", style.Comment})
	}
	root = append(root, body...)
	if len(c.written) > 0 {
		slices.SortFunc(c.written, func(a, b member) int { return strings.Compare(a.name, b.name) })
		root = append(root, member{"$defs", c.written})
	}
	slices.Sort(c.notes)
	return Contract{Schema: write(root), Notes: slices.Compact(c.notes), From: name}, nil
}

// A converter writes one schema with all that it refers to.
type converter struct {
	document *Document
	style    Style
	parts    int
	limit    int
	defs     map[*openapi3.Schema]string // those that are referred to: the ones that lead back to themselves, or all with a name
	open     map[*openapi3.Schema]bool   // those in defs that were begun
	taken    map[string]bool             // the names in defs
	written  object                      // $defs
	notes    []string
}

// place is where in the contract a schema stands.
type place struct {
	path  string // as in a problem: students[].studentNo
	depth int
	part  bool // it is a branch of allOf, anyOf or oneOf: it does not list all members and cannot be closed
}

func (p place) in(step string) place { return place{path: p.path + step, depth: p.depth + 1} }

func (p place) name() string {
	if p.path == "" {
		return "the record"
	}
	return strings.TrimPrefix(p.path, ".")
}

// errTooLarge says that a schema unfolds to more parts than a contract may have.
var errTooLarge = fmt.Errorf("it unfolds to more than %d parts", maxParts)

// schema writes one schema, or a reference to it.
func (c *converter) schema(ref *openapi3.SchemaRef, raw any, at place) (object, error) {
	if ref == nil || ref.Value == nil {
		return object{}, nil
	}
	if c.parts++; c.parts > c.limit {
		return nil, errTooLarge
	}
	if at.depth > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	raw = c.follow(raw)
	name, circular := c.defs[ref.Value]
	if !circular {
		return c.inline(ref.Value, raw, at)
	}
	if !c.open[ref.Value] {
		c.open[ref.Value] = true
		body, err := c.inline(ref.Value, raw, place{path: "." + name, depth: at.depth})
		if err != nil {
			return nil, err
		}
		c.written = append(c.written, member{name, body})
	}
	return object{{"$ref", "#/$defs/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)}}, nil
}

// follow finds what a reference of the document as it was written names.
func (c *converter) follow(raw any) any {
	for range 20 { // a chain that is longer costs the order of its members, nothing else
		o, ok := raw.(object)
		if !ok {
			return nil
		}
		ref := o.text("$ref")
		if ref == "" {
			return o
		}
		pointer, local := strings.CutPrefix(ref, "#/")
		if !local {
			return nil
		}
		parts := strings.Split(pointer, "/")
		for i := range parts {
			parts[i] = unescape(parts[i])
		}
		if raw = c.document.raw.at(parts...); raw == nil && len(parts) == 3 && parts[1] == "schemas" {
			raw = c.document.rawSchema(parts[2])
		}
	}
	return nil
}

// inline writes a schema's own content.
func (c *converter) inline(s *openapi3.Schema, raw any, at place) (object, error) {
	out := object{}
	if title := titleOf(s); title != "" {
		out = append(out, member{"title", title})
	}
	if s.Always != nil {
		if !*s.Always {
			out = append(out, member{"not", object{}})
		}
		return out, nil
	}
	if flat := flatten(s); flat != nil {
		s, raw = flat.schema, flat.merge(c, raw)
	}
	if kinds := typesOf(s); len(kinds) == 1 {
		out = append(out, member{"type", kinds[0]})
	} else if len(kinds) > 1 {
		out = append(out, member{"type", anyList(kinds)})
	}
	if s.Description != "" {
		out = append(out, member{"description", strings.TrimSpace(s.Description)})
	}
	c.texts(&out, s, at)
	c.numbers(&out, s)
	if err := c.array(&out, s, raw, at); err != nil {
		return nil, err
	}
	if err := c.members(&out, s, raw, at); err != nil {
		return nil, err
	}
	return out, c.branches(&out, s, raw, at)
}

// titleOf is what a counsellor reads: the document's title, or the first words of its description.
func titleOf(s *openapi3.Schema) string {
	if s.Title != "" {
		return s.Title
	}
	text := strings.TrimSpace(s.Description)
	if end := strings.IndexAny(text, ";；:：,，。(（\n\t [【"); end > 0 {
		text = text[:end]
	}
	if len([]rune(text)) > 30 {
		return ""
	}
	return strings.TrimRight(text, ".、")
}

func typesOf(s *openapi3.Schema) []string {
	var kinds []string
	if s.Type != nil {
		kinds = slices.Clone(s.Type.Slice())
	}
	if len(kinds) == 0 && len(s.Properties) > 0 {
		kinds = []string{"object"} // springfox leaves it out
	}
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return !isType(kind) })
	if s.Nullable && len(kinds) > 0 && !slices.Contains(kinds, "null") {
		kinds = append(kinds, "null")
	}
	return kinds
}

// isType leaves out file, which Swagger 2 has besides.
func isType(kind string) bool {
	return slices.Contains([]string{"string", "integer", "number", "boolean", "array", "object", "null"}, kind)
}

func anyList(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

func (c *converter) numbers(out *object, s *openapi3.Schema) {
	add := func(name string, value *float64) {
		if value != nil {
			*out = append(*out, member{name, *value})
		}
	}
	lower, upper := "minimum", "maximum"
	if s.ExclusiveMin.IsTrue() { // OpenAPI 3.0: a word beside the bound; 3.1: the bound itself
		lower = "exclusiveMinimum"
	}
	if s.ExclusiveMax.IsTrue() {
		upper = "exclusiveMaximum"
	}
	add(lower, s.Min)
	add(upper, s.Max)
	add("exclusiveMinimum", s.ExclusiveMin.Value)
	add("exclusiveMaximum", s.ExclusiveMax.Value)
	if s.MultipleOf != nil && *s.MultipleOf > 0 {
		add("multipleOf", s.MultipleOf)
	}
}

func (c *converter) array(out *object, s *openapi3.Schema, raw any, at place) error {
	addCount(out, "minItems", s.MinItems, nil)
	addCount(out, "maxItems", 0, s.MaxItems)
	if s.UniqueItems {
		*out = append(*out, member{"uniqueItems", true})
	}
	if s.Items == nil {
		return nil
	}
	items, err := c.schema(s.Items, atRaw(raw, "items"), at.in("[]"))
	if err == nil {
		*out = append(*out, member{"items", items})
	}
	return err
}

func addCount(out *object, name string, least uint64, most *uint64) {
	if least > 0 {
		*out = append(*out, member{name, json.Number(strconv.FormatUint(least, 10))})
	}
	if most != nil {
		*out = append(*out, member{name, json.Number(strconv.FormatUint(*most, 10))})
	}
}

func atRaw(raw any, path ...string) any {
	o, ok := raw.(object)
	if !ok {
		return nil
	}
	return o.at(path...)
}

// branches writes what could not be flattened.
func (c *converter) branches(out *object, s *openapi3.Schema, raw any, at place) error {
	for _, b := range []struct {
		name string
		refs openapi3.SchemaRefs
	}{{"allOf", s.AllOf}, {"anyOf", s.AnyOf}, {"oneOf", s.OneOf}} {
		if len(b.refs) == 0 {
			continue
		}
		rawList, _ := atRaw(raw, b.name).([]any)
		list := []any{}
		for i, ref := range b.refs {
			var rawPart any
			if i < len(rawList) {
				rawPart = rawList[i]
			}
			part, err := c.schema(ref, rawPart, place{path: at.path, depth: at.depth + 1, part: true})
			if err != nil {
				return err
			}
			list = append(list, part)
		}
		*out = append(*out, member{b.name, list})
	}
	if s.Not == nil {
		return nil
	}
	not, err := c.schema(s.Not, atRaw(raw, "not"), place{path: at.path, depth: at.depth + 1, part: true})
	if err == nil {
		*out = append(*out, member{"not", not})
	}
	return err
}

func (c *converter) note(format string, args ...any) {
	if len(c.notes) < 100 {
		c.notes = append(c.notes, fmt.Sprintf(format, args...))
	}
}
