package canal

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// readShape asks information_schema what the table looks like now. A table that is not there, or that the account may not see, is lost.
func readShape(ctx context.Context, q querier, n tableName) (*shape, error) {
	t, err := record(ctx, q, "SELECT TABLE_TYPE AS kind, TABLE_COLLATION AS coll FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? "+
		"AND TABLE_NAME = ?", n.schema, n.table)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return lost("it was not there, or not to be seen, when talkbridge last looked"), nil
	}
	rows, err := q.QueryContext(ctx, "SELECT COLUMN_NAME, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME, ''), IS_NULLABLE = 'YES', "+
		"COALESCE(GENERATION_EXPRESSION, '') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
		n.schema, n.table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	set, _, _ := strings.Cut(t["coll"], "_")
	s := &shape{Charset: charsetName(set)}
	for rows.Next() {
		var c shapeColumn
		var nullable bool
		var expression string
		if err := rows.Scan(&c.Name, &c.Type, &c.Charset, &nullable, &expression); err != nil {
			return nil, err
		}
		c.Charset, c.Null = charsetName(c.Charset), yesNo(nullable)
		c.Generated = expression != ""
		if strings.EqualFold(expression, "ROW END") {
			s.RowEnd = c.Name
		}
		s.Columns = append(s.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if strings.EqualFold(t["kind"], "SYSTEM VERSIONED") && s.RowEnd == "" {
		// WITH SYSTEM VERSIONING alone adds two columns that information_schema does not list and the log has (MariaDB, "System-Versioned
		// Tables").
		s.RowEnd = "row_end"
		s.Columns = append(s.Columns, shapeColumn{Name: "row_start", Type: "timestamp(6)", Null: no},
			shapeColumn{Name: s.RowEnd, Type: "timestamp(6)", Null: no})
	}
	s.Key, err = texts(ctx, q, "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? "+
		"AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX", n.schema, n.table)
	return s, err
}

// readShapes reads all watched tables.
func (s *Source) readShapes(ctx context.Context, q querier, fold bool) (*history, error) {
	h := (&history{Tables: map[string]*shape{}, Schemas: map[string]string{}}).sealed()
	for _, r := range s.routes {
		n := tableName{r.Schema, r.Table}
		if h.Tables[n.key(fold)] != nil {
			continue
		}
		shape, err := readShape(ctx, q, n)
		if err != nil {
			return nil, fmt.Errorf("read what the table %s looks like: %w", n, err)
		}
		h.Tables[n.key(fold)] = shape
		schema, err := record(ctx, q, "SELECT DEFAULT_CHARACTER_SET_NAME AS cs FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", r.Schema)
		if err != nil {
			return nil, fmt.Errorf("read the character set of %s: %w", r.Schema, err)
		}
		if schema["cs"] != "" {
			h.Schemas[r.Schema] = charsetName(schema["cs"])
		}
	}
	return h, nil
}

// hold touches every watched table in the transaction of conn: from here to its end no DDL changes one of them, and a DDL that is in the
// log already but not yet finished is waited for.
func (s *Source) hold(ctx context.Context, conn *sql.Conn) {
	for _, r := range s.routes {
		// No answer is one too: what is not there information_schema does not have either.
		_, _ = record(ctx, conn, "SELECT 1 FROM "+backquote(r.Schema)+"."+backquote(r.Table)+" LIMIT 0")
	}
}

// shapesAt reads the shapes as they are at the place, or gives nil where they cannot be had: where the server's log has gone on since.
// Nothing of a table changes without an event, so what information_schema says while the log ends at the place is what it was there.
func (s *Source) shapesAt(ctx context.Context, srv *server, file string, pos uint64) (*history, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	if there, err := endsAt(ctx, conn, file, pos); err != nil || !there {
		return nil, err
	}
	for _, statement := range []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION READ ONLY"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	s.hold(ctx, conn)
	h, err := s.readShapes(ctx, conn, srv.fold)
	if err != nil {
		return nil, err
	}
	if there, err := endsAt(ctx, conn, file, pos); err != nil || !there {
		return nil, err
	}
	return h, nil
}

// endsAt tells whether the server's log ends at the place.
func endsAt(ctx context.Context, q querier, file string, pos uint64) (bool, error) {
	status, err := mysqlStatus(ctx, q)
	if err != nil {
		return false, fmt.Errorf("ask where the log ends: %w", err)
	}
	return status["File"] == file && status["Position"] == strconv.FormatUint(pos, 10), nil
}

// anchorSchema puts the history into an anchor: read before it was taken and again behind it, and equal. It gives false where a table was
// changed in between, which asks for another anchor.
func (s *Source) anchorSchema(ctx context.Context, srv *server, a *anchor, before *history) (bool, error) {
	s.hold(ctx, a.conn)
	after, err := s.readShapes(ctx, a.conn, srv.fold)
	if err != nil {
		return false, err
	}
	a.place.schema = after
	return before.equal(after), nil
}
