package setup

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// A Table is what the server says of one table.
type Table struct {
	Schema, Name, Comment string
	Rows                  int64 // an estimate
	Columns               []Column
	Key                   []string // the primary key
	Unique                []string // columns that are unique by themselves
	Refs                  []Ref
}

// A Column is what the server says of one column.
type Column struct {
	Name, Comment   string
	Kind            string // data type in lower case: varchar, int, datetime, …
	Full            string // with width and labels
	Collation       string
	Length          int // characters; 0: not a text
	Nullable        bool
	Labels          []string // of an ENUM
	ChangesByItself bool     // ON UPDATE CURRENT_TIMESTAMP
}

// A Ref is a foreign key of one column.
type Ref struct{ Column, Schema, Table, Target string }

// String is SCHEMA.TABLE.
func (t *Table) String() string { return t.Schema + "." + t.Name }

func (t *Table) column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

func (c *Column) number() bool {
	return slices.Contains([]string{"tinyint", "smallint", "mediumint", "int", "bigint", "bit", "year"}, c.Kind)
}

func (c *Column) time() bool {
	return slices.Contains([]string{"date", "datetime", "timestamp"}, c.Kind)
}

func (c *Column) long() bool {
	return slices.Contains([]string{"text", "mediumtext", "longtext"}, c.Kind)
}

// Databases lists the databases that the account may see, without the server's own.
func Databases(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN "+
		"('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY 1")
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list the databases: %w", err)
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

// ReadTables reads the base tables of a database, in the order of their names.
func ReadTables(ctx context.Context, db *sql.DB, schema string) ([]*Table, error) {
	var tables []*Table
	byName := map[string]*Table{}
	err := each(ctx, db, "SELECT TABLE_NAME, TABLE_COMMENT, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? "+
		"AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME", schema, func(scan func(...any) error) error {
		t := &Table{Schema: schema}
		if err := scan(&t.Name, &t.Comment, &t.Rows); err != nil {
			return err
		}
		tables, byName[t.Name] = append(tables, t), t
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", schema, err)
	}
	for _, read := range []func(context.Context, *sql.DB, string, map[string]*Table) error{readColumns, readKeys, readRefs} {
		if err := read(ctx, db, schema, byName); err != nil {
			return nil, fmt.Errorf("read the tables of %s: %w", schema, err)
		}
	}
	return tables, nil
}

func readColumns(ctx context.Context, db *sql.DB, schema string, tables map[string]*Table) error {
	return each(ctx, db, `SELECT TABLE_NAME, COLUMN_NAME, COLUMN_COMMENT, LOWER(DATA_TYPE), COLUMN_TYPE, COALESCE(COLLATION_NAME, ''),
		COALESCE(CHARACTER_MAXIMUM_LENGTH, 0), IS_NULLABLE = 'YES', LOWER(EXTRA)
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, ORDINAL_POSITION`, schema, func(scan func(...any) error) error {
		var table, extra string
		var length int64
		var c Column
		if err := scan(&table, &c.Name, &c.Comment, &c.Kind, &c.Full, &c.Collation, &length, &c.Nullable, &extra); err != nil {
			return err
		}
		c.Length = int(min(length, 1<<30))
		c.ChangesByItself = strings.Contains(extra, "on update")
		if c.Kind == "enum" {
			c.Labels = enumLabels(c.Full)
		}
		if t := tables[table]; t != nil {
			t.Columns = append(t.Columns, c)
		}
		return nil
	})
}

// enumLabels reads enum('a','b”c').
func enumLabels(full string) []string {
	inner := strings.TrimSuffix(full[strings.IndexByte(full, '(')+1:], ")")
	var out []string
	for part := range strings.SplitSeq(inner, "','") {
		out = append(out, strings.ReplaceAll(strings.Trim(part, "'"), "''", "'"))
	}
	return out
}

func readKeys(ctx context.Context, db *sql.DB, schema string, tables map[string]*Table) error {
	type index struct{ table, name string }
	columns := map[index][]string{}
	var order []index
	err := each(ctx, db, "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND NON_UNIQUE = 0 "+
		"ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX", schema, func(scan func(...any) error) error {
		var i index
		var column string
		if err := scan(&i.table, &i.name, &column); err != nil {
			return err
		}
		if columns[i] == nil {
			order = append(order, i)
		}
		columns[i] = append(columns[i], column)
		return nil
	})
	for _, i := range order {
		t := tables[i.table]
		if t == nil {
			continue
		}
		if i.name == "PRIMARY" {
			t.Key = columns[i]
		}
		if len(columns[i]) == 1 {
			t.Unique = append(t.Unique, columns[i][0])
		}
	}
	return err
}

func readRefs(ctx context.Context, db *sql.DB, schema string, tables map[string]*Table) error {
	return each(ctx, db, "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME "+
		"FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ? AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY TABLE_NAME, COLUMN_NAME",
		schema, func(scan func(...any) error) error {
			var table string
			var r Ref
			if err := scan(&table, &r.Column, &r.Schema, &r.Table, &r.Target); err != nil {
				return err
			}
			if t := tables[table]; t != nil {
				t.Refs = append(t.Refs, r)
			}
			return nil
		})
}

func each(ctx context.Context, db *sql.DB, query, schema string, row func(scan func(...any) error) error) error {
	rows, err := db.QueryContext(ctx, query, schema)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
