package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// An Outcome is what the database made of a version of a record.
type Outcome string

// What the database can make of a version.
const (
	Submitted  Outcome = "submitted"   // committed with the flag set: it has to arrive, unless a later one does
	Draft      Outcome = "draft"       // committed without the flag: it must never arrive
	RolledBack Outcome = "rolled back" // it must never arrive
)

// A Version is one line of the submissions' journal, written by a writer once it knows what the database made of it.
type Version struct {
	Record  int       `json:"record"`
	Version int       `json:"version"` // grows with each edit of the record, whatever became of it
	Outcome Outcome   `json:"outcome"`
	How     string    `json:"how"`   // the operation
	Begun   time.Time `json:"begun"` // before the commit was sent
	Done    time.Time `json:"done"`  // after the commit was known
}

// An Event is a fault that happened.
type Event struct {
	Planned

	Begun   time.Time `json:"begun"`
	Ended   time.Time `json:"ended"`
	Note    string    `json:"note,omitempty"`    // whom it met, or why it did not happen
	Skipped bool      `json:"skipped,omitempty"` // it did not happen
	// Forgets says that the store lost what it had confirmed from this moment on; zero: it lost nothing.
	Forgets time.Time `json:"forgets,omitzero"`
}

// A journal is a file with a line of JSON for each entry, and the entries.
type journal[T any] struct {
	mu      sync.Mutex // guards what follows
	file    *os.File
	entries []T
}

func newJournal[T any](path string) (*journal[T], error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in the run's folder
	if err != nil {
		return nil, fmt.Errorf("open a journal: %w", err)
	}
	return &journal[T]{file: file}, nil
}

func (j *journal[T]) add(entries ...T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entries...)
	for _, e := range entries {
		if line, err := json.Marshal(e); err == nil {
			_, _ = j.file.Write(append(line, '\n')) // for people; the judge has the entries
		}
	}
}

func (j *journal[T]) all() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]T(nil), j.entries...)
}

func (j *journal[T]) close() {
	if j != nil {
		_ = j.file.Close()
	}
}
