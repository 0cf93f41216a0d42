package app

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.uber.org/zap"

	"talkbridge/internal/config"
	"talkbridge/internal/setup"
)

// LoadWithoutSecrets reads a configuration whose secrets need not be there yet: each reference stands for a place holder. What comes
// out says what the bridge will look at, and must not be used to connect.
func LoadWithoutSecrets(name string, text []byte) (*config.Config, error) {
	key := regexp.MustCompile(`(?m)^(\s*key:\s*)\$\{(?:env|file|exec):[^}]*\}`)
	reference := regexp.MustCompile(`\$\{(?:env|file|exec):[^}]*\}`)
	text = key.ReplaceAll(text, []byte("${1}AAAAAAAAAAAAAAAAAAAAAA=="))
	return config.Parse(name, reference.ReplaceAll(text, []byte("x")), filepath.Dir(name))
}

// CheckDraft proves that a proposed configuration loads and that its mapping can be meant, before it is written. name is the file that
// it will be; its contracts are there already.
func CheckDraft(name string, text []byte) error {
	c, err := LoadWithoutSecrets(name, text)
	if err != nil {
		return err
	}
	m, err := newMapper(c, nil, nil, zap.NewNop())
	if err != nil {
		return err
	}
	return m.Close()
}

// SQLKit makes of a configuration the SQL that the school's DBA has to run.
func SQLKit(c *config.Config) (setup.Kit, error) {
	m, err := newMapper(c, nil, nil, zap.NewNop())
	if err != nil {
		return setup.Kit{}, err
	}
	defer m.Close() //nolint:errcheck // it prepared nothing
	k := setup.Kit{User: c.Source.User, Host: "%"}
	for _, r := range c.Routes {
		route := setup.KitRoute{
			Name: r.Name, Schema: r.Table.Schema, Table: r.Table.Name, Key: r.Key,
			Flag: r.Submit.Column, Mode: r.Submit.Mode, Values: r.Submit.Values, Content: m.Columns(r.Name),
		}
		for _, set := range []map[string]string{r.Writeback.Delivered, r.Writeback.Rejected} {
			for _, column := range slices.Sorted(maps.Keys(set)) {
				if column == r.Submit.Column {
					route.Marks = append(route.Marks, set[column])
				}
				if !slices.Contains(route.Writeback, column) {
					route.Writeback = append(route.Writeback, column)
				}
			}
		}
		k.Routes = append(k.Routes, route)
		for _, l := range r.Lookups {
			k.Reads = append(k.Reads, setup.TablesOf(l.Query)...)
		}
	}
	for _, d := range c.Dicts {
		k.Reads = append(k.Reads, setup.TablesOf(d.Query)...)
	}
	for _, table := range k.Reads {
		if !strings.Contains(table, ".") {
			return k, fmt.Errorf("a look-up or dictionary reads %s without its database: write DATABASE.%s, so that the grant can name it", table, table)
		}
	}
	return k, nil
}
