package mapper

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// A run maps one record. Its parts come in a fixed order: fields with their lookups and conversions, then the contract over the
// finished payload, then the rules. Each adds to the findings; none stops the others.
type run struct {
	m       *Mapper
	route   *route
	change  bridge.Change
	now     time.Time
	results []*result // by lookup.index
	top     *place    // the payload itself
	seen    bool      // Visible was asked

	complaints []complaint
	missing    []*gap
	orders     []dated // moments that have to stand in an order, checked when all of them are known
}

// notReadError says that a column was not captured with the row.
type notReadError struct{ column string }

func (e notReadError) Error() string { return "column " + e.column + " was not read with the row" }

// unreadableError is a value that the listener did not carry.
type unreadableError struct{ column, reason string }

func (e unreadableError) Error() string {
	return "column " + e.column + " cannot be read with the row (" + e.reason + ")"
}

// A place is where in the payload fields stand: the payload itself, one element of an each, a nested object, a list. Each knows the
// one around it, so a field finds the rows and results of all of them.
type place struct {
	outer   *place // nil at the top
	field   *field // whose content it is; nil at the top
	index   int    // of an each's element
	row     map[string]bridge.Value
	results []*result        // of the lookups in this element's scope, by lookup.index; nil until one is run
	moments map[*field]civil // of the fields whose order counts; nil until there is one
}

// of finds the element of l's each that p lies in; nil for no lookup.
func (p *place) of(l *lookup) *place {
	if l == nil {
		return nil
	}
	for ; p != nil; p = p.outer {
		if p.field != nil && p.field.kind == fromEach && p.field.each == l {
			return p
		}
	}
	return nil
}

// object writes the members of one object, in the order of the configuration, and gives them as a tree too: the contract and the
// rules work on that, so the JSON is never read again.
func (r *run) object(ctx context.Context, b []byte, fields []*field, at *place) ([]byte, map[string]any, error) {
	tree := make(map[string]any, len(fields)+1) // one more for the rules' now
	b = append(b, '{')
	for _, f := range fields {
		start := len(b)
		if len(tree) > 0 {
			b = append(b, ',')
		}
		b = append(b, f.quoted...)
		value, written, err := r.tryMember(ctx, b, f, at)
		if err != nil {
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

// tryMember turns a column that was not captured, or could not be, into a complaint.
func (r *run) tryMember(ctx context.Context, b []byte, f *field, at *place) (any, []byte, error) {
	value, written, err := r.member(ctx, b, f, at)
	if _, notRead := errors.AsType[notReadError](err); notRead {
		r.complain(f, at, "column", sayNotRead(f.label))
		return nil, nil, nil
	}
	if e, unreadable := errors.AsType[unreadableError](err); unreadable {
		r.add(at.path(f), e.column, "unreadable", at.said()+sayUnreadable(f.label, e.reason), at.rank(f))
		return nil, nil, nil
	}
	return value, written, err
}

// member writes one value behind its name. A member that is left out gives no bytes.
func (r *run) member(ctx context.Context, b []byte, f *field, at *place) (any, []byte, error) {
	if f.when != nil {
		if holds, err := r.holds(ctx, f, at); err != nil || !holds {
			return nil, nil, err
		}
	}
	switch f.kind {
	case fromEach:
		return r.elements(ctx, b, f, at)
	case fromObject:
		written, tree, err := r.object(ctx, b, f.elements, &place{outer: at, field: f})
		if err != nil || f.optional && len(tree) == 0 {
			return nil, nil, err
		}
		return tree, written, nil
	case fromList:
		return r.list(ctx, b, f, at)
	default:
		d, err := r.value(ctx, f, at)
		if err != nil || d.form == formNone {
			return nil, nil, err
		}
		return d.native(), d.append(b), nil
	}
}

// elements writes one object for each row of a many-lookup.
func (r *run) elements(ctx context.Context, b []byte, f *field, at *place) (any, []byte, error) {
	res, err := r.lookup(ctx, f.each, at)
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
		b, element, err = r.object(ctx, b, f.elements, &place{outer: at, field: f, index: i, row: row})
		if err != nil {
			return nil, nil, err
		}
		tree[i] = element
	}
	return tree, append(b, ']'), nil
}

// list writes an array of values that are listed one by one. Those that are left out leave no hole.
func (r *run) list(ctx context.Context, b []byte, f *field, at *place) (any, []byte, error) {
	tree := make([]any, 0, len(f.elements))
	inner := &place{outer: at, field: f}
	b = append(b, '[')
	for _, element := range f.elements {
		start := len(b)
		if len(tree) > 0 {
			b = append(b, ',')
		}
		value, written, err := r.tryMember(ctx, b, element, inner)
		if err != nil {
			return nil, nil, err
		}
		if written == nil {
			b = b[:start]
			continue
		}
		b = written
		tree = append(tree, value)
	}
	if len(tree) == 0 && f.optional {
		return nil, nil, nil
	}
	return tree, append(b, ']'), nil
}

// value finds a field's value and converts it. The zero datum is a member that is left out, or one that was complained about.
func (r *run) value(ctx context.Context, f *field, at *place) (datum, error) {
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
		if f.fallback.form != formNone && !missing.refusal() {
			return f.fallback, nil
		}
		r.lacks(f, at, missing)
		return datum{}, nil
	}
	return r.convert(ctx, f, at, v)
}

// validText refuses bytes that are no UTF-8: they cannot be JSON, and to mend them would be to guess.
func validText(v bridge.Value) bool { return v.Kind == bridge.KindBinary || utf8.ValidString(v.Text) }
