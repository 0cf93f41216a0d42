package canal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"talkbridge/internal/bridge"

	"go.uber.org/zap"
)

// scan anchors reading at the present and queues every row that is flagged now. The place is saved with the last of them, so a
// crash before begins the scan again; what the store has already it leaves out. No event of the log is read meanwhile, so a row of
// the scan never comes behind a newer one.
func (s *Source) scan(ctx context.Context, srv *server, identity string, why ScanCause) (*standing, error) {
	if s.options.OnScan != nil {
		s.options.OnScan(why)
	}
	s.status.change(func(st *Status) { st.Scanning = true })
	defer s.status.change(func(st *Status) { st.Scanning = false })
	a, err := s.snapshot(ctx, srv)
	if err != nil {
		return nil, err
	}
	defer a.end(ctx)
	s.log.Info("every row that is flagged now is queued", zap.String("as_of", a.place.describe()))
	var pending []bridge.Change
	total := 0
	for _, r := range s.routes {
		found := 0
		err := s.scanRoute(ctx, r, a, identity, func(changes []bridge.Change) error {
			found += len(changes)
			s.status.captured.WithLabelValues(r.Name).Add(float64(len(changes)))
			ready := pending
			pending = changes // the last ones wait for the place
			if len(ready) == 0 {
				return nil
			}
			return appendTo(ctx, s.options.Outbox, ready, nil, s.tuning, s.log)
		})
		if err != nil {
			return nil, fmt.Errorf("read the flagged rows of route %s: %w", r.Name, err)
		}
		s.log.Info("flagged rows are queued", zap.String("route", r.Name), zap.Int("rows", found))
		total += found
	}
	if err := appendTo(ctx, s.options.Outbox, pending, a.place.checkpoint(srv.flavor, identity), s.tuning, s.log); err != nil {
		return nil, err
	}
	s.status.anchored(a.place, a.taken)
	s.log.Info("reading begins behind the flagged rows", zap.String("position", a.place.describe()), zap.Int("rows", total))
	return &standing{place: a.place, server: identity}, nil
}

// scanRoute reads the route's table page by page and gives what is flagged and what where holds for.
func (s *Source) scanRoute(ctx context.Context, r *route, a *anchor, identity string, found func([]bridge.Change) error) error {
	t, err := describe(ctx, a.conn, r.Schema, r.Table)
	if err != nil {
		return err
	}
	if problems := r.checkTable(t, "the account"); len(problems) > 0 {
		return &stopError{problems[0]}
	}
	tr := newTableReader(r, t, s.options.Location)
	condition, args := r.Submit.sqlCondition(t.column(r.Submit.Column))
	var after []any
	for {
		rows, err := tr.page(ctx, a.conn, condition, args, after, s.tuning.chunk)
		if err != nil {
			return err
		}
		changes, err := tr.submissions(rows, a, identity)
		if err != nil {
			return &stopError{err}
		}
		if len(changes) > 0 {
			if err := found(changes); err != nil {
				return err
			}
		}
		if len(rows) < s.tuning.chunk {
			return nil
		}
		if after, err = tr.last(rows); err != nil {
			return err
		}
	}
}

// submissions makes changes of the rows that a submission has left as they are.
func (tr *tableReader) submissions(rows []map[string]bridge.Value, a *anchor, identity string) ([]bridge.Change, error) {
	var changes []bridge.Change
	for _, row := range rows {
		if !tr.route.Submit.flagged(row[tr.route.Submit.Column]) {
			continue
		}
		c, err := tr.change(row)
		if err != nil {
			return nil, err
		}
		holds, err := tr.route.holds(c.Columns)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", c.Key, err)
		}
		if !holds {
			continue
		}
		c.EventID = "scan:" + a.place.text() + ":" + c.Key
		c.At = bridge.Coordinates{Server: identity, File: a.place.file, Pos: a.place.pos}
		c.CommittedAt = a.taken
		changes = append(changes, c)
	}
	return changes, nil
}

// page reads the next rows in the order of the primary key.
func (tr *tableReader) page(ctx context.Context, q preparer, condition string, args, after []any, size int) ([]map[string]bridge.Value, error) {
	conditions, args := []string{condition}, slices.Clone(args)
	if len(after) > 0 {
		behind, more := tr.behind(after)
		conditions, args = append(conditions, behind), append(args, more...)
	}
	order := make([]string, len(tr.pages))
	for i, c := range tr.pages {
		order[i] = backquote(c.name)
	}
	rest := fmt.Sprintf("WHERE (%s) ORDER BY %s LIMIT %d", strings.Join(conditions, ") AND ("), strings.Join(order, ", "), size)
	return tr.query(ctx, q, rest, args, size)
}

// behind is the condition of the rows behind the given key: a > ? OR (a = ? AND (b > ? OR …)). Written out, since servers use no
// index for (a, b) > (?, ?).
func (tr *tableReader) behind(after []any) (condition string, args []any) {
	for i, c := range slices.Backward(tr.pages) {
		name := backquote(c.name)
		if condition == "" {
			condition, args = name+" > ?", []any{after[i]}
			continue
		}
		condition = fmt.Sprintf("%s > ? OR (%s = ? AND (%s))", name, name, condition)
		args = append([]any{after[i], after[i]}, args...)
	}
	return condition, args
}

// last gives the key of the last row, to go on behind.
func (tr *tableReader) last(rows []map[string]bridge.Value) ([]any, error) {
	row := rows[len(rows)-1]
	after := make([]any, len(tr.pages))
	for i, c := range tr.pages {
		var err error
		if after[i], err = c.argument(row[fmt.Sprint(pagePrefix, i)].Text); err != nil {
			return nil, err
		}
		if c.binary() {
			after[i] = []byte(row[fmt.Sprint(pagePrefix, i)].Text)
		}
	}
	return after, nil
}

// sqlCondition lets the server leave out rows that are not flagged. It may let others through: collations find more texts equal
// than we do, and flagged looks again.
func (s Submit) sqlCondition(c *tableColumn) (condition string, args []any) {
	name := backquote(c.name)
	exact := c.integer() || slices.Contains([]string{"char", "varchar", "enum"}, c.kind)
	if s.Mode == ModeChanges || !exact {
		return name + " IS NOT NULL", nil
	}
	for _, v := range s.Values {
		arg, err := c.argument(v)
		if err != nil { // a number is never equal to it
			continue
		}
		args = append(args, arg)
	}
	if len(args) == 0 {
		return "FALSE", nil
	}
	return name + " IN (?" + strings.Repeat(", ?", len(args)-1) + ")", args
}
