package canal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"talkbridge/internal/bridge"
	"talkbridge/internal/exprs"
)

// A route is a Route that was checked and compiled.
type route struct {
	Route

	where *exprs.Program // nil: always
	names []string       // the columns that leave the listener, without those of the primary key
	as    map[string]*charset
}

// newRoute checks what can be checked without a server.
func newRoute(r Route) (*route, error) {
	problem := func(format string, args ...any) error {
		return fmt.Errorf("route %s: "+format, append([]any{r.Name}, args...)...)
	}
	switch {
	case r.Name == "" || strings.Contains(r.Name, "/"):
		return nil, fmt.Errorf("a route's name must not be empty or hold a slash: %q", r.Name)
	case r.Schema == "" || r.Table == "":
		return nil, problem("table has to be DATABASE.TABLE")
	case r.Submit.Column == "":
		return nil, problem("submit names no column")
	case r.Submit.Mode != ModeBecomes && r.Submit.Mode != ModeChanges && r.Submit.Mode != ModeWhile:
		return nil, problem("submit has to say becomes, changes or while, not %q", r.Submit.Mode)
	case r.Submit.Mode != ModeChanges && len(r.Submit.Values) == 0:
		return nil, problem("submit %s names no value", r.Submit.Mode)
	}
	out := &route{Route: r}
	out.names = append(slices.Clone(r.Columns), r.Submit.Column)
	if r.Where != "" {
		var err error
		if out.where, err = exprs.CompileCondition(r.Where); err != nil {
			return nil, problem("where: %w", err)
		}
		out.names = append(out.names, out.where.Names()...)
	}
	out.names = append(out.names, r.Key...)
	for column, name := range r.Charsets {
		set, err := charsetOf(charsetName(name))
		switch {
		case err != nil:
			return nil, problem("charsets: %s: %w", column, err)
		case !slices.ContainsFunc(out.names, func(n string) bool { return strings.EqualFold(n, column) }):
			return nil, problem("charsets names the column %s, which the route does not use", column)
		}
		if out.as == nil {
			out.as = map[string]*charset{}
		}
		out.as[strings.ToLower(column)] = &set
	}
	slices.Sort(out.names)
	out.names = slices.Compact(out.names)
	return out, nil
}

// recoded is the character set that the route gives a column's bytes, or nil.
func (r *route) recoded(column string) *charset { return r.as[strings.ToLower(column)] }

// fires tells whether the change of the flag from before to after is a submission. insert says that there was no row before.
func (s Submit) fires(insert bool, before, after bridge.Value) bool {
	if !s.flagged(after) {
		return false
	}
	return insert || s.Mode == ModeWhile || before != after
}

// flagged tells whether the flag as it stands is one that a submission leaves behind. For changes that is anything but NULL, 0,
// a zero date and the empty string: a flag that was taken back is no submission.
func (s Submit) flagged(v bridge.Value) bool {
	if v.IsNull() {
		return false
	}
	if s.Mode == ModeChanges {
		return strings.Trim(v.Text, "0:-. ") != ""
	}
	return slices.Contains(s.Values, v.Text)
}

// holds tells whether the route's condition is true for the row. Over a value that could not be read it cannot be told: the row is taken for a
// submission, which the mapping then refuses with the reason, because what is left out without a word is lost.
func (r *route) holds(columns map[string]bridge.Value) (bool, error) {
	if r.where == nil {
		return true, nil
	}
	for _, name := range r.where.Names() {
		if columns[name].Kind == bridge.KindUnreadable {
			return true, nil
		}
	}
	holds, err := r.where.Holds(exprs.Env(columns))
	if err != nil {
		// What expr says may quote the row, so it is replaced by the kinds of the values that it stumbled over.
		return false, fmt.Errorf("where (%s) cannot be evaluated over this row, in which %s; let it ask first, as in: x != nil && x > 5",
			r.where, kinds(r.where.Names(), columns))
	}
	return holds, nil
}

// kinds says of which kind the named values are.
func kinds(names []string, columns map[string]bridge.Value) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = name + " is " + cmp.Or(string(columns[name].Kind), "NULL")
	}
	return strings.Join(parts, ", ")
}

// keyText makes the key of a record from the key columns' values.
func keyText(values []bridge.Value) (string, error) {
	parts := make([]string, len(values))
	for i, v := range values {
		switch v.Kind {
		case bridge.KindNull:
			return "", errors.New("a column of the record's key is NULL; a key has to be NOT NULL")
		case bridge.KindUnreadable:
			return "", errors.New("a column of the record's key cannot be read; which record it is cannot be told")
		case bridge.KindBinary:
			parts[i] = fmt.Sprintf("%x", v.Text)
		default:
			parts[i] = v.Text
		}
	}
	return bridge.JoinKey(parts), nil
}
