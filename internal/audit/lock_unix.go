//go:build unix

package audit

import (
	"os"
	"syscall"
)

// lockFile waits for the file's lock, which ends with the file.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
