package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"talkbridge/internal/config"
	"talkbridge/state"
)

// Backup writes the namespace to a new file. The file has its name only when it is whole and on the disk.
func Backup(ctx context.Context, c *config.Config, path string, progress state.Progress) (sum state.Summary, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return sum, fmt.Errorf("backup: %w", err)
		}
		return sum, fmt.Errorf("backup: %s is there already; name a new file", path)
	}
	store, closeIt, err := OpenControl(ctx, c)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, closeIt()) }()
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*") // mode 0600
	if err != nil {
		return sum, fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(part.Name()) //nolint:errcheck // it has another name by then, or is not wanted
	defer part.Close()
	if sum, err = store.Backup(ctx, part, progress); err != nil {
		return sum, err
	}
	if err := part.Sync(); err != nil {
		return sum, fmt.Errorf("backup: %w", err)
	}
	if err := os.Link(part.Name(), path); err != nil { // unlike a rename, this never replaces a file
		return sum, fmt.Errorf("backup: %w", err)
	}
	return sum, syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name in a folder last.
func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the folder of the operator's own file
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// Verify reads a backup to its end.
func Verify(ctx context.Context, c *config.Config, path string, progress state.Progress) (state.Summary, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return state.Summary{}, fmt.Errorf("verify: %w", err)
	}
	defer file.Close()
	sum, err := state.Verify(ctx, file, c.State.Key, progress)
	if err != nil {
		return sum, fmt.Errorf("verify %s: %w", path, err)
	}
	return sum, nil
}

// Restore puts a backup into the store that the configuration names, and leaves delivery paused.
func Restore(ctx context.Context, c *config.Config, path string, o state.RestoreOptions) (sum state.Summary, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return sum, fmt.Errorf("restore: %w", err)
	}
	defer file.Close()
	store, err := state.Open(ctx, storeOptions(c))
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if sum, err = store.Restore(ctx, file, o); err != nil {
		return sum, fmt.Errorf("restore %s: %w", path, err)
	}
	return sum, nil
}
