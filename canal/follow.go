package canal

import (
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/replication"
)

// schema is what the tables look like at the event that is being read.
func (r *reader) schema() *history {
	if r.tx.schema != nil {
		return r.tx.schema
	}
	return r.place.schema
}

// follow takes DDL into the history. Where the server's log ends with this very statement the tables are simply read; where it has gone on,
// the statement is read instead, and what cannot be read makes its table lost, with a reason for whoever needs it. Either way the next
// TABLE_MAP event shows whether the history is right.
func (r *reader) follow(e *replication.QueryEvent, start uint64) {
	before := r.schema()
	session := statusVars(e.StatusVars, r.sets)
	d := &ddl{
		tokens: cutSQL(string(e.Query), session.mode), schema: string(e.Schema), mode: session.mode, flavor: r.flavor, fold: r.fold,
		place: place{file: r.place.file, pos: start}.text(), follows: r.follows,
	}
	if !session.utf8 && !isASCII(string(e.Query)) || !utf8.Valid(e.Query) {
		d.tokens = d.blind()
	}
	next := d.apply(before)
	if next == before {
		return
	}
	if r.shapes != nil && r.touches(before, next) {
		if exact := r.shapes(r.place.file, r.reached); exact != nil {
			next = next.updated(exact)
		}
	}
	r.tx.schema = next
}

// touches tells whether the shape of a watched table is another one now.
func (r *reader) touches(before, next *history) bool {
	return r.filter.any(func(w *watch) bool {
		n := tableName{w.schema, w.table}
		return !before.shape(n, r.fold).equal(next.shape(n, r.fold))
	}) != nil
}

// follows tells whether a table is worth following: a watched one, and in its schema whatever has the watched one's name in its own, as the
// copies have that tools for changing large tables make and put in its place.
func (r *reader) follows(n tableName) bool {
	return r.filter.any(func(w *watch) bool {
		return strings.EqualFold(n.schema, w.schema) && strings.Contains(strings.ToLower(n.table), strings.ToLower(w.table))
	}) != nil
}

// heal reads the tables that are not known, now that everything the server has is read. A table that is not there stays lost.
func (r *reader) heal() {
	if r.shapes == nil || r.place.file == "" || r.place.pos == 0 {
		return
	}
	missing := r.filter.any(func(w *watch) bool { return !r.place.schema.shape(tableName{w.schema, w.table}, r.fold).known() })
	if missing == nil {
		return
	}
	exact := r.shapes(r.place.file, r.place.pos)
	if exact == nil {
		return
	}
	if next := r.place.schema.updated(exact); r.place.schema == nil || !next.equal(r.place.schema) {
		r.place.schema, r.unsaved = next, true
	}
}

// updated is the history with what was just read.
func (h *history) updated(exact *history) *history {
	next := h.clone()
	maps.Copy(next.Tables, exact.Tables)
	maps.Copy(next.Schemas, exact.Schemas)
	return next
}

// blind takes the names' and labels' content out of a statement whose character set is not known here: what depends on it is lost.
func (d *ddl) blind() tokens {
	out := make(tokens, len(d.tokens))
	for i, t := range d.tokens {
		out[i] = t
		if !isASCII(t.text) {
			out[i] = token{tokenSign, "?"}
		}
	}
	return out
}

// A session is what the log says of the session that gave a statement.
type session struct {
	mode uint64
	utf8 bool // its client speaks UTF-8
}

// The status variables of a QueryEvent that are read here, with the length of those before them (MySQL, statement_events.h; the same in
// MariaDB, log_event.h).
const (
	statusFlags2        = 0   // 4 bytes
	statusMode          = 1   // 8 bytes
	statusAutoIncrement = 3   // 4 bytes
	statusCharset       = 4   // 6 bytes: collations of the client, the connection, the server
	statusCatalog       = 6   // length and text
	statusCollations    = 131 // MariaDB 11.3 and later: number and pairs of collations
)

func statusVars(vars []byte, sets collations) (s session) {
	sizes := map[byte]int{statusFlags2: 4, statusMode: 8, statusAutoIncrement: 4, statusCharset: 6}
	for len(vars) > 1 {
		code := vars[0]
		size, known := sizes[code]
		if code == statusCatalog {
			size, known = 1+int(vars[1]), true
		}
		if code == statusCollations {
			size, known = 1+4*int(vars[1]), true
		}
		if !known || len(vars) < 1+size {
			return s
		}
		value := vars[1 : 1+size]
		switch code {
		case statusMode:
			for i, b := range value {
				s.mode |= uint64(b) << (8 * i)
			}
		case statusCharset:
			set := charsetName(sets[uint64(value[0])|uint64(value[1])<<8])
			s.utf8 = set == "utf8mb3" || set == "utf8mb4"
		}
		vars = vars[1+size:]
	}
	return s
}
