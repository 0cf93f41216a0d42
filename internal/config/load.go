package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Load reads the configuration at path. The error is Problems when the file's content is at fault.
func Load(path string) (*Config, error) {
	src, err := readStart(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration %s: name one with -c, or start from configs/talkbridge.yaml", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, src, filepath.Dir(path))
}

// readStart reads as much of the file as Parse needs to see that there is too much: a file, or a pipe, may go on without end.
func readStart(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err //nolint:wrapcheck // Load says it
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSource+1)) //nolint:wrapcheck // Load says it
}

// Parse reads a configuration. name is what problems call the file; relative files are looked for in dir.
func Parse(name string, src []byte, dir string) (*Config, error) {
	return parse(name, src, dir, machine())
}

// parse reads a configuration in a given world, so that a test decides what variables, files and commands there are.
func parse(name string, src []byte, dir string, around world) (*Config, error) {
	cfg, w := walkFile(name, src, dir, around)
	if len(w.problems) > 0 {
		return nil, w.file.sorted(w.problems)
	}
	cfg.Warnings = w.file.sorted(w.warnings)
	return cfg, nil
}

// walkFile reads as much as can be read; the walk holds what is wrong.
func walkFile(name string, src []byte, dir string, around world) (*Config, *walk) {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	w := &walk{file: newFile(name, src), dir: dir, world: around, references: map[string]reference{}}
	cfg := defaults()
	root := w.readTree(src)
	if root == nil {
		return cfg, w
	}
	cfg.read(w.open(root, &cfg.effective))
	for _, check := range w.later {
		check()
	}
	return cfg, w
}

func (c *Config) read(b *block) {
	b.need("source").block(c.Source.read)
	b.may("state").block(c.State.read)
	b.need("platform").block(c.Platform.read)
	b.need("routes").list(func(s *setting) { readRoute(s, c) })
	b.may("dicts").entries(func(s *setting) { readDict(s, c) })
	b.may("deny_columns").texts(&c.DenyColumns, notEmpty)
	allow := b.may("allow_columns")
	if allow.texts(&c.AllowColumns, notEmpty); len(c.AllowColumns) > 0 {
		allow.warn("these columns may be sent although the never-send list names them: make sure that there is a legal ground for it")
	}
	b.may("admin").block(c.Admin.read)
	b.may("log").block(c.Log.read)
	b.close()
}
