package mapper

import (
	"database/sql"
	"time"

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
	Logger        *zap.Logger      // nil = silence
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

// A Lookup is a query that is run when a record is delivered.
type Lookup struct {
	Name  string
	Query string // :name binds a column of the row, :lookup.column one of an earlier lookup
	Many  bool   // a list of rows; otherwise exactly one
	Label string // the noun in a counsellor's sentence, such as 辅导员; empty = Name
}

// A Field is one member of the payload. Exactly one of From, HasValue, Expr and Each is set.
type Field struct {
	Name string

	From     string // a column of the row, or lookup.column
	Value    any    // a constant, any JSON value
	HasValue bool
	Expr     string // over the row's columns and the lookups
	Each     string // a lookup with Many: Fields is evaluated for each of its rows

	Dict     string // the name of a dictionary
	Time     string // a layout such as yyyy-MM-dd HH:mm:ss
	Type     string // integer | decimal | boolean | string
	Text     string // html
	Check    string // id_card | mobile | phone
	Max      int    // characters after conversion; 0 = no limit
	Overflow string // reject (also when empty) | truncate
	Trim     bool
	Optional bool

	Fields []Field // of Each
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
}
