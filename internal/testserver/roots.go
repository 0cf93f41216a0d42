package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// RootsVariable is the environment variable that names folders with other releases of the servers, joined by colons: each is the root
// of a system (make test-matrix makes them) from which nothing but the server's program, its libraries and its data files are used.
const RootsVariable = "TALKBRIDGE_TEST_ROOTS"

// An install is a server program on this machine: the system's own, or one in a root.
type install struct {
	root    string // empty: this system
	program string // its path
	flavor  string // mysql | mariadb | redis | valkey
	version string // as in 10.11.19
}

// installs finds every source server that this machine has, the system's own MariaDB first.
func installs() []install {
	var found []install
	for _, root := range append([]string{""}, filepath.SplitList(os.Getenv(RootsVariable))...) {
		for _, name := range []string{"mariadbd", "mysqld"} {
			path, err := findIn(root, name)
			if err != nil {
				continue
			}
			in := install{root: root, program: path}
			// MariaDB packages have a mysqld too: the version says which of the two it is.
			if in.ask() == nil && (in.flavor == "mariadb") == (name == "mariadbd") {
				found = append(found, in)
			}
		}
	}
	return found
}

// findIn finds a program in a root, or on this system where root is empty.
func findIn(root, name string) (string, error) {
	if root == "" {
		return find(name)
	}
	for _, dir := range []string{"usr/sbin", "usr/bin", "usr/libexec"} {
		path := filepath.Join(root, dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s in %s: %w", name, root, ErrMissing)
}

var versionPattern = regexp.MustCompile(`Ver (\d+\.\d+\.\d+)`)

// ask asks the program what it is.
func (in *install) ask() error {
	command := in.command("--no-defaults", "--version")
	out, err := exec.CommandContext(context.Background(), command[0], command[1:]...).Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", in.program, err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return errors.New("a server that does not tell its version")
	}
	in.version, in.flavor = string(match[1]), "mysql"
	if strings.Contains(string(out), "MariaDB") {
		in.flavor = "mariadb"
	}
	return nil
}

// name is the server for people and for the names of subtests: MariaDB-10.11, MySQL-9.7, Valkey-8.1.
func (in *install) name() string {
	brand := map[string]string{"mysql": "MySQL", "mariadb": "MariaDB", "redis": "Redis", "valkey": "Valkey"}[in.flavor]
	return brand + "-" + in.version[:strings.LastIndexByte(in.version, '.')]
}

// command is the program with arguments. One of another release needs the C library of that release: its own loader is started with
// the folders of its own libraries, which takes no privilege, unlike chroot.
func (in *install) command(args ...string) []string {
	if in.root == "" {
		return append([]string{in.program}, args...)
	}
	var loaders, libraries []string
	for _, pattern := range []string{"lib64/ld-linux-*.so.*", "lib/ld-linux-*.so.*", "usr/lib/*-linux-gnu/ld-linux-*.so.*"} {
		found, _ := filepath.Glob(filepath.Join(in.root, pattern))
		loaders = append(loaders, found...)
	}
	for _, pattern := range []string{"usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/mysql/private"} {
		found, _ := filepath.Glob(filepath.Join(in.root, pattern))
		libraries = append(libraries, found...)
	}
	if len(loaders) == 0 {
		return append([]string{in.program}, args...)
	}
	return append([]string{loaders[0], "--library-path", strings.Join(libraries, ":"), in.program}, args...)
}

// folders are the options that tell a server of a root where its data files are: compiled in are paths of this system.
func (in *install) folders() []string {
	if in.root == "" {
		return nil
	}
	usr := filepath.Join(in.root, "usr")
	share := filepath.Join(usr, "share", in.flavor)
	return []string{
		"--basedir=" + usr, "--lc-messages-dir=" + share, "--character-sets-dir=" + filepath.Join(share, "charsets"),
		"--plugin-dir=" + filepath.Join(usr, "lib", "mysql", "plugin"),
	}
}
