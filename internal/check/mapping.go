package check

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
)

// A MappingInput is what a mapping is tried on.
type MappingInput struct {
	Routes    []string
	Sample    int // rows of each route
	Preflight func(context.Context) error
	Rows      func(ctx context.Context, route string, w canal.Walk, visit func(bridge.Change, bool) error) error
	Map       func(context.Context, bridge.Change) ([]byte, []bridge.Problem, error)
	Progress  func(route string, rows int) // nil: none
	Queries   []string                     // of look-ups and dictionaries: where MySQL does not name a table's database, they do
}

// deniedTable is how MariaDB names the table that an account may not read, or MySQL, which leaves the database out.
var deniedTable = regexp.MustCompile("denied to user ('[^']*'@'[^']*') for table (?:`([^`]+)`\\.`([^`]+)`|'([^']+)')")

// granted is the statement that lets the account read the table which the server's message is about; empty where it is about something else.
func (in MappingInput) granted(message string) string {
	m := deniedTable.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	database, table := m[2], m[3]
	if table == "" {
		table = m[4]
		written := regexp.MustCompile("(?i)`?([\\p{L}\\p{N}_$]+)`?\\s*\\.\\s*`?" + regexp.QuoteMeta(table) + "(?:[^\\p{L}\\p{N}_$]|$)")
		for _, query := range in.Queries {
			if found := written.FindStringSubmatch(query); found != nil {
				database = found[1]
			}
		}
		if database == "" {
			return ""
		}
	}
	return "GRANT SELECT ON `" + database + "`.`" + table + "` TO " + m[1] + ";"
}

// Mapping asks the server about every look-up, and maps real rows of every route. Nothing of them is kept but counts and reasons.
func Mapping(ctx context.Context, in MappingInput) []Item {
	if err := in.Preflight(ctx); err != nil {
		var items []Item
		for _, e := range leaves(err) {
			wrong, fix := split(e.Error())
			if statement := in.granted(wrong); statement != "" {
				fix = statement
			}
			items = append(items, Item{"mapping.lookups", Fail, "a look-up or dictionary cannot be read", wrong, fix})
		}
		return items
	}
	items := []Item{pass("mapping.lookups", "every look-up and dictionary can be read")}
	for _, route := range in.Routes {
		items = append(items, in.route(ctx, route))
	}
	return items
}

func (in MappingInput) route(ctx context.Context, route string) Item {
	id := "mapping." + route
	t, err := in.sample(ctx, route)
	if err != nil {
		wrong, fix := split(err.Error())
		return Item{id, Fail, "rows of the route cannot be mapped", wrong, fix}
	}
	if t.Rows == 0 {
		return Item{id, Warn, "there is no row to try", "the table is empty, or where: holds for none of its rows", "see that where: of the route is right; try again when there are rows"}
	}
	of := fmt.Sprintf("%d rows (%d of them submitted)", t.Rows, t.Submitted)
	if t.Refused == 0 {
		return pass(id, of+" can be sent, every one")
	}
	level, what := Warn, fmt.Sprintf("%d of %s would be refused (%.0f %%)", t.Refused, of, 100*t.Share)
	if t.Refused == t.Rows {
		level, what = Fail, fmt.Sprintf("every one of %s would be refused", of)
	}
	return Item{id, level, what, reasons(t, 5), "talkbridge map --route " + route + " --all   # every refused row with its reasons"}
}

func reasons(t *Tally, most int) string {
	var lines []string
	for i, r := range t.Reasons {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d reasons more", len(t.Reasons)-most))
			break
		}
		from := r.Field
		if r.Column != "" {
			from += " ← " + r.Column
		}
		lines = append(lines, fmt.Sprintf("%d × %s  [%s, %s]", r.Count, r.Message, from, r.Rule))
	}
	return strings.Join(lines, "\n")
}

// errEnough ends a walk.
var errEnough = errors.New("enough rows")

// sample maps submitted rows first, since these are what will be sent, and then the newest others: before a school goes live
// nothing is submitted.
func (in MappingInput) sample(ctx context.Context, route string) (*Tally, error) {
	t := &Tally{Route: route}
	add := func(change bridge.Change, flagged bool) error {
		_, problems, err := in.Map(ctx, change)
		if err != nil {
			return fmt.Errorf("record %s: %w", change.Key, err)
		}
		t.Add(change.Key, flagged, problems)
		if in.Progress != nil {
			in.Progress(route, t.Rows)
		}
		return nil
	}
	if err := in.Rows(ctx, route, canal.Walk{Limit: in.Sample, Newest: true, OnlyFlag: true}, add); err != nil {
		return nil, err
	}
	if left := in.Sample - t.Rows; left > 0 {
		// Bounded, since a table may hold a million rows that are submitted and counted already.
		err := in.Rows(ctx, route, canal.Walk{Limit: 10 * in.Sample, Newest: true}, func(change bridge.Change, flagged bool) error {
			switch {
			case left == 0:
				return errEnough
			case flagged:
				return nil
			}
			left--
			return add(change, false)
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	t.Close()
	return t, nil
}
