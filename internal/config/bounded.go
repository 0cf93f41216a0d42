package config

import (
	"errors"
	"io"
	"os"
	"syscall"
)

const (
	maxValue = 1 << 20  // what a command may print, in bytes
	maxFile  = 16 << 20 // what a file that the configuration names may hold: the largest are contracts
)

var (
	errNoFile  = errors.New("not a regular file")
	errTooMuch = errors.New("more than a setting holds")
)

// readBounded reads a file that the configuration names. A pipe that nobody writes to would be waited for without end, and a device
// has none: both are refused. The file is opened first and looked at then, so that nobody can exchange it in between; opened without
// waiting, since opening a pipe waits too.
func readBounded(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err //nolint:wrapcheck // fileFault says it
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err //nolint:wrapcheck // fileFault says it
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	return readUpTo(f, maxFile)
}

// readUpTo reads to the end, or gives errTooMuch beyond limit bytes.
func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was read
	}
	if int64(len(content)) > limit {
		return nil, errTooMuch
	}
	return content, nil
}
