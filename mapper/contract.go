package mapper

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A contract is the JSON Schema that every payload of a route must satisfy.
type contract struct {
	name   string
	schema *jsonschema.Schema
	quick  *quick // nil if the schema is beyond it
}

// compileContract reads a JSON Schema (draft 4 to 2020-12). Formats are asserted; a reference may not leave the document.
func compileContract(name string, text []byte) (*contract, error) {
	name = cmp.Or(name, "contract")
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("contract %s is not valid JSON: %w", name, err)
	}
	address := "contract:///" + url.PathEscape(name)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // knows no scheme: nothing is ever read from disk or network
	if err := compiler.AddResource(address, document); err != nil {
		return nil, fmt.Errorf("contract %s: %w", name, err)
	}
	schema, err := compiler.Compile(address)
	if err != nil {
		return nil, fmt.Errorf("contract %s is not a JSON Schema that can be used (one file, patterns without look-around): %w", name, err)
	}
	return &contract{name: name, schema: schema, quick: quickOf(schema)}, nil
}

// A shape is what the contract says about one place of the payload: a schema together with all that it refers to unconditionally.
// The nil shape is a contract that is silent.
type shape []*jsonschema.Schema

func (c *contract) root() shape {
	if c == nil {
		return nil
	}
	return shapeOf(c.schema)
}

// shapeOf follows $ref and allOf. A schema is taken once, so a circle ends.
func shapeOf(schema *jsonschema.Schema) shape {
	var s shape
	var visit func(*jsonschema.Schema)
	visit = func(schema *jsonschema.Schema) {
		if schema == nil || slices.Contains(s, schema) {
			return
		}
		s = append(s, schema)
		visit(schema.Ref)
		for _, part := range schema.AllOf {
			visit(part)
		}
	}
	visit(schema)
	return s
}

// property is the shape of one member, nil if the contract does not mention it.
func (s shape) property(name string) shape {
	for _, schema := range s {
		if p, ok := schema.Properties[name]; ok {
			return shapeOf(p)
		}
	}
	return nil
}

// items is the shape of an array's elements.
func (s shape) items() shape {
	for _, schema := range s {
		if schema.Items2020 != nil {
			return shapeOf(schema.Items2020)
		}
		if items, ok := schema.Items.(*jsonschema.Schema); ok {
			return shapeOf(items)
		}
	}
	return nil
}

// refuses tells whether a member of that name can never be right.
func (s shape) refuses(name string) bool {
	for _, schema := range s {
		if allowed, ok := schema.AdditionalProperties.(bool); !ok || allowed {
			continue
		}
		_, listed := schema.Properties[name]
		for pattern := range schema.PatternProperties {
			listed = listed || pattern.MatchString(name)
		}
		if !listed {
			return true
		}
	}
	return false
}

// required lists the members that must be there, sorted.
func (s shape) required() []string {
	var names []string
	for _, schema := range s {
		names = append(names, schema.Required...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// title is the name that the contract gives to the place, in the words of its readers.
func (s shape) title() string {
	for _, schema := range s {
		if schema.Title != "" {
			return schema.Title
		}
	}
	return ""
}

// kinds lists the types that are allowed.
func (s shape) kinds() kinds {
	var all kinds
	for _, schema := range s {
		if schema.Types == nil {
			continue
		}
		var here kinds
		for _, name := range schema.Types.ToStrings() {
			here |= kindNamed(name)
		}
		if all == 0 {
			all = here
		}
		all &= here
	}
	return all
}

func kindNamed(name string) kinds {
	switch name {
	case "string":
		return wantString
	case "integer":
		return wantInteger
	case "number":
		return wantInteger | wantNumber
	case "boolean":
		return wantBoolean
	case "array":
		return wantArray
	case "object":
		return wantObject
	default:
		return wantNull
	}
}
