package canal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"talkbridge/internal/bridge"
)

// A table is what information_schema says of one now. The log is never read with it (see newLayout); it serves the reading of rows
// by SQL, and telling a person early what will not work.
type table struct {
	schema, name string
	view         bool
	sequence     bool // MariaDB's CREATE SEQUENCE
	columns      []tableColumn
	key          []string // the primary key, without the end of a system-versioned row, which is part of it
	rowEnd       string   // that end, where the table names it
}

// A tableColumn is one column of a table.
type tableColumn struct {
	name     string
	kind     string // data type in lower case: varchar, bit, …
	full     string // with width and attributes: bit(1), int(10) unsigned, …
	charset  string
	nullable bool
}

// describe asks for a table; nil where there is none that the account may see.
func describe(ctx context.Context, q querier, schema, name string) (*table, error) {
	kind, err := record(ctx, q, "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", schema, name)
	if err != nil || kind == nil {
		return nil, err
	}
	t := &table{
		schema: schema, name: name, view: strings.Contains(kind["TABLE_TYPE"], "VIEW"), sequence: kind["TABLE_TYPE"] == "SEQUENCE",
	}
	rows, err := q.QueryContext(ctx, "SELECT COLUMN_NAME, LOWER(DATA_TYPE), LOWER(COLUMN_TYPE), COALESCE(CHARACTER_SET_NAME, ''), "+
		"IS_NULLABLE = 'YES', COALESCE(GENERATION_EXPRESSION, '') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", schema, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c tableColumn
		var expression string
		if err := rows.Scan(&c.name, &c.kind, &c.full, &c.charset, &c.nullable, &expression); err != nil {
			return nil, err
		}
		if strings.EqualFold(expression, "ROW END") {
			t.rowEnd = c.name
		}
		t.columns = append(t.columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	t.key, err = texts(ctx, q, "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? "+
		"AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX", schema, name)
	t.key = slices.DeleteFunc(t.key, func(k string) bool { return strings.EqualFold(k, t.rowEnd) })
	return t, err
}

// texts reads one column of texts.
func texts(ctx context.Context, q querier, query string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

// column finds a column by name, whose case does not count; nil where there is none.
func (t *table) column(name string) *tableColumn {
	i := slices.IndexFunc(t.columns, func(c tableColumn) bool { return strings.EqualFold(c.name, name) })
	if i < 0 {
		return nil
	}
	return &t.columns[i]
}

// sqlKind is what the driver does not know of a column, for internal/sqlrow.
func (c *tableColumn) sqlKind() (bridge.Kind, bool) {
	if c.full == "bit(1)" {
		return bridge.KindBool, true
	}
	return "", false
}

// integer tells whether the column's values are digits.
func (c *tableColumn) integer() bool {
	return slices.Contains([]string{"tinyint", "smallint", "mediumint", "int", "bigint", "year"}, c.kind)
}

// bytes tells whether the column's values are bytes in some character set, or in none.
func (c *tableColumn) bytes() bool {
	return c.binary() || slices.Contains([]string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}, c.kind)
}

// binary tells whether the column's values are bytes.
func (c *tableColumn) binary() bool {
	return c.charset == "" && (strings.HasSuffix(c.kind, "binary") || strings.HasSuffix(c.kind, "blob"))
}

// problem tells why the column's values cannot be read from the log, or nil.
func (c *tableColumn) problem() error {
	if c.charset == "" || c.charset == binaryCharset {
		return nil
	}
	_, err := charsetOf(c.charset)
	return err
}

// checkTable gives everything about the route's table that will not work. account is for the statement that grants.
func (r *route) checkTable(t *table, account string) []error {
	name := r.Schema + "." + r.Table
	problem := func(format string, args ...any) error {
		return fmt.Errorf("route %s: "+format, append([]any{r.Name}, args...)...)
	}
	switch {
	case t == nil:
		return []error{problem("the table %s does not exist, or the account may not read it. Correct the route's table, or run "+
			"GRANT SELECT ON %s.%s TO %s", name, backquote(r.Schema), backquote(r.Table), account)}
	case t.view:
		return []error{problem("%s is a view; the log knows only base tables. Name the table that holds the flag", name)}
	}
	if t.sequence {
		return []error{problem("%s is a sequence; it holds no records. Name the table that holds the flag", name)}
	}
	var problems []error
	for _, column := range r.names {
		c := t.column(column)
		if c == nil {
			problems = append(problems, problem("column %s is not in the table %s (%s). Correct it where the route names it, or grant SELECT on it",
				column, name, r.usedAs(column)))
			continue
		}
		if err := c.problem(); err != nil && r.recoded(column) == nil {
			problems = append(problems, problem("column %s of %s: %w", column, name, err))
		}
		if slices.Contains(r.Key, column) && c.nullable {
			problems = append(problems, problem("key column %s of %s may be NULL; a key has to be NOT NULL", column, name))
		}
	}
	if len(r.Key) == 0 && len(t.key) == 0 {
		problems = append(problems, problem("the table %s has no primary key; name the columns that identify a row with key: [...]", name))
	}
	return problems
}

// usedAs says what the route uses a column for.
func (r *route) usedAs(column string) string {
	var uses []string
	if column == r.Submit.Column {
		uses = append(uses, "submit")
	}
	if r.where != nil && slices.Contains(r.where.Names(), column) {
		uses = append(uses, "where")
	}
	if slices.Contains(r.Key, column) {
		uses = append(uses, "key")
	}
	if slices.Contains(r.Columns, column) {
		uses = append(uses, "fields or lookups")
	}
	return "used by " + strings.Join(uses, ", ")
}

// checkTables looks at all routes' tables as they are now: a stopError for what will not work, another error when the server
// could not be asked.
func (s *Source) checkTables(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	account, err := account(ctx, s.db)
	if err != nil {
		return fmt.Errorf("look at the routes' tables: %w", err)
	}
	var problems []error
	for _, r := range s.routes {
		t, err := describe(ctx, s.db, r.Schema, r.Table)
		if err != nil {
			return fmt.Errorf("look at the table %s.%s: %w", r.Schema, r.Table, err)
		}
		problems = append(problems, r.checkTable(t, account)...)
	}
	if len(problems) > 0 {
		return &stopError{errors.Join(problems...)}
	}
	return nil
}

// account is the account we are, as GRANT wants it.
func account(ctx context.Context, q querier) (string, error) {
	answer, err := record(ctx, q, "SELECT CURRENT_USER() AS account")
	if err != nil {
		return "", err
	}
	user, host, _ := strings.Cut(answer["account"], "@")
	return "'" + user + "'@'" + host + "'", nil
}

func backquote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
