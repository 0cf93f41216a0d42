package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Query chooses events.
type Query struct {
	Since  time.Time // zero: from the first on
	Before uint64    // only events with a smaller N; 0: all
	Limit  int       // the last ones; 0: all
}

// Read gives the events that are asked for, the newest first. It does not verify.
func (l *Log) Read(q Query) ([]Event, error) {
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Event
	err = walk(f, func(_ int, at *line) error {
		if at == nil || at.At.Before(q.Since) || q.Before > 0 && at.N >= q.Before {
			return nil
		}
		out = append(out, at.Event)
		if q.Limit > 0 && len(out) >= 2*q.Limit {
			out = append(out[:0], out[len(out)-q.Limit:]...)
		}
		return nil
	})
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[len(out)-q.Limit:]
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, err
}

func dirOf(path string) string { return filepath.Dir(path) }

// cutName gives what stands behind the log's own name and a dot.
func cutName(name, path string) (string, bool) {
	return strings.CutPrefix(name, filepath.Base(path)+".")
}
