package contract

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// texts writes what is asked of a text, and leaves out with a note what cannot be checked.
func (c *converter) texts(out *object, s *openapi3.Schema, at place) {
	addCount(out, "minLength", s.MinLength, nil)
	addCount(out, "maxLength", 0, s.MaxLength)
	if s.Pattern != "" {
		if _, err := regexp.Compile(s.Pattern); err != nil {
			c.note("%s: the pattern could not be taken over: look-around and back-references of Java are not checked here", at.name())
		} else {
			*out = append(*out, member{"pattern", s.Pattern})
		}
	}
	if c.formatHolds(s, at) {
		*out = append(*out, member{"format", s.Format})
	}
	if len(s.Enum) > 0 {
		values := make([]any, 0, len(s.Enum))
		for _, v := range s.Enum {
			values = append(values, ordered(v))
		}
		if s.Nullable && !slices.Contains(values, any(nil)) && len(typesOf(s)) > 0 {
			values = append(values, nil)
		}
		*out = append(*out, member{"enum", values})
	}
	if s.Const != nil {
		*out = append(*out, member{"const", ordered(s.Const)})
	}
}

// formatHolds tells whether a format can be asked of the payload. Formats of programming languages (int64, double) say nothing about
// JSON. A date-time is what springdoc writes for every Java date, whatever notation the platform wants: where the document's own
// example or pattern contradicts it, it is left out.
func (c *converter) formatHolds(s *openapi3.Schema, at place) bool {
	layout := ""
	switch s.Format {
	case "date":
		layout = time.DateOnly
	case "date-time":
		layout = time.RFC3339
	case "email", "uri", "uuid", "ipv4", "ipv6", "hostname":
		return s.Type.Is("string")
	default:
		return false
	}
	if !s.Type.Is("string") {
		return false
	}
	example, given := s.Example.(string)
	if !given && len(s.Examples) > 0 {
		example, given = s.Examples[0].(string)
	}
	if _, err := time.Parse(layout, example); given && err != nil || s.Format == "date-time" && s.Pattern != "" {
		c.note("%s: format %s contradicts the document's own example or pattern, and was left out", at.name(), s.Format)
		return false
	}
	if s.Format == "date-time" && !given {
		c.note("%s: format date-time means 2026-03-05T14:30:00+08:00; if the platform wants another notation, take the format out of the "+
			"contract", at.name())
	}
	return true
}

// A flat schema is one that inherits by allOf and was put together into one object.
type flat struct {
	schema *openapi3.Schema
}

// flatten merges the branches of an allOf that only add members to an object, as class inheritance is written. It gives nil for
// anything else.
func flatten(s *openapi3.Schema) *flat {
	if len(s.AllOf) == 0 || len(s.AnyOf)+len(s.OneOf) > 0 || s.Not != nil {
		return nil
	}
	merged := *s
	merged.AllOf, merged.Properties, merged.Required = nil, openapi3.Schemas{}, nil
	f := &flat{schema: &merged}
	for _, ref := range s.AllOf {
		if ref == nil || ref.Value == nil || !addsOnly(ref.Value) {
			return nil
		}
		f.add(ref.Value)
	}
	f.add(s)
	return f
}

func (f *flat) add(s *openapi3.Schema) {
	maps.Copy(f.schema.Properties, s.Properties)
	for _, name := range s.Required {
		if !slices.Contains(f.schema.Required, name) {
			f.schema.Required = append(f.schema.Required, name)
		}
	}
	if f.schema.Description == "" {
		f.schema.Description = s.Description
	}
	if f.schema.Type == nil {
		f.schema.Type = s.Type
	}
}

// addsOnly tells whether a branch lists members and does nothing else.
func addsOnly(s *openapi3.Schema) bool {
	object := s.Type == nil || s.Type.Is("object")
	return object && len(s.AllOf)+len(s.AnyOf)+len(s.OneOf)+len(s.Enum)+len(s.PatternProperties) == 0 && s.Not == nil && s.Always == nil &&
		s.AdditionalProperties.Schema == nil && s.Items == nil && s.If == nil && s.Const == nil
}

// merge puts the members of the branches, as they were written, into one object, the inherited ones first.
func (f *flat) merge(c *converter, raw any) any {
	properties := object{}
	list, _ := atRaw(raw, "allOf").([]any)
	for _, part := range list {
		if o, ok := atRaw(c.follow(part), "properties").(object); ok {
			properties = append(properties, o...)
		}
	}
	if o, ok := atRaw(raw, "properties").(object); ok {
		properties = append(properties, o...)
	}
	return object{{"properties", properties}}
}
