package mapper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"talkbridge/internal/sqlrow"

	"go.uber.org/zap"
)

const (
	// dictLifetime is how long a dictionary from SQL is used before it is read again, where the configuration does not say.
	dictLifetime = 5 * time.Minute
	// dictGrace is the age from which a code that is missing makes the dictionary be read again before the record is refused: an
	// entry that was just added counts at once, and a stream of bad codes does not become a stream of queries.
	dictGrace = 10 * time.Second
	// dictLimit bounds a dictionary's entries.
	dictLimit = 10000
)

// A dict translates codes. The entries of the configuration never change; those of a query are read again as they age.
type dict struct {
	name     string
	query    string // empty: entries is all there is
	lifetime time.Duration

	mu      sync.Mutex // guards what follows; held while the query runs, so that it runs once
	entries map[string]string
	readAt  time.Time // of the last attempt
}

func compileDict(name string, d Dict, deny *denial) (*dict, error) {
	out := &dict{name: name, entries: d.Entries, lifetime: cmp.Or(d.Refresh, dictLifetime)}
	switch {
	case d.Query == "" && len(d.Entries) == 0:
		return out, fmt.Errorf("dict %s: it is empty", name)
	case d.Query != "" && len(d.Entries) > 0:
		return out, fmt.Errorf("dict %s: give entries or a query, not both", name)
	case d.Query == "" && d.Refresh != 0:
		return out, fmt.Errorf("dict %s: refresh is for a query", name)
	case d.Query == "":
		return out, nil
	case d.Refresh < 0:
		return out, fmt.Errorf("dict %s: refresh has to be positive", name)
	}
	q, err := parseQuery(d.Query)
	if err != nil {
		return out, fmt.Errorf("dict %s: %w", name, err)
	}
	if len(q.binds) > 0 {
		return out, fmt.Errorf("dict %s: a dictionary's query has no binds, and this one has :%s", name, q.binds[0])
	}
	out.query = q.sql
	if err := deny.refuseIn(q); err != nil {
		return out, fmt.Errorf("dict %s: %w", name, err)
	}
	return out, nil
}

// translate looks a code up, reading the entries again where they are old. Entries that cannot be read again are used on: an old
// dictionary is better than none, and a code that it lacks is then an error, not a refusal.
func (m *Mapper) translate(ctx context.Context, d *dict, code string) (translated string, ok bool, err error) {
	if d.query == "" {
		translated, ok = d.entries[code]
		return translated, ok, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	translated, ok = d.entries[code]
	age := m.now().Sub(d.readAt)
	if d.entries != nil && (ok && age < d.lifetime || !ok && age < min(dictGrace, d.lifetime)) {
		return translated, ok, nil
	}
	if err := m.readDict(ctx, d); err != nil {
		if !ok {
			return "", false, err
		}
		m.log.Warn("dictionary could not be read again; its entries are used on", zap.String("dict", d.name), zap.Error(err))
		d.readAt = m.now().Add(min(dictGrace, d.lifetime) - d.lifetime) // try again soon, not with every record
		return translated, ok, nil
	}
	translated, ok = d.entries[code]
	return translated, ok, nil
}

// readDict reads the entries. The caller holds d.mu.
func (m *Mapper) readDict(ctx context.Context, d *dict) error {
	if m.db == nil {
		return fmt.Errorf("dict %s: %w", d.name, errNoDatabase)
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	rows, err := m.db.QueryContext(ctx, d.query)
	if err != nil {
		return fmt.Errorf("dict %s: %w", d.name, explainSQL(err))
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("dict %s: read the result's columns: %w", d.name, err)
	}
	if err := m.deny.refuse(columns...); err != nil {
		return fmt.Errorf("dict %s: the query gives a column that is forbidden: %w", d.name, err)
	}
	if len(columns) != 2 || columns[0] == columns[1] {
		return fmt.Errorf("dict %s: the query gives %d columns; it has to give two of different names, the code and its translation",
			d.name, len(columns))
	}
	list, err := sqlrow.Read(rows, dictLimit, nil)
	if err != nil {
		return fmt.Errorf("dict %s: %w", d.name, explainSQL(err))
	}
	entries := make(map[string]string, len(list))
	for _, row := range list {
		code, translation := row[columns[0]], row[columns[1]]
		if code.IsNull() || translation.IsNull() {
			continue
		}
		if other, twice := entries[code.Text]; twice && other != translation.Text {
			return fmt.Errorf("dict %s: the query gives one code with two different translations; narrow it down with WHERE", d.name)
		}
		entries[code.Text] = translation.Text
	}
	if len(entries) == 0 {
		return errors.Join(fmt.Errorf("dict %s: the query gives no entries", d.name))
	}
	d.entries, d.readAt = entries, m.now()
	return nil
}
