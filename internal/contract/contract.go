// Package contract makes the contracts of routes out of the platform's own document, and tells what changed in it since.
//
// In comes an OpenAPI 3 or Swagger 2 document, from a file or an address: a springdoc or springfox server is asked where its
// documents are, and in which groups. Out comes one JSON Schema for each endpoint, in the form that lies under configs/contracts, a
// table of its fields, or a list of differences between two of them.
//
// The document is somebody else's and is treated so: its size, depth, number of values and number of references are bounded before
// anything interprets it, reading it has a time limit, and a reference that leaves it is refused unless it was asked for. What the
// document says of the body is only a proposal: where calls are encrypted, it may show the plain record or the envelope, and
// people choose.
package contract

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// A Document is a description of an API that was read, checked and, where it was Swagger 2, brought into the form of OpenAPI 3.
type Document struct {
	Name     string   // file or address, without credentials
	Version  string   // what the document calls its format: 3.0.1, 2.0
	Title    string   // of the API
	Warnings []string // what is wrong with it and does not matter here

	api *openapi3.T
	raw object // as it was written, for the order of members
}

// An Operation is one call that the document describes.
type Operation struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Summary string `json:"summary,omitempty"`
	Body    string `json:"body"` // name of the body's schema; "(inline)" for one without a name; empty: there is no JSON body

	schema *openapi3.SchemaRef
	raw    any
}

// inlineName stands where a body's schema has no name.
const inlineName = "(inline)"

// Operations lists the calls, by path and method.
func (d *Document) Operations() []Operation {
	var out []Operation
	for _, path := range slices.Sorted(slices.Values(d.api.Paths.InMatchingOrder())) {
		item := d.api.Paths.Value(path)
		if item == nil {
			continue
		}
		for method, operation := range item.Operations() {
			if operation == nil {
				continue
			}
			o := Operation{Method: method, Path: path, Summary: cmp.Or(operation.Summary, oneLine(operation.Description))}
			o.schema, o.raw = d.body(operation, path, method)
			if o.schema != nil {
				o.Body = cmp.Or(refName(o.schema.Ref), inlineName)
			}
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b Operation) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) })
	return out
}

// body is the schema of the JSON that a call takes.
func (d *Document) body(o *openapi3.Operation, path, method string) (*openapi3.SchemaRef, any) {
	if o.RequestBody == nil || o.RequestBody.Value == nil {
		return nil, nil
	}
	content := o.RequestBody.Value.Content
	kinds := make([]string, 0, len(content))
	for kind := range content {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(kindRank(a), kindRank(b)), cmp.Compare(a, b)) })
	for _, kind := range kinds {
		if media := content[kind]; media != nil && media.Schema != nil && media.Schema.Value != nil {
			operation := d.raw.at("paths", path, strings.ToLower(method))
			raw := at(operation, "requestBody", "content", kind, "schema")
			if raw == nil {
				raw = swaggerBody(operation)
			}
			return media.Schema, raw
		}
	}
	return nil, nil
}

// kindRank prefers JSON, and takes what there is where a document does not say.
func kindRank(kind string) int {
	switch {
	case strings.HasPrefix(kind, "application/json"):
		return 0
	case strings.Contains(kind, "json"):
		return 1
	case kind == "*/*":
		return 2
	default:
		return 3
	}
}

// swaggerBody finds the schema of Swagger 2's body parameter.
func swaggerBody(operation any) any {
	parameters, _ := at(operation, "parameters").([]any)
	for _, p := range parameters {
		if in, _ := at(p, "in").(string); in == "body" {
			return at(p, "schema")
		}
	}
	return nil
}

// Schemas lists the names of the schemas that have one.
func (d *Document) Schemas() []string {
	if d.api.Components == nil {
		return nil
	}
	var names []string
	for name, schema := range d.api.Components.Schemas {
		if schema != nil && schema.Value != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Find finds the call behind an endpoint of a route, which is a path below the platform's base address or a whole address. The
// document may write its paths with or without that base.
func (d *Document) Find(endpoint string) (Operation, error) {
	best, score := d.best(endpoint)
	if score < samePath { // what a URL would make of it; a document may have paths that are no URL's
		if u, err := url.Parse(endpoint); err == nil && u.Path != "" {
			endpoint = u.Path
		}
		best, score = d.best(endpoint)
	}
	if score == 0 {
		return Operation{}, fmt.Errorf("the document describes no call to %s that takes a body; it has %s", endpoint, d.pathList())
	}
	return best, nil
}

// best is the operation that fits an endpoint best.
func (d *Document) best(endpoint string) (best Operation, score int) {
	for _, o := range d.Operations() {
		if s := match(o, endpoint); s > score {
			best, score = o, s
		}
	}
	return best, score
}

// samePath is the least grade of an operation whose path is the endpoint.
const samePath = 30

// match grades how well an operation fits an endpoint: 0 is not at all.
func match(o Operation, endpoint string) int {
	if o.schema == nil {
		return 0
	}
	score := 0
	path := strings.TrimSuffix(o.Path, "/")
	endpoint = strings.TrimSuffix(endpoint, "/")
	switch {
	case path == "" || endpoint == "":
		return 0
	case path == endpoint:
		score = samePath
	case strings.HasSuffix(path, endpoint) && strings.HasPrefix(endpoint, "/"), strings.HasSuffix(endpoint, path):
		score = 20
	default:
		return 0
	}
	switch o.Method {
	case http.MethodPost:
		return score + 3
	case http.MethodPut:
		return score + 2
	default:
		return score + 1
	}
}

func (d *Document) pathList() string {
	var paths []string
	for _, o := range d.Operations() {
		if o.schema != nil && !slices.Contains(paths, o.Path) {
			paths = append(paths, o.Path)
		}
	}
	if len(paths) == 0 {
		return "no call with a body at all: it may be another group's document"
	}
	if more := len(paths) - 20; more > 0 {
		return strings.Join(paths[:20], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(paths, ", ")
}

// refName is the last part of a reference.
func refName(ref string) string {
	if ref == "" {
		return ""
	}
	return unescape(ref[strings.LastIndexByte(ref, '/')+1:])
}

func unescape(part string) string {
	if plain, err := url.PathUnescape(part); err == nil {
		part = plain
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
}

func oneLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// errNoDocument says that what was read is no description of an API at all, so that discovery can go on.
var errNoDocument = errors.New("this is neither an OpenAPI 3 nor a Swagger 2 document")
