package check

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A column is what information_schema says of a flag.
type column struct {
	kind     string // data type in lower case
	full     string // column type: enum('0','1')
	fallback sql.NullString
	extra    string
	width    sql.NullInt64
}

// flagItem looks whether the flag column can say what the route's submit mode listens for.
func flagItem(ctx context.Context, db *sql.DB, r Route, f *facts) Item {
	id := "source.flag." + r.Name
	var c column
	err := db.QueryRowContext(ctx, `SELECT LOWER(DATA_TYPE), LOWER(COLUMN_TYPE), COLUMN_DEFAULT, LOWER(EXTRA), CHARACTER_MAXIMUM_LENGTH
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME = ?`, r.Schema, r.Table, r.Flag).
		Scan(&c.kind, &c.full, &c.fallback, &c.extra, &c.width)
	if errors.Is(err, sql.ErrNoRows) {
		return Item{
			id, Fail, "the flag column " + r.Flag + " is not there", "table " + r.Schema + "." + r.Table,
			"talkbridge init sql -c FILE   # has the statement that adds it; or GRANT SELECT ON " + r.Schema + "." + r.Table + " TO " + f.account + ";",
		}
	}
	if err != nil {
		return Item{id, Warn, "the flag column could not be looked at", err.Error(), ""}
	}
	if r.Mode == "changes" {
		return c.counter(id, r)
	}
	return c.values(id, r)
}

// counter judges a column whose every change is a submission.
func (c column) counter(id string, r Route) Item {
	name := r.Schema + "." + r.Table + "." + r.Flag
	number := slices.Contains([]string{"tinyint", "smallint", "mediumint", "int", "bigint"}, c.kind)
	switch {
	case strings.Contains(c.extra, "on update"):
		return Item{
			id, Fail, r.Flag + " changes by itself with every edit", name + " is ON UPDATE CURRENT_TIMESTAMP: every edit would be sent as if 递交 had been pressed",
			"name a column that only the button changes; talkbridge init sql shows one",
		}
	case c.kind == "datetime" || c.kind == "timestamp":
		return Item{
			id, Warn, r.Flag + " is a time", name + ": two submissions within its resolution look like one (" + c.full + ")",
			fmt.Sprintf("ALTER TABLE `%s`.`%s` MODIFY `%s` DATETIME(6) NULL;   -- or use a counter", r.Schema, r.Table, r.Flag),
		}
	case !number:
		return Item{
			id, Warn, r.Flag + " is neither a number nor a time", name + " is " + c.full + "; changes: true counts any change to something that is not empty or 0",
			"see that the button always writes something new; a counter does: SET " + r.Flag + " = " + r.Flag + " + 1",
		}
	}
	return pass(id, "a counter: every press of the button is seen ("+name+" "+c.full+")")
}

// values judges a column that has to hold one of the route's values.
func (c column) values(id string, r Route) Item {
	name := r.Schema + "." + r.Table + "." + r.Flag
	for _, v := range r.Values {
		if c.width.Valid && int64(len([]rune(v))) > c.width.Int64 {
			return Item{id, Fail, fmt.Sprintf("%s can never be %q", r.Flag, v), name + " is " + c.full, "correct submit in the route " + r.Name}
		}
		if c.kind == "enum" && !strings.Contains(c.full, "'"+strings.ToLower(v)+"'") {
			return Item{id, Fail, fmt.Sprintf("%s can never be %q", r.Flag, v), name + " is " + c.full, "correct submit in the route " + r.Name}
		}
	}
	if fallback := strings.Trim(c.fallback.String, "'"); c.fallback.Valid && slices.Contains(r.Values, fallback) {
		return Item{
			id, Warn, "a new row is a submission at once", fmt.Sprintf("%s has the default %q, which is one of submit's values", name, fallback),
			fmt.Sprintf("ALTER TABLE `%s`.`%s` ALTER `%s` SET DEFAULT '0';   -- if a row is not to be sent before somebody presses 递交", r.Schema, r.Table, r.Flag),
		}
	}
	if r.Mode == "while" {
		return Item{
			id, Warn, "every edit is sent while the flag stands", name + ": submit says while " + strings.Join(r.Values, ", "),
			"fine if that is meant; a counter with changes: true sends only what somebody submitted",
		}
	}
	return pass(id, fmt.Sprintf("a submission is %s becoming %s (%s)", r.Flag, strings.Join(r.Values, " or "), name))
}
