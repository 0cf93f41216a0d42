package app

import (
	"slices"

	"talkbridge/internal/config"
	"talkbridge/internal/writeback"
	"talkbridge/mapper"
)

// This file turns the configuration into each package's own Options: no stage knows what a configuration file looks like.

func mapperRoutes(c *config.Config) []mapper.Route {
	routes := make([]mapper.Route, 0, len(c.Routes))
	for _, r := range c.Routes {
		m := mapper.Route{Name: r.Name, Contract: r.Contract.Schema, ContractName: r.Contract.Path, Fields: mapperFields(r.Fields)}
		for _, l := range r.Lookups {
			m.Lookups = append(m.Lookups, mapper.Lookup(l))
		}
		for _, rule := range r.Rules {
			m.Rules = append(m.Rules, mapper.Rule(rule))
		}
		routes = append(routes, m)
	}
	return routes
}

func mapperFields(fields []config.Field) []mapper.Field {
	if fields == nil {
		return nil
	}
	out := make([]mapper.Field, 0, len(fields))
	for _, f := range fields {
		m := mapper.Field{
			Name: f.Name, From: f.From, Value: f.Value, HasValue: f.HasValue, Expr: f.Expr, Each: f.Each,
			Fields: mapperFields(f.Fields), Object: mapperFields(f.Object), List: mapperFields(f.List),
			When: f.When, Default: f.Default, HasDefault: f.HasDefault, Optional: f.Optional,
			Text: f.Text, Clean: f.Clean, Trim: f.Trim, Split: f.Split, Dict: f.Dict, Time: f.Time, DateOrder: f.DateOrder,
			NotBefore: f.NotBefore, NotAfter: f.NotAfter, Type: f.Type, Check: f.Check, Min: f.Min, Max: f.Max, Overflow: f.Overflow,
		}
		if f.CheckBy != nil {
			m.CheckBy = &mapper.CheckBy{By: f.CheckBy.By, Kinds: f.CheckBy.Kinds, Otherwise: f.CheckBy.Otherwise}
		}
		out = append(out, m)
	}
	return out
}

func mapperDicts(c *config.Config) map[string]mapper.Dict {
	dicts := make(map[string]mapper.Dict, len(c.Dicts))
	for _, d := range c.Dicts {
		dicts[d.Name] = mapper.Dict{Entries: d.Entries, Query: d.Query, Refresh: d.Refresh}
	}
	return dicts
}

// mapperOptions is the whole mapping of a configuration, without what it runs on.
func mapperOptions(c *config.Config) mapper.Options {
	return mapper.Options{
		Routes: mapperRoutes(c), Dicts: mapperDicts(c), Location: c.Source.Location, DenyColumns: c.DenyColumns, AllowColumns: c.AllowColumns,
	}
}

func writebackRoutes(c *config.Config) []writeback.Route {
	routes := make([]writeback.Route, 0, len(c.Routes))
	for _, r := range c.Routes {
		routes = append(routes, writeback.Route{
			Name: r.Name, Schema: r.Table.Schema, Table: r.Table.Name,
			Delivered: r.Writeback.Delivered, Rejected: r.Writeback.Rejected,
		})
	}
	return routes
}

// writesBack tells whether any route asks for a mark in the source.
func writesBack(c *config.Config) bool {
	return slices.ContainsFunc(c.Routes, func(r config.Route) bool { return len(r.Writeback.Delivered)+len(r.Writeback.Rejected) > 0 })
}
