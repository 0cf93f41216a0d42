package mapper

import "errors"

// An ordering is a field's not_before or not_after.
type ordering struct {
	other    *field // nil: now
	sibling  bool   // other stands in the same object; otherwise at the top
	before   bool   // the field may not be after the other; otherwise it may not be before it
	dateOnly bool   // one of the two has no clock
}

// dated is a moment of the record that has an ordering.
type dated struct {
	field  *field
	at     *place
	moment civil
}

// note keeps a moment that an ordering needs.
func (r *run) note(f *field, at *place, moment civil) {
	if f.ordered {
		if at.moments == nil {
			at.moments = map[*field]civil{}
		}
		at.moments[f] = moment
	}
	if len(f.orderings) > 0 {
		r.orders = append(r.orders, dated{f, at, moment})
	}
}

// inOrder complains about the moments that are out of order. One that is missing or wrong is no reason: that is said already.
func (r *run) inOrder() {
	for _, d := range r.orders {
		for _, o := range d.field.orderings {
			other, label := civilOf(r.now), "现在"
			if o.other != nil {
				var known bool
				holder := r.top
				if o.sibling {
					holder = d.at
				}
				if other, known = holder.moments[o.other]; !known {
					continue
				}
				label = o.other.label
			}
			order := d.moment.compare(other, o.dateOnly)
			if o.before && order > 0 || !o.before && order < 0 {
				r.complain(d.field, d.at, "order", sayOutOfOrder(d.field.label, label, o.before))
			}
		}
	}
}

// compileOrderings finds the fields that not_before and not_after name, when all fields are compiled.
func (c *compiler) compileOrderings(out *field, f Field, siblings, top *[]*field, place string) {
	for _, o := range []struct {
		name   string
		before bool
	}{{f.NotBefore, false}, {f.NotAfter, true}} {
		if o.name == "" {
			continue
		}
		if out.layout == nil {
			c.fail(place, errors.New("not_before and not_after compare moments: give the field time"))
			continue
		}
		if o.name == "now" {
			out.orderings = append(out.orderings, ordering{before: o.before, dateOnly: !out.layout.hasClock()})
			continue
		}
		other, sibling := fieldNamed(*siblings, o.name), true
		if other == nil {
			other, sibling = fieldNamed(*top, o.name), false
		}
		if other == nil || other == out || other.layout == nil {
			c.fail(place, errors.New("not_before and not_after name another field with time, beside this one or at the top, or now; "+o.name+" is none"))
			continue
		}
		other.ordered = true
		out.orderings = append(out.orderings, ordering{
			other: other, sibling: sibling, before: o.before, dateOnly: !out.layout.hasClock() || !other.layout.hasClock(),
		})
	}
}

func fieldNamed(fields []*field, name string) *field {
	for _, f := range fields {
		if f.name == name {
			return f
		}
	}
	return nil
}
