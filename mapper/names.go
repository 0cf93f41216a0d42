package mapper

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"talkbridge/internal/exprs"
)

// This file resolves the names that fields, expressions and binds use. Every name passes the never-send list here.

// sourceAt resolves a name where the field stands: inside an each, a bare name is a column of the element's row if the query gives
// such a column, else of the element around it, and else a column of the record's row. Where the query's columns cannot be read
// off its text, it is the element's.
func (c *compiler) sourceAt(name string, at level) (source, error) {
	if !strings.Contains(name, ".") && c.lookups[name] == nil {
		for _, l := range slices.Backward(at.each) {
			if l.mayGive(name) == nil {
				return c.element(l, name)
			}
		}
	}
	return c.source(name, at)
}

func (c *compiler) element(l *lookup, column string) (source, error) {
	if err := l.mayGive(column); err != nil {
		return source{}, err
	}
	l.uses(column)
	return source{element: true, lookup: l, column: column, text: l.name + "." + column}, c.deny.refuse(column)
}

// source resolves a column of the row, or lookup.column.
func (c *compiler) source(name string, at level) (source, error) {
	head, column, dotted := strings.Cut(name, ".")
	switch l := c.lookups[head]; {
	case head == "" || dotted && column == "":
		return source{}, fmt.Errorf("%q is not the name of a column", name)
	case !dotted && l != nil:
		return source{}, fmt.Errorf("%s is a lookup; say which of its columns is meant, as in %s.column", name, name)
	case !dotted:
		if err := c.deny.refuse(name); err != nil {
			return source{}, err // and it is not captured either
		}
		c.columns[name] = true
		return source{column: name, text: name}, nil
	case l == nil:
		return source{}, fmt.Errorf("lookup %s is not defined%s", head, known("the lookups are", slices.Collect(maps.Keys(c.lookups))))
	case l.many && at.in(l):
		return c.element(l, column)
	case l.many:
		return source{}, fmt.Errorf("lookup %s gives many rows; use each: %s, or an expression", head, head)
	default:
		if err := l.reachable(at); err != nil {
			return source{}, err
		}
		if err := l.mayGive(column); err != nil {
			return source{}, err
		}
		l.uses(column)
		return source{lookup: l, column: column, text: name}, c.deny.refuse(column)
	}
}

// bind resolves :name or :lookup.column. Only lookups that stand before this one are known, so there can be no circle. A bind of a
// many-lookup's column puts the lookup into the scope of that one's rows.
func (c *compiler) bind(name string, of *lookup) (source, error) {
	head, column, dotted := strings.Cut(name, ".")
	if l := c.lookups[head]; dotted && l != nil && l.many {
		s, err := c.element(l, column)
		return s, errors.Join(err, of.enter(l))
	}
	if l := c.lookups[head]; dotted && l != nil && l.scope != nil {
		if err := of.enter(l.scope); err != nil {
			return source{}, err
		}
	}
	s, err := c.source(name, level{each: of.scopes()})
	if err == nil {
		return s, nil
	}
	for _, later := range c.route.Lookups {
		if later.Name == head && c.lookups[head] == nil {
			if head == of.name {
				return s, fmt.Errorf("bind :%s refers to the lookup itself", name)
			}
			return s, fmt.Errorf("bind :%s uses lookup %s, which is defined later; move it up (lookups cannot depend on each other in a circle)",
				name, head)
		}
	}
	return s, fmt.Errorf("bind :%s: %w", name, err)
}

// scopes lists the many-lookups in whose rows l is run, the outermost first.
func (l *lookup) scopes() []*lookup {
	var chain []*lookup
	for s := l.scope; s != nil; s = s.scope {
		chain = append(chain, s)
	}
	slices.Reverse(chain)
	return chain
}

// enter puts l into the scope of into's rows, or leaves it in a deeper one.
func (l *lookup) enter(into *lookup) error {
	switch {
	case l.scope == nil || slices.Contains(into.scopes(), l.scope):
		l.scope = into
		return nil
	case l.scope == into || slices.Contains(l.scopes(), into):
		return nil
	default:
		return fmt.Errorf("it binds columns of %s and of %s, which are not inside one another", l.scope.name, into.name)
	}
}

// reachable tells whether l can be run where a field stands.
func (l *lookup) reachable(at level) error {
	if l.scope == nil || at.in(l.scope) {
		return nil
	}
	return fmt.Errorf("lookup %s is run for every row of %s: it can be used inside each: %s only", l.name, l.scope.name, l.scope.name)
}

func (c *compiler) eachLookup(name string, at level) (*lookup, error) {
	l := c.lookups[name]
	switch {
	case l == nil:
		return nil, fmt.Errorf("lookup %s is not defined%s", name, known("the lookups are", slices.Collect(maps.Keys(c.lookups))))
	case !l.many:
		return nil, fmt.Errorf("lookup %s gives one row; set many: true to map each of several", name)
	case at.in(l):
		return nil, fmt.Errorf("this is inside each: %s already", name)
	default:
		return l, l.reachable(at)
	}
}

// compileFormula compiles an expression and resolves what it reads.
func (c *compiler) compileFormula(text string, at level, compile func(string) (*exprs.Program, error)) (*formula, error) {
	if err := noWholeEnv(text); err != nil {
		return nil, err
	}
	program, err := compile(text)
	if err != nil {
		return nil, err
	}
	out := &formula{program: program}
	for _, name := range program.Names() {
		if err := c.deny.refuse(program.Members(name)...); err != nil {
			return nil, err
		}
		l := c.lookups[name]
		if l == nil {
			s, err := c.sourceAt(name, at)
			if err != nil {
				return nil, err
			}
			out.reads = append(out.reads, s)
			continue
		}
		out.reads = append(out.reads, source{lookup: l, text: name})
		if err := errors.Join(l.reachable(at), l.givesMembers(program.Members(name))); err != nil {
			return nil, err
		}
	}
	return out, nil
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
