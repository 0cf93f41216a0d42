package contract

import (
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// This file decides which schemas of a contract are written once and referred to.

// findCircles marks a schema on every way back to itself.
func (c *converter) findCircles(root *openapi3.SchemaRef) {
	path := map[*openapi3.Schema]bool{}
	seen := map[*openapi3.Schema]bool{}
	var visit func(*openapi3.SchemaRef)
	visit = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil {
			return
		}
		s := ref.Value
		if path[s] {
			c.name(s, refName(ref.Ref))
			return
		}
		if seen[s] {
			return
		}
		seen[s], path[s] = true, true
		for _, child := range children(s) {
			visit(child)
		}
		delete(path, s)
	}
	visit(root)
}

// findNamed marks every schema that has a name of its own.
func (c *converter) findNamed(root *openapi3.SchemaRef) {
	seen := map[*openapi3.Schema]bool{}
	var visit func(*openapi3.SchemaRef)
	visit = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil {
			return
		}
		if ref.Ref != "" {
			c.name(ref.Value, refName(ref.Ref))
		}
		if seen[ref.Value] {
			return
		}
		seen[ref.Value] = true
		for _, child := range children(ref.Value) {
			visit(child)
		}
	}
	visit(root)
}

// name gives a schema a name of its own under $defs.
func (c *converter) name(s *openapi3.Schema, wanted string) {
	if _, has := c.defs[s]; has {
		return
	}
	if wanted == "" {
		wanted = "part"
	}
	if c.taken == nil {
		c.taken = map[string]bool{}
	}
	name := wanted
	for n := 2; c.taken[name]; n++ {
		name = wanted + strconv.Itoa(n)
	}
	c.defs[s], c.taken[name] = name, true
}

func children(s *openapi3.Schema) []*openapi3.SchemaRef {
	out := slices.Concat([]*openapi3.SchemaRef(s.OneOf), s.AnyOf, s.AllOf, s.PrefixItems, []*openapi3.SchemaRef{s.Not, s.Items, s.AdditionalProperties.Schema})
	for _, name := range sortedKeys(s.Properties) {
		out = append(out, s.Properties[name])
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
