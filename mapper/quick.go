package mapper

import (
	"math/big"
	"reflect"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// quick recognises payloads that plainly satisfy a schema, so that the library, which allocates for every value, is asked only
// about the others. It knows the keywords that platforms use and says no whenever it is not sure; a no decides nothing. A fuzz
// target holds it to the library's verdict: what quick is sure of, the library accepts.
type quick struct {
	kinds      kinds
	required   []string
	properties map[string]*quick
	open       bool // other members are allowed, whatever they are
	items      *quick
	minItems   int
	maxItems   int
	enum       []string
	anyText    bool // no enum
	minLength  int
	maxLength  int
	pattern    jsonschema.Regexp
	least      int
	most       int
}

const unlimited = int(^uint(0) >> 1)

// quickOf gives nil where the schema has a keyword that quick does not know.
func quickOf(s *jsonschema.Schema) *quick {
	if s == nil || !onlyKnownKeywords(s) {
		return nil
	}
	q := &quick{
		kinds: shape{s}.kinds(), required: s.Required, properties: map[string]*quick{}, open: true, anyText: s.Enum == nil,
		minItems: orElse(s.MinItems, 0), maxItems: orElse(s.MaxItems, unlimited),
		minLength: orElse(s.MinLength, 0), maxLength: orElse(s.MaxLength, unlimited), pattern: s.Pattern,
	}
	var fine [5]bool
	q.open, fine[0] = openness(s.AdditionalProperties)
	q.least, fine[1] = bound(s.Minimum, -unlimited)
	q.most, fine[2] = bound(s.Maximum, unlimited)
	q.enum, fine[3] = textEnum(s.Enum)
	q.items, fine[4] = itemsOf(s)
	for name, property := range s.Properties {
		q.properties[name] = quickOf(property) // nil: never sure
	}
	if slices.Contains(fine[:], false) {
		return nil
	}
	return q
}

// onlyKnownKeywords looks at every exported field of the schema, so a keyword that a later version of the library adds counts as
// unknown.
func onlyKnownKeywords(s *jsonschema.Schema) bool {
	known := []string{
		"DraftVersion", "Location", "ID", "Types", "Enum", "Required", "Properties", "AdditionalProperties", "MinItems", "MaxItems",
		"Items", "Items2020", "MinLength", "MaxLength", "Pattern", "Maximum", "Minimum",
		"Title", "Description", "Default", "Comment", "ReadOnly", "WriteOnly", "Examples", "Deprecated",
	}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() && !v.Field(i).IsZero() && !slices.Contains(known, field.Name) {
			return false
		}
	}
	return true
}

func orElse(p *int, otherwise int) int {
	if p == nil {
		return otherwise
	}
	return *p
}

func openness(additional any) (open, known bool) {
	if additional == nil {
		return true, true
	}
	open, known = additional.(bool)
	return open, known
}

func bound(r *big.Rat, otherwise int) (value int, known bool) {
	if r == nil {
		return otherwise, true
	}
	return int(r.Num().Int64()), r.IsInt() && r.Num().IsInt64()
}

// itemsOf knows arrays whose elements all have one schema, as 2020-12 writes them and as older drafts do.
func itemsOf(s *jsonschema.Schema) (items *quick, known bool) {
	if s.Items == nil {
		return quickOf(s.Items2020), true
	}
	one, ok := s.Items.(*jsonschema.Schema)
	return quickOf(one), ok
}

func textEnum(e *jsonschema.Enum) (values []string, known bool) {
	if e == nil {
		return nil, true
	}
	for _, v := range e.Values {
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		values = append(values, s)
	}
	return values, true
}

// sure tells whether v certainly satisfies the schema.
func (q *quick) sure(v any) bool {
	if q == nil {
		return false
	}
	switch v := v.(type) {
	case string:
		return q.allows(wantString) && q.sureText(v)
	case int:
		return q.allows(wantInteger|wantNumber) && q.anyText && v >= q.least && v <= q.most
	case bool:
		return q.allows(wantBoolean) && q.anyText
	case map[string]any:
		return q.allows(wantObject) && q.anyText && q.sureObject(v)
	case []any:
		if !q.allows(wantArray) || !q.anyText || len(v) < q.minItems || len(v) > q.maxItems {
			return false
		}
		return !slices.ContainsFunc(v, func(item any) bool { return !q.items.sure(item) })
	default:
		return false
	}
}

func (q *quick) allows(k kinds) bool { return q.kinds == 0 || q.kinds.has(k) }

func (q *quick) sureText(s string) bool {
	if !q.anyText && !slices.Contains(q.enum, s) {
		return false
	}
	if n := countRunes(s); n < q.minLength || n > q.maxLength {
		return false
	}
	return q.pattern == nil || q.pattern.MatchString(s)
}

func (q *quick) sureObject(object map[string]any) bool {
	for _, name := range q.required {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	for name, v := range object {
		property, listed := q.properties[name]
		if listed && !property.sure(v) || !listed && !q.open {
			return false
		}
	}
	return true
}
