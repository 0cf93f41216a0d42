package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Field is one line of a contract's table.
type Field struct {
	Path        string   `json:"path"` // students[].studentNo
	Type        string   `json:"type"` // string, integer | null
	Required    bool     `json:"required"`
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
	MinLength   string   `json:"min_length,omitempty"`
	MaxLength   string   `json:"max_length,omitempty"`
	Enum        []string `json:"enum,omitempty"`
	Pattern     string   `json:"pattern,omitempty"`
	Format      string   `json:"format,omitempty"`
	Range       string   `json:"range,omitempty"` // of a number, or of an array's length: 1..1440
}

// maxFields bounds a table.
const maxFields = 5000

// Fields lists the members of a contract, nested ones behind their parents, in the contract's order.
func Fields(schema []byte) ([]Field, error) {
	root, err := readObject(schema)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	w := &fieldWalk{root: root, at: map[string]int{}}
	if err := w.object(root, "", nil); err != nil {
		return nil, err
	}
	return w.out, nil
}

type fieldWalk struct {
	root object
	out  []Field
	at   map[string]int // path to index in out
}

// object lists the members of one object. path holds the schemas around it: one that leads back to itself ends there.
func (w *fieldWalk) object(schema object, prefix string, path []string) error {
	for _, part := range w.parts(schema, 0) {
		required, _ := part.get("required").([]any)
		properties, _ := part.get("properties").(object)
		for _, m := range properties {
			property, _ := m.value.(object)
			if err := w.property(property, prefix+m.name, slices.Contains(required, any(m.name)), path); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts are a schema and all that it refers to unconditionally.
func (w *fieldWalk) parts(schema object, depth int) []object {
	out := []object{schema}
	if depth > 20 {
		return out
	}
	if target := w.target(schema); target != nil {
		out = append(out, w.parts(target, depth+1)...)
	}
	all, _ := schema.get("allOf").([]any)
	for _, part := range all {
		if o, ok := part.(object); ok {
			out = append(out, w.parts(o, depth+1)...)
		}
		if len(out) > maxFields {
			return out[:maxFields]
		}
	}
	return out
}

func (w *fieldWalk) target(schema object) object {
	pointer, local := strings.CutPrefix(schema.text("$ref"), "#/")
	if !local {
		return nil
	}
	parts := strings.Split(pointer, "/")
	for i := range parts {
		parts[i] = unescape(parts[i])
	}
	target, _ := w.root.at(parts...).(object)
	return target
}

func (w *fieldWalk) property(schema object, path string, required bool, around []string) error {
	if len(w.out) >= maxFields {
		return fmt.Errorf("the contract has more than %d fields", maxFields)
	}
	parts := w.parts(schema, 0)
	w.add(Field{Path: path, Required: required}, parts...)
	if ref := schema.text("$ref"); ref != "" {
		if slices.Contains(around, ref) {
			return nil
		}
		around = append(slices.Clip(around), ref)
	}
	if err := w.object(schema, path+".", around); err != nil {
		return err
	}
	for _, part := range parts {
		items, ok := part.get("items").(object)
		if !ok {
			continue
		}
		if ref := items.text("$ref"); ref != "" {
			if slices.Contains(around, ref) {
				continue
			}
			around = append(slices.Clip(around), ref)
		}
		if len(w.fieldsOf(items)) == 0 { // an array of plain values
			w.add(Field{Path: path + "[]"}, w.parts(items, 0)...)
			continue
		}
		if err := w.object(items, path+"[].", around); err != nil {
			return err
		}
	}
	return nil
}

// add adds a field that schemas describe. Branches of an allOf may speak of one field several times: then all of it counts.
func (w *fieldWalk) add(f Field, described ...object) {
	i, known := w.at[f.Path]
	if !known {
		i = len(w.out)
		w.at[f.Path] = i
		w.out = append(w.out, Field{Path: f.Path})
	}
	w.out[i].Required = w.out[i].Required || f.Required
	for _, schema := range described {
		w.out[i].take(schema)
	}
}

func (w *fieldWalk) fieldsOf(schema object) object {
	var all object
	for _, part := range w.parts(schema, 0) {
		properties, _ := part.get("properties").(object)
		all = append(all, properties...)
	}
	return all
}

// take fills in what a schema says and no earlier one said.
func (f *Field) take(schema object) {
	keep := func(into *string, value string) {
		if *into == "" {
			*into = value
		}
	}
	keep(&f.Title, schema.text("title"))
	keep(&f.Description, schema.text("description"))
	keep(&f.Pattern, schema.text("pattern"))
	keep(&f.Format, schema.text("format"))
	keep(&f.MinLength, number(schema, "minLength"))
	keep(&f.MaxLength, number(schema, "maxLength"))
	keep(&f.Range, rangeOf(schema))
	switch kind := schema.get("type").(type) {
	case string:
		keep(&f.Type, kind)
	case []any:
		kinds := make([]string, len(kind))
		for i, k := range kind {
			kinds[i] = fmt.Sprint(k)
		}
		keep(&f.Type, strings.Join(kinds, " | "))
	}
	if values, ok := schema.get("enum").([]any); ok && f.Enum == nil {
		for _, v := range values {
			f.Enum = append(f.Enum, scalarText(v))
		}
	}
	if schema.get("const") != nil && f.Enum == nil {
		f.Enum = []string{scalarText(schema.get("const"))}
	}
}

func scalarText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return strings.Join(strings.Fields(string(write(value))), "")
}

func number(schema object, name string) string {
	if n, ok := schema.get(name).(json.Number); ok {
		return n.String()
	}
	return ""
}

// rangeOf writes the bounds of a number or of an array's length.
func rangeOf(schema object) string {
	low, high := number(schema, "minimum"), number(schema, "maximum")
	if n := number(schema, "exclusiveMinimum"); n != "" {
		low = ">" + n
	}
	if n := number(schema, "exclusiveMaximum"); n != "" {
		high = "<" + n
	}
	if low+high == "" {
		low, high = number(schema, "minItems"), number(schema, "maxItems")
	}
	if low+high == "" {
		return ""
	}
	return low + ".." + high
}
