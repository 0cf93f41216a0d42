package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is what a piece of YAML is, before anybody asks what it should be.
type kind int

const (
	nothing kind = iota // null, or no value at all
	text
	number
	boolean
	mapping
	sequence
)

// String names k in a sentence.
func (k kind) String() string {
	return [...]string{"nothing", "text", "a number", "true or false", "a mapping", "a list"}[k]
}

// A node is a piece of YAML with its place. Anchors, aliases and merge keys are resolved: an alias is the node that it names, at
// that node's place.
type node struct {
	kind    kind
	text    string // of a scalar: the source text, so that 01 stays 01; what is inside the quotes where there are any
	at      span
	lines   int     // of the file that a scalar takes
	entries []entry // of a mapping, in order, each key once
	items   []*node // of a sequence
	size    int     // nodes in it, aliases unfolded
}

// An entry is one key of a mapping with its value.
type entry struct{ key, value *node }

// A tree turns the parser's nodes into ours.
type tree struct {
	*walk
	anchors map[string]*node // nil while the anchor's own content is being read
}

func (t *tree) node(n ast.Node, path string, depth int) *node {
	if depth > maxDepth {
		t.problem(t.place(n), path, fmt.Sprintf("nested more than %d deep", maxDepth))
		return &node{at: t.place(n), size: 1}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return t.mapping(n, n.Values, path, depth)
	case *ast.MappingValueNode:
		return t.mapping(n, []*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		return t.sequence(n, path, depth)
	case *ast.AnchorNode:
		name := tokenText(n.Name)
		t.anchors[name] = nil
		content := t.node(n.Value, path, depth+1)
		t.anchors[name] = content
		return content
	case *ast.AliasNode:
		return t.alias(n, path)
	case *ast.TagNode:
		return t.tagged(n, path, depth)
	default:
		return t.scalar(n)
	}
}

func (t *tree) mapping(n ast.Node, values []*ast.MappingValueNode, path string, depth int) *node {
	m := &node{kind: mapping, at: t.place(n), size: 1}
	written, have := t.writtenKeys(values), map[string]span{}
	for _, v := range values {
		if v.Key != nil && v.Key.IsMergeKey() {
			t.merge(m, t.node(v.Value, path, depth+1), written, have)
			continue
		}
		key := t.key(v.Key, path)
		if key == nil {
			continue
		}
		value := t.node(v.Value, joinPath(path, key.text), depth+1)
		if first, twice := have[key.text]; twice {
			t.problem(key.at, joinPath(path, key.text), fmt.Sprintf("this key is there twice, first on line %d", first.line))
			t.hideSecrets(&node{kind: mapping, entries: []entry{{key, value}}}, lastKey(path))
			continue
		}
		have[key.text] = key.at
		m.add(entry{key, value})
	}
	return m
}

func (m *node) add(e entry) {
	m.entries = append(m.entries, e)
	m.grow(e.value)
}

// grow counts a child; the sum stops growing beyond the bound, long before it could overflow.
func (m *node) grow(child *node) { m.size = min(m.size+child.size, maxSize+1) }

// writtenKeys are the keys that a mapping names itself: they win over merged ones.
func (t *tree) writtenKeys(values []*ast.MappingValueNode) map[string]bool {
	written := map[string]bool{}
	for _, v := range values {
		if v.Key != nil && !v.Key.IsMergeKey() && v.Key.GetToken() != nil {
			written[v.Key.GetToken().Value] = true
		}
	}
	return written
}

// merge puts the entries of << where it stands. Of several mappings that hold a key the first one counts.
func (t *tree) merge(m, from *node, written map[string]bool, have map[string]span) {
	switch from.kind {
	case mapping:
		for _, e := range from.entries {
			if _, merged := have[e.key.text]; !merged && !written[e.key.text] {
				have[e.key.text] = e.key.at
				m.add(e)
			}
		}
	case sequence:
		for _, item := range from.items {
			t.merge(m, item, written, have)
		}
	default:
		t.problem(from.at, "", "<< takes a mapping, or a list of mappings, by alias")
	}
}

func (t *tree) key(n ast.Node, path string) *node {
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return t.scalar(n)
	default:
		t.problem(t.place(n), path, "a key is plain text here: no tag, anchor, list or mapping")
		return nil
	}
}

func (t *tree) sequence(n *ast.SequenceNode, path string, depth int) *node {
	s := &node{kind: sequence, at: t.place(n), size: 1}
	for i, v := range n.Values {
		item := t.node(v, itemPath(path, i, nameIn(v)), depth+1)
		s.items = append(s.items, item)
		s.grow(item)
	}
	return s
}

// nameIn is what the key "name" of a mapping says, if that is a plain text.
func nameIn(n ast.Node) string {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return ""
	}
	for _, v := range m.Values {
		if text, ok := v.Value.(*ast.StringNode); ok && tokenText(v.Key) == "name" && !strings.Contains(text.Value, "${") {
			return text.Value
		}
	}
	return ""
}

// itemPath is how problems call an item of a list: by its name where it has one, else by its number.
func itemPath(path string, i int, name string) string {
	if name != "" {
		return joinPath(path, name)
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

func (t *tree) alias(n *ast.AliasNode, path string) *node {
	name := tokenText(n.Value)
	target, known := t.anchors[name]
	switch {
	case !known:
		t.problem(t.place(n), path, fmt.Sprintf("there is no anchor &%s above", name))
	case target == nil:
		t.problem(t.place(n), path, fmt.Sprintf("the anchor &%s holds itself", name))
	default:
		return target
	}
	return &node{at: t.place(n), size: 1}
}

// tagged knows !!str, which makes text of any scalar. Nothing else has a use here.
func (t *tree) tagged(n *ast.TagNode, path string, depth int) *node {
	content := t.node(n.Value, path, depth+1)
	if tokenText(n) == "!!str" && content.kind <= boolean {
		asText := *content
		asText.kind = text
		return &asText
	}
	t.problem(t.place(n), path, "tags have no meaning here: remove it")
	return content
}

func (t *tree) scalar(n ast.Node) *node {
	s := &node{kind: text, at: t.place(n), size: 1, lines: linesOf(n)}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		s.kind = nothing
	case *ast.LiteralNode:
		if n.Value != nil {
			s.text = n.Value.Value
			s.lines = 1 + linesOf(n.Value)
		}
		return s
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		s.kind = number
	case *ast.BoolNode:
		s.kind = boolean
	}
	s.text = tokenText(n)
	return s
}

func tokenText(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}

// place is where n stands. The parser counts characters, but puts a plain scalar behind a tab one column too early.
func (t *tree) place(n ast.Node) span {
	switch m := n.(type) { // a mapping without braces begins at its first key, not at the colon that is its token
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return span{}
	}
	tk := n.GetToken()
	s := span{tk.Position.Line, tk.Position.Column, 1}
	line := t.file.line(s.line)
	for s.column >= 1 && s.column <= len(line) && (line[s.column-1] == ' ' || line[s.column-1] == '\t') {
		s.column++
	}
	s.width = max(1, utf8.RuneCountInString(firstLine(tk)))
	return s
}

// linesOf is how many lines of the file the token of n takes.
func linesOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 1
	}
	return 1 + strings.Count(strings.TrimRight(n.GetToken().Origin, " \t\r\n"), "\n")
}

// firstLine is the token's text on the line where it begins.
func firstLine(tk *token.Token) string {
	origin := strings.TrimSpace(tk.Origin)
	origin, _, _ = strings.Cut(origin, "\n")
	return strings.TrimRight(origin, " \t\r")
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
