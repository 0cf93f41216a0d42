package rig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"talkbridge/internal/platformsim"
)

// A Journal reads the platform's journal as it grows, over all lives of the platform.
type Journal struct {
	Path string

	offset int64
}

// Next gives what was added since the last time. A line that is only half written is left for the next time.
func (j *Journal) Next() ([]platformsim.Arrival, error) {
	file, err := os.Open(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(j.offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var arrivals []platformsim.Arrival
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return arrivals, nil
		}
		a, ok := arrivalOf(line)
		if !ok {
			return arrivals, fmt.Errorf("read the journal: byte %d of %s begins no arrival", j.offset, j.Path)
		}
		arrivals = append(arrivals, a)
		j.offset += int64(len(line)) + 1
		text = rest
	}
}

// arrivalOf reads a line. A platform that was killed while it wrote one left a piece without an end in front of the next: that
// call got no answer, and was not taken.
func arrivalOf(line []byte) (a platformsim.Arrival, ok bool) {
	if json.Unmarshal(line, &a) == nil {
		return a, true
	}
	if at := bytes.LastIndex(line, []byte(`{"seq":`)); at > 0 {
		a = platformsim.Arrival{}
		return a, json.Unmarshal(line[at:], &a) == nil
	}
	return a, false
}
