package check

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// A SourceInput is what is checked of the school's server.
type SourceInput struct {
	DB        *sql.DB
	Addr      string
	Preflight func(context.Context) error // the listener's own: what it says is a FAIL here, because it would not start
	Writeback func(context.Context) error // nil: no route writes back
	Routes    []Route
	Queries   []Query

	Checkpoint    bridge.Checkpoint
	HasCheckpoint bool
}

// A Route is what a check looks at in a route.
type Route struct {
	Name, Schema, Table string
	Flag, Mode          string // submit's column; becomes | changes | while
	Values              []string
	Writeback           []string // columns
}

// facts are what the server says of itself.
type facts struct {
	mariadb bool
	version string
	major   int // 10 of 10.11
	minor   int
	v       map[string]string // variables
	account string            // 'user'@'host'
}

// Source looks at settings, grants, tables, flags and the indexes of look-ups. The second result is false where the server cannot be
// asked at all, and nothing that needs it is worth trying.
func Source(ctx context.Context, in SourceInput) ([]Item, bool) {
	f, err := ask(ctx, in.DB)
	if err != nil {
		return []Item{connectItem(ctx, in, err)}, false
	}
	kind := "MySQL"
	if f.mariadb {
		kind = "MariaDB"
	}
	items := []Item{pass("source.connect", fmt.Sprintf("%s %s at %s, as %s", kind, f.version, in.Addr, f.account))}
	said := leaves(in.Preflight(ctx))
	items = append(items, f.settings(said)...)
	items = append(items, f.grants(said)...)
	items = append(items, f.retention(), f.excess(ctx, in.DB))
	items = append(items, tables(said, in.Routes)...)
	items = append(items, rest(said, items)...)
	for _, r := range in.Routes {
		items = append(items, flagItem(ctx, in.DB, r, f))
	}
	if in.HasCheckpoint {
		items = append(items, positionItem(ctx, in.DB, in.Checkpoint))
	}
	if in.Writeback != nil {
		items = append(items, writebackItems(in.Writeback(ctx), f)...)
	}
	for _, q := range in.Queries {
		items = append(items, explainItem(ctx, in.DB, q))
	}
	return items, true
}

// connectItem says why the server cannot be asked; the listener's own words are the better ones.
func connectItem(ctx context.Context, in SourceInput, err error) Item {
	wrong, fix := split(err.Error())
	if said := in.Preflight(ctx); said != nil {
		if w, f := split(said.Error()); f != "" {
			wrong, fix = w, f
		}
	}
	return Item{"source.connect", Fail, "the source at " + in.Addr + " cannot be asked", wrong, fix}
}

func ask(ctx context.Context, db *sql.DB) (*facts, error) {
	f := &facts{}
	var err error
	if f.v, err = pairs(ctx, db, "SHOW GLOBAL VARIABLES"); err != nil {
		return nil, err
	}
	f.version = f.v["version"]
	f.mariadb = strings.Contains(strings.ToLower(f.version), "mariadb")
	f.version, _, _ = strings.Cut(f.version, "-")
	_, _ = fmt.Sscanf(f.version, "%d.%d", &f.major, &f.minor)
	var who string
	if err := db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&who); err != nil {
		return nil, fmt.Errorf("ask who we are: %w", err)
	}
	user, host, _ := strings.Cut(who, "@")
	f.account = "'" + user + "'@'" + host + "'"
	return f, nil
}

// settings judges the server's variables. What the listener would stop for is a FAIL; what it can do with today, a WARN.
func (f *facts) settings(said []error) []Item {
	items := []Item{f.setting("log_bin", "ON", "the server keeps a binary log", "log_bin=binlog and server_id=1 in my.cnf, then restart the server", said)}
	for _, s := range []struct{ name, want, good string }{
		{"binlog_format", "ROW", "rows are logged, not statements"},
		{"binlog_row_image", "FULL", "every column of a changed row is logged"},
		{"binlog_row_metadata", "FULL", "column names are logged with the rows"},
	} {
		if _, there := f.v[s.name]; !there && s.name == "binlog_format" {
			continue // MySQL 9 and later know no other format
		}
		fix := "SET GLOBAL " + s.name + " = " + s.want + ";   -- and " + s.name + "=" + s.want + " in my.cnf; clients keep the old setting until they reconnect"
		items = append(items, f.setting(s.name, s.want, s.good, fix, said))
	}
	if value := f.v["binlog_row_value_options"]; value != "" {
		items = append(items, Item{
			"source.binlog_row_value_options", Fail, "the log holds parts of JSON columns", "binlog_row_value_options = " + value,
			"SET GLOBAL binlog_row_value_options = '';   -- and take it out of my.cnf",
		})
	}
	return items
}

func (f *facts) setting(name, want, good, fix string, said []error) Item {
	have, there := f.v[name]
	if strings.EqualFold(have, want) {
		return pass("source."+name, good+" ("+name+" = "+have+")")
	}
	level := Fail
	if name != "log_bin" && !mentioned(said, name) {
		level = Warn // the listener has another way on this server
	}
	detail := name + " = " + have
	if !there {
		detail = "this server does not know " + name
		fix = "it is there from MySQL 8.0.1 and MariaDB 10.5 on"
	}
	return Item{"source." + name, level, name + " should be " + want, detail, fix}
}

// grants sorts out what the listener said about its own privileges.
func (f *facts) grants(said []error) []Item {
	monitor := "REPLICATION CLIENT"
	if f.mariadb && (f.major > 10 || f.major == 10 && f.minor >= 5) {
		monitor = "BINLOG MONITOR"
	}
	var items []Item
	for _, g := range []struct{ id, privilege, good string }{
		{"source.grants.replication", "REPLICATION SLAVE", "the account may read the log"},
		{"source.grants.monitor", monitor, "the account may ask where the log stands"},
	} {
		item := pass(g.id, g.good+" ("+g.privilege+")")
		if mentioned(said, "lacks "+g.privilege) {
			item = Item{g.id, Fail, "the account may not: " + g.privilege, "", "GRANT " + g.privilege + " ON *.* TO " + f.account + ";"}
		}
		items = append(items, item)
	}
	return items
}

// excess warns about an account that could do more harm than it needs to.
func (f *facts) excess(ctx context.Context, db *sql.DB) Item {
	const id = "source.grants.excess"
	rows, err := texts(ctx, db, "SHOW GRANTS")
	if err != nil {
		return Item{id, Warn, "the account's grants could not be read", err.Error(), "SHOW GRANTS FOR " + f.account + ";   -- as an administrator"}
	}
	var found, revoke []string
	for _, grant := range rows {
		privileges, object, _ := strings.Cut(strings.TrimPrefix(grant, "GRANT "), " ON ")
		object, _, _ = strings.Cut(object, " TO ")
		for p := range strings.SplitSeq(outsideParentheses(strings.ToUpper(privileges)), ",") {
			if p = strings.TrimSpace(p); dangerous(p) {
				found = append(found, p+" ON "+object)
				revoke = append(revoke, "REVOKE "+p+" ON "+object+" FROM "+f.account+";")
			}
		}
	}
	if len(found) == 0 {
		return pass(id, "the account can write nothing but what it was granted column by column")
	}
	fix := strings.Join(revoke, "\n")
	if strings.Contains(fix, "ALL PRIVILEGES") || len(revoke) > 5 { // an administrator's account
		fix = "give the bridge an account of its own: talkbridge init sql prints the statements"
	}
	return Item{id, Warn, "the account may do more than the bridge needs", strings.Join(found, "\n"), fix}
}

// outsideParentheses drops column lists: UPDATE (a, b) is what write-back needs.
func outsideParentheses(text string) string {
	var out strings.Builder
	depth := 0
	for _, r := range text {
		switch {
		case r == '(':
			depth++
			out.WriteString("(…)")
		case r == ')':
			depth--
		case depth == 0:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func dangerous(privilege string) bool {
	return slices.Contains([]string{
		"ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "SUPER", "FILE", "SHUTDOWN", "GRANT OPTION", "INDEX", "TRIGGER",
		"EVENT", "PROCESS", "RELOAD", "CREATE USER", "BINLOG ADMIN", "REPLICATION SLAVE ADMIN", "BINLOG_ADMIN", "SYSTEM_USER",
	}, privilege)
}

// shortLog is under which time the log goes before a long weekend is over.
const shortLog = 4 * 24 * time.Hour

// retention is how long the server keeps its log: how long a bridge may stand still without losing its place.
func (f *facts) retention() Item {
	const id = "source.retention"
	number := func(name string) float64 { n, _ := strconv.ParseFloat(f.v[name], 64); return n }
	kept := time.Duration(number("binlog_expire_logs_seconds")) * time.Second
	if kept == 0 {
		kept = time.Duration(number("expire_logs_days") * 24 * float64(time.Hour))
	}
	fix := "SET PERSIST binlog_expire_logs_seconds = 604800;"
	if f.mariadb {
		fix = "SET GLOBAL expire_logs_days = 7;   -- and expire_logs_days=7 in my.cnf"
	} else if f.major < 8 {
		fix = "SET GLOBAL expire_logs_days = 7;   -- and expire_logs_days=7 in my.cnf"
	}
	switch size := number("max_binlog_total_size"); {
	case size > 0:
		return Item{
			id, Warn, fmt.Sprintf("the server drops its log beyond %.1f GB in all (max_binlog_total_size)", size/1e9),
			"how long that is depends on what is written; talkbridge_source_purge_headroom_seconds tells", "watch that figure, or raise the limit",
		}
	case kept == 0:
		return pass(id, "the server keeps its log until somebody purges it (watch its disk)")
	case kept < shortLog:
		return Item{
			id, Warn, "the server keeps its log for " + days(kept) + " only",
			"a bridge that stands still for longer loses its place and has to look through the tables again (source.on_purged)", fix,
		}
	default:
		return pass(id, "the server keeps its log for "+days(kept))
	}
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%.3g hours", d.Hours())
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// tables gives one item for each route's table.
func tables(said []error, routes []Route) []Item {
	var items []Item
	for _, r := range routes {
		id, found := "source.table."+r.Name, false
		for _, err := range said {
			if text, ours := strings.CutPrefix(err.Error(), "route "+r.Name+": "); ours {
				wrong, fix := split(text)
				items = append(items, Item{id, Fail, "route " + r.Name + " cannot read its table", wrong, fix})
				found = true
			}
		}
		if !found {
			items = append(items, pass(id, r.Schema+"."+r.Table+" can be read, with every column that the route names, and has a key"))
		}
	}
	return items
}

// rest keeps what the listener said and no item above has told.
func rest(said []error, told []Item) []Item {
	var items []Item
	for _, err := range said {
		text := err.Error()
		known := strings.HasPrefix(text, "route ")
		for _, i := range told {
			if i.Level == Pass {
				continue
			}
			name := strings.TrimPrefix(i.ID, "source.")
			_, privilege, _ := strings.Cut(i.What, "may not: ")
			known = known || strings.Contains(text, name) || privilege != "" && strings.Contains(text, "lacks "+privilege) ||
				name == "log_bin" && strings.Contains(text, "no binary log")
		}
		if !known {
			wrong, fix := split(text)
			items = append(items, Item{"source.preflight", Fail, "the listener would not start", wrong, fix})
		}
	}
	return items
}

func mentioned(said []error, text string) bool {
	for _, err := range said {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

func writebackItems(err error, f *facts) []Item {
	if err == nil {
		return []Item{pass("source.writeback", "the write-back columns are there and may be updated")}
	}
	var items []Item
	for _, e := range leaves(err) {
		wrong, fix := split(strings.ReplaceAll(e.Error(), "the bridge's account", f.account+";"))
		items = append(items, Item{"source.writeback", Fail, "a write-back column cannot be written", wrong, fix})
	}
	return items
}

// positionItem looks whether the file of the saved position is still on the server.
func positionItem(ctx context.Context, db *sql.DB, cp bridge.Checkpoint) Item {
	const id = "source.position"
	files, err := pairs(ctx, db, "SHOW BINARY LOGS")
	if err != nil || len(files) == 0 {
		return Item{id, Warn, "the server's logs could not be listed", fmt.Sprint(errors.Join(err)), ""}
	}
	if _, there := files[cp.File]; there || cp.File == "" {
		return pass(id, "the saved position "+cp.File+" is still on the server")
	}
	return Item{
		id, Warn, "the saved position is no longer on this server", cp.File + " has been purged, or this is another server",
		"the next start does what source.on_purged says; reconcile looks through the tables",
	}
}

// pairs reads rows whose first two columns are a name and a value.
func pairs(ctx context.Context, db *sql.DB, query string) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	values := make([]sql.NullString, max(len(columns), 2))
	targets := make([]any, len(columns))
	for i := range targets {
		targets[i] = &values[i]
	}
	out := map[string]string{}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		out[values[0].String] = values[1].String
	}
	return out, rows.Err()
}

func texts(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
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
