package mapper

import (
	"context"
	"fmt"

	"talkbridge/internal/bridge"
	"talkbridge/internal/exprs"
)

// A formula is an expression of a field with what it reads.
type formula struct {
	program *exprs.Program
	reads   []source // columns, and lookups as a whole (column is empty)
}

// given is what a formula was evaluated with.
type given struct {
	env     map[string]any
	missing *result // a lookup that it names found nothing
	null    bool    // a column that it names is NULL
}

func (r *run) given(ctx context.Context, e *formula, at *place) (given, error) {
	g := given{env: make(map[string]any, len(e.reads))}
	for _, s := range e.reads {
		if s.lookup != nil && s.column == "" {
			res, err := r.lookup(ctx, s.lookup, at)
			if err != nil {
				return g, err
			}
			if res.missing() {
				g.missing = res
			}
			g.env[s.text] = res.values(s.lookup.many)
			continue
		}
		v, _, err := r.read(ctx, s, at)
		if err != nil {
			return g, err
		}
		g.null = g.null || v.IsNull()
		g.env[s.column] = exprs.Native(v)
	}
	return g, nil
}

// expression evaluates a field's expression. A lookup that found nothing is nil in it; an expression that cannot do with that, or
// with a column that is NULL, gives nothing, as SQL has it. Any other failure is the expression's own, and an error.
func (r *run) expression(ctx context.Context, f *field, at *place) (v bridge.Value, missing *result, err error) {
	g, err := r.given(ctx, f.expr, at)
	if err != nil {
		return v, nil, err
	}
	if g.missing != nil && g.missing.refusal() {
		return v, g.missing, nil
	}
	result, err := f.expr.program.Eval(g.env)
	switch {
	case err != nil && (g.missing != nil || g.null):
		return bridge.Value{}, g.missing, nil
	case err != nil:
		return v, nil, r.cannotEvaluate(f, "expression", f.expr, g)
	case result == nil:
		return bridge.Value{}, g.missing, nil
	}
	if v, err = valueOf(result); err != nil {
		return v, nil, fmt.Errorf("route %s: field %s: %w", r.route.name, f.path, err)
	}
	return v, nil, nil
}

// holds evaluates a field's condition. What cannot be known, because a column is NULL or a lookup found nothing, does not hold, as SQL
// has it.
func (r *run) holds(ctx context.Context, f *field, at *place) (bool, error) {
	g, err := r.given(ctx, f.when, at)
	if err != nil {
		return false, err
	}
	if g.missing != nil && g.missing.refusal() {
		r.lacks(f, at, g.missing)
		return false, nil
	}
	holds, err := f.when.program.Holds(g.env)
	switch {
	case err != nil && (g.missing != nil || g.null):
		return false, nil
	case err != nil:
		return false, r.cannotEvaluate(f, "condition", f.when, g)
	}
	return holds, nil
}

// cannotEvaluate names types only: the library's own words can repeat values.
func (r *run) cannotEvaluate(f *field, what string, e *formula, g given) error {
	return fmt.Errorf("route %s: field %s: the %s %s cannot be evaluated with %s; correct it in the configuration",
		r.route.name, f.path, what, e.program, typesOf(g.env, e.program.Names()))
}
