package canal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// Row reads one row of a route's table by its record's key, with SQL, and gives the Change that its submission would be. why says,
// in Chinese, why it would not be submitted as it stands; it is empty where it would. Where there is no such row the Change is empty.
func (s *Source) Row(ctx context.Context, routeName, key string) (change bridge.Change, why string, err error) {
	i := slices.IndexFunc(s.routes, func(r *route) bool { return r.Name == routeName })
	if i < 0 {
		return bridge.Change{}, "", fmt.Errorf("there is no route %s; there are: %s", routeName, strings.Join(s.names(), ", "))
	}
	r := s.routes[i]
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	t, err := describe(ctx, s.db, r.Schema, r.Table)
	if err != nil {
		return bridge.Change{}, "", fmt.Errorf("look at the table %s.%s: %w", r.Schema, r.Table, reachable(s.options.Addr, classify(err)))
	}
	if problems := r.checkTable(t, "the account"); len(problems) > 0 {
		return bridge.Change{}, "", problems[0]
	}
	row, err := newTableReader(r, t, s.options.Location).one(ctx, s.db, key)
	if err != nil {
		return bridge.Change{}, "", fmt.Errorf("read row %s of %s.%s: %w", key, r.Schema, r.Table, err)
	}
	if row == nil {
		return bridge.Change{}, fmt.Sprintf("表 %s.%s 中没有主键为 %s 的记录", r.Schema, r.Table, key), nil
	}
	row.EventID = fmt.Sprintf("row:%d:%s", time.Now().UnixMicro(), key)
	row.CommittedAt = row.CapturedAt
	why, err = r.whyNot(row.Columns)
	return *row, why, err
}

// one reads the row with the key; nil where there is none.
func (tr *tableReader) one(ctx context.Context, q preparer, key string) (*bridge.Change, error) {
	parts := bridge.SplitKey(key)
	if len(parts) != len(tr.keys) {
		return nil, fmt.Errorf("the key has %d parts; write the values of %s, with commas between", len(parts), strings.Join(tr.keys, ", "))
	}
	conditions, args := make([]string, len(parts)), make([]any, len(parts))
	for i, part := range parts {
		c := tr.table.column(tr.keys[i])
		var err error
		if args[i], err = c.keyArgument(part); err != nil {
			return nil, err
		}
		conditions[i] = backquote(c.name) + " = ?"
	}
	rows, err := tr.query(ctx, q, "WHERE "+strings.Join(conditions, " AND ")+" LIMIT 2", args, 2)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if len(rows) > 1 {
		return nil, fmt.Errorf("there is more than one row with this key; the columns %s do not identify a row", strings.Join(tr.keys, ", "))
	}
	change, err := tr.change(rows[0])
	return &change, err
}

// whyNot says why the row would not be submitted as it stands.
func (r *route) whyNot(columns map[string]bridge.Value) (string, error) {
	flag := columns[r.Submit.Column]
	if !r.Submit.flagged(flag) {
		now := "“" + flag.Text + "”"
		if flag.IsNull() {
			now = "空（NULL）"
		}
		if r.Submit.Mode == ModeChanges {
			return fmt.Sprintf("递交标志列 %s 的值为%s，表示尚未递交", r.Submit.Column, now), nil
		}
		return fmt.Sprintf("递交标志列 %s 的值为%s，不是 %s，不会上报", r.Submit.Column, now, strings.Join(r.Submit.Values, " 或 ")), nil
	}
	holds, err := r.holds(columns)
	if err != nil {
		return "", err
	}
	if !holds {
		return fmt.Sprintf("不满足路由 %s 的条件 where: %s", r.Name, r.where), nil
	}
	return "", nil
}

func (s *Source) names() []string {
	names := make([]string, len(s.routes))
	for i, r := range s.routes {
		names[i] = r.Name
	}
	return names
}
