package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// lineLimit bounds a line: an event has no content in it.
const lineLimit = 64 << 10

// lock opens the file for adding to it, and waits until no other process does. Closing it lets go.
func (l *Log) lock() (*os.File, error) {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600) //nolint:gosec // the path is the configuration's
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

// lastLine reads the last whole line; torn tells that something that is none stands behind it.
func lastLine(f *os.File) (last line, torn bool, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return line{}, false, err
	}
	tail := make([]byte, min(size, 2*lineLimit))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return line{}, false, err
	}
	torn = tail[len(tail)-1] != '\n'
	lines := bytes.Split(tail, []byte{'\n'})
	for i, text := range slices.Backward(lines) {
		if torn && i == len(lines)-1 {
			continue
		}
		if json.Unmarshal(text, &last) == nil && last.Mac != "" {
			return last, torn, nil
		}
		last = line{}
	}
	if int64(len(tail)) < size || bytes.Count(tail, []byte{'\n'}) > 0 {
		return line{}, torn, errors.New("its end is no line of an audit log; nothing is added to it. Move the file away and keep it: it was changed by somebody else")
	}
	return line{}, torn, nil
}

// walk gives each line of the file to each: its number in the file, and nil where it is none.
func walk(r io.Reader, each func(number int, l *line) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 4096), lineLimit)
	number := 0
	for in.Scan() {
		number++
		var l line
		decoder := json.NewDecoder(bytes.NewReader(in.Bytes()))
		decoder.DisallowUnknownFields()
		at := &l
		if decoder.Decode(&l) != nil || l.Mac == "" || decoder.More() {
			at = nil
		}
		if err := each(number, at); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	return nil
}
