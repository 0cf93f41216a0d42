package canal

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/replication"
)

// Why the rows of a watched table cannot be used. Each is a stop: what is skipped here is a submission that is lost.
var (
	errPartialJSON = errors.New("the log holds only what changed inside a JSON column (binlog_row_value_options=PARTIAL_JSON). Run " +
		"SET GLOBAL binlog_row_value_options = ''; then set the position behind this place and backfill the route")
	errUndecodable = errors.New("the rows cannot be decoded; please report it with the table's SHOW CREATE TABLE and the server's version")
	errNotFull     = errors.New("the column is not in the log: binlog_row_image was not FULL when this was written. Run " +
		"SET GLOBAL binlog_row_image = FULL; write binlog_row_image=FULL into my.cnf; have clients reconnect; then set the position " +
		"behind this place and backfill the route")
)

// errGenerated is for servers that do not log what they can compute: MariaDB 11.8 leaves generated columns, stored ones too, out of the images
// of an UPDATE, under binlog_row_image=FULL.
var errGenerated = errors.New("it is a generated column, and the server leaves those out of its log (MariaDB 11.8 does). Give the route the columns " +
	"that it is made of, or read it in a lookup; then set the position behind this place and backfill the route")

// A binding is a route on the columns of its table at one place in the log.
type binding struct {
	route  *route
	layout *layout
	flag   int
	cells  []cell   // everything that leaves the listener
	key    []cell   // in the key's order
	keys   []string // the key columns' names, as in the Change
}

// A cell is one column that a route uses, under the name that the route uses for it.
type cell struct {
	name  string
	index int
	as    *charset // of its bytes, where the route says otherwise than the table
}

// bind binds the routes of one table to its TABLE_MAP event.
func bind(routes []*route, e *replication.TableMapEvent, x lexicon, compressed []bool) ([]*binding, error) {
	l, err := newLayout(e, x, compressed)
	if err != nil {
		return nil, err
	}
	out := make([]*binding, len(routes))
	for i, r := range routes {
		if out[i], err = newBinding(r, l); err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
	}
	return out, nil
}

func newBinding(r *route, l *layout) (*binding, error) {
	b := &binding{route: r, layout: l}
	for _, name := range r.names {
		i, ok := l.index(name)
		if !ok {
			return nil, fmt.Errorf("column %s is not in the table at this place of the log; it was dropped or renamed, or is newer. "+
				"Correct the route's configuration, or put the column back", name)
		}
		b.cells = append(b.cells, cell{name, i, r.recoded(name)})
		if name == r.Submit.Column {
			b.flag = i
		}
	}
	if err := b.bindKey(); err != nil {
		return nil, err
	}
	return b, nil
}

// bindKey finds the key's columns: those of the configuration, else the primary key.
func (b *binding) bindKey() error {
	indexes := b.layout.key
	if len(b.route.Key) > 0 {
		indexes = nil
		for _, name := range b.route.Key {
			i, _ := b.layout.index(name) // it is one of route.names, so it was found
			indexes = append(indexes, i)
		}
	}
	if len(indexes) == 0 {
		return errors.New("the table has no primary key; name the columns that identify a row with key: [...]")
	}
	for _, i := range indexes {
		name := b.nameOf(i)
		b.key, b.keys = append(b.key, cell{name, i, b.route.recoded(name)}), append(b.keys, name)
	}
	return nil
}

// nameOf finds the name under which a column leaves the listener, and lets a key column that no one named leave it too.
func (b *binding) nameOf(index int) string {
	for _, c := range b.cells {
		if c.index == index {
			return c.name
		}
	}
	name := b.layout.columns[index].name
	b.cells = append(b.cells, cell{name, index, nil})
	return name
}

// An image is one row as a rows event holds it.
type image struct {
	values  []any
	skipped []int // columns that are not in it
}

// cell reads one column.
func (b *binding) cell(row image, c cell) (bridge.Value, error) {
	col := &b.layout.columns[c.index]
	if slices.Contains(row.skipped, c.index) {
		if col.generated {
			return bridge.Value{}, fmt.Errorf("column %s: %w", c.name, errGenerated)
		}
		return bridge.Value{}, fmt.Errorf("column %s: %w", c.name, errNotFull)
	}
	if c.as != nil && col.text() {
		other := *col
		other.charset = *c.as
		col = &other
	}
	v, err := col.value(row.values[c.index])
	if err != nil {
		return bridge.Value{}, fmt.Errorf("column %s: %w", c.name, err)
	}
	return v, nil
}

// submission looks at one changed row: before is nil for an insert. It gives the columns and the key of a submission, or ok false.
// The flag is read first, and the rest only of rows whose flag says so.
func (b *binding) submission(before *image, after image) (columns map[string]bridge.Value, key string, ok bool, err error) {
	if gone, err := b.gone(after); gone || err != nil {
		return nil, "", false, err
	}
	flag := cell{b.route.Submit.Column, b.flag, b.route.recoded(b.route.Submit.Column)}
	now, err := b.cell(after, flag)
	if err != nil {
		return nil, "", false, err
	}
	var was bridge.Value
	if before != nil {
		if was, err = b.cell(*before, flag); err != nil {
			return nil, "", false, err
		}
	}
	if now.Kind == bridge.KindUnreadable || was.Kind == bridge.KindUnreadable {
		return nil, "", false, fmt.Errorf("column %s: the flag is too large to be read", flag.name)
	}
	if !b.route.Submit.fires(before == nil, was, now) {
		return nil, "", false, nil
	}
	if columns, err = b.columns(after); err != nil {
		return nil, "", false, err
	}
	if key, err = b.keyOf(columns); err != nil {
		return nil, "", false, err
	}
	ok, err = b.route.holds(columns)
	if err != nil {
		return nil, "", false, fmt.Errorf("record %s: %w", key, err)
	}
	return columns, key, ok, nil
}

// columns reads every column that the route uses. The record's key goes into an error about one of them, so that a person can
// find the row.
func (b *binding) columns(row image) (map[string]bridge.Value, error) {
	columns := make(map[string]bridge.Value, len(b.cells))
	var problems []error
	var bound bridge.Bound
	for _, c := range b.cells {
		v, err := b.cell(row, c)
		if errors.Is(err, errInvalidBytes) && !b.isKey(c) { // the record is refused for it, and reading goes on
			v, err = bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableBytes}, nil
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		columns[c.name] = bound.Carry(v)
	}
	if len(problems) == 0 {
		return columns, nil
	}
	key, err := b.keyOf(columns)
	if err != nil || slices.ContainsFunc(b.key, func(c cell) bool { _, ok := columns[c.name]; return !ok }) {
		return nil, errors.Join(problems...)
	}
	return nil, fmt.Errorf("record %s: %w", key, errors.Join(problems...))
}

func (b *binding) isKey(c cell) bool {
	return slices.ContainsFunc(b.key, func(k cell) bool { return k.index == c.index })
}

func (b *binding) keyOf(columns map[string]bridge.Value) (string, error) {
	values := make([]bridge.Value, len(b.key))
	for i, c := range b.key {
		values[i] = columns[c.name]
	}
	key, err := keyText(values)
	if err != nil {
		return "", fmt.Errorf("key (%s): %w", strings.Join(b.keys, ", "), err)
	}
	return key, nil
}

// gone tells whether the row is a former one of a system-versioned table. An UPDATE there writes the row as it was into the log too, as an
// insert, and a DELETE is an UPDATE of the column that says until when the row was (MariaDB, "System-Versioned Tables and Replication").
func (b *binding) gone(row image) (bool, error) {
	if !b.layout.versioned {
		return false, nil
	}
	c := cell{b.layout.columns[b.layout.rowEnd].name, b.layout.rowEnd, nil}
	if slices.Contains(row.skipped, c.index) {
		return false, fmt.Errorf("column %s: %w", c.name, errNotFull)
	}
	switch end := row.values[c.index].(type) {
	case string: // TIMESTAMP(6): the last moment that the server knows, 2038 or, from 11.5 on, 2106, in whatever zone
		last := len(end) > 10 && slices.Contains([]string{"2038-01-18", "2038-01-19", "2106-02-06", "2106-02-07"}, end[:10])
		return !last || !strings.HasSuffix(end, ".999999"), nil
	case uint64: // the number of a transaction
		return end != math.MaxUint64, nil
	case int64:
		return end != -1, nil
	default:
		return false, fmt.Errorf("column %s: a ROW END of type %T", c.name, end)
	}
}
