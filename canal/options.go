package canal

import (
	"context"
	"time"

	"talkbridge/internal/bridge"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// An Outbox is where changes go, together with the position that covers them. state.Store is one, under its epoch.
type Outbox interface {
	// Checkpoint gives the saved position; false where none was ever saved.
	Checkpoint(ctx context.Context) (bridge.Checkpoint, bool, error)
	// Append writes the changes and the position in one atomic step. A nil position leaves the saved one as it is. An error is
	// retried for ever, unless it wraps ErrHalt.
	Append(ctx context.Context, changes []bridge.Change, position *bridge.Checkpoint) error
}

// Mode is what a submission looks like in a row's flag column.
type Mode string

// The modes.
const (
	// ModeBecomes is an insert with, or an update from another value to, one of the values.
	ModeBecomes Mode = "becomes"
	// ModeChanges is any change of a counter or timestamp column to something that is not NULL, 0, zero or empty.
	ModeChanges Mode = "changes"
	// ModeWhile is any change of the row while the column holds one of the values.
	ModeWhile Mode = "while"
)

// Submit says when a change of a row is a submission.
type Submit struct {
	Column string
	Mode   Mode
	Values []string // for becomes and while
}

// A Route watches one table. Several routes may watch the same one.
type Route struct {
	Name    string
	Schema  string
	Table   string
	Submit  Submit
	Where   string   // condition over the row's columns; empty: always
	Columns []string // what the mapper reads; only these, the key, the flag and what Where reads ever leave the listener
	Key     []string // instead of the primary key
	// Charsets says of columns whose bytes are not in the table's character set in which they are, as a latin1 column that holds UTF-8.
	Charsets map[string]string
}

// TLSMode says whether and how the connection to the server is encrypted.
type TLSMode string

// The TLS modes.
const (
	TLSOff       TLSMode = "off"
	TLSPreferred TLSMode = "preferred" // encrypted where the server can, the certificate is not verified
	TLSRequired  TLSMode = "required"  // encrypted or nothing; the certificate is verified only where a CA is given
	TLSVerify    TLSMode = "verify"    // encrypted, certificate and name verified
)

// TLSOptions are the encryption of the connection.
type TLSOptions struct {
	Mode       TLSMode // empty: preferred
	CA         string  // file of PEM certificates; empty: the system's
	ServerName string  // empty: the host of the address
}

// StartMode is where reading begins when no position is saved.
type StartMode string

// The start modes.
const (
	StartReconcile StartMode = "reconcile" // anchor at the present position, then queue every row that is flagged
	StartLatest    StartMode = "latest"
	StartEarliest  StartMode = "earliest"
	StartGTID      StartMode = "gtid"
	StartFile      StartMode = "file"
)

// Start is where reading begins when no position is saved.
type Start struct {
	Mode StartMode // empty: reconcile
	GTID string    // for StartGTID
	File string    // for StartFile
	Pos  uint64    // for StartFile; below 4: the file's first event
}

// ScanCause is why every flagged row is read.
type ScanCause string

// The causes.
const (
	ScanStart  ScanCause = "start"  // no position is saved
	ScanPurged ScanCause = "purged" // the saved position cannot be resumed from
)

// OnPurged is what to do when the server no longer has what the saved position needs, or never had it.
type OnPurged string

// The policies.
const (
	PurgedReconcile OnPurged = "reconcile"
	PurgedStop      OnPurged = "stop"
)

// Flavor is the server's kind.
type Flavor string

// The flavors.
const (
	FlavorAuto    Flavor = "auto"
	FlavorMySQL   Flavor = "mysql"
	FlavorMariaDB Flavor = "mariadb"
)

// Options are everything a Source needs. The zero value of a member means what is said there.
type Options struct {
	Addr      string // host:port, or the path of a socket
	User      string
	Password  bridge.Secret
	Flavor    Flavor // empty: auto
	ServerID  uint32 // 0: derived from namespace, host and instance, in the range from 3,000,000,000
	Instance  string // what tells this process from others of the same namespace on this host
	Namespace string // part of the name under which the server lists us
	TLS       TLSOptions
	Location  *time.Location // TIMESTAMP is shown in it; nil: time.Local
	Start     Start
	OnPurged  OnPurged // empty: reconcile
	Routes    []Route
	Outbox    Outbox
	// OnScan is told before every flagged row is read; nil: nobody is. The next changes that Outbox gets are those rows, up to an Append with
	// a position, or up to the next OnScan where the reading broke off.
	OnScan   func(why ScanCause)
	Logger   *zap.Logger           // nil: none
	Registry prometheus.Registerer // nil: no metrics
}
