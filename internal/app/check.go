package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/check"
	"talkbridge/internal/config"
	"talkbridge/internal/writeback"
	"talkbridge/mapper"
	"talkbridge/pusher"
	"talkbridge/state"
)

// CheckOptions say how far a check goes.
type CheckOptions struct {
	Sample      int  // rows of each route that are mapped
	TryDialects bool // ask for tokens in other dialects where the configured one is refused
	Progress    func(text string)
}

// Check looks at every precondition of a bridge under this configuration. It writes nothing and sends nothing but token requests.
func Check(ctx context.Context, c *config.Config, o CheckOptions) (items []check.Item, err error) {
	var done closers
	defer func() { err = errors.Join(err, done.close()) }()
	adoptRedisLog(zap.NewNop())
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	items = check.Crypto(c.Platform.ClientSecret, c.Platform.KeyEncoding, c.State.Key)
	for _, w := range c.Warnings {
		items = append(items, check.Item{ID: "config", Level: check.Warn, What: w.Path + ": " + w.Message, Detail: fmt.Sprintf("%s, line %d", w.File, w.Line)})
	}
	o.Progress("the store")
	found, storeErr := state.Inspect(ctx, storeOptions(c))
	items = append(items, check.Store(found, storeErr)...)
	fromSource, err := checkSource(ctx, c, o, found, &done)
	if err != nil {
		return nil, err
	}
	items = append(items, fromSource...)
	o.Progress("the platform")
	return append(items, checkPlatform(ctx, c, o, found)...), nil
}

// checkSource checks what needs the school's server: settings, grants, tables, look-ups, and the mapping over real rows.
func checkSource(ctx context.Context, c *config.Config, o CheckOptions, found state.Inspection, done *closers) ([]check.Item, error) {
	db, err := openSource(c)
	if err != nil {
		return nil, err
	}
	done.add(db.Close)
	m, err := newMapper(c, db, nil, zap.NewNop())
	if err != nil {
		return []check.Item{misconfigured("mapping.compile", err)}, nil
	}
	done.add(m.Close)
	listen := canalOptions(c, m)
	listen.Outbox = noOutbox{}
	source, err := canal.New(listen)
	if err != nil {
		return []check.Item{misconfigured("source.options", err)}, nil
	}
	done.add(source.Close)
	o.Progress("the source")
	items, reached := check.Source(ctx, sourceInput(c, db, source, found))
	if !reached {
		return items, nil
	}
	return append(items, check.Mapping(ctx, mappingInput(c, m, source, o))...), nil
}

// misconfigured is what only the configuration is to blame for.
func misconfigured(id string, err error) check.Item {
	return check.Item{ID: id, Level: check.Fail, What: "the configuration says what cannot be done", Detail: err.Error(), Fix: "correct it in the file; each line names the place"}
}

func sourceInput(c *config.Config, db *sql.DB, source *canal.Source, found state.Inspection) check.SourceInput {
	in := check.SourceInput{
		DB: db, Addr: c.Source.Addr, Preflight: source.Preflight, Checkpoint: found.Checkpoint, HasCheckpoint: found.HasCheckpoint,
	}
	if writesBack(c) {
		in.Writeback = writeback.New(db, writebackRoutes(c)).Preflight
	}
	for _, r := range c.Routes {
		in.Routes = append(in.Routes, check.Route{
			Name: r.Name, Schema: r.Table.Schema, Table: r.Table.Name, Flag: r.Submit.Column, Mode: r.Submit.Mode, Values: r.Submit.Values,
		})
		for _, l := range r.Lookups {
			in.Queries = append(in.Queries, check.Query{ID: "source.lookup." + r.Name + "." + l.Name, SQL: l.Query, Table: r.Table.String()})
		}
	}
	return in
}

func mappingInput(c *config.Config, m *mapper.Mapper, source *canal.Source, o CheckOptions) check.MappingInput {
	var queries []string
	for _, r := range c.Routes {
		for _, l := range r.Lookups {
			queries = append(queries, l.Query)
		}
	}
	for _, d := range c.Dicts {
		queries = append(queries, d.Query)
	}
	return check.MappingInput{
		Queries: queries,
		Routes:  routeNames(c), Sample: o.Sample, Preflight: m.Preflight, Rows: source.Rows, Map: m.Map,
		Progress: func(route string, rows int) { o.Progress(fmt.Sprintf("the mapping of %s: %d rows", route, rows)) },
	}
}

func checkPlatform(ctx context.Context, c *config.Config, o CheckOptions, found state.Inspection) []check.Item {
	options := pusherOptions(c, check.NewPrivateCache(found.Token, found.HasToken))
	client, err := pusher.New(options)
	if err != nil {
		return []check.Item{misconfigured("platform.options", err)}
	}
	defer client.Close()
	return check.Platform(ctx, check.PlatformInput{
		Client: client, BaseURL: c.Platform.BaseURL, Stored: found.Token.Value, TryDialects: o.TryDialects, Dialect: options.Token, Loopback: onLoopback,
		With: func(d pusher.Dialect) (*pusher.Client, error) {
			other := options
			other.Token, other.Cache = d, &check.PrivateCache{}
			return pusher.New(other)
		},
		Progress: func(done, all int, variant string) {
			o.Progress(fmt.Sprintf("token dialect %d of %d: %s", done, all, variant))
		},
	})
}

// onLoopback tells whether an address never leaves this machine.
func onLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
