//go:build unix

package state

import "syscall"

// mayWrite asks the system, which knows about owners, groups and read-only mounts. 2 is W_OK of access(2).
func mayWrite(dir string) bool { return syscall.Access(dir, 2) == nil }
