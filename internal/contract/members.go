package contract

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// members writes what an object may and must hold, in the order of the document.
func (c *converter) members(out *object, s *openapi3.Schema, raw any, at place) error {
	properties, required := object{}, []any{}
	for _, name := range orderOf(s.Properties, atRaw(raw, "properties")) {
		ref := s.Properties[name]
		if ref != nil && ref.Value != nil && ref.Value.ReadOnly {
			c.note("%s is read-only: the platform sets it, so it was left out", strings.TrimPrefix(at.path+"."+name, "."))
			continue
		}
		property, err := c.schema(ref, atRaw(raw, "properties", name), at.in("."+name))
		if err != nil {
			return err
		}
		properties = append(properties, member{name, property})
	}
	for _, name := range s.Required {
		if readOnly := s.Properties[name]; readOnly == nil || readOnly.Value == nil || !readOnly.Value.ReadOnly {
			required = append(required, name)
		}
	}
	if len(required) > 0 {
		*out = append(*out, member{"required", distinct(required)})
	}
	if len(properties) > 0 {
		*out = append(*out, member{"properties", properties})
	}
	addCount(out, "minProperties", s.MinProps, nil)
	addCount(out, "maxProperties", 0, s.MaxProps)
	return c.additional(out, s, raw, at, len(properties) > 0)
}

func distinct(names []any) []any {
	var out []any
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// additional writes additionalProperties: as the operator chose, and where that cannot be, as the document has it.
func (c *converter) additional(out *object, s *openapi3.Schema, raw any, at place, listed bool) error {
	more := s.AdditionalProperties
	switch {
	case more.Schema != nil && more.Schema.Value != nil:
		schema, err := c.schema(more.Schema, atRaw(raw, "additionalProperties"), at.in(".*"))
		if err == nil {
			*out = append(*out, member{"additionalProperties", schema})
		}
		return err
	case c.style.Closed && listed && !at.part && len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) == 0:
		*out = append(*out, member{"additionalProperties", false})
	case more.Has != nil && !*more.Has:
		*out = append(*out, member{"additionalProperties", false})
	case c.style.Closed && listed:
		c.note("%s is put together of alternatives: it could not be closed to other members", at.name())
	}
	return nil
}

// orderOf lists the properties as the document does; those that it does not show there come last, sorted.
func orderOf(properties openapi3.Schemas, raw any) []string {
	var names []string
	if o, ok := raw.(object); ok {
		for _, name := range o.names() {
			if _, there := properties[name]; there {
				names = append(names, name)
			}
		}
	}
	for _, name := range sortedKeys(properties) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
