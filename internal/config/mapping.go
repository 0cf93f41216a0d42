package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// LoadMapping reads what a configuration says of routes, dictionaries and the never-send list, for work on the mapping: no secret has
// to be at hand, no command is run, and a contract that is not there yet is empty. What is wrong elsewhere in the file does not count.
func LoadMapping(path string) (*Config, error) {
	src, err := readStart(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration %s: name one with -c, or start from configs/talkbridge.yaml", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	cfg, w := walkFile(path, src, filepath.Dir(path), desk())
	problems := slices.DeleteFunc(w.problems, func(p Problem) bool { return !ofMapping(p.Path) })
	if len(problems) > 0 {
		return nil, w.file.sorted(problems)
	}
	return cfg, nil
}

// ofMapping tells whether a setting belongs to the mapping. The file as a whole has an empty path.
func ofMapping(path string) bool {
	part, _, _ := strings.Cut(strings.ReplaceAll(path, "[", "."), ".")
	return slices.Contains([]string{"", "routes", "dicts", "deny_columns", "allow_columns"}, part)
}

// desk is a world in which a mapping is worked on: the machine's own files, and a word in place of every secret.
func desk() world {
	const stand = "x"
	return world{
		lookupEnv: func(name string) (string, bool) {
			if value, ok := os.LookupEnv(name); ok {
				return value, true
			}
			return stand, true
		},
		readFile: func(path string) ([]byte, error) {
			content, err := readBounded(path)
			if errors.Is(err, os.ErrNotExist) {
				return nil, nil
			}
			return content, err
		},
		run: func(context.Context, string, string) ([]byte, error) { return []byte(stand), nil },
	}
}
