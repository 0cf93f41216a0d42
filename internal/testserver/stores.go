package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// StoreVariable is the environment variable that chooses the server of NewRedis, NewCluster and NewWatched, by the name of a Store or
// its beginning: Valkey, Redis-8. So a test that wants a Redis can be run on each of them.
const StoreVariable = "TALKBRIDGE_TEST_STORE"

// A Store is a kind of server for the shared store that this machine has: Redis or Valkey, the system's own or one in a root.
type Store struct {
	Name    string // Redis-7.0, Valkey-8.1
	Flavor  string // redis | valkey
	Version string // 8.1.4
	install install
}

// is tells whether the name, or its beginning up to a dot or hyphen, is this server's.
func (s Store) is(name string) bool {
	rest, ok := strings.CutPrefix(s.Name, name)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '-')
}

// AllStores lists what this machine has, one of each name: the system's own first, then those of the roots in TALKBRIDGE_TEST_ROOTS.
func AllStores() []Store {
	var all []Store
	for _, root := range append([]string{""}, filepath.SplitList(os.Getenv(RootsVariable))...) {
		for _, flavor := range []string{"redis", "valkey"} {
			path, err := findIn(root, flavor+"-server")
			if err != nil {
				continue
			}
			in := install{root: root, program: path}
			// Valkey packages may have a redis-server too: the version says which of the two it is.
			if in.askStore() != nil || in.flavor != flavor {
				continue
			}
			s := Store{Name: in.name(), Flavor: in.flavor, Version: in.version, install: in}
			if !slices.ContainsFunc(all, func(other Store) bool { return other.Name == s.Name }) {
				all = append(all, s)
			}
		}
	}
	return all
}

var storePattern = regexp.MustCompile(`^(Redis|Valkey) server v=(\d+\.\d+\.\d+)`)

// askStore asks the program which of the two it is, and its version.
func (in *install) askStore() error {
	command := in.command("--version")
	out, err := exec.CommandContext(context.Background(), command[0], command[1:]...).Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", in.program, err)
	}
	match := storePattern.FindSubmatch(out)
	if match == nil {
		return errors.New("a server that does not tell its version")
	}
	in.flavor, in.version = strings.ToLower(string(match[1])), string(match[2])
	return nil
}

// EachStore runs a test once for each server that this machine has of the name or its beginning, as subtests that bear their names; what
// they start of Redis is that server. It skips the test where there is none, on CI too: most systems have no package of it yet.
func EachStore(t *testing.T, name string, test func(t *testing.T, s Store)) {
	t.Helper()
	found := false
	for _, s := range AllStores() {
		if !s.is(name) {
			continue
		}
		found = true
		t.Run(s.Name, func(t *testing.T) {
			t.Setenv(StoreVariable, s.Name)
			test(t, s)
		})
	}
	if !found {
		t.Skipf("SKIPPED, NOT TESTED: this machine has no %s (make test-matrix has one)", name)
	}
}

// chosen is the server that TALKBRIDGE_TEST_STORE names: the system's own Redis where it is empty.
func chosen() (install, error) {
	want := os.Getenv(StoreVariable)
	if want == "" {
		path, err := find("redis-server")
		return install{program: path, flavor: "redis"}, err
	}
	for _, s := range AllStores() {
		if s.is(want) {
			return s.install, nil
		}
	}
	return install{}, fmt.Errorf("%s is %q, but this machine has no such server", StoreVariable, want)
}
