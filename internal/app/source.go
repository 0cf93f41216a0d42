package app

import (
	"talkbridge/canal"
	"talkbridge/internal/config"
	"talkbridge/mapper"
)

func canalRoutes(c *config.Config, m *mapper.Mapper) []canal.Route {
	routes := make([]canal.Route, 0, len(c.Routes))
	for _, r := range c.Routes {
		routes = append(routes, canal.Route{
			Name: r.Name, Schema: r.Table.Schema, Table: r.Table.Name,
			Submit:  canal.Submit{Column: r.Submit.Column, Mode: canal.Mode(r.Submit.Mode), Values: r.Submit.Values},
			Where:   r.Where,
			Columns: m.Columns(r.Name),
			Key:     r.Key, Charsets: r.Charsets,
		})
	}
	return routes
}

func canalOptions(c *config.Config, m *mapper.Mapper) canal.Options {
	return canal.Options{
		Addr: c.Source.Addr, User: c.Source.User, Password: c.Source.Password,
		Flavor: canal.Flavor(c.Source.Flavor), ServerID: c.Source.ServerID, Namespace: c.State.Namespace,
		TLS:      canal.TLSOptions{Mode: canal.TLSMode(c.Source.TLS.Mode), CA: c.Source.TLS.CA, ServerName: c.Source.TLS.ServerName},
		Location: c.Source.Location,
		Start:    canal.Start{Mode: canal.StartMode(c.Source.Start.Mode), GTID: c.Source.Start.GTID, File: c.Source.Start.File, Pos: c.Source.Start.Pos},
		OnPurged: canal.OnPurged(c.Source.OnPurged),
		Routes:   canalRoutes(c, m),
	}
}
