// Package writeback marks a row in the school's table with what became of its submission: the only thing that talkbridge ever
// writes there (Invariant 9), and only the columns that a route's writeback block names.
//
// A row is marked only while it still holds what was delivered. Every column that the route captured is compared, byte for byte,
// in the UPDATE's own WHERE: a row that was edited or submitted again meanwhile does not match, stays as it is, and is marked when
// its newer submission is settled.
package writeback

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"talkbridge/internal/bridge"
)

// A Route names the columns to set. The text {message} in a value stands for the reason of a refusal.
type Route struct {
	Name      string
	Schema    string
	Table     string
	Delivered map[string]string
	Rejected  map[string]string
}

// A Writer marks rows. It is safe for concurrent use.
type Writer struct {
	db     *sql.DB
	routes map[string]Route
	widths map[string]map[string]int // route, column: characters that the column holds; filled by Preflight
}

// New makes a Writer for the routes that have something to write back. db has to be utf8mb4.
func New(db *sql.DB, routes []Route) *Writer {
	w := &Writer{db: db, routes: map[string]Route{}, widths: map[string]map[string]int{}}
	for _, r := range routes {
		if len(r.Delivered)+len(r.Rejected) > 0 {
			w.routes[r.Name] = r
		}
	}
	return w
}

// Preflight checks that every column is there and may be updated; what is wrong comes joined, each with the way out.
func (w *Writer) Preflight(ctx context.Context) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(w.routes)) {
		r := w.routes[name]
		w.widths[name] = map[string]int{}
		for _, column := range slices.Sorted(maps.Keys(merged(r))) {
			if err := w.checkColumn(ctx, r, column); err != nil {
				problems = append(problems, fmt.Errorf("routes.%s.writeback: %w", name, err))
			}
		}
	}
	return errors.Join(problems...)
}

func (w *Writer) checkColumn(ctx context.Context, r Route, column string) error {
	var width sql.NullInt64
	err := w.db.QueryRowContext(ctx, `SELECT character_maximum_length FROM information_schema.columns
		WHERE table_schema = ? AND table_name = ? AND column_name = ?`, r.Schema, r.Table, column).Scan(&width)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("table %s.%s shows no column %s: correct the name, or GRANT UPDATE (%s) ON %s TO the bridge's account",
			r.Schema, r.Table, column, quote(column), quoteTable(r))
	}
	if err != nil {
		return fmt.Errorf("look up column %s: %w", column, err)
	}
	if width.Valid {
		w.widths[r.Name][column] = int(min(width.Int64, 1<<20))
	}
	// A statement that changes nothing still asks the server for the privilege.
	//nolint:gosec // names from the configuration, quoted
	probe := "UPDATE " + quoteTable(r) + " SET " + quote(column) + " = NULL WHERE FALSE"
	if _, err := w.db.ExecContext(ctx, probe); err != nil {
		var refused *mysql.MySQLError
		if errors.As(err, &refused) && (refused.Number == errTableDenied || refused.Number == errColumnDenied) {
			return fmt.Errorf("no right to update %s: GRANT UPDATE (%s) ON %s TO the bridge's account", column, quote(column), quoteTable(r))
		}
		return fmt.Errorf("try to update column %s: %w", column, err)
	}
	return nil
}

// Error numbers of the MySQL manual, "Server Error Message Reference".
const (
	errTableDenied  = 1142
	errColumnDenied = 1143
)

// Write marks the row of change with the settlement's verdict. A row that no longer holds what was submitted is left alone.
func (w *Writer) Write(ctx context.Context, change bridge.Change, s bridge.Settlement) error {
	r, ok := w.routes[change.Route]
	if !ok {
		return nil
	}
	var set map[string]string
	switch s.Verdict {
	case bridge.VerdictDelivered:
		set = r.Delivered
	case bridge.VerdictRejected:
		set = r.Rejected
	case bridge.VerdictRetry:
	}
	if len(set) == 0 {
		return nil
	}
	query, args, err := w.statement(r, set, change, Reason(s))
	if err != nil {
		return err
	}
	if _, err := w.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("write back to %s.%s: %w", r.Schema, r.Table, err)
	}
	return nil
}

// Reason is the text that stands for {message}: the problems' sentences, or the platform's own words.
func Reason(s bridge.Settlement) string {
	if len(s.Problems) == 0 {
		return s.Message
	}
	sentences := make([]string, len(s.Problems))
	for i, p := range s.Problems {
		sentences[i] = p.Message
	}
	return strings.Join(sentences, "；")
}

func (w *Writer) statement(r Route, set map[string]string, change bridge.Change, reason string) (string, []any, error) {
	var q strings.Builder
	var args []any
	q.WriteString("UPDATE " + quoteTable(r) + " SET ")
	for i, column := range slices.Sorted(maps.Keys(set)) {
		if i > 0 {
			q.WriteString(", ")
		}
		q.WriteString(quote(column) + " = ?")
		args = append(args, cut(strings.ReplaceAll(set[column], "{message}", reason), w.widths[r.Name][column]))
	}
	keys := bridge.SplitKey(change.Key)
	if len(keys) != len(change.KeyColumns) || len(keys) == 0 {
		return "", nil, fmt.Errorf("write back: record %s does not carry its key columns", change.ID())
	}
	for i, column := range change.KeyColumns {
		q.WriteString(and(i) + quote(column) + " = ?")
		args = append(args, argument(change.Columns[column], keys[i]))
	}
	for _, column := range slices.Sorted(maps.Keys(change.Columns)) {
		if guard, arg, ok := guardOf(column, change.Columns[column]); ok && !slices.Contains(change.KeyColumns, column) {
			q.WriteString(" AND " + guard)
			args = append(args, arg)
		}
	}
	return q.String(), args, nil
}

func and(i int) string {
	if i == 0 {
		return " WHERE "
	}
	return " AND "
}

// guardOf compares a column with what was captured, as bytes of the text that the server prints: a collation that holds "a" and
// "A" for equal must not hide an edit. Kinds whose text depends on the connection are left out of the comparison.
func guardOf(column string, v bridge.Value) (guard string, arg any, ok bool) {
	name := quote(column)
	switch v.Kind {
	case bridge.KindNull:
		return name + " <=> ?", nil, true
	case bridge.KindText, bridge.KindEnum, bridge.KindSet, bridge.KindInt, bridge.KindDecimal, bridge.KindYear, bridge.KindDate, bridge.KindTime,
		bridge.KindDateTime:
		return "CAST(CONVERT(" + name + " USING utf8mb4) AS BINARY) <=> CAST(? AS BINARY)", v.Text, true
	case bridge.KindBinary:
		return name + " <=> ?", []byte(v.Text), true
	case bridge.KindFloat, bridge.KindBool, bridge.KindBits, bridge.KindJSON, bridge.KindUnreadable: // of the last nothing is known to compare
	}
	return "", nil, false
}

// argument binds integers as integers: compared as text, a BIGINT key beyond 2^53 would be compared as a floating-point number.
func argument(v bridge.Value, key string) any {
	if v.Kind == bridge.KindInt {
		if n, err := strconv.ParseInt(key, 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(key, 10, 64); err == nil {
			return n
		}
	}
	return key
}

// cut shortens text to width characters, where the column has a width.
func cut(text string, width int) string {
	if width <= 0 {
		return text
	}
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

func merged(r Route) map[string]string {
	all := maps.Clone(r.Delivered)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, r.Rejected)
	return all
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteTable(r Route) string { return quote(r.Schema) + "." + quote(r.Table) }
