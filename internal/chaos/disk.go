package chaos

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// diskSize is the size of the embedded store's disk: room for what a run needs, and soon full. Bytes.
const diskSize = 48 << 20

// makeDisk gives the embedded file a small disk of its own, in memory. Where that is not allowed it lies in the run's folder, and the
// faults of a full disk do not happen.
func (s *stage) makeDisk() {
	s.disk = filepath.Join(s.dir, "disk")
	if os.Mkdir(s.disk, 0o700) != nil {
		return
	}
	err := syscall.Mount("talkbridge-chaos", s.disk, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", diskSize))
	s.small = err == nil
}

func (s *stage) removeDisk() {
	if s.small {
		_ = syscall.Unmount(s.disk, syscall.MNT_DETACH)
	}
}

// filler is what fills the disk.
func (s *stage) filler() string { return filepath.Join(s.disk, "filler") }

// fillDisk leaves no room on the disk.
func (s *stage) fillDisk() error {
	file, err := os.OpenFile(s.filler(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	defer file.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		_, err := file.Write(block)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			block = block[:len(block)/2]
		case err != nil:
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
	return nil
}

func (s *stage) emptyDisk() error {
	if err := os.Remove(s.filler()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make room on the disk: %w", err)
	}
	return nil
}
