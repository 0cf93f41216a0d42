package contract

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// parseLimit is how long the interpretation of a document may take.
const parseLimit = 30 * time.Second

// A readFunc reads what a reference outside of the document names.
type readFunc func(location *url.URL) ([]byte, error)

// Parse reads a document that is at hand. name is what messages call it.
func Parse(ctx context.Context, name string, data []byte) (*Document, error) {
	return parse(ctx, name, nil, data, nil)
}

// parse reads a document. outside reads what it refers to elsewhere, relative to location; nil refuses such references.
func parse(ctx context.Context, name string, location *url.URL, data []byte, outside readFunc) (*Document, error) {
	ctx, cancel := context.WithTimeout(ctx, parseLimit)
	defer cancel()
	text, raw, err := normal(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	warnings := mend(raw)
	if len(warnings) > 0 || raw.get("swagger") != nil {
		text = write(raw)
	}
	type outcome struct {
		document *Document
		err      error
	}
	done := make(chan outcome, 1)
	go func() { // the library takes no context while it resolves; a document that keeps it busy is left behind
		defer func() {
			if fault := recover(); fault != nil {
				done <- outcome{err: errors.New("the document is built in a way that cannot be read")}
			}
		}()
		d, err := interpret(ctx, location, text, raw, outside)
		done <- outcome{d, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, fmt.Errorf("%s: %w", name, o.err)
		}
		o.document.Name, o.document.Warnings = name, append(warnings, o.document.Warnings...)
		return o.document, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: reading the document took too long: %w", name, context.Cause(ctx))
	}
}

// normal brings JSON and YAML into JSON, within the bounds.
func normal(data []byte) (text []byte, raw object, err error) {
	if len(data) > maxBytes {
		return nil, nil, fmt.Errorf("it is larger than %d MiB", maxBytes>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		return nil, nil, fmt.Errorf("it is empty: %w", errNoDocument)
	case trimmed[0] == '<':
		return nil, nil, fmt.Errorf("it is a web page: %w", errNoDocument)
	case trimmed[0] != '{' && trimmed[0] != '[':
		if data, err = fromYAML(data); err != nil {
			return nil, nil, err
		}
	}
	if raw, err = readObject(data); err != nil {
		return nil, nil, err
	}
	return data, raw, checkChains(raw)
}

// fromYAML refuses aliases, with which a page of YAML can stand for a terabyte.
func fromYAML(data []byte) (text []byte, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			text, err = nil, errors.New("it is not YAML that can be read")
		}
	}()
	if len(data) > maxBytes/4 {
		return nil, fmt.Errorf("it is YAML of more than %d MiB: take the JSON form of the document", maxBytes>>22)
	}
	if deepest(data) > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("it is neither JSON nor YAML: %w", errNoDocument)
	}
	var aliases aliasFinder
	for _, d := range file.Docs {
		if d.Body != nil {
			ast.Walk(&aliases, d.Body)
		}
	}
	switch {
	case aliases.found:
		return nil, errors.New("it uses YAML aliases, which are not read: take the JSON form of the document")
	case len(file.Docs) != 1:
		return nil, errors.New("it has to be one YAML document")
	}
	text, err = yaml.YAMLToJSON(data)
	if err != nil {
		return nil, fmt.Errorf("it is not YAML that can be read: %w", errNoDocument)
	}
	return text, nil
}

// deepest bounds the nesting of YAML from above: by indentation, and by brackets.
func deepest(data []byte) int {
	deepest := 0
	for line := range bytes.Lines(data) {
		indent := len(line) - len(bytes.TrimLeft(line, " -"))
		deepest = max(deepest, (indent+1)/2+bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")))
	}
	return deepest
}

type aliasFinder struct{ found bool }

// Visit implements ast.Visitor.
func (a *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		a.found = true
	}
	return a
}

// interpret hands a bounded document to the library.
func interpret(ctx context.Context, location *url.URL, text []byte, raw object, outside readFunc) (*Document, error) {
	d := &Document{raw: raw}
	loader := openapi3.NewLoader()
	loader.Context = ctx
	if outside != nil {
		loader.IsExternalRefsAllowed = true
		loader.ReadFromURIFunc = func(_ *openapi3.Loader, from *url.URL) ([]byte, error) { return outside(from) }
	}
	var err error
	switch {
	case strings.HasPrefix(versionOf(raw, "openapi"), "3"):
		d.Version = versionOf(raw, "openapi")
		d.api, err = loader.LoadFromDataWithPath(text, cmp.Or(location, &url.URL{}))
	case strings.HasPrefix(versionOf(raw, "swagger"), "2"):
		d.Version = versionOf(raw, "swagger")
		var old openapi2.T
		if err = json.Unmarshal(text, &old); err == nil {
			d.api, err = openapi2conv.ToV3WithLoader(&old, loader, location)
		}
	default:
		return nil, errNoDocument
	}
	var elsewhere *openapi3.DisallowedExternalRefError
	switch {
	case errors.As(err, &elsewhere):
		return nil, fmt.Errorf("the document refers to another one (%s): --external-refs follows references beside it, or on its own host", clip(elsewhere.Ref))
	case err != nil:
		return nil, fmt.Errorf("the document cannot be read: %s", brief(err))
	}
	if d.api.Paths == nil {
		d.api.Paths = openapi3.NewPaths()
	}
	if d.api.Info != nil {
		d.Title = d.api.Info.Title
	}
	if err := d.api.Validate(ctx, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation()); err != nil {
		d.Warnings = append(d.Warnings, "the document breaks the rules of its format, which may not matter: "+brief(err))
	}
	return d, nil
}

// versionOf reads 3.0.1, "3.0.1" and what YAML makes of 2.0.
func versionOf(raw object, member string) string {
	switch v := raw.get(member).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return ""
	}
}

// brief keeps an error of the library to a line: some of them repeat half the document.
func brief(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
