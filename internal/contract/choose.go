package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// A Want is what a route needs a contract for.
type Want struct {
	Route     string
	Endpoint  string   // path below the platform's base address
	Schema    string   // the schema that the operator chose; empty: what the document says of the body
	DataField string   // the envelope's member that holds the encrypted record; empty: data
	Fields    []string // members that the route sends, to tell likely schemas from others; may be empty
}

// A Candidate is a schema that could be a route's record.
type Candidate struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Members int    `json:"members"`
	Shared  int    `json:"shared"` // of the route's fields that it knows
}

// UndecidedError says that people have to choose the schema of a route.
type UndecidedError struct {
	Route      string      `json:"route"`
	Call       string      `json:"call"` // POST /talk-record/one; empty: the document has none
	Why        string      `json:"why"`
	Candidates []Candidate `json:"candidates"`
}

func (e *UndecidedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "route %s: %s; choose the record's own schema with --schema %s=NAME", e.Route, e.Why, e.Route)
	if len(e.Candidates) == 0 {
		b.WriteString(". The document has no schema that could be it: ask the platform for the record's fields")
		return b.String()
	}
	b.WriteString(". Candidates:")
	for i, c := range e.Candidates {
		if i == 8 {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Candidates)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s  %s  (%d members, %d of the route's fields)", c.Name, c.Title, c.Members, c.Shared)
	}
	return b.String()
}

// Contract makes the contract of a route: of the schema that was chosen, or of the body where the document shows the record there.
func (d *Document) Contract(w Want, style Style) (Contract, error) {
	if w.Schema != "" {
		return d.Convert(w.Schema, d.signed(style, w.Schema))
	}
	o, err := d.Find(w.Endpoint)
	if err != nil {
		return Contract{}, &UndecidedError{Route: w.Route, Why: err.Error(), Candidates: d.candidates(w)}
	}
	call := o.Method + " " + o.Path
	field := cmp.Or(w.DataField, "data")
	switch s := o.schema.Value; {
	case isEnvelope(s, field):
		return Contract{}, &UndecidedError{
			Route: w.Route, Call: call, Candidates: d.candidates(w),
			Why: fmt.Sprintf("the document shows the body of %s as the encrypted envelope (%s, with the text %s), not as the record inside", call, o.Body, field),
		}
	case len(membersOf(s)) == 0:
		return Contract{}, &UndecidedError{
			Route: w.Route, Call: call, Candidates: d.candidates(w),
			Why: fmt.Sprintf("the document names no members for the body of %s", call),
		}
	}
	if d.names(o.Body, o.schema) {
		return d.Convert(o.Body, d.signed(style, o.Body))
	}
	return d.ConvertBody(o, d.signed(style, call))
}

// names tells whether a schema is the one that the document itself has by a name. A body that stands in another file, or elsewhere in
// the document, has a name that means nothing here, or means another schema.
func (d *Document) names(name string, s *openapi3.SchemaRef) bool {
	if d.api.Components == nil {
		return false
	}
	own := d.api.Components.Schemas[name]
	return own != nil && own.Value == s.Value
}

// signed notes in the contract where it comes from, so that a later diff compares like with like.
func (d *Document) signed(style Style, what string) Style {
	if style.Comment == "" {
		style.Comment = "Imported from " + d.Name + ", schema " + what
	}
	return style
}

// SchemaOf reads back which schema a contract was imported from; empty where that is not known.
func SchemaOf(contract []byte) string {
	o, err := readObject(contract)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(o.text("$comment"), ", schema ")
	if strings.Contains(name, " ") { // a call, whose body had no name
		return ""
	}
	return name
}

// isEnvelope knows {"data": "…"}: hardly any members, and the one that holds the record is a text.
func isEnvelope(s *openapi3.Schema, field string) bool {
	members := membersOf(s)
	data := members[field]
	return len(members) <= 5 && data != nil && data.Value != nil && data.Value.Type.Is("string")
}

// membersOf lists the members of an object, inherited ones included.
func membersOf(s *openapi3.Schema) openapi3.Schemas {
	if f := flatten(s); f != nil {
		return f.schema.Properties
	}
	return s.Properties
}

// candidates ranks the document's schemas for a route: by the route's own fields, then by name, then by size.
func (d *Document) candidates(w Want) []Candidate {
	word := w.Endpoint[strings.LastIndexByte(w.Endpoint, '/')+1:]
	named := func(name string) int {
		if word != "" && strings.Contains(strings.ToLower(name), strings.ToLower(word)) {
			return 1
		}
		return 0
	}
	var out []Candidate
	for _, name := range d.Schemas() {
		s := d.api.Components.Schemas[name].Value
		members := membersOf(s)
		if len(members) < 2 || isEnvelope(s, cmp.Or(w.DataField, "data")) || isAnswer(members) {
			continue
		}
		c := Candidate{Name: name, Title: titleOf(s), Members: len(members)}
		for _, field := range w.Fields {
			if members[field] != nil {
				c.Shared++
			}
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Shared, a.Shared), cmp.Compare(named(b.Name), named(a.Name)), cmp.Compare(b.Members, a.Members))
	})
	return out
}

// isAnswer knows what platforms wrap their answers in: {code, msg, data}.
func isAnswer(members openapi3.Schemas) bool {
	for name := range members {
		switch strings.ToLower(name) {
		case "code", "msg", "message", "data", "success", "timestamp", "result", "traceid", "status":
		default:
			return false
		}
	}
	return true
}
