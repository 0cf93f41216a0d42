package canal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/sqlrow"
)

// preparer is *sql.DB, *sql.Conn or *sql.Tx.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// A tableReader reads rows of a route's table by SQL, with the same Values as the log gives.
type tableReader struct {
	route    *route
	table    *table
	location *time.Location

	list  []string // select list
	kinds map[string]bridge.Kind
	zoned []string // names of TIMESTAMP columns, which come in UTC
	coded []string // names of columns whose bytes are in the character set that the route says
	keys  []string // the key's columns, as in Change.KeyColumns
	pages []*tableColumn
}

// pagePrefix names the columns that only say where the next page begins.
const pagePrefix = "·page"

func newTableReader(r *route, t *table, location *time.Location) *tableReader {
	tr := &tableReader{route: r, table: t, location: location, kinds: map[string]bridge.Kind{}}
	seen := map[string]string{}
	for _, name := range r.names {
		tr.choose(name, name, t.column(name))
		if lower := strings.ToLower(name); seen[lower] == "" {
			seen[lower] = name
		}
	}
	key := r.Key
	if len(key) == 0 {
		key = t.key
	}
	for _, name := range key {
		if known := seen[strings.ToLower(name)]; known != "" {
			name = known
		} else {
			tr.choose(name, name, t.column(name))
		}
		tr.keys = append(tr.keys, name)
	}
	pages := t.key
	if len(pages) == 0 {
		pages = r.Key
	}
	for i, name := range pages {
		c := t.column(name)
		tr.pages = append(tr.pages, c)
		tr.choose(pagePrefix+strconv.Itoa(i), c.name, c)
	}
	return tr
}

// choose puts a column into the select list.
func (tr *tableReader) choose(as, name string, c *tableColumn) {
	if tr.route.recoded(as) != nil && c.bytes() && !strings.HasPrefix(as, pagePrefix) {
		tr.list = append(tr.list, "CAST("+backquote(name)+" AS BINARY) AS "+backquote(as))
		tr.kinds[as], tr.coded = bridge.KindBinary, append(tr.coded, as)
		return
	}
	tr.list = append(tr.list, backquote(name)+" AS "+backquote(as))
	if kind, ok := c.sqlKind(); ok {
		tr.kinds[as] = kind
	}
	if c.kind == "timestamp" && !strings.HasPrefix(as, pagePrefix) {
		tr.zoned = append(tr.zoned, as)
	}
}

// query reads the rows that the condition and what follows it choose. It is always a prepared statement: only then does a FLOAT
// come with all of its digits.
func (tr *tableReader) query(ctx context.Context, q preparer, rest string, args []any, limit int) ([]map[string]bridge.Value, error) {
	stmt, err := q.PrepareContext(ctx, "SELECT "+strings.Join(tr.list, ", ")+" FROM "+backquote(tr.table.schema)+"."+backquote(tr.table.name)+" "+rest)
	if err != nil {
		return nil, err
	}
	defer stmt.Close() //nolint:errcheck // the server forgets it with the connection
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out, err := sqlrow.Read(rows, limit, tr.kinds)
	if err != nil {
		return nil, err
	}
	for _, row := range out {
		for _, name := range tr.zoned {
			row[name] = inZone(row[name], tr.location)
		}
		for _, name := range tr.coded {
			if row[name], err = tr.recode(name, row[name]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// recode makes text of bytes. As in the log, what is no text refuses its record, or, in the key or the flag, stops the listener.
func (tr *tableReader) recode(name string, v bridge.Value) (bridge.Value, error) {
	if v.IsNull() || v.Kind == bridge.KindUnreadable {
		return v, nil
	}
	set := tr.route.recoded(name)
	text, err := set.text(v.Text)
	switch {
	case err == nil:
	case errors.Is(err, errInvalidBytes) && name != tr.route.Submit.Column && !slices.Contains(tr.keys, name):
		return bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableBytes}, nil
	default:
		return v, &stopError{fmt.Errorf("column %s: %w (%s, as the route's charsets say)", name, err, set.name)}
	}
	return bridge.Value{Kind: bridge.KindText, Text: text}, nil
}

// inZone shows a TIMESTAMP, which came in UTC, in the location. A zero one has no zone.
func inZone(v bridge.Value, location *time.Location) bridge.Value {
	const form = "2006-01-02 15:04:05"
	if v.IsNull() || len(v.Text) < len(form) {
		return v
	}
	t, err := time.ParseInLocation(form, v.Text[:len(form)], time.UTC)
	if err != nil {
		return v
	}
	v.Text = t.In(location).Format(form) + v.Text[len(form):]
	return v
}

// change makes the Change of a row, without saying where it was found.
func (tr *tableReader) change(row map[string]bridge.Value) (bridge.Change, error) {
	values := make([]bridge.Value, len(tr.keys))
	for i, name := range tr.keys {
		values[i] = row[name]
	}
	key, err := keyText(values)
	if err != nil {
		return bridge.Change{}, err
	}
	columns := make(map[string]bridge.Value, len(row))
	for name, v := range row {
		if !strings.HasPrefix(name, pagePrefix) {
			columns[name] = v
		}
	}
	return bridge.Change{
		Route: tr.route.Name, Key: key, KeyColumns: tr.keys, Origin: bridge.OriginScan, CapturedAt: time.Now(), Columns: columns,
	}, nil
}

// argument makes of a value what the server compares with the column exactly: a number for a number, since a text would be
// compared as a floating one and lose digits.
func (c *tableColumn) argument(text string) (any, error) {
	switch {
	case c.integer():
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the key's column %s is a number, and that is none", c.name)
		}
		return n, nil
	case c.kind == "bit":
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the key's column %s is a BIT, and that is no number", c.name)
		}
		return n, nil
	default:
		return text, nil
	}
}

// keyArgument is argument for a part of a record's key, in which bytes are written in hexadecimal.
func (c *tableColumn) keyArgument(text string) (any, error) {
	if c.binary() {
		raw, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("the key's column %s holds bytes; write them in hexadecimal", c.name)
		}
		return raw, nil
	}
	return c.argument(text)
}
