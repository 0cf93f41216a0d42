package setup

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Inspect fills in what a kit can learn from the server: what it is, the keys, and which columns are not there yet.
func (k *Kit) Inspect(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return fmt.Errorf("ask the server for its version: %w", err)
	}
	k.Server = ServerOf(version)
	schemas := map[string][]*Table{}
	for i := range k.Routes {
		r := &k.Routes[i]
		if schemas[r.Schema] == nil {
			tables, err := ReadTables(ctx, db, r.Schema)
			if err != nil {
				return err
			}
			schemas[r.Schema] = tables
		}
		t := Find(schemas[r.Schema], r.Table)
		if t == nil {
			continue
		}
		r.Known = true
		if len(r.Key) == 0 {
			r.Key = t.Key
		}
		for _, name := range append([]string{r.Flag}, r.Writeback...) {
			if t.column(name) == nil && !slices.ContainsFunc(r.Missing, func(m string) bool { return strings.EqualFold(m, name) }) {
				r.Missing = append(r.Missing, name)
			}
		}
	}
	return nil
}
