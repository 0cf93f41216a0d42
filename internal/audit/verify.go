package audit

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"talkbridge/state"
)

// A Report is what Verify found. The trail is whole where there are no Faults.
type Report struct {
	Path     string    `json:"path"`
	Events   int       `json:"events"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Anchored uint64    `json:"anchored"` // the last line that the store knows; 0: none
	Faults   []Fault   `json:"faults"`   // what was done to it
	Torn     []int     `json:"torn"`     // lines that a crash cut off while they were written; no event is missing
}

// A Fault is a place where the trail is not what was written.
type Fault struct {
	Line  int    `json:"line"` // in the file, from 1; 0: the file as a whole
	Fault string `json:"fault"`
}

// Whole tells whether nothing was changed, taken out, put in or cut off.
func (r Report) Whole() bool { return len(r.Faults) == 0 }

// Verify reads the whole file against its chain and, where there are anchors, against the store.
func (l *Log) Verify(ctx context.Context) (Report, error) {
	v := verification{log: l, report: Report{Path: l.path, Faults: []Fault{}, Torn: []int{}}, macs: map[uint64]string{}}
	f, err := os.Open(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return Report{}, fmt.Errorf("read the audit log: %w", err)
	default:
		defer f.Close()
		if err := walk(f, v.line); err != nil {
			return Report{}, fmt.Errorf("read the audit log %s: %w", l.path, err)
		}
		if v.torn != 0 { // at the very end: nothing came after it
			v.report.Torn = append(v.report.Torn, v.torn)
		}
	}
	if l.anchors == nil {
		return v.report, nil
	}
	anchors, err := l.anchors.AuditAnchors(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("read the audit log's anchors: %w", err)
	}
	v.anchored(anchors)
	return v.report, nil
}

type verification struct {
	log    *Log
	report Report
	last   line
	torn   int               // the line before was none
	macs   map[uint64]string // of the last lines, by N
}

func (v *verification) fault(number int, format string, args ...any) {
	v.report.Faults = append(v.report.Faults, Fault{number, fmt.Sprintf(format, args...)})
}

// line holds one line against the one before. A fragment is what a crash leaves only where the chain goes on behind it unbroken.
func (v *verification) line(number int, l *line) error {
	if l == nil {
		if v.torn != 0 {
			v.fault(number, "this is no line of an audit log")
		}
		v.torn = number
		return nil
	}
	if v.torn != 0 {
		v.report.Torn, v.torn = append(v.report.Torn, v.torn), 0
	}
	mac, err := v.log.mac(l)
	if err != nil {
		return err
	}
	switch {
	case !hmac.Equal([]byte(mac), []byte(l.Mac)):
		v.fault(number, "the line was changed, or was not written under this state.key")
	case l.Prev != v.last.Mac || l.N != v.last.N+1 || v.last.Log != "" && l.Log != v.last.Log:
		v.fault(number, "event %d follows event %d here: lines were taken out, put in or moved", l.N, v.last.N)
	}
	v.last = *l
	v.report.Events++
	if v.report.First.IsZero() {
		v.report.First = l.At
	}
	v.report.Last = l.At
	v.macs[l.N] = l.Mac
	delete(v.macs, l.N-anchorSlack)
	return nil
}

// anchorSlack is how many lines a file may be ahead of its anchor before the anchor says nothing: processes that could not reach the
// store write lines that the next one anchors.
const anchorSlack = 1 << 16

// anchored holds the file against what the store knows of it, and of others that were at its place.
func (v *verification) anchored(anchors []state.AuditAnchor) {
	for _, a := range anchors {
		switch {
		case a.Log == v.last.Log:
			v.report.Anchored = a.N
			if a.N > v.last.N {
				v.fault(0, "the store knows event %d of this log, and the file ends with event %d: its tail was cut off", a.N, v.last.N)
			} else if mac, ok := v.macs[a.N]; ok && mac != a.Mac {
				v.fault(0, "event %d is not the one that the store knows: the file was written anew", a.N)
			}
		case a.Host == v.log.host && a.Path == v.log.path && !slices.Contains(replaced(v.log.path), a.Log):
			v.fault(0, "the store knows another log of this place, with %d events, that is not there any more (%s); if it was put away on purpose, "+
				"its file beside this one, named %s.%s, is looked for", a.N, a.Log, v.log.path, a.Log)
		}
	}
}

// replaced are the logs that were put away beside the file: audit.log.ID for the log ID.
func replaced(path string) []string {
	entries, err := os.ReadDir(dirOf(path))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if id, ok := cutName(e.Name(), path); ok {
			out = append(out, id)
		}
	}
	return out
}
