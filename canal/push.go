package canal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// Submission reads one row and gives it as a submission of now, for somebody who names the row and wants it sent. It may be called beside a
// Run of this or of any other process. why says, in Chinese, why the row is not submitted as it stands; where there is no such row the
// Change is empty.
//
// Invariant 4: the row is read at an anchor, and stands at the anchor's place in the log: behind every event that is in the row already, and
// in front of whatever changes it from here on. So the store can tell which of the two is the newer, whoever writes first.
func (s *Source) Submission(ctx context.Context, routeName, key string) (change bridge.Change, why string, err error) {
	i := slices.IndexFunc(s.routes, func(r *route) bool { return r.Name == routeName })
	if i < 0 {
		return bridge.Change{}, "", fmt.Errorf("there is no route %s; there are: %s", routeName, strings.Join(s.names(), ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	change, why, err = s.submission(ctx, s.routes[i], key)
	if err != nil {
		err = fmt.Errorf("read row %s of route %s: %w", key, routeName, reachable(s.options.Addr, classify(err)))
	}
	return change, why, err
}

func (s *Source) submission(ctx context.Context, r *route, key string) (change bridge.Change, why string, err error) {
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return change, "", err
	}
	identity, err := s.identity(ctx, srv)
	if err != nil {
		return change, "", err
	}
	a, err := s.anchor(ctx, srv)
	if err != nil {
		return change, "", err
	}
	defer a.end(ctx)
	t, err := describe(ctx, a.conn, r.Schema, r.Table)
	if err != nil {
		return change, "", err
	}
	if problems := r.checkTable(t, "the account"); len(problems) > 0 {
		return change, "", problems[0]
	}
	row, err := newTableReader(r, t, s.options.Location).one(ctx, a.conn, key)
	if err != nil {
		return change, "", err
	}
	if row == nil {
		return change, fmt.Sprintf("表 %s.%s 中没有主键为 %s 的记录", r.Schema, r.Table, key), nil
	}
	row.EventID = fmt.Sprintf("push:%s:%d:%s", a.place.text(), time.Now().UnixMicro(), row.Key)
	row.At = bridge.Coordinates{Server: identity, File: a.place.file, Pos: a.place.pos}
	row.CommittedAt = a.taken
	why, err = r.whyNot(row.Columns)
	return *row, why, err
}

// identity is the name under which whoever listens writes coordinates of this server: with the mark, if there is one, that a decision to go
// on at a log begun anew has put behind it. Under another name they could not be ordered.
func (s *Source) identity(ctx context.Context, srv *server) (string, error) {
	cp, ok, err := s.options.Outbox.Checkpoint(ctx)
	if err != nil {
		return "", fmt.Errorf("read the saved position: %w", err)
	}
	if at := (&standing{server: cmp.Or(cp.ServerUUID, srv.identity)}); ok && at.of(srv) {
		return at.server, nil
	}
	return srv.identity, nil
}
