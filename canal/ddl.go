package canal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A ddl is one statement that defines tables, with what the log says of the session that gave it.
type ddl struct {
	tokens  tokens
	schema  string // the session's own
	mode    uint64 // sql_mode
	flavor  Flavor
	fold    bool
	place   string               // for people
	follows func(tableName) bool // which tables are worth following
}

// errUnread says that a part of a statement is not one that is understood here.
var errUnread = errors.New("not understood")

func unread(ts tokens) error {
	if len(ts) == 0 || ts[0].kind != tokenWord || ts[0].text[0] <= '9' { // a literal is nobody's business
		return errUnread
	}
	return fmt.Errorf("%s … is %w", strings.ToUpper(ts[0].text), errUnread)
}

// apply gives the history behind the statement. What is not understood makes the tables that it names lost, which ends nothing by
// itself: only rows of such a table that come without their columns' names do.
func (d *ddl) apply(h *history) *history {
	ts := d.tokens
	verb := ""
	if len(ts) > 0 {
		verb = strings.ToUpper(ts[0].text)
		ts = ts[1:]
	}
	replace := ts.has(0, "OR", "REPLACE")
	if replace {
		ts = ts[2:]
	}
	ts = ts.skip("ONLINE", "OFFLINE", "IGNORE")
	switch {
	case ts.is(0, "TEMPORARY"): // another table of the same name, for one session
		return h
	case ts.is(0, "DATABASE"), ts.is(0, "SCHEMA"):
		return d.database(h, verb, ts[1:])
	case !ts.is(0, "TABLE") && !ts.is(0, "TABLES"): // indexes, views, triggers: no columns
		return h
	}
	ts, maybe := ts[1:].skipIf()
	switch verb {
	case "ALTER":
		return d.alter(h, ts)
	case "CREATE":
		return d.create(h, ts, maybe && !replace)
	case "RENAME":
		return d.rename(h, ts)
	case "DROP":
		return d.drop(h, ts)
	}
	return h
}

// set puts a table's new shape into the history; tables that nobody follows are left out.
func (d *ddl) set(h *history, n tableName, s *shape) *history {
	if !d.follows(n) && (h == nil || h.Tables[n.key(d.fold)] == nil) {
		return h
	}
	return h.with(n, d.fold, s)
}

func (d *ddl) lose(h *history, n tableName, what string, err error) *history {
	return d.set(h, n, lost("%s at %s changed it in a way that talkbridge does not follow (%v)", what, d.place, err))
}

func (d *ddl) database(h *history, verb string, ts tokens) *history {
	ts, _ = ts.skipIf()
	name, rest, ok := ts.name()
	if !ok || verb == "ALTER" && (strings.EqualFold(name, "CHARACTER") || strings.EqualFold(name, "DEFAULT") || strings.EqualFold(name, "COLLATE")) {
		name, rest = d.schema, ts
	}
	next := h.clone()
	switch verb {
	case "DROP":
		for key := range next.Tables {
			if strings.HasPrefix(key, tableName{name, ""}.key(d.fold)) {
				delete(next.Tables, key)
			}
		}
	case "CREATE", "ALTER":
		if set := charsetIn(rest); set != "" {
			next.Schemas[name] = set
		} else if verb == "CREATE" {
			delete(next.Schemas, name)
		}
	}
	return next
}

func (d *ddl) drop(h *history, ts tokens) *history {
	for _, part := range ts.split() {
		if n, _, ok := part.table(d.schema); ok && h != nil && h.Tables[n.key(d.fold)] != nil {
			h = h.with(n, d.fold, nil)
		}
	}
	return h
}

func (d *ddl) rename(h *history, ts tokens) *history {
	for _, part := range ts.split() { // one after the other: a TO x, b TO a
		from, rest, ok := part.table(d.schema)
		if !ok {
			continue
		}
		if rest.is(0, "WAIT") && len(rest) > 1 {
			rest = rest[2:]
		}
		rest = rest.skip("NOWAIT", "TO")
		if to, _, ok := rest.table(d.schema); ok {
			h = d.move(h, from, to)
		}
	}
	return h
}

// move gives a table another name. What is not known under the old one is not known under the new one.
func (d *ddl) move(h *history, from, to tableName) *history {
	s := h.shape(from, d.fold)
	if s.Lost == neverRead {
		s = lost("RENAME at %s gave this name to the table %s, and what that looked like was never read", d.place, from)
	}
	if h != nil && h.Tables[from.key(d.fold)] != nil {
		h = h.with(from, d.fold, nil)
	}
	if d.follows(to) || s.known() {
		h = h.with(to, d.fold, s)
	}
	return h
}

func (d *ddl) create(h *history, ts tokens, unlessThere bool) *history {
	n, rest, ok := ts.table(d.schema)
	if !ok {
		return h
	}
	if unlessThere && h.shape(n, d.fold).Lost != neverRead {
		return h // it was there; if it was lost it still is
	}
	like := rest
	if inner, _, grouped := rest.group(); grouped && inner.is(0, "LIKE") {
		like = inner
	}
	if like.is(0, "LIKE") {
		of, _, ok := like[1:].table(d.schema)
		if !ok {
			return d.lose(h, n, "CREATE TABLE", errUnread)
		}
		s := h.shape(of, d.fold)
		if !s.known() {
			s = lost("CREATE TABLE … LIKE at %s made it like the table %s, which is not known", d.place, of)
		}
		if s.known() || d.follows(n) {
			return h.with(n, d.fold, s)
		}
		return h
	}
	if !d.follows(n) {
		return h
	}
	s, err := d.defined(h, n, rest)
	if err != nil {
		return d.lose(h, n, "CREATE TABLE", err)
	}
	return d.set(h, n, s)
}

// defined reads the definitions of CREATE TABLE.
func (d *ddl) defined(h *history, n tableName, ts tokens) (*shape, error) {
	inner, options, ok := ts.group()
	if !ok {
		return nil, unread(ts)
	}
	for i := range options {
		if options.is(i, "VERSIONING") || options.is(i, "SELECT") {
			return nil, unread(options[i:])
		}
	}
	s := &shape{Charset: charsetIn(options)}
	if s.Charset == "" && h != nil {
		s.Charset = h.Schemas[n.schema]
	}
	for _, part := range inner.split() {
		if known, err := d.index(s, part); known || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		if err := d.add(s, part); err != nil {
			return nil, err
		}
	}
	return s, d.promote(s)
}

// promote makes the columns of the primary key NOT NULL, as the server does.
func (d *ddl) promote(s *shape) error {
	for _, name := range s.Key {
		i := s.index(name)
		if i < 0 {
			return fmt.Errorf("a primary key over a column that is not there is %w", errUnread)
		}
		s.Columns[i].Null = no
	}
	return nil
}

// index reads what is no column in a list of definitions; known is false for a column.
func (d *ddl) index(s *shape, ts tokens) (known bool, err error) {
	if len(ts) == 0 || ts[0].kind != tokenWord {
		return len(ts) == 0, nil
	}
	switch strings.ToUpper(ts[0].text) {
	case "CONSTRAINT":
		rest := ts[1:]
		if !rest.is(0, "PRIMARY") && !rest.is(0, "UNIQUE") && !rest.is(0, "FOREIGN") && !rest.is(0, "CHECK") && len(rest) > 0 {
			rest = rest[1:]
		}
		return d.index(s, rest)
	case "PRIMARY":
		return true, d.primary(s, ts)
	case "KEY", "INDEX", "UNIQUE", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK", "VECTOR":
		return true, nil
	case "PERIOD":
		return true, unread(ts)
	}
	return false, nil
}

// primary reads PRIMARY KEY [USING x] (a, b(10) DESC).
func (d *ddl) primary(s *shape, ts tokens) error {
	for i := range ts {
		inner, _, ok := ts[i:].group()
		if !ok {
			continue
		}
		s.Key = nil
		for _, part := range inner.split() {
			name, _, ok := part.name()
			if !ok {
				return unread(part)
			}
			s.Key = append(s.Key, name)
		}
		return nil
	}
	return unread(ts)
}

// add appends a column.
func (d *ddl) add(s *shape, ts tokens) error {
	name, rest, ok := ts.name()
	if !ok {
		return unread(ts)
	}
	c, key, err := d.column(name, rest, s.Charset)
	if err != nil {
		return err
	}
	if s.index(name) >= 0 {
		return fmt.Errorf("a column that is there already is %w", errUnread)
	}
	s.Columns = append(s.Columns, c)
	if key {
		s.Key = []string{name}
	}
	return nil
}

// column reads a column's definition behind its name.
func (d *ddl) column(name string, ts tokens, inherited string) (c shapeColumn, key bool, err error) {
	c.Name = name
	set, rest, err := d.columnType(&c, ts)
	if err != nil {
		return c, false, err
	}
	attributes, key, err := d.attributes(&c, rest)
	if err != nil {
		return c, false, err
	}
	t := parseType(c.Type)
	text := slices.Contains([]string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"}, t.base)
	switch {
	case !text:
		c.Charset = ""
		return c, key, nil
	case set == "":
		if set = charsetIn(attributes); set == "" {
			set = inherited
		}
	}
	if set == "" || set == "default" {
		return c, false, fmt.Errorf("a text column without a character set is %w", errUnread)
	}
	c.Charset = set
	if set == binaryCharset && t.base != "enum" && t.base != "set" {
		c.Type, c.Charset = strings.Replace(strings.Replace(c.Type, "char", "binary", 1), "text", "blob", 1), ""
	}
	return c, key, nil
}

// attributes reads what follows a column's type: whether it may be NULL, whether it is the key. It passes over what changes nothing.
func (d *ddl) attributes(c *shapeColumn, ts tokens) (all tokens, key bool, err error) {
	all = ts
	if c.Null == "" {
		c.Null = yes
		if parseType(c.Type).base == "timestamp" {
			c.Null = "" // explicit_defaults_for_timestamp says
		}
	}
	for len(ts) > 0 {
		switch {
		case ts.has(0, "NOT", "NULL"):
			c.Null, ts = no, ts[2:]
		case ts.is(0, "NULL"):
			c.Null, ts = yes, ts[1:]
		case ts.is(0, "DEFAULT"), ts.has(0, "ON", "UPDATE"), ts.has(0, "ON", "DELETE"):
			ts = skipValue(ts[1:].skip("UPDATE", "DELETE"))
		case ts.is(0, "AS"):
			c.Generated, ts = true, ts[1:]
		case ts.has(0, "UNIQUE", "KEY"):
			ts = ts[2:]
		case ts.is(0, "PRIMARY"), ts.is(0, "KEY"):
			key, ts = true, ts[1:].skip("KEY")
		case ts.is(0, "AUTO_INCREMENT"):
			c.Null, ts = no, ts[1:]
		case ts.is(0, "ROW"), ts.is(0, "WITHOUT"), ts.is(0, "WITH"): // system versioning
			return all, false, unread(ts)
		case ts.is(0, "("):
			_, rest, ok := ts.group()
			if !ok {
				return all, false, unread(ts)
			}
			ts = rest
		default:
			ts = ts[1:]
		}
	}
	if key {
		c.Null = no
	}
	return all, key, nil
}

// skipValue passes over the value of DEFAULT and over the action of a foreign key.
func skipValue(ts tokens) tokens {
	for ts.is(0, "-") || ts.is(0, "+") || ts.is(0, "SET") {
		ts = ts[1:]
	}
	if len(ts) > 0 && !ts.is(0, "(") {
		ts = ts[1:]
	}
	if _, rest, ok := ts.group(); ok {
		return rest
	}
	return ts
}
