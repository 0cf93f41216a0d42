package chaos

import (
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// clockSource is a library that is loaded before a program and stands between it and its clock. libfaketime does the same and more, but
// does not get along with Redis' allocator.
//
//go:embed preload/clock.c
var clockSource []byte

// A clock is a program's idea of the time.
type clock struct {
	file string
	env  []string // of the program
}

// newClock builds the library with the C compiler that the race detector needs too. Where there is none there is no clock: nil.
func newClock(ctx context.Context, dir string) (*clock, error) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // the faults that need it say why they cannot happen
	}
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		return nil, fmt.Errorf("build a clock: %w", err)
	}
	if out, err := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O1", "-o", library, source).CombinedOutput(); err != nil { //nolint:gosec // our own source
		return nil, fmt.Errorf("build a clock: %w: %s", err, out)
	}
	c := &clock{file: filepath.Join(dir, "clock")}
	c.env = []string{"LD_PRELOAD=" + library, "CHAOS_CLOCK=" + c.file}
	return c, c.set(0)
}

// set sets how far the clock is ahead of the machine's.
func (c *clock) set(ahead time.Duration) error {
	file, err := os.OpenFile(c.file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	defer file.Close()
	if _, err := file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead)), 0); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	return nil
}
