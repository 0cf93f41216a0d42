package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on what is read at all, so that no file can use up the machine.
const (
	maxSource = 1 << 20 // bytes
	maxSize   = 100_000 // nodes, aliases unfolded
	maxDepth  = 100     // nested mappings and lists
	maxLines  = 20_000
	maxKeys   = 10_000 // the parser takes the square of a mapping's
)

// readTree parses the file. What is wrong with it becomes problems; nil means that there is nothing left to look at.
func (w *walk) readTree(src []byte) *node {
	if !w.readable(src) {
		return nil
	}
	tokens := lexer.Tokenize(strings.Join(w.file.lines, "\n"))
	if at, fault := excess(tokens); fault != "" {
		w.hideByText()
		w.problem(at, "", fault)
		return nil
	}
	docs, err := parseYAML(tokens)
	if err != nil {
		w.syntaxProblem(err)
		return nil
	}
	t := &tree{walk: w, anchors: map[string]*node{}}
	var root *node
	for _, doc := range docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); directive || doc.Body == nil {
			continue
		}
		if root != nil {
			w.problem(t.place(doc.Body), "", "a second document begins here: a configuration is one document")
			break
		}
		root = t.node(doc.Body, "", 0)
	}
	switch {
	case root == nil:
		w.problem(span{1, 1, 1}, "", "the file is empty: start from configs/talkbridge.yaml")
	case root.kind != mapping:
		w.problem(root.at, "", fmt.Sprintf("a configuration is a mapping with source, platform and routes, not %v", root.kind))
		root = nil
	case root.size > maxSize:
		w.problem(root.at, "", fmt.Sprintf("the file unfolds to more than %d values: use fewer aliases", maxSize))
		root = nil
	default:
		w.hideSecrets(root, "")
	}
	return root
}

func (w *walk) readable(src []byte) bool {
	if len(src) > maxSource {
		w.problem(span{1, 1, 1}, "", fmt.Sprintf("the file is larger than %d bytes", maxSource))
		return false
	}
	if len(w.file.lines) > maxLines {
		w.problem(span{maxLines + 1, 1, 1}, "", fmt.Sprintf("the file has more than %d lines: keep large dictionaries in the database ({query: …})", maxLines))
		return false
	}
	for i, line := range w.file.lines {
		if !utf8.ValidString(line) {
			valid := strings.ToValidUTF8(line, "\x00")
			column := utf8.RuneCountInString(valid[:strings.IndexByte(valid, 0)]) + 1
			w.problem(span{i + 1, column, 1}, "", "not valid UTF-8: save the file as UTF-8 (an editor may have used GBK)")
			return false
		}
	}
	return true
}

// parseYAML gives the documents. A fault of the parser is an error like any other: it must not end the program.
func parseYAML(tokens token.Tokens) (docs []*ast.DocumentNode, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this YAML cannot be read: %v", r)
		}
	}()
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // duplicates are reported with the other problems
	if err != nil {
		return nil, err
	}
	return f.Docs, nil
}

// excess finds what would keep the parser busy for minutes: it takes the square of the depth, of a mapping's keys and of the documents.
func excess(tokens token.Tokens) (at span, fault string) {
	depth, documents, values, line, inLine := 0, 0, 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, inLine = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType: // "- - -" nests too
			inLine++
		case token.MappingValueType:
			if values++; depth == 0 {
				inLine++ // "a: b: c:" is no YAML, which the parser finds only at its end
			}
		case token.DocumentHeaderType:
			documents++
		default:
		}
		at = span{max(tk.Position.Line, 1), max(tk.Position.Column, 1), 1}
		switch {
		case depth > maxDepth, inLine > maxDepth:
			return at, fmt.Sprintf("nested more than %d deep", maxDepth)
		case values > maxKeys:
			return at, fmt.Sprintf("more than %d keys: keep large dictionaries in the database ({query: …})", maxKeys)
		case documents > maxDepth:
			return at, "a configuration is one document"
		}
	}
	return at, ""
}

func (w *walk) syntaxProblem(err error) {
	at, message := span{1, 1, 1}, err.Error()
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
		at, message = span{syntax.Token.Position.Line, syntax.Token.Position.Column, 1}, syntax.Message
	}
	line := string(w.file.line(at.line))
	switch {
	case strings.Contains(line, "${") && strings.Contains(message, "must be specified"):
		at = w.file.find(span{at.line, 1, 1}, "${")
		message += `; inside [ ] and { } a reference needs quotes: "${env:NAME}"`
	case strings.Contains(line, "\t"):
		message += "; there is a tab in this line, use spaces"
	}
	w.hideByText()
	w.problem(at, "", message)
}
