package mapper

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"talkbridge/internal/bridge"
	"talkbridge/internal/exprs"
	"talkbridge/internal/sqlrow"
)

// A lookup is a Lookup that was checked and made ready to run.
type lookup struct {
	route, name, label string
	many               bool
	scope              *lookup // the many-lookup for whose rows this one is run; nil: it is run for the record
	query              query
	binds              []source
	used               []string // columns that fields and binds read
	index              int      // among the route's lookups
	statement          *statement
}

// statement is a lookup's query on the server, prepared when it is first needed.
type statement struct {
	mu    sync.Mutex // guards what follows
	stmt  *sql.Stmt
	kinds map[string]bridge.Kind // what the driver does not know, see bitKinds
}

func (l *lookup) bindNames() []string {
	names := make([]string, len(l.binds))
	for i, b := range l.binds {
		names[i] = b.text
	}
	return names
}

// mayGive tells whether the query can give that column, as far as its text says.
func (l *lookup) mayGive(column string) error {
	if !l.query.columnsKnown || slices.Contains(l.query.columns, column) {
		return nil
	}
	return fmt.Errorf("lookup %s gives no column %s; it gives %s", l.name, column, strings.Join(l.query.columns, ", "))
}

func (l *lookup) uses(column string) {
	if !slices.Contains(l.used, column) {
		l.used = append(l.used, column)
	}
}

// givesMembers checks the columns that an expression takes of the lookup's row.
func (l *lookup) givesMembers(columns []string) error {
	if l.many {
		return nil // len(list), list[0]: what follows is not written as list.column
	}
	for _, column := range columns {
		if err := l.mayGive(column); err != nil {
			return err
		}
		l.uses(column)
	}
	return nil
}

// finding is how a lookup ended.
type finding byte

const (
	notRun          finding = iota
	found                   // with rows; of a many-lookup any number
	foundNone               // no row
	foundMany               // more than one row, and one was wanted
	foundTooMany            // more rows than a many-lookup may have
	foundNullBind           // not run: a bind is NULL
	foundUnreadable         // a row with a value that is not carried
)

// A result is what one lookup gave for one record.
type result struct {
	state finding
	rows  []map[string]bridge.Value
	root  *lookup // where the search ended: this lookup, or the one that its bind comes from
	at    *place  // the element that it was run for; nil: the record
	bind  string  // of foundNullBind
	limit int     // of foundTooMany

	native any // the rows as expressions see them, made when first asked for
}

func (r *result) missing() bool { return r.state != found }

// refusal tells whether the result is a fault in the data even for a field that may be left out.
func (r *result) refusal() bool {
	return r.state == foundMany || r.state == foundTooMany || r.state == foundUnreadable
}

// values gives a row as an expression sees it (nil if there is none), a many-lookup as a list of rows.
func (r *result) values(many bool) any {
	if r.missing() || r.native != nil {
		return r.native
	}
	if !many {
		r.native = exprs.Env(r.rows[0])
		return r.native
	}
	list := make([]any, len(r.rows))
	for i, row := range r.rows {
		list[i] = exprs.Env(row)
	}
	r.native = list
	return r.native
}

// lookup runs l, or gives what it gave before: each lookup is run at most once for a record, one in the scope of an each once for
// an element, and only if a field needs it.
func (r *run) lookup(ctx context.Context, l *lookup, at *place) (*result, error) {
	results, element := r.results, at.of(l.scope)
	if element != nil {
		if element.results == nil {
			element.results = make([]*result, len(r.route.lookups))
		}
		results = element.results
	}
	if before := results[l.index]; before != nil {
		return before, nil
	}
	args := make([]any, len(l.binds))
	for i, b := range l.binds {
		v, missing, err := r.read(ctx, b, at)
		if err != nil {
			return nil, err
		}
		if missing == nil && v.IsNull() {
			missing = &result{state: foundNullBind, root: l, bind: b.text, at: element}
		}
		if missing != nil { // nothing can be found for nothing: the query is not run
			results[l.index] = missing
			return missing, nil
		}
		args[i] = argument(v)
	}
	if err := r.visible(ctx); err != nil {
		return nil, err
	}
	res, err := r.m.query(ctx, l, args)
	if err != nil {
		return nil, err
	}
	res.at = element
	results[l.index] = res
	return res, nil
}

// visible waits, before the first lookup, until the tables show the transaction that the record was read from.
func (r *run) visible(ctx context.Context) error {
	if r.seen || r.m.visible == nil {
		return nil
	}
	r.seen = true
	return r.m.visible(ctx, r.change)
}

// read finds the value of a column: of the row, of an element of an each, or of a lookup. missing is the result of a lookup that
// found nothing.
func (r *run) read(ctx context.Context, s source, at *place) (v bridge.Value, missing *result, err error) {
	switch {
	case s.element:
		v, err = columnOf(at.of(s.lookup).row, s)
		return v, nil, err
	case s.lookup == nil:
		v, ok := r.change.Columns[s.column]
		if !ok {
			return v, nil, notReadError{column: s.column}
		}
		if v.Kind == bridge.KindUnreadable {
			return v, nil, unreadableError{column: s.column, reason: v.Text}
		}
		return v, nil, nil
	}
	res, err := r.lookup(ctx, s.lookup, at)
	if err != nil || res.missing() {
		return bridge.Value{}, res, err
	}
	v, err = res.column(s)
	return v, nil, err
}

func (r *result) column(s source) (bridge.Value, error) { return columnOf(r.rows[0], s) }

func columnOf(row map[string]bridge.Value, s source) (bridge.Value, error) {
	v, ok := row[s.column]
	if !ok {
		return v, fmt.Errorf("lookup %s gives no column %s; add it to the query's select list, spelt alike", s.lookup.name, s.column)
	}
	return v, nil
}

// argument hands integers over as integers: where MySQL compares a text with a number it may do so in floating point, which confuses
// ids beyond 2^53 and passes indexes by (manual, "Type Conversion in Expression Evaluation").
func argument(v bridge.Value) any {
	switch v.Kind {
	case bridge.KindInt, bridge.KindYear, bridge.KindBits, bridge.KindBool:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(v.Text, 10, 64); err == nil {
			return n
		}
		return v.Text
	case bridge.KindBinary:
		return []byte(v.Text)
	default:
		return v.Text
	}
}

// query runs the statement under its own time limit.
func (m *Mapper) query(ctx context.Context, l *lookup, args []any) (*result, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	stmt, kinds, err := m.prepared(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("route %s: lookup %s: %w", l.route, l.name, err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("route %s: lookup %s: %w", l.route, l.name, explainSQL(err))
	}
	defer rows.Close()
	limit := 2 // one row is wanted, the second proves that there are more
	if l.many {
		limit = m.maxRows
	}
	list, err := sqlrow.Read(rows, limit, kinds)
	switch {
	case errors.Is(err, sqlrow.ErrTooMany) && l.many:
		return &result{state: foundTooMany, root: l, limit: limit}, nil
	case errors.Is(err, sqlrow.ErrTooMany), err == nil && !l.many && len(list) > 1:
		return &result{state: foundMany, root: l}, nil
	case err != nil:
		return nil, fmt.Errorf("route %s: lookup %s: %w", l.route, l.name, explainSQL(err))
	case !l.many && len(list) == 0:
		return &result{state: foundNone, root: l}, nil
	case unreadable(list):
		return &result{state: foundUnreadable, root: l}, nil
	default:
		return &result{state: found, root: l, rows: list}, nil
	}
}

// unreadable tells whether a value of the rows is not carried.
func unreadable(list []map[string]bridge.Value) bool {
	for _, row := range list {
		for _, v := range row {
			if v.Kind == bridge.KindUnreadable {
				return true
			}
		}
	}
	return false
}
