// Package config reads talkbridge.yaml. In comes the text of one file; out goes a Config in which every default is applied,
// every ${…} is resolved, every relative file is found and every contract is read, or else a list of everything that is wrong
// with the file, each with its line and a caret under the offending text. The package knows what a configuration may say; it
// never connects to anything, and apart from the files and commands that the configuration names it reads nothing.
package config

import (
	"time"

	"talkbridge/internal/bridge"
)

// A Config is a whole configuration, checked and with its defaults. However it is printed, it shows no secret: see Redacted.
type Config struct {
	Source   Source
	State    State
	Platform Platform
	Routes   []Route // in the order of the file
	Dicts    []Dict  // in the order of the file

	DenyColumns  []string // names of columns that must never be sent, beside the built-in list
	AllowColumns []string // exact names that may be sent all the same

	Admin Admin
	Log   Log

	Warnings  []Problem // what is allowed but unwise, in file order
	effective *object   // what Redacted prints: filled while the file is read, nil in a Config made by hand
}

// Source is the school's MySQL or MariaDB server.
type Source struct {
	Addr     string         // host:port; required
	User     string         // required
	Password bridge.Secret  // required
	Flavor   string         // auto (default) | mysql | mariadb
	ServerID uint32         // 0 (default): auto, derived from namespace and host
	TLS      SourceTLS      // default: preferred
	Location *time.Location // timezone: an IANA name or an offset like +08:00; default Asia/Shanghai
	Start    Start          // where to begin while no position is saved; default: reconcile
	OnPurged string         // reconcile (default) | stop
	// ReconcileEvery is how often the bridge that listens holds every flagged row against the ledger; 0 (default): only when asked.
	ReconcileEvery time.Duration
}

// SourceTLS is how the connection to the server is protected.
type SourceTLS struct {
	Mode       string // off | preferred (default) | required | verify (default where there is a CA)
	CA         string // absolute path of a PEM file; empty (default): the system's
	ServerName string // name expected in the certificate; empty (default): the host of addr
}

// Start is a place in the log to begin at. Mode gtid has GTID; mode file has File and Pos.
type Start struct {
	Mode string // reconcile | latest | earliest | gtid | file
	GTID string
	File string
	Pos  uint64
}

// State is where checkpoint, outbox and ledger live.
type State struct {
	URL       bridge.Secret // redis://… or file:/absolute/path; a secret because it may hold a password; default file:talkbridge.db
	Namespace string        // default talkbridge
	Key       bridge.Secret // base64 of 16 bytes; required
	Retention time.Duration // of a delivered record's ledger entry; default 400d
}

// Platform is the province's API.
type Platform struct {
	BaseURL      string        // without a slash at its end; required
	ClientID     bridge.Secret // required
	ClientSecret bridge.Secret // required
	KeyEncoding  string        // auto (default) | base64 | base64-hex | hex
	TLS          PlatformTLS
	Proxy        bridge.Secret // http(s) or socks5 URL, perhaps with a password; empty (default): the environment's
	Timeout      time.Duration // of one call; default 10s
	Concurrency  int           // calls in flight; default 8
	Rate         float64       // calls a second; 0: no limit; default 50
	Token        Token
	Request      Request
	Response     Response
	Retry        Retry
	Breaker      Breaker
}

// PlatformTLS is how the platform's certificate is checked; it always is.
type PlatformTLS struct {
	CA         string // absolute path of a PEM file; empty (default): the system's
	MinVersion string // 1.2 (default) | 1.3
}

// Token is how an access token is fetched, found in the answer and sent.
type Token struct {
	Path        string // relative to the base URL, or absolute; default /oauth2/token
	Method      string // POST (default) | GET
	Send        string // form (default) | query | json | multipart
	Credentials string // body (default) | basic | basic-urlencoded | header
	SecretForm  string // issued (default) | decoded
	Fields      TokenFields
	Extra       map[string]any           // more parameters: string, bool or json.Number
	Headers     map[string]bridge.Secret // more request headers
	TokenAt     []string                 // dotted paths in the answer, tried in order; default as in the example
	ExpiresAt   []string                 // the same for the lifetime
	ExpiresUnit string                   // auto (default) | s | ms | epoch_s | epoch_ms | datetime
	DefaultTTL  time.Duration            // where the answer names no lifetime; default 300s
	Skew        time.Duration            // refresh this long, or a tenth of the lifetime, ahead: the larger; default 30s
	Header      string                   // header of a business call; default Authorization
	Format      string                   // its value, with {token}; default "Bearer {token}"
	Sign        *Sign                    // the request is signed with the secret, which is then not sent; nil (default): it is sent
}

// Sign is how a token request is signed: an HMAC under the client secret. No public document says how in full; this is our
// assumption of what such platforms let one vary.
type Sign struct {
	Algorithm       string // hmac-sha1 | hmac-sha256 | hmac-sm3
	Message         string // what is signed, with {client_id}, {timestamp} and {nonce}
	Header          string // that carries the signature; default Authorization
	Format          string // its value, with {signature}; default "{signature}"
	Encoding        string // of the signature: base64 (default) | hex
	TimestampHeader string // empty (default): none
	TimestampFormat string // epoch_ms (default) | epoch_s | datetime | compact | rfc3339
	NonceHeader     string // empty (default): none
}

// TokenFields are the names under which the credentials are sent. An empty name leaves that member out.
type TokenFields struct {
	GrantType    string // default grant_type
	ClientID     string // default client_id
	ClientSecret string // default client_secret
}

// Request is the shape of a business call.
type Request struct {
	Envelope  string                   // json (default) | form | raw
	DataField string                   // default data
	Extra     map[string]any           // other members beside data: string, bool, json.Number, nil, []any or map[string]any
	Headers   map[string]bridge.Secret // more request headers
}

// Response is how the platform's answer is read.
type Response struct {
	CodeAt    string   // dotted path; default code
	MessageAt string   // dotted path; default msg
	Success   []string // codes as text; default 0
	Reauth    Match    // the token is no good; default http 401 424, code 401, message token.*(过期|失效|无效|expired|invalid)
	Retry     Match    // a transient failure; default http 408 425 429 500 502 503 504
}

// Match is a condition on an answer: any of its parts.
type Match struct {
	HTTP    []int
	Code    []string
	Message string // regular expression, known to compile; empty: none
}

// Retry is the backoff between the attempts of one record.
type Retry struct {
	Initial time.Duration // default 1s
	Max     time.Duration // default 10m
	Jitter  float64       // 0 to 1, the part of the wait that is random; default 0.2
}

// Breaker stops calling a platform that is down.
type Breaker struct {
	Failures int           // in a row, until it opens; default 10
	OpenFor  time.Duration // default 30s
}

// A Route turns the submitted rows of one table into the records of one endpoint.
type Route struct {
	Name  string    // unique, without a slash; required
	Table TableName // required
	Key   []string  // columns that identify a row; empty (default): the table's primary key
	// Charsets says in which character set a column's bytes really are, where that is not the table's; empty (default): the table's.
	Charsets  map[string]string
	Submit    Submit   // required
	Where     string   // condition over the row, known to compile; empty (default): every row
	Endpoint  string   // relative to the base URL, or absolute; required
	Contract  Contract // absent (default): payloads are not checked, and Warnings says so
	Lookups   []Lookup // in the order of the file: a later one may bind columns of an earlier one
	Fields    []Field  // in the order of the file; at least one
	Rules     []Rule
	Writeback Writeback
}

// TableName is a table with its schema.
type TableName struct{ Schema, Name string }

// String is schema.table.
func (t TableName) String() string { return t.Schema + "." + t.Name }

// Submit is what makes a change of a row a submission.
type Submit struct {
	Column string   // required
	Mode   string   // becomes | changes | while
	Values []string // for becomes and while; at least one
}

// A Contract is the JSON Schema that every payload of a route must satisfy.
type Contract struct {
	Path   string // absolute; empty: there is none
	Schema []byte // its content, known to be JSON
}

// A Lookup reads more columns when a record is delivered.
type Lookup struct {
	Name  string
	Query string // :name binds a column of the row, :lookup.column one of an earlier lookup
	Many  bool   // any number of rows, for each; default: exactly one
	Label string // what a counsellor calls it in a refusal; empty (default): the name
}

// A Field is one member of the payload. Exactly one of From, Value, Expr, Each, Object and List says where it comes from.
type Field struct {
	Name string // empty for the elements of List

	From  string // column of the row, or lookup.column
	Value any    // constant: string, bool, json.Number, nil, []any or map[string]any; it counts when HasValue
	Expr  string // expression, known to compile
	Each  string // lookup with many: true; Fields then are over its rows

	HasValue bool
	Fields   []Field // of Each, in the order of the file
	Object   []Field // members of a nested object, in the order of the file
	List     []Field // elements of an array, in the order of the file

	When       string // condition, known to compile; where it does not hold the member is left out
	Default    any    // sent where there is no value; it counts when HasDefault
	HasDefault bool
	Optional   bool // may be left out

	Text      string   // html: becomes plain text
	Clean     []string // control | zero_width | halfwidth | phone | no_spaces | spaces | trim
	Trim      bool     // cut white space at both ends
	Split     string   // cut into a list at this text
	Dict      string   // translate through this dictionary
	Time      string   // pattern like yyyy-MM-dd HH:mm:ss
	DateOrder string   // ymd (default) | dmy | mdy: how a text column writes dates
	NotBefore string   // another field with time, or now
	NotAfter  string   // another field with time, or now
	Type      string   // string | integer | decimal | boolean
	Check     string   // id_card and others; empty where CheckBy says
	CheckBy   *CheckBy // the check depends on another column; nil (default): it does not
	Min       int      // characters; 0: no limit
	Max       int      // characters; 0: no limit
	Overflow  string   // reject | truncate: what happens beyond Max; empty: reject
}

// CheckBy chooses a field's check by the value of a column.
type CheckBy struct {
	By        string            // column of the row, or lookup.column
	Kinds     map[string]string // value to check; at least one
	Otherwise string            // check for any other value; empty (default): it is refused
}

// A Rule is a condition over the finished payload.
type Rule struct {
	Assert  string // condition, known to compile
	Message string // what the counsellor reads when it does not hold
}

// Writeback is what is set in the source's row when its record's delivery has ended. Both empty: the source is never written.
type Writeback struct {
	Delivered map[string]string // column to text
	Rejected  map[string]string // the same; a text may hold {message}
}

// A Dict translates the school's codes into the platform's.
type Dict struct {
	Name    string
	Entries map[string]string // code to translation
	Query   string            // instead of entries: first column code, second column translation
	Refresh time.Duration     // of Query: how long its result is used; 0 (default): the mapper's own, 5m
}

// Admin is the console, the API and the metrics.
type Admin struct {
	Listen   string // host:port; default 127.0.0.1:9180
	TLS      AdminTLS
	Users    []User // none (default): loopback only, read-only
	AuditLog string // absolute path; default audit.log beside the configuration
}

// AdminTLS is the server's certificate. Both empty (default): plain HTTP.
type AdminTLS struct {
	Cert string // absolute path of a PEM file
	Key  string // absolute path of a PEM file
}

// A User may log in.
type User struct {
	Name     string
	Password bridge.Secret // bcrypt hash
	Role     string        // viewer | operator | auditor
}

// Log is how the bridge logs.
type Log struct {
	Level  string // debug | info (default) | warn | error
	Format string // json (default) | console
}
