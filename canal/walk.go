package canal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"talkbridge/internal/bridge"
)

// A Walk says which rows of a route Rows gives.
type Walk struct {
	Limit    int  // at most so many; 0: all
	Newest   bool // from the end of the primary key backwards, else from its beginning
	OnlyFlag bool // only rows whose flag a submission has left as it is
}

// walkPage is how many rows one query of a walk reads.
const walkPage = 200

// Rows reads rows of a route's table by SQL, page by page in the order of the primary key, and gives each for which the route's
// where holds as the Change that its submission would be. flagged says whether its flag is one that a submission leaves behind. It
// is for looking at what a mapping makes of a table: nothing is queued, and the table is not locked.
func (s *Source) Rows(ctx context.Context, routeName string, w Walk, visit func(change bridge.Change, flagged bool) error) error {
	i := slices.IndexFunc(s.routes, func(r *route) bool { return r.Name == routeName })
	if i < 0 {
		return fmt.Errorf("there is no route %s; there are: %s", routeName, strings.Join(s.names(), ", "))
	}
	r := s.routes[i]
	t, err := describe(ctx, s.db, r.Schema, r.Table)
	if err != nil {
		return fmt.Errorf("look at the table %s.%s: %w", r.Schema, r.Table, reachable(s.options.Addr, classify(err)))
	}
	if problems := r.checkTable(t, "the account"); len(problems) > 0 {
		return problems[0]
	}
	return newTableReader(r, t, s.options.Location).walk(ctx, s.db, w, visit)
}

func (tr *tableReader) walk(ctx context.Context, q preparer, w Walk, visit func(bridge.Change, bool) error) error {
	condition, args := "TRUE", []any(nil)
	if w.OnlyFlag {
		condition, args = tr.route.Submit.sqlCondition(tr.table.column(tr.route.Submit.Column))
	}
	var after []any
	for given := 0; ; {
		rows, err := tr.walkPage(ctx, q, condition, args, after, w.Newest)
		if err != nil {
			return fmt.Errorf("read rows of %s.%s: %w", tr.route.Schema, tr.route.Table, err)
		}
		for _, row := range rows {
			if w.Limit > 0 && given == w.Limit {
				return nil
			}
			visited, err := tr.visit(row, w.OnlyFlag, visit)
			if err != nil {
				return err
			}
			if visited {
				given++
			}
		}
		if len(rows) < walkPage {
			return nil
		}
		if after, err = tr.last(rows); err != nil {
			return err
		}
	}
}

// visit gives one row, if the route's where holds for it.
func (tr *tableReader) visit(row map[string]bridge.Value, onlyFlag bool, visit func(bridge.Change, bool) error) (bool, error) {
	flagged := tr.route.Submit.flagged(row[tr.route.Submit.Column])
	if onlyFlag && !flagged {
		return false, nil
	}
	change, err := tr.change(row)
	if err != nil {
		return false, err
	}
	change.CommittedAt = change.CapturedAt
	holds, err := tr.route.holds(change.Columns)
	if err != nil {
		return false, fmt.Errorf("record %s: %w", change.Key, err)
	}
	if !holds {
		return false, nil
	}
	return true, visit(change, flagged)
}

// walkPage reads the next page; backwards it is the order and the comparison of page turned round.
func (tr *tableReader) walkPage(ctx context.Context, q preparer, condition string, args, after []any, newest bool) ([]map[string]bridge.Value, error) {
	if !newest {
		return tr.page(ctx, q, condition, args, after, walkPage)
	}
	conditions, args := []string{condition}, slices.Clone(args)
	if len(after) > 0 {
		behind, more := tr.behind(after)
		conditions, args = append(conditions, strings.ReplaceAll(behind, " > ?", " < ?")), append(args, more...)
	}
	order := make([]string, len(tr.pages))
	for i, c := range tr.pages {
		order[i] = backquote(c.name) + " DESC"
	}
	rest := fmt.Sprintf("WHERE (%s) ORDER BY %s LIMIT %d", strings.Join(conditions, ") AND ("), strings.Join(order, ", "), walkPage)
	return tr.query(ctx, q, rest, args, walkPage)
}
