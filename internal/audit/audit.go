// Package audit keeps the trail: who did what to the bridge, when, from where, and what came of it. In come Events; out comes a file of
// one JSON line each, to which lines are only ever added, each with a MAC over itself and the one before, under a key that is derived
// from state.key. A line that was changed, taken out, put in or moved breaks the chain for whoever has the key; a tail that was cut off,
// or a whole file that was taken away, is seen by the anchor in the store, which knows the last line (ADR 0016).
//
// What is written here names records, routes and places in the log. It never holds a row's content, a password, a token or a key.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// An Event is one line.
type Event struct {
	N      uint64    `json:"n"` // from 1; Append sets it
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`            // a user of the console, "cli:NAME" for an account of the system, "bridge" for the program itself
	Role   string    `json:"role,omitempty"`   // of a user of the console
	From   string    `json:"from,omitempty"`   // the address that it came from
	Action string    `json:"action"`           // what: login, records.retry, position.set, …
	Object string    `json:"object,omitempty"` // to what: a record, a route, a place
	Result Result    `json:"result"`
	Reason string    `json:"reason,omitempty"` // why it was done, or why it failed
}

// Result is what came of it.
type Result string

// The results.
const (
	Done    Result = "done"
	Refused Result = "refused" // by a right, a rule or a wrong password
	Failed  Result = "failed"
)

// ResultOf is Done, or Failed where there is an error.
func ResultOf(err error) Result {
	if err != nil {
		return Failed
	}
	return Done
}

// line is an Event in the file. Mac is over the text of the line up to it.
type line struct {
	Event

	Log  string `json:"log"`  // names the file: drawn when it was begun
	Prev string `json:"prev"` // Mac of the line before; empty for the first
	Mac  string `json:"mac"`
}

// An Anchors keeps the last line of each log where whoever can write the file cannot: in the store.
type Anchors interface {
	// AuditAnchors gives the anchors of all logs.
	AuditAnchors(ctx context.Context) ([]state.AuditAnchor, error)
	// SetAuditAnchor keeps the anchor, unless a later one is kept already.
	SetAuditAnchor(ctx context.Context, a state.AuditAnchor) error
}

// A Log is the trail in one file. It may be used by several goroutines, and several processes may write one file.
type Log struct {
	path    string
	host    string
	key     []byte
	anchors Anchors // nil: none are kept
	now     func() time.Time
}

const purposeAudit = "audit 1"

// New is a Log in the file at path, which Append makes where there is none. A nil anchors is for a process that cannot reach the
// store: its lines are anchored by the next one that can.
func New(path string, key bridge.Secret, anchors Anchors) (*Log, error) {
	derived, err := state.DeriveKey(key, purposeAudit)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Log{path: path, host: host, key: derived, anchors: anchors, now: time.Now}, nil
}

// Path is where the file is.
func (l *Log) Path() string { return l.path }

// Append adds an event: on the disk when it returns. N and, where it is zero, At are set here. An error that wraps ErrNotAnchored says
// that the line is written and only the store does not know of it yet.
func (l *Log) Append(ctx context.Context, e Event) error {
	at, err := l.write(e)
	if err != nil {
		return fmt.Errorf("write the audit log %s: %w", l.path, err)
	}
	if l.anchors == nil {
		return nil
	}
	if err := l.anchors.SetAuditAnchor(ctx, at); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAnchored, err)
	}
	return nil
}

// ErrNotAnchored says that the store could not be told of a line that is written. The next line mends it.
var ErrNotAnchored = errors.New("the audit log is written, but its anchor in the store is not")

func (l *Log) write(e Event) (state.AuditAnchor, error) {
	e.clean()
	f, err := l.lock()
	if err != nil {
		return state.AuditAnchor{}, err
	}
	defer f.Close()
	last, torn, err := lastLine(f)
	if err != nil {
		return state.AuditAnchor{}, err
	}
	next := line{Event: e, Log: last.Log, Prev: last.Mac}
	if next.Log == "" {
		next.Log = rand.Text()
	}
	next.N, next.At = last.N+1, e.At
	if next.At.IsZero() {
		next.At = l.now()
	}
	next.At = next.At.UTC().Truncate(time.Millisecond)
	text, err := l.sealed(&next)
	if err != nil {
		return state.AuditAnchor{}, err
	}
	if torn { // a line that a crash cut off stays where it is, as it is
		text = append([]byte{'\n'}, text...)
	}
	if _, err := f.Write(text); err != nil {
		return state.AuditAnchor{}, err
	}
	return state.AuditAnchor{Log: next.Log, N: next.N, Mac: next.Mac, Host: l.host, Path: l.path}, f.Sync()
}

// sealed is the line as it stands in the file, with its MAC.
func (l *Log) sealed(n *line) ([]byte, error) {
	mac, err := l.mac(n)
	if err != nil {
		return nil, err
	}
	n.Mac = mac
	text, err := json.Marshal(n)
	return append(text, '\n'), err
}

// mac is over the line with an empty Mac, which has the Mac of the line before in it.
func (l *Log) mac(n *line) (string, error) {
	bare := *n
	bare.Mac = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "", err
	}
	h := hmac.New(sm3.New, l.key)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}
