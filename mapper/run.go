package mapper

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"talkbridge/internal/bridge"
	"talkbridge/internal/exprs"
)

// A run maps one record. Its parts come in a fixed order: fields with their lookups and conversions, then the contract over the
// finished payload, then the rules. Each adds to the findings; none stops the others.
type run struct {
	m       *Mapper
	route   *route
	change  bridge.Change
	now     time.Time
	results []*result // by lookup.index

	complaints []complaint
	missing    []*gap
}

// notReadError says that a column was not captured with the row.
type notReadError struct{ column string }

func (e notReadError) Error() string { return "column " + e.column + " was not read with the row" }

// place is where in the payload an object's fields stand: the payload itself, or one element of an each.
type place struct {
	each  *field // nil at the top
	index int
	row   map[string]bridge.Value
}

// object writes the members of one object, in the order of the configuration, and gives them as a tree too: the contract and the
// rules work on that, so the JSON is never read again.
func (r *run) object(ctx context.Context, b []byte, fields []*field, at place) ([]byte, map[string]any, error) {
	tree := make(map[string]any, len(fields)+1) // one more for the rules' now
	b = append(b, '{')
	for _, f := range fields {
		start := len(b)
		if len(tree) > 0 {
			b = append(b, ',')
		}
		b = append(b, f.quoted...)
		value, written, err := r.member(ctx, b, f, at)
		if _, notRead := errors.AsType[notReadError](err); notRead {
			r.complain(f, at, "column", sayNotRead(f.label))
		} else if err != nil {
			return nil, nil, err
		}
		if written == nil { // left out, or refused
			b = b[:start]
			continue
		}
		b = written
		tree[f.name] = value
	}
	return append(b, '}'), tree, nil
}

// member writes one value behind its name. A member that is left out gives no bytes.
func (r *run) member(ctx context.Context, b []byte, f *field, at place) (any, []byte, error) {
	if f.kind == fromEach {
		return r.list(ctx, b, f, at)
	}
	d, err := r.value(ctx, f, at)
	if err != nil || d.form == formNone {
		return nil, nil, err
	}
	return d.native(), d.append(b), nil
}

// list writes one object for each row of a many-lookup.
func (r *run) list(ctx context.Context, b []byte, f *field, at place) (any, []byte, error) {
	res, err := r.lookup(ctx, f.each)
	if err != nil {
		return nil, nil, err
	}
	if res.missing() {
		r.lacks(f, at, res)
		return nil, nil, nil
	}
	if len(res.rows) == 0 && f.optional {
		return nil, nil, nil
	}
	tree := make([]any, len(res.rows))
	b = append(b, '[')
	for i, row := range res.rows {
		if i > 0 {
			b = append(b, ',')
		}
		var element map[string]any
		b, element, err = r.object(ctx, b, f.elements, place{each: f, index: i, row: row})
		if err != nil {
			return nil, nil, err
		}
		tree[i] = element
	}
	return tree, append(b, ']'), nil
}

// value finds a field's value and converts it. The zero datum is a member that is left out, or one that was complained about.
func (r *run) value(ctx context.Context, f *field, at place) (datum, error) {
	if f.kind == fromConstant {
		return f.constant, nil
	}
	var v bridge.Value
	var missing *result
	var err error
	if f.kind == fromExpression {
		v, missing, err = r.expression(ctx, f, at)
	} else {
		v, missing, err = r.read(ctx, f.from, at)
	}
	if err != nil {
		return datum{}, err
	}
	if missing != nil {
		r.lacks(f, at, missing)
		return datum{}, nil
	}
	return r.convert(ctx, f, at, v)
}

// read finds a column. missing is the result of a lookup that found nothing.
func (r *run) read(ctx context.Context, s source, at place) (v bridge.Value, missing *result, err error) {
	if s.element {
		v, err = columnOf(at.row, s)
		return v, nil, err
	}
	return r.bind(ctx, s)
}

// expression evaluates a field's expression. A lookup that found nothing is nil in it; an expression that cannot do with that, or
// with a column that is NULL, gives nothing, as SQL has it. Any other failure is the expression's own, and an error.
func (r *run) expression(ctx context.Context, f *field, at place) (v bridge.Value, missing *result, err error) {
	env := make(map[string]any, len(f.exprReads))
	null := false
	for _, s := range f.exprReads {
		if s.lookup != nil && s.column == "" {
			res, err := r.lookup(ctx, s.lookup)
			if err != nil {
				return v, nil, err
			}
			if res.missing() {
				missing = res
			}
			env[s.text] = res.values(s.lookup.many)
			continue
		}
		v, _, err := r.read(ctx, s, at)
		if err != nil {
			return v, nil, err
		}
		null = null || v.IsNull()
		env[s.column] = exprs.Native(v)
	}
	if missing != nil && missing.refusal() {
		return v, missing, nil
	}
	result, err := f.expr.Eval(env)
	switch {
	case err != nil && (missing != nil || null):
		return bridge.Value{}, missing, nil
	case err != nil:
		return v, nil, fmt.Errorf("route %s: field %s: the expression %s cannot be evaluated with %s; correct it in the configuration",
			r.route.name, f.path, f.exprSource, typesOf(env, f.expr.Names())) // the library's own words can repeat values
	case result == nil:
		return bridge.Value{}, missing, nil
	}
	if v, err = valueOf(result); err != nil {
		return v, nil, fmt.Errorf("route %s: field %s: %w", r.route.name, f.path, err)
	}
	return v, nil, nil
}

// validText refuses bytes that are no UTF-8: they cannot be JSON, and to mend them would be to guess.
func validText(v bridge.Value) bool { return v.Kind == bridge.KindBinary || utf8.ValidString(v.Text) }
