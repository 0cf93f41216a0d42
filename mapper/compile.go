package mapper

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	uses     []dictUse
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
	deny    *denial
	later   []func() // checks that need all fields
	uses    []dictUse
	errs    []error
}

func compileRoute(r Route, dicts map[string]*dict, deny *denial) (*route, error) {
	c := &compiler{route: r, dicts: dicts, lookups: map[string]*lookup{}, columns: map[string]bool{}, deny: deny}
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
	for _, check := range c.later {
		check()
	}
	out.rules, out.uses = c.compileRules(out.fields), c.uses
	out.columns = slices.Sorted(maps.Keys(c.columns))
	return out, errors.Join(c.errs...)
}

// fail notes an error of the route, at a place such as "field talkMode". Joined errors are noted one by one, each with its place.
func (c *compiler) fail(place string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // only what is joined here, not further inside
		for _, one := range joined.Unwrap() {
			c.fail(place, one)
		}
		return
	}
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
		if err := c.deny.refuseIn(q); err != nil {
			c.fail(place, err)
		}
		compiled := &lookup{
			route: c.route.Name, name: l.Name, label: l.Label, many: l.Many, query: q, index: len(out),
			statement: &statement{},
		}
		for _, name := range q.binds {
			b, err := c.bind(name, compiled)
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
