package canal

import (
	"fmt"
	"slices"
	"strings"
)

// An alteration is ALTER TABLE at work. Like the server (sql_table.cc, mysql_prepare_alter_table) it first changes, renames and drops
// the columns that were there, each found by its old name, and then puts what is added or moved into its place.
type alteration struct {
	d      *ddl
	shape  *shape
	old    []string // by column of shape: its name before, empty for one that is new
	placed []placement
	to     tableName // the new name
	moved  bool
}

// A placement is a column that is yet to be put somewhere.
type placement struct {
	column shapeColumn
	first  bool
	after  string // empty: at the end
}

func (d *ddl) alter(h *history, ts tokens) *history {
	n, rest, ok := ts.table(d.schema)
	if !ok {
		return h
	}
	if rest.is(0, "WAIT") && len(rest) > 1 {
		rest = rest[2:]
	}
	rest = rest.skip("NOWAIT")
	before := h.shape(n, d.fold)
	if !before.known() {
		if to, moved := renamedTo(rest, d.schema); moved {
			return d.move(h, n, to)
		}
		return h // what was lost stays lost
	}
	a := &alteration{d: d, shape: before.clone(), old: before.names()}
	for _, clause := range rest.split() {
		if err := a.clause(clause); err != nil {
			h = d.lose(h, n, "ALTER TABLE", err)
			if to, moved := renamedTo(rest, d.schema); moved {
				h = d.move(h, n, to)
			}
			return h
		}
	}
	if err := a.finish(); err != nil {
		h = d.lose(h, n, "ALTER TABLE", err)
	} else if !a.shape.equal(before) {
		h = h.with(n, d.fold, a.shape)
	}
	if a.moved {
		h = d.move(h, n, a.to)
	}
	return h
}

// renamedTo finds RENAME TO among the clauses.
func renamedTo(ts tokens, schema string) (tableName, bool) {
	for _, c := range ts.split() {
		if c.is(0, "RENAME") && !c.is(1, "COLUMN") && !c.is(1, "INDEX") && !c.is(1, "KEY") {
			to, _, ok := c[1:].skip("TO", "AS", "=").table(schema)
			return to, ok
		}
	}
	return tableName{}, false
}

func (a *alteration) clause(ts tokens) error {
	if len(ts) == 0 {
		return nil
	}
	verb := strings.ToUpper(ts[0].text)
	switch rest := ts[1:]; verb {
	case "ADD":
		return a.add(rest)
	case "DROP":
		return a.drop(rest)
	case "MODIFY":
		rest, _ = rest.skip("COLUMN").skipIf()
		name, def, ok := rest.name()
		if !ok {
			return unread(rest)
		}
		return a.change(name, name, def)
	case "CHANGE":
		rest, _ = rest.skip("COLUMN").skipIf()
		from, rest, ok := rest.name()
		to, def, also := rest.name()
		if !ok || !also {
			return unread(rest)
		}
		return a.change(from, to, def)
	case "RENAME":
		return a.rename(rest)
	case "CONVERT":
		return a.convert(rest)
	default:
		return a.option(ts)
	}
}

// option reads a clause that changes no column: a default, an index, an option of the table.
func (a *alteration) option(ts tokens) error {
	if set := charsetIn(ts); set != "" && !ts.is(0, "ALTER") {
		a.shape.Charset = set
	}
	for _, harmless := range []string{
		"ALTER", "ENGINE", "TYPE", "COMMENT", "AUTO_INCREMENT", "ROW_FORMAT", "ALGORITHM", "LOCK", "FORCE", "ORDER", "ENABLE", "DISABLE",
		"PARTITION", "REORGANIZE", "EXCHANGE", "TRUNCATE", "COALESCE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "REMOVE",
		"KEY_BLOCK_SIZE", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES", "CHECKSUM", "TABLE_CHECKSUM", "COMPRESSION",
		"ENCRYPTION", "ENCRYPTED", "ENCRYPTION_KEY_ID", "PAGE_CHECKSUM", "PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL", "TRANSACTIONAL", "DISCARD",
		"IMPORT", "TABLESPACE", "MAX_ROWS", "MIN_ROWS", "AVG_ROW_LENGTH", "PACK_KEYS", "DELAY_KEY_WRITE", "DATA", "INDEX", "UNION",
		"INSERT_METHOD", "CONNECTION", "PASSWORD", "DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "SECONDARY_LOAD", "SECONDARY_UNLOAD",
		"SECONDARY_ENGINE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "AUTOEXTEND_SIZE", "NOWAIT", "WAIT", "IETF_QUOTES", "SEQUENCE",
	} {
		if ts.is(0, harmless) {
			return nil
		}
	}
	if ts.has(0, "WITHOUT", "VALIDATION") || ts.has(0, "WITH", "VALIDATION") {
		return nil
	}
	return unread(ts)
}

func (a *alteration) add(ts tokens) error {
	if ts.is(0, "PARTITION") {
		return nil
	}
	if ts.is(0, "SYSTEM") && ts.is(1, "VERSIONING") {
		return unread(ts)
	}
	if known, err := a.d.index(a.shape, ts); known || err != nil {
		return err
	}
	ts, maybe := ts.skip("COLUMN").skipIf()
	list := []tokens{ts}
	if inner, _, ok := ts.group(); ok {
		list = inner.split()
	}
	for _, def := range list {
		if known, err := a.d.index(a.shape, def); known || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		name, rest, ok := def.name()
		if !ok {
			return unread(def)
		}
		if maybe && a.shape.index(name) >= 0 {
			continue
		}
		if err := a.place(name, rest); err != nil {
			return err
		}
	}
	return nil
}

// place reads a column that is to be added or moved.
func (a *alteration) place(name string, def tokens) error {
	p, def := position(def)
	c, key, err := a.d.column(name, def, a.shape.Charset)
	if err != nil {
		return err
	}
	if key {
		a.shape.Key = []string{name}
	}
	p.column = c
	a.placed = append(a.placed, p)
	return nil
}

// position takes FIRST or AFTER x from the end of a definition.
func position(def tokens) (placement, tokens) {
	n := len(def)
	switch {
	case def.is(n-1, "FIRST"):
		return placement{first: true}, def[:n-1]
	case n >= 2 && def.is(n-2, "AFTER"):
		return placement{after: def[n-1].text}, def[:n-2]
	}
	return placement{}, def
}

// find gives the column that had the name before the statement.
func (a *alteration) find(name string) (int, error) {
	i := slices.IndexFunc(a.old, func(o string) bool { return o != "" && strings.EqualFold(o, name) })
	if i < 0 {
		return 0, fmt.Errorf("a column that was not there is %w", errUnread)
	}
	return i, nil
}

func (a *alteration) drop(ts tokens) error {
	switch {
	case ts.is(0, "PRIMARY"):
		a.shape.Key = nil
		return nil
	case ts.is(0, "SYSTEM"), ts.is(0, "PERIOD"):
		return unread(ts)
	}
	for _, other := range []string{"INDEX", "KEY", "FOREIGN", "CONSTRAINT", "CHECK", "PARTITION"} {
		if ts.is(0, other) {
			return nil
		}
	}
	ts, maybe := ts.skip("COLUMN").skipIf()
	name, _, ok := ts.name()
	if !ok {
		return unread(ts)
	}
	i, err := a.find(name)
	if err != nil {
		if maybe {
			return nil
		}
		return err
	}
	a.remove(i)
	return nil
}

func (a *alteration) remove(i int) {
	a.shape.Key = slices.DeleteFunc(a.shape.Key, func(k string) bool { return strings.EqualFold(k, a.shape.Columns[i].Name) })
	a.shape.Columns, a.old = slices.Delete(a.shape.Columns, i, i+1), slices.Delete(a.old, i, i+1)
}

func (a *alteration) change(from, to string, def tokens) error {
	i, err := a.find(from)
	if err != nil {
		return err
	}
	p, def := position(def)
	c, key, err := a.d.column(to, def, a.shape.Charset)
	if err != nil {
		return err
	}
	if key {
		a.shape.Key = []string{to}
	}
	a.renameKey(from, to)
	if slices.ContainsFunc(a.shape.Key, func(k string) bool { return strings.EqualFold(k, to) }) {
		c.Null = no
	}
	if !p.first && p.after == "" {
		a.shape.Columns[i] = c
		return nil
	}
	key0 := slices.Clone(a.shape.Key)
	a.remove(i)
	a.shape.Key = key0
	p.column = c
	a.placed = append(a.placed, p)
	return nil
}

func (a *alteration) renameKey(from, to string) {
	for k, name := range a.shape.Key {
		if strings.EqualFold(name, from) {
			a.shape.Key[k] = to
		}
	}
}

func (a *alteration) rename(ts tokens) error {
	switch {
	case ts.is(0, "INDEX"), ts.is(0, "KEY"):
		return nil
	case ts.is(0, "COLUMN"):
		rest, _ := ts[1:].skipIf()
		from, rest, ok := rest.name()
		to, _, also := rest.skip("TO").name()
		if !ok || !also {
			return unread(ts)
		}
		i, err := a.find(from)
		if err != nil {
			return err
		}
		a.shape.Columns[i].Name = to
		a.renameKey(from, to)
		if strings.EqualFold(a.shape.RowEnd, from) {
			a.shape.RowEnd = to
		}
		return nil
	}
	var ok bool
	if a.to, _, ok = ts.skip("TO", "AS", "=").table(a.d.schema); !ok {
		return unread(ts)
	}
	a.moved = true
	return nil
}

// convert is CONVERT TO CHARACTER SET: of every text column. A TEXT may become a longer one with it; how long is the server's secret.
func (a *alteration) convert(ts tokens) error {
	set := charsetIn(ts)
	if set == "" || set == "default" || set == binaryCharset {
		return unread(ts)
	}
	width, _ := charsetWidth(set)
	for i := range a.shape.Columns {
		c := &a.shape.Columns[i]
		if c.Charset == "" || c.Charset == binaryCharset {
			continue
		}
		if was, _ := charsetWidth(c.Charset); width > was && strings.Contains(parseType(c.Type).base, "text") {
			return fmt.Errorf("CONVERT TO of a TEXT column is %w", errUnread)
		}
		c.Charset = set
	}
	a.shape.Charset = set
	return nil
}

// finish puts what is added or moved into its place. Columns of a system-versioned table stay in front of the hidden ones.
func (a *alteration) finish() error {
	for _, p := range a.placed {
		if a.shape.index(p.column.Name) >= 0 {
			return fmt.Errorf("a column that is there already is %w", errUnread)
		}
		i := len(a.shape.Columns)
		switch {
		case a.shape.RowEnd != "" && !p.first && p.after == "":
			return fmt.Errorf("ADD COLUMN on a system-versioned table is %w", errUnread)
		case p.first:
			i = 0
		case p.after != "":
			k := a.shape.index(p.after)
			if k < 0 {
				return fmt.Errorf("AFTER a column that is not there is %w", errUnread)
			}
			i = k + 1
		}
		a.shape.Columns = slices.Insert(a.shape.Columns, i, p.column)
	}
	return a.d.promote(a.shape)
}
