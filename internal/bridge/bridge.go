// Package bridge holds the nouns that every stage of talkbridge speaks: a Value of a column, a Change of a row, the
// Checkpoint it was read at, the Lease it is delivered under, the Settlement that ends the delivery, and the Record that
// the ledger remembers. The stages (canal, mapper, pusher, state) never import each other; they share these types and the
// standard library, nothing else. Nothing in this package does I/O, and nothing in it decides anything.
package bridge

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Origin says how a change was found.
type Origin string

// The ways a change is found.
const (
	// OriginBinlog is a rows event of the binary log.
	OriginBinlog Origin = "binlog"
	// OriginScan is a row that was read from its table because its flag was set.
	OriginScan Origin = "scan"
)

// Coordinates order two changes of one server: file, byte offset of the transaction's first event, row within the
// transaction. Events inside a compressed transaction share a byte offset, which is why Row is part of it.
type Coordinates struct {
	Server string `json:"server"` // MySQL: server_uuid. MariaDB: "mariadb-" and a derived identity, see canal.
	File   string `json:"file"`
	Pos    uint64 `json:"pos"` // bytes; 64 bits because a file may pass 4 GiB
	Row    uint64 `json:"row"`
}

// Compare orders c against d: -1, 0 or +1. Coordinates of different servers cannot be ordered; ordered is false then.
func (c Coordinates) Compare(d Coordinates) (order int, ordered bool) {
	if c.Server != d.Server || logBase(c.File) != logBase(d.File) {
		return 0, false
	}
	return cmp.Or(
		cmp.Compare(logNumber(c.File), logNumber(d.File)),
		cmp.Compare(c.Pos, d.Pos),
		cmp.Compare(c.Row, d.Row),
	), true
}

// LogNumber is the sequence number at the end of a binlog's file name: 10 for "binlog.000010", 0 where there is none.
// Numbers are compared, never names: after binlog.999999 comes binlog.1000000.
func LogNumber(file string) uint64 { return logNumber(file) }

func logNumber(file string) uint64 {
	_, number := cutLast(file)
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func logBase(file string) string {
	base, _ := cutLast(file)
	return base
}

func cutLast(file string) (base, number string) {
	i := strings.LastIndexByte(file, '.')
	if i < 0 {
		return file, ""
	}
	return file[:i], file[i+1:]
}

// A Change is one submission of one row: the columns that its route uses, as they were in that event.
type Change struct {
	Route       string           `json:"route"`
	Key         string           `json:"key"`            // see JoinKey
	KeyColumns  []string         `json:"key_columns"`    // the columns that Key is made of, in order
	EventID     string           `json:"event_id"`       // the same for the same event on every reading of the log
	GTID        string           `json:"gtid,omitempty"` // of the transaction that committed it, where the server has such names
	Origin      Origin           `json:"origin"`
	At          Coordinates      `json:"at"`
	CommittedAt time.Time        `json:"committed_at"`
	CapturedAt  time.Time        `json:"captured_at"`
	Columns     map[string]Value `json:"columns"`
}

// ID is the record's name in the store: route and key.
func (c Change) ID() string { return RecordID(c.Route, c.Key) }

// RecordID is the name of the record with this key on this route.
func RecordID(route, key string) string { return route + "/" + key }

// SplitRecordID is the reverse of RecordID. Route names hold no slash.
func SplitRecordID(id string) (route, key string, ok bool) { return strings.Cut(id, "/") }

// RecordPath is a record's ID as the end of an address. A key may hold anything: where it holds what servers and browsers take for steps
// in a tree of folders, its slashes are escaped too.
func RecordPath(id string) string {
	parts := strings.Split(id, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return url.PathEscape(id)
		}
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// JoinKey makes one text of the primary key's values. A comma or percent sign inside a value is percent-encoded, so that two
// different keys never become the same text.
func JoinKey(values []string) string {
	if len(values) == 1 {
		return keyEscaper.Replace(values[0])
	}
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = keyEscaper.Replace(v)
	}
	return strings.Join(parts, ",")
}

// SplitKey is the reverse of JoinKey.
func SplitKey(key string) []string {
	parts := strings.Split(key, ",")
	for i, p := range parts {
		parts[i] = keyUnescaper.Replace(p)
	}
	return parts
}

//nolint:gochecknoglobals // immutable tables
var (
	keyEscaper   = strings.NewReplacer("%", "%25", ",", "%2C")
	keyUnescaper = strings.NewReplacer("%25", "%", "%2C", ",")
)

// A Checkpoint is a place in the source's log from which reading can resume with nothing lost: always the end of a
// transaction. It is saved only together with the changes that it covers.
type Checkpoint struct {
	Flavor      string    `json:"flavor"` // mysql | mariadb
	File        string    `json:"file"`
	Pos         uint64    `json:"pos"`
	GTID        string    `json:"gtid,omitempty"`
	ServerUUID  string    `json:"server_uuid,omitempty"`
	FileBornAt  time.Time `json:"file_born_at,omitzero"` // when the server began File, by its clock: a log begun anew uses the same names
	CommittedAt time.Time `json:"committed_at,omitzero"` // of the last transaction before this place, by the source's clock
	SavedAt     time.Time `json:"saved_at,omitzero"`     // by the store's clock; the store sets it
	Schema      []byte    `json:"schema,omitempty"`      // schema history, owned by canal
}

// A Lease is the right to deliver one record until a moment: no other worker holds the record meanwhile.
type Lease struct {
	ID       string
	Token    string // names this lease; a settlement under another token is refused
	Seq      uint64 // the submission that was leased; the record's seq grows when newer content arrives
	Change   Change
	Attempts int // calls made before this one
	Until    time.Time
}

// Verdict is how a delivery ended, as far as the store needs to know.
type Verdict string

// The verdicts.
const (
	VerdictDelivered Verdict = "delivered"
	VerdictRetry     Verdict = "retry"
	VerdictRejected  Verdict = "rejected"
)

// Stage is where a record was refused or is stuck.
type Stage string

// The stages of a delivery.
const (
	StageMapping   Stage = "mapping"
	StagePlatform  Stage = "platform"
	StageWriteback Stage = "writeback"
)

// A Settlement ends a lease.
type Settlement struct {
	Verdict  Verdict
	After    time.Duration // for a retry: how long to wait
	Stage    Stage
	Code     string    // the platform's code, an HTTP status, or the rule
	Message  string    // redacted before it gets here
	Problems []Problem // for a refusal by the mapper
}

// Status is a record's place in its life.
type Status string

// The statuses.
const (
	StatusPending   Status = "pending"
	StatusSending   Status = "sending"
	StatusDelivered Status = "delivered"
	StatusRejected  Status = "rejected"
	StatusDiscarded Status = "discarded"
)

// Statuses lists every status, in the order of a record's life.
func Statuses() []Status {
	return []Status{StatusPending, StatusSending, StatusDelivered, StatusRejected, StatusDiscarded}
}

// A Problem is one reason why a row cannot become a record, in words that a counsellor can act on. It holds no row content.
type Problem struct {
	Field   string `json:"field"`  // of the payload; several are joined by ", "
	Column  string `json:"column"` // of the row or lookup that it came from
	Rule    string `json:"rule"`   // required, max, dict, id_card, lookup, rule, contract, …
	Message string `json:"message"`
}

// A Record is what the ledger remembers of a submission. It holds no content.
type Record struct {
	ID          string    `json:"id"`
	Route       string    `json:"route"`
	Key         string    `json:"key"`
	Status      Status    `json:"status"`
	Stage       Stage     `json:"stage,omitempty"`
	Attempts    int       `json:"attempts"`
	Code        string    `json:"code,omitempty"`
	Message     string    `json:"message,omitempty"`
	Problems    []Problem `json:"problems,omitempty"`
	CommittedAt time.Time `json:"committed_at,omitzero"`
	CapturedAt  time.Time `json:"captured_at,omitzero"`
	DueAt       time.Time `json:"due_at,omitzero"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
}

// A Token is what the platform gave for the client's credentials.
type Token struct {
	Value     Secret    `json:"-"`
	Account   string    `json:"-"` // a digest of the address and the credentials that it was issued for
	FetchedAt time.Time `json:"fetched_at"`
	ExpiresAt time.Time `json:"expires_at"`
}
