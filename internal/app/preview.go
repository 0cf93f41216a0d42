package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
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
	if !slices.ContainsFunc(c.Routes, func(r config.Route) bool { return r.Name == route }) {
		return Preview{}, fmt.Errorf("no route %s in the configuration: there is %v", route, routeNames(c))
	}
	var done closers
	defer func() { err = errors.Join(err, done.close()) }()
	db, err := openSource(c)
	if err != nil {
		return Preview{}, err
	}
	done.add(db.Close)
	m, err := newMapper(c, db, zap.NewNop())
	if err != nil {
		return Preview{}, err
	}
	done.add(m.Close)
	listen := canalOptions(c, m)
	listen.Outbox = noOutbox{}
	source, err := canal.New(listen)
	if err != nil {
		return Preview{}, err
	}
	done.add(source.Close)
	if err := m.Preflight(ctx); err != nil {
		return Preview{}, err
	}
	change, why, err := source.Row(ctx, route, key)
	if err != nil || change.Columns == nil {
		return Preview{Why: why}, err
	}
	explanation, err := m.Explain(ctx, change)
	return Preview{Explanation: explanation, Why: why}, err
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
