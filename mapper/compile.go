package mapper

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"talkbridge/internal/exprs"
)

// A route is a Route that was checked and made ready to run.
type route struct {
	name     string
	lookups  []*lookup
	fields   []*field
	rules    []*rule
	contract *contract
	columns  []string
}

type rule struct {
	assert  *exprs.Program
	message string
	fields  []*field // the top-level fields that it reads, in their order
}

// compiler collects what is wrong with one route instead of stopping at the first error.
type compiler struct {
	route   Route
	dicts   map[string]*dict
	lookups map[string]*lookup
	columns map[string]bool
	errs    []error
}

func compileRoute(r Route, dicts map[string]*dict) (*route, error) {
	c := &compiler{route: r, dicts: dicts, lookups: map[string]*lookup{}, columns: map[string]bool{}}
	out := &route{name: r.Name}
	if r.Contract != nil {
		compiled, err := compileContract(r.ContractName, r.Contract)
		if err != nil {
			c.fail("", err)
		}
		out.contract = compiled
	}
	out.lookups = c.compileLookups()
	if len(r.Fields) == 0 {
		c.fail("", errors.New("no fields are mapped"))
	}
	out.fields = c.compileFields(r.Fields, level{shape: out.contract.root(), contract: out.contract})
	out.rules = c.compileRules(out.fields)
	out.columns = slices.Sorted(maps.Keys(c.columns))
	return out, errors.Join(c.errs...)
}

// fail notes an error of the route, at a place such as "field talkMode".
func (c *compiler) fail(place string, err error) {
	if place != "" {
		err = fmt.Errorf("%s: %w", place, err)
	}
	c.errs = append(c.errs, fmt.Errorf("route %s: %w", c.route.Name, err))
}

func (c *compiler) compileLookups() []*lookup {
	var out []*lookup
	for _, l := range c.route.Lookups {
		place := "lookup " + l.Name
		if !isName(l.Name) {
			c.fail(place, errors.New("a lookup's name is made of letters, digits and underscores"))
		}
		if _, twice := c.lookups[l.Name]; twice {
			c.fail(place, errors.New("the name is used twice"))
			continue
		}
		q, err := parseQuery(l.Query)
		if err != nil {
			c.fail(place, err)
		}
		compiled := &lookup{
			route: c.route.Name, name: l.Name, label: l.Label, many: l.Many, query: q, index: len(out),
			statement: &statement{},
		}
		for _, name := range q.binds {
			b, err := c.bind(name, l)
			if err != nil {
				c.fail(place, err)
			}
			compiled.binds = append(compiled.binds, b)
		}
		c.lookups[l.Name] = compiled
		out = append(out, compiled)
	}
	return out
}

// bind resolves :name or :lookup.column. Only lookups that stand before this one are known, so there can be no circle.
func (c *compiler) bind(name string, of Lookup) (source, error) {
	s, err := c.source(name)
	if err == nil {
		return s, nil
	}
	head, _, _ := strings.Cut(name, ".")
	for _, later := range c.route.Lookups {
		if later.Name == head && c.lookups[head] == nil {
			if head == of.Name {
				return s, fmt.Errorf("bind :%s refers to the lookup itself", name)
			}
			return s, fmt.Errorf("bind :%s uses lookup %s, which is defined later; move it up (lookups cannot depend on each other in a circle)",
				name, head)
		}
	}
	return s, fmt.Errorf("bind :%s: %w", name, err)
}

// source resolves a column of the row, or lookup.column.
func (c *compiler) source(name string) (source, error) {
	head, column, dotted := strings.Cut(name, ".")
	switch l := c.lookups[head]; {
	case head == "" || dotted && column == "":
		return source{}, fmt.Errorf("%q is not the name of a column", name)
	case !dotted && l != nil:
		return source{}, fmt.Errorf("%s is a lookup; say which of its columns is meant, as in %s.column", name, name)
	case !dotted:
		c.columns[name] = true
		return source{column: name, text: name}, nil
	case l == nil:
		return source{}, fmt.Errorf("lookup %s is not defined%s", head, known("the lookups are", slices.Collect(maps.Keys(c.lookups))))
	case l.many:
		return source{}, fmt.Errorf("lookup %s gives many rows; use each: %s, or an expression", head, head)
	default:
		if err := l.mayGive(column); err != nil {
			return source{}, err
		}
		l.uses(column)
		return source{lookup: l, column: column, text: name}, nil
	}
}

func (c *compiler) compileRules(fields []*field) []*rule {
	var out []*rule
	for i, r := range c.route.Rules {
		place := fmt.Sprintf("rule %d (%s)", i+1, r.Assert)
		if r.Message == "" {
			c.fail(place, errors.New("a message for the counsellor is missing"))
		}
		assert, err := exprs.CompileCondition(r.Assert)
		if err != nil {
			c.fail(place, err)
			continue
		}
		if err := noWholeEnv(r.Assert); err != nil {
			c.fail(place, err)
		}
		compiled := &rule{assert: assert, message: r.Message}
		for _, name := range assert.Names() {
			at := slices.IndexFunc(fields, func(f *field) bool { return f.name == name })
			switch {
			case at >= 0 && name == "now":
				c.fail(place, errors.New("now is the present time in rules, and a field has that name"))
			case at >= 0:
				compiled.fields = append(compiled.fields, fields[at])
			case name != "now":
				c.fail(place, fmt.Errorf("no field is called %s; rules read the finished payload, and now", name))
			}
		}
		slices.SortFunc(compiled.fields, func(a, b *field) int { return cmp.Compare(a.order, b.order) })
		out = append(out, compiled)
	}
	return out
}

// noWholeEnv refuses $env: which columns it reads cannot be known, and only the columns that are named leave the listener.
func noWholeEnv(expression string) error {
	if strings.Contains(expression, "$env") {
		return errors.New("$env cannot be used; name the columns")
	}
	return nil
}

func isName(s string) bool { return s != "" && wordLen(s) == len(s) && !strings.Contains(s, "$") }

// known ends an error with the names that would have been right.
func known(intro string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "; " + intro + " " + strings.Join(names, ", ")
}
