package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/internal/check"
	"talkbridge/internal/config"
	"talkbridge/mapper"
)

// A Preview is what one row would become. Nothing is sent and nothing is stored.
type Preview struct {
	mapper.Explanation

	Why string // in Chinese: why the row would not be submitted as it is; empty: it would
}

// PreviewRow reads one row by its key and maps it by the route.
func PreviewRow(ctx context.Context, c *config.Config, route, key string) (p Preview, err error) {
	var done closers
	defer func() { err = errors.Join(err, done.close()) }()
	m, source, err := openPreview(ctx, c, route, &done)
	if err != nil {
		return Preview{}, err
	}
	change, why, err := source.Row(ctx, route, key)
	if err != nil || change.Columns == nil {
		return Preview{Why: why}, err
	}
	explanation, err := m.Explain(ctx, change)
	return Preview{Explanation: explanation, Why: why}, err
}

// PreviewTable maps the rows of a route's table for which its where holds, whatever their flag says: at most limit, 0: all. progress
// is told how many it was.
func PreviewTable(ctx context.Context, c *config.Config, route string, limit int, progress func(rows int)) (t *check.Tally, err error) {
	var done closers
	defer func() { err = errors.Join(err, done.close()) }()
	m, source, err := openPreview(ctx, c, route, &done)
	if err != nil {
		return nil, err
	}
	t = &check.Tally{Route: route}
	err = source.Rows(ctx, route, canal.Walk{Limit: limit}, func(change bridge.Change, flagged bool) error {
		_, problems, err := m.Map(ctx, change)
		if err != nil {
			return fmt.Errorf("record %s: %w", change.Key, err)
		}
		t.Add(change.Key, flagged, problems)
		progress(t.Rows)
		return nil
	})
	t.Close()
	return t, err
}

// openPreview opens what maps rows without a store and a platform.
func openPreview(ctx context.Context, c *config.Config, route string, done *closers) (*mapper.Mapper, *canal.Source, error) {
	if !slices.ContainsFunc(c.Routes, func(r config.Route) bool { return r.Name == route }) {
		return nil, nil, fmt.Errorf("no route %s in the configuration: there is %v", route, routeNames(c))
	}
	db, err := openSource(c)
	if err != nil {
		return nil, nil, err
	}
	done.add(db.Close)
	m, err := newMapper(c, db, nil, zap.NewNop())
	if err != nil {
		return nil, nil, err
	}
	done.add(m.Close)
	listen := canalOptions(c, m)
	listen.Outbox = noOutbox{}
	source, err := canal.New(listen)
	if err != nil {
		return nil, nil, err
	}
	done.add(source.Close)
	return m, source, m.Preflight(ctx)
}

func routeNames(c *config.Config) []string {
	var names []string
	for _, r := range c.Routes {
		names = append(names, r.Name)
	}
	return names
}

// noOutbox stands where a listener needs an outbox and nothing is to be stored.
type noOutbox struct{}

func (noOutbox) Checkpoint(context.Context) (bridge.Checkpoint, bool, error) {
	return bridge.Checkpoint{}, false, nil
}

func (noOutbox) Append(context.Context, []bridge.Change, *bridge.Checkpoint) error {
	return errors.New("a preview stores nothing")
}
