package canal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// Flagged reads every row of a route that a submission has left flagged and for which the route's where holds, as the Change that a scan
// makes of it, page by page in the order of the primary key. It may run beside the listener, in any process.
//
// Each page is a consistent read of its own at a place of the log that is known exactly (see anchor), and its changes have that place: a
// later event of a row is newer than what the page says of it, an earlier one is older, whoever writes which first. No page holds up
// the server's undo log for longer than it takes.
func (s *Source) Flagged(ctx context.Context, routeName string, found func([]bridge.Change) error) error {
	i := slices.IndexFunc(s.routes, func(r *route) bool { return r.Name == routeName })
	if i < 0 {
		return fmt.Errorf("there is no route %s; there are: %s", routeName, strings.Join(s.names(), ", "))
	}
	err := s.flagged(ctx, s.routes[i], found)
	if err != nil {
		err = fmt.Errorf("read the flagged rows of route %s: %w", routeName, reachable(s.options.Addr, classify(err)))
	}
	return err
}

func (s *Source) flagged(ctx context.Context, r *route, found func([]bridge.Change) error) error {
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return err
	}
	identity, err := s.identity(ctx, srv)
	if err != nil {
		return err
	}
	var after []any
	for {
		changes, next, err := s.flaggedPage(ctx, srv, r, identity, after)
		if err != nil {
			return err
		}
		if len(changes) > 0 {
			if err := found(changes); err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
		after = next
	}
}

// flaggedPage reads one page; next is nil behind the last one.
func (s *Source) flaggedPage(ctx context.Context, srv *server, r *route, identity string, after []any) (changes []bridge.Change, next []any, err error) {
	a, err := s.anchor(ctx, srv)
	if err != nil {
		return nil, nil, err
	}
	defer a.end(ctx)
	t, err := describe(ctx, a.conn, r.Schema, r.Table)
	if err != nil {
		return nil, nil, err
	}
	if problems := r.checkTable(t, "the account"); len(problems) > 0 {
		return nil, nil, problems[0]
	}
	tr := newTableReader(r, t, s.options.Location)
	condition, args := r.Submit.sqlCondition(t.column(r.Submit.Column))
	rows, err := tr.page(ctx, a.conn, condition, args, after, s.tuning.chunk)
	if err != nil {
		return nil, nil, err
	}
	if changes, err = tr.submissions(rows, a, identity); err != nil {
		return nil, nil, err
	}
	for i := range changes { // a run of its own: a row that was changed without a trace in the log stands at the same place as before
		changes[i].EventID = fmt.Sprintf("flagged:%s:%d:%s", a.place.text(), time.Now().UnixMicro(), changes[i].Key)
	}
	if len(rows) < s.tuning.chunk {
		return changes, nil, nil
	}
	next, err = tr.last(rows)
	return changes, next, err
}

// End asks the server where its log ends now.
func (s *Source) End(ctx context.Context) (file string, pos uint64, err error) {
	files, err := binaryLogs(ctx, s.db)
	if err == nil && len(files) == 0 {
		err = errors.New("the server keeps no log: log_bin is off")
	}
	if err != nil {
		return "", 0, fmt.Errorf("ask where the log ends: %w", reachable(s.options.Addr, classify(err)))
	}
	last := files[len(files)-1]
	return last.name, last.size, nil
}
