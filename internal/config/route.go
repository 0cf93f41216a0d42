package config

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"talkbridge/internal/exprs"
)

// readRoute reads one route and adds it to c. Checks that need the dictionaries, which stand below the routes, come later.
func readRoute(s *setting, c *Config) {
	var r Route
	s.block(func(b *block) {
		name := b.need("name")
		name.text(&r.Name, routeName)
		for _, other := range c.Routes {
			if other.Name == r.Name && r.Name != "" {
				name.problem("another route has this name; records are called after their route")
			}
		}
		r.Table.read(b.need("table"))
		b.may("key").texts(&r.Key, notEmpty)
		b.may("charsets").entries(r.readCharset)
		submit := b.need("submit")
		submit.block(r.Submit.read)
		where := b.may("where")
		where.text(&r.Where)
		where.compiles(r.Where, exprs.CompileCondition)
		b.need("endpoint").text(&r.Endpoint, endpoint)
		r.Contract.read(b.may("contract"))
		b.may("lookups").entries(r.readLookup)
		r.readFields(b.need("fields"), c)
		b.may("rules").list(r.readRule)
		b.may("writeback").block(func(b *block) { r.Writeback.read(b, r.Submit) })
	})
	c.Routes = append(c.Routes, r)
}

// readCharset reads one column's character set. That it is one that can be read is known to the listener, which says so at the start.
func (r *Route) readCharset(item *setting) {
	var set string
	item.text(&set, notEmpty)
	if r.Charsets == nil {
		r.Charsets = map[string]string{}
	}
	r.Charsets[item.name] = set
}

// routeName is the check for what becomes part of a record's name: route/key.
func routeName(text string) string {
	if text == "" || strings.ContainsAny(text, "/ \t\r\n") {
		return "must be a word without / and spaces"
	}
	return ""
}

func (t *TableName) read(s *setting) {
	var name string
	s.text(&name, func(text string) string {
		schema, table, found := strings.Cut(text, ".")
		if !found || schema == "" || table == "" || strings.ContainsAny(text, "`\"' \t") || strings.Contains(table, ".") {
			return "must be schema.table, such as xgxt_demo.xl_gzth"
		}
		return ""
	})
	t.Schema, t.Name, _ = strings.Cut(name, ".")
}

// read takes a column and exactly one of the three modes.
func (c *Submit) read(b *block) {
	b.need("column").text(&c.Column, notEmpty)
	becomes, changes, while := b.may("becomes"), b.may("changes"), b.may("while")
	always := true
	changes.boolean(&always)
	if !always {
		changes.problem("can only be true; for another kind of submission write becomes or while")
	}
	modes := 0
	for _, s := range []*setting{becomes, changes, while} {
		if s.value == nil {
			continue
		}
		if modes++; modes > 1 {
			s.problem("only one of becomes, changes and while says what a submission is")
		}
		c.Mode = s.name
		if s != changes {
			s.texts(&c.Values)
		}
		if s != changes && len(c.Values) == 0 && (s.is(sequence) || s.is(nothing)) {
			s.problem("must hold at least one value")
		}
	}
	if modes == 0 {
		b.w.problem(b.at, b.path, `becomes: ["1"], changes: true or while: ["1"] is missing: it says what a submission is`)
	}
}

func (c *Contract) read(s *setting) {
	c.Schema = s.file(&c.Path)
	if s.value == nil {
		s.warn("without a contract no payload is checked before it is sent")
	}
	if c.Schema != nil && !json.Valid(c.Schema) {
		s.problem("the file is not JSON: a contract is a JSON Schema")
	}
}

func (r *Route) readLookup(s *setting) {
	l := Lookup{Name: s.name}
	if !identifier.MatchString(s.name) {
		s.problem("the name of a lookup is made of letters, digits and underscores")
	}
	s.block(func(b *block) {
		query := b.need("query")
		query.text(&l.Query, isSelect)
		r.checkBinds(query, l.Query)
		b.may("many").boolean(&l.Many)
		b.may("label").text(&l.Label)
	})
	r.Lookups = append(r.Lookups, l)
}

var (
	identifier = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)
	sqlQuoted  = regexp.MustCompile("'(?:[^'\\\\]|\\\\.|'')*'|\"(?:[^\"\\\\]|\\\\.|\"\")*\"|`[^`]*`")
	sqlBind    = regexp.MustCompile(`:([\p{L}_][\p{L}\p{N}_]*)\.[\p{L}_][\p{L}\p{N}_]*`)
)

// isSelect keeps a query that would write out of the file. The mapper looks closer.
func isSelect(text string) string {
	first, _, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n("), " ")
	switch word := strings.ToUpper(strings.TrimSpace(first)); {
	case word == "SELECT", word == "WITH", strings.HasPrefix(word, "SELECT\n"), strings.HasPrefix(word, "WITH\n"):
		return ""
	case strings.HasPrefix(word, "/*"), strings.HasPrefix(word, "--"), strings.HasPrefix(word, "#"):
		return ""
	default:
		return "must be a SELECT: the source is only read"
	}
}

// checkBinds sees that :lookup.column names a lookup that stands before this one.
func (r *Route) checkBinds(s *setting, query string) {
	bare := sqlQuoted.ReplaceAllString(query, "''")
	for _, bind := range sqlBind.FindAllStringSubmatch(bare, -1) {
		if slices.ContainsFunc(r.Lookups, func(l Lookup) bool { return l.Name == bind[1] && l.Many }) {
			continue // the lookup is then run for every row of that one
		}
		if fault := r.lookupFault(bind[1]); fault != "" {
			s.w.problem(s.w.file.find(s.at, bind[0]), s.path, fault)
		}
	}
}

// lookupFault says why a column cannot be taken from the lookup of this name, among those that are known so far. Like every message
// it does not repeat the name: that may have come from a reference.
func (r *Route) lookupFault(name string) string {
	var known []string
	for _, l := range r.Lookups {
		if l.Name == name && l.Many {
			return "this lookup gives many rows: use each, or an expression"
		}
		if l.Name == name {
			return ""
		}
		known = append(known, l.Name)
	}
	return "there is no such lookup above" + hint(name, known)
}

// hint proposes the word that was meant, or lists the words that there are.
func hint(word string, known []string) string {
	switch near := nearest(word, known); {
	case near != "":
		return ", did you mean " + near + "?"
	case len(known) > 0:
		return "; there are: " + strings.Join(known, ", ")
	default:
		return ""
	}
}

func readDict(s *setting, c *Config) {
	d := Dict{Name: s.name, Entries: map[string]string{}}
	if s.isQuery() {
		s.block(func(b *block) {
			b.need("query").text(&d.Query, isSelect)
			if refresh := b.may("refresh"); refresh.value != nil {
				refresh.duration(&d.Refresh, time.Second, 0)
			}
		})
	} else {
		s.entries(func(item *setting) {
			var value string
			item.anyText(&value)
			d.Entries[item.name] = value
		})
	}
	if (s.is(mapping) || s.is(nothing)) && len(d.Entries) == 0 && d.Query == "" {
		s.problem("must hold entries, such as {MT: \"01\"}, or {query: …}")
	}
	c.Dicts = append(c.Dicts, d)
}

// isQuery tells a dictionary of SQL from one whose codes happen to be called query and refresh.
func (s *setting) isQuery() bool {
	query := false
	if s.is(mapping) {
		for _, e := range s.value.entries {
			query = query || e.key.text == "query"
			if e.key.text != "query" && e.key.text != "refresh" {
				return false
			}
		}
	}
	return query
}
