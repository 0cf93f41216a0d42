package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Contract is what a payload has to look like, as far as a proposal needs it: the members in their order.
type Contract struct {
	Name   string // one
	Path   string // as the configuration will name it
	Title  string
	Fields []Property
}

// A Property is one member of a payload.
type Property struct {
	Name, Title, Description string
	Type                     string // string | integer | number | boolean | array | object; empty: any
	Required                 bool
	Enum                     []string
	MaxLength                int
	Pattern, Format          string
	Items                    []Property // of an array of objects
}

// text is everything that the contract says of the property in words.
func (p Property) text() string { return p.Title + " " + p.Description }

// ParseContract reads a JSON Schema of an object.
func ParseContract(name, path string, text []byte) (Contract, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	root, err := readNode(dec)
	if err != nil {
		return Contract{}, fmt.Errorf("contract %s: %w", path, err)
	}
	c := Contract{Name: name, Path: path, Title: root.text("title")}
	if c.Fields = root.properties(root); len(c.Fields) == 0 {
		return Contract{}, fmt.Errorf("contract %s has no properties: name the JSON Schema of one record", path)
	}
	return c, nil
}

// A node is a JSON value that remembers the order of its members.
type node struct {
	keys    []string
	members map[string]*node
	list    []*node
	value   any
}

func readNode(dec *json.Decoder) (*node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("is not JSON: %w", err)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return &node{value: token}, nil
	}
	n := &node{members: map[string]*node{}}
	for dec.More() {
		key := ""
		if delim == '{' {
			name, err := dec.Token()
			if err != nil {
				return nil, fmt.Errorf("is not JSON: %w", err)
			}
			key = fmt.Sprint(name)
		}
		child, err := readNode(dec)
		if err != nil {
			return nil, err
		}
		if delim == '[' {
			n.list = append(n.list, child)
			continue
		}
		n.keys, n.members[key] = append(n.keys, key), child
	}
	_, err = dec.Token()
	return n, err
}

func (n *node) at(key string) *node {
	if n == nil {
		return nil
	}
	return n.members[key]
}

func (n *node) text(key string) string {
	if v := n.at(key); v != nil && v.value != nil {
		return fmt.Sprint(v.value)
	}
	return ""
}

func (n *node) texts(key string) []string {
	var out []string
	if v := n.at(key); v != nil {
		for _, item := range v.list {
			out = append(out, fmt.Sprint(item.value))
		}
	}
	return out
}

// resolve follows a $ref inside the document, and takes the first of allOf.
func (n *node) resolve(root *node) *node {
	for range 8 {
		ref := n.text("$ref")
		if ref == "" {
			break
		}
		target := root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			target = target.at(part)
		}
		if target == nil {
			break
		}
		n = target
	}
	if all := n.at("allOf"); all != nil && len(all.list) > 0 && n.at("properties") == nil {
		return all.list[0].resolve(root)
	}
	return n
}

func (n *node) properties(root *node) []Property {
	n = n.resolve(root)
	required := n.texts("required")
	list := n.at("properties")
	if list == nil {
		return nil
	}
	var out []Property
	for _, name := range list.keys {
		s := list.members[name].resolve(root)
		p := Property{
			Name: name, Title: s.text("title"), Description: s.text("description"), Type: s.text("type"),
			Required: slices.Contains(required, name), Enum: s.texts("enum"), Pattern: s.text("pattern"), Format: s.text("format"),
		}
		_, _ = fmt.Sscan(s.text("maxLength"), &p.MaxLength)
		if items := s.at("items"); items != nil {
			p.Items = items.properties(root)
		}
		out = append(out, p)
	}
	return out
}
