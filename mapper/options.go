package mapper

import (
	"context"
	"database/sql"
	"time"

	"talkbridge/internal/bridge"

	"go.uber.org/zap"
)

// Options is everything a Mapper needs. The zero value of each optional part has a default.
type Options struct {
	Routes []Route
	Dicts  map[string]Dict

	DB            *sql.DB          // for lookups and SQL dictionaries: utf8mb4, parseTime off; may be nil where there are none
	Location      *time.Location   // what zoneless times mean; nil = Asia/Shanghai
	LookupTimeout time.Duration    // for one query; 0 = 5s
	MaxRows       int              // the most rows of a lookup with Many; 0 = 1000
	Now           func() time.Time // nil = time.Now
	// Visible returns when the source's tables show the transaction that a change was read from; it is called before the first lookup for
	// it. nil = they do.
	Visible func(context.Context, bridge.Change) error

	DenyColumns  []string    // names that must never be read, beside those of NeverSend
	AllowColumns []string    // exact names that may be read all the same
	Logger       *zap.Logger // nil = silence
}

// A Route says how the rows of one table become the payload of one endpoint.
type Route struct {
	Name         string
	Contract     []byte // JSON Schema that every payload must satisfy; nil = no contract
	ContractName string // for messages, such as the file's name
	Lookups      []Lookup
	Fields       []Field // the payload's members, in this order
	Rules        []Rule
}

// A Lookup is a query that is run when a record is delivered. One that binds a column of a lookup with Many is run for each of that
// lookup's rows, and serves the fields inside its each.
type Lookup struct {
	Name  string
	Query string // :name binds a column of the row, :lookup.column one of an earlier lookup
	Many  bool   // a list of rows; otherwise exactly one
	Label string // the noun in a counsellor's sentence, such as 辅导员; empty = Name
}

// A Field is one member of the payload. Exactly one of From, HasValue, Expr, Each, Object and List is set.
type Field struct {
	Name string // empty for the elements of List

	From     string  // a column of the row, or lookup.column
	Value    any     // a constant, any JSON value
	HasValue bool    // Value counts
	Expr     string  // over the row's columns and the lookups
	Each     string  // a lookup with Many: Fields is evaluated for each of its rows
	Fields   []Field // of Each
	Object   []Field // the members of a nested object
	List     []Field // the elements of an array, without names

	When       string // condition over what Expr may read; where it does not hold the member is left out
	Default    any    // sent as it stands where there is no value
	HasDefault bool   // Default counts
	Optional   bool   // may be left out

	Text      string   // html
	Clean     []string // trim | halfwidth | zero_width | control | spaces | no_spaces | phone
	Trim      bool     // the same as trim in Clean
	Split     string   // cut the text here: an array, whose elements go through what follows
	Dict      string   // the name of a dictionary
	Time      string   // a layout such as yyyy-MM-dd HH:mm:ss
	DateOrder string   // how a text column writes dates: ymd (also when empty) | dmy | mdy
	NotBefore string   // another field with Time, or now
	NotAfter  string   // another field with Time, or now
	Type      string   // integer | decimal | boolean | string
	Check     string   // id_card and the other words of docs/mapping.md
	CheckBy   *CheckBy // instead of Check: another column decides
	Min       int      // characters after conversion; 0 = no limit
	Max       int      // characters after conversion; 0 = no limit
	Overflow  string   // reject (also when empty) | truncate
}

// A CheckBy chooses a check by the value of a column, such as the kind of an identity document.
type CheckBy struct {
	By        string            // a column of the row, or lookup.column
	Kinds     map[string]string // value to check
	Otherwise string            // the check for any other value; empty = it is refused
}

// A Rule is a condition over the finished payload. Message is what the counsellor reads when it does not hold.
type Rule struct {
	Assert  string
	Message string
}

// A Dict translates codes: from its Entries, or from the two columns of a Query (code, translation).
type Dict struct {
	Entries map[string]string
	Query   string
	Refresh time.Duration // how long the result of Query is used; 0 = 5m
}
