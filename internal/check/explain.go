package check

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Query is a look-up whose use of indexes is checked.
type Query struct {
	ID    string // source.lookup.one.student
	SQL   string // with :name binds
	Table string // SCHEMA.TABLE of the route, whose columns :name binds
}

// aScanThatHurts is how many rows a query may read without an index for every record that is delivered.
const aScanThatHurts = 1000

var (
	quoted    = regexp.MustCompile("'(?:[^'\\\\]|\\\\.|'')*'|\"(?:[^\"\\\\]|\\\\.|\"\")*\"|`[^`]*`")
	bindName  = regexp.MustCompile(`:([\p{L}_][\p{L}\p{N}_]*)(\.[\p{L}_][\p{L}\p{N}_]*)?`)
	afterFrom = regexp.MustCompile("(?i)\\b(?:FROM|JOIN)\\s+([\\p{L}\\p{N}_.`$]+)(?:\\s+(?:AS\\s+)?([\\p{L}_][\\p{L}\\p{N}_]*))?")
	equals    = regexp.MustCompile("(?i)(?:([\\p{L}_][\\p{L}\\p{N}_]*)\\.)?`?([\\p{L}_][\\p{L}\\p{N}_]*)`?(?:\\s+COLLATE\\s+\\w+)?\\s*=\\s*(?::|[\\p{L}_])")
)

// explainItem asks the server how it would run a look-up.
func explainItem(ctx context.Context, db *sql.DB, q Query) Item {
	statement, args := bound(ctx, db, q)
	plan, err := explain(ctx, db, statement, args)
	if err != nil {
		return Item{q.ID, Warn, "the server does not explain the look-up", err.Error(), "see mapping.lookups"}
	}
	for _, step := range plan {
		rows, _ := strconv.ParseInt(step["rows"], 10, 64)
		scan := step["type"] == "ALL" || step["type"] == "index"
		if !scan || step["possible_keys"] != "" || rows < aScanThatHurts {
			continue
		}
		return Item{
			q.ID, Warn, "the look-up reads a whole table for every record", fmt.Sprintf("%s: about %d rows, no index can be used", step["table"], rows),
			indexFor(q.SQL, step["table"]),
		}
	}
	return pass(q.ID, "the look-up uses an index, or reads few rows")
}

// bound puts a value of the fitting kind in the place of every bind: a number where the row's column is one, else a text, because
// comparing a text column with a number passes its index by.
func bound(ctx context.Context, db *sql.DB, q Query) (statement string, args []any) {
	schema, table, _ := strings.Cut(q.Table, ".")
	kinds, err := pairs(ctx, db, fmt.Sprintf("SELECT LOWER(COLUMN_NAME), LOWER(DATA_TYPE) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '%s' AND TABLE_NAME = '%s'",
		strings.ReplaceAll(schema, "'", "''"), strings.ReplaceAll(table, "'", "''")))
	if err != nil {
		kinds = nil
	}
	var out strings.Builder
	rest := q.SQL
	for rest != "" {
		text, literal := rest, ""
		if at := quoted.FindStringIndex(rest); at != nil {
			text, literal = rest[:at[0]], rest[at[0]:at[1]]
		}
		rest = rest[len(text)+len(literal):]
		out.WriteString(bindName.ReplaceAllStringFunc(text, func(bind string) string {
			if kind := kinds[strings.ToLower(bind[1:])]; strings.HasSuffix(kind, "int") || kind == "year" {
				args = append(args, 1)
			} else {
				args = append(args, "1")
			}
			return "?"
		}))
		out.WriteString(literal)
	}
	return out.String(), args
}

func explain(ctx context.Context, db *sql.DB, statement string, args []any) ([]map[string]string, error) {
	// MySQL 9 gives a tree where no form is named, in which nothing below is found.
	rows, err := db.QueryContext(ctx, "EXPLAIN FORMAT=TRADITIONAL "+statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var plan []map[string]string
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		targets := make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		step := map[string]string{}
		for i, name := range names {
			step[name] = values[i].String
		}
		plan = append(plan, step)
	}
	return plan, rows.Err()
}

// indexFor proposes the index: on the column that the query compares in the table of that name or alias.
func indexFor(query, alias string) string {
	bare := quoted.ReplaceAllStringFunc(query, func(text string) string {
		if text[0] == '`' {
			return text
		}
		return "''"
	})
	table := alias
	var single bool
	found := afterFrom.FindAllStringSubmatch(bare, -1)
	for _, m := range found {
		name := strings.ReplaceAll(m[1], "`", "")
		short := name[strings.LastIndexByte(name, '.')+1:]
		if strings.EqualFold(m[2], alias) || strings.EqualFold(short, alias) {
			table = name
		}
	}
	single = len(found) == 1
	for _, m := range equals.FindAllStringSubmatch(bare, -1) {
		if strings.EqualFold(m[1], alias) || m[1] == "" && single {
			name := "`" + strings.ReplaceAll(table, ".", "`.`") + "`"
			return "ALTER TABLE " + name + " ADD INDEX (`" + m[2] + "`);"
		}
	}
	return "add an index on the column that the query compares in " + table
}
