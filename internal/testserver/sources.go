package testserver

import (
	"os"
	"testing"
)

// SourceVariable is the environment variable that chooses the server of StartSource, by the name of a Source.
const SourceVariable = "TALKBRIDGE_TEST_SOURCE"

// A Source is a kind of source server that this machine has: MariaDB or MySQL, the system's own or one in a root.
type Source struct {
	Name    string // MariaDB-10.11, MySQL-9.7
	Flavor  string // mysql | mariadb
	Version string // 10.11.19
	install install
}

// New makes a data folder under dir and starts a server on it. args are more options for its program; a later one wins.
func (s Source) New(dir string, args ...string) (*SQLServer, error) {
	return newSQLServer(s.install, dir, args)
}

// Start starts a private server that ends with the test.
func (s Source) Start(tb testing.TB, args ...string) *SQLServer {
	tb.Helper()
	m, err := s.New(shortDir(tb), args...)
	if err != nil {
		skipOrFail(tb, err)
	}
	tb.Cleanup(func() { m.Stop() })
	return m
}

// AllSources lists what this machine has: the system's own first, then those of the roots in TALKBRIDGE_TEST_ROOTS.
func AllSources() []Source {
	var all []Source
	for _, in := range installs() {
		all = append(all, Source{Name: in.name(), Flavor: in.flavor, Version: in.version, install: in})
	}
	return all
}

// Sources runs a test once for each source server that this machine has, as subtests that bear their names.
func Sources(t *testing.T, test func(t *testing.T, s Source)) {
	t.Helper()
	all := AllSources()
	if len(all) == 0 {
		skipOrFail(t, ErrMissing)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) { test(t, s) })
	}
}

// StartSource starts a private server of the kind that TALKBRIDGE_TEST_SOURCE names: the system's own MariaDB where it is empty. So
// a suite that does not care which server it has can be run on each of them.
func StartSource(tb testing.TB, args ...string) *SQLServer {
	tb.Helper()
	want := os.Getenv(SourceVariable)
	if want == "" {
		return StartMariaDB(tb, args...)
	}
	for _, s := range AllSources() {
		if s.Name == want {
			return s.Start(tb, args...)
		}
	}
	tb.Fatalf("%s is %q, but this machine has no such server", SourceVariable, want)
	return nil
}
