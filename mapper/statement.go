package mapper

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"talkbridge/internal/bridge"

	"github.com/go-sql-driver/mysql"
)

var errNoDatabase = errors.New("no database is configured, and the mapping reads from one")

// prepared gives the lookup's statement, preparing it the first time. The statement lives as long as the pool: database/sql
// prepares it again on every connection that needs it, the server by itself after an ALTER TABLE.
func (m *Mapper) prepared(ctx context.Context, l *lookup) (*sql.Stmt, map[string]bridge.Kind, error) {
	s := l.statement
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stmt != nil {
		return s.stmt, s.kinds, nil
	}
	if m.db == nil {
		return nil, nil, errNoDatabase
	}
	stmt, err := m.db.PrepareContext(ctx, l.query.sql)
	if err != nil {
		return nil, nil, explainSQL(err)
	}
	kinds, err := m.describe(ctx, l, stmt)
	if err != nil {
		return nil, nil, errors.Join(err, stmt.Close())
	}
	s.stmt, s.kinds = stmt, kinds
	return stmt, kinds, nil
}

// describe runs the statement with NULL in every bind: it finds nothing, but shows the result's columns, and some refusals of a
// server come only now.
func (m *Mapper) describe(ctx context.Context, l *lookup, stmt *sql.Stmt) (map[string]bridge.Kind, error) {
	rows, err := stmt.QueryContext(ctx, make([]any, len(l.binds))...)
	if err != nil {
		return nil, explainSQL(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("read the result's columns: %w", err)
	}
	var names, bits []string
	for _, t := range types {
		if slices.Contains(names, t.Name()) {
			return nil, fmt.Errorf("the query gives two columns called %s; name one of them with AS", t.Name())
		}
		if err := m.deny.refuse(t.Name()); err != nil { // what a star gives is known only here
			return nil, fmt.Errorf("the query gives a column that is forbidden: %w", err)
		}
		names = append(names, t.Name())
		if t.DatabaseTypeName() == "BIT" {
			bits = append(bits, t.Name())
		}
	}
	for _, column := range l.used {
		if !slices.Contains(names, column) {
			return nil, fmt.Errorf("the query gives no column %s, which a field or bind reads; it gives %s (upper and lower case count)",
				column, strings.Join(names, ", "))
		}
	}
	if err := rows.Close(); err != nil {
		return nil, explainSQL(err)
	}
	return m.bitKinds(ctx, l.query.tables, bits)
}

// bitKinds finds out which BIT columns are one bit wide, that is to say booleans: the driver does not tell the width. A result's
// column counts as boolean if the tables of the query have BIT columns of that name, all one bit wide. Each table is asked for by
// name: a search through the whole of information_schema opens every table of the server.
func (m *Mapper) bitKinds(ctx context.Context, tables []tableName, columns []string) (map[string]bridge.Kind, error) {
	kinds := map[string]bridge.Kind{}
	for _, column := range columns {
		var widest int64
		for _, t := range tables {
			var width sql.NullInt64
			err := m.db.QueryRowContext(ctx, "SELECT MAX(NUMERIC_PRECISION) FROM information_schema.COLUMNS "+
				"WHERE TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND TABLE_NAME = ? AND COLUMN_NAME = ? AND DATA_TYPE = 'bit'",
				t.schema, t.table, column).Scan(&width)
			if err != nil {
				return nil, fmt.Errorf("ask for the width of BIT column %s: %w", column, explainSQL(err))
			}
			widest = max(widest, width.Int64)
		}
		if widest == 1 {
			kinds[column] = bridge.KindBool
		}
	}
	return kinds, nil
}

// Close lets the prepared statements go. The pool is the caller's.
func (m *Mapper) Close() error {
	var errs []error
	for _, r := range m.routes {
		for _, l := range r.lookups {
			l.statement.mu.Lock()
			if l.statement.stmt != nil {
				errs = append(errs, l.statement.stmt.Close())
				l.statement.stmt = nil
			}
			l.statement.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// explainSQL adds the way out to what the server says about a statement itself. Of any other error only the number is told: such
// messages can repeat values.
func explainSQL(err error) error {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return err // from the network, the driver or the context: it knows no values
	}
	advice := map[uint16]string{
		1044: "grant the account SELECT on that database",
		1045: "correct the account's user and password",
		1049: "correct the database's name in the query",
		1054: "correct the column's name in the query",
		1055: "add the column to GROUP BY",
		1064: "correct the query's syntax; :name may only stand where a value can",
		1142: "grant the account SELECT on that table",
		1143: "grant the account SELECT on that column",
		1146: "correct the table's name in the query, with its database in front",
		1210: "a bind can stand only where a value can be NULL",
		1222: "give both parts of the UNION the same columns",
		1267: "different collations are compared: write COLLATE and one of the two after a column; where it is a bind whose text the " +
			"column's character set cannot hold, write CONVERT(column USING utf8mb4) = :name",
		1271: "different collations are combined: write COLLATE and one of them after the other columns",
		1305: "correct the function's name, or grant EXECUTE on it",
		1356: "the view refers to something that is gone or that its definer may not read: mend the view",
		1370: "grant the account EXECUTE on that routine",
	}[server.Number]
	if advice == "" {
		return fmt.Errorf("the server answers with error %d (SQLSTATE %s)", server.Number, server.SQLState[:])
	}
	return fmt.Errorf("the server refuses the query: %s (error %d): %s", server.Message, server.Number, advice)
}
