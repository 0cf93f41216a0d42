package testserver

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// NewMariaDB makes a data folder under dir and starts the system's own MariaDB on it. args are more options for mariadbd; a later
// one wins.
func NewMariaDB(dir string, args ...string) (*MariaDB, error) {
	path, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	in := install{program: path, flavor: "mariadb"}
	if err := in.ask(); err != nil {
		return nil, err
	}
	return newSQLServer(in, dir, args)
}

// mariadbFlags are what only MariaDB knows, or where its default is another than MySQL's.
func mariadbFlags() []string {
	return []string{
		"--binlog-format=ROW", "--innodb-log-file-size=32M",
		"--loose-slave-connections-needed-for-purge=0", // 11.4 and later purge nothing while no replica is connected
	}
}

// prepareMariaDB makes the data folder: by the program that comes with the server, or, for a server of a root, whose helper programs
// do not run on this system, as that program does it.
func (m *SQLServer) prepareMariaDB() error {
	if m.install.root != "" {
		return m.bootstrapMariaDB()
	}
	program, err := find("mariadb-install-db")
	if err != nil {
		return err
	}
	// --force: a machine that cannot look up its own name is good enough.
	out, err := exec.CommandContext(context.Background(), program, "--no-defaults", "--datadir="+m.Data(), userFlag(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force", "--tmpdir="+m.tmp()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	return nil
}

// bootstrapMariaDB feeds the server the scripts of its system tables.
func (m *SQLServer) bootstrapMariaDB() error {
	if err := os.MkdirAll(filepath.Join(m.Data(), "mysql"), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	script := bytes.NewBufferString("use mysql;\nSET @auth_root_socket=NULL;\n")
	for _, name := range []string{
		"mariadb_system_tables.sql", "mariadb_performance_tables.sql", "mariadb_system_tables_data.sql", "maria_add_gis_sp_bootstrap.sql",
		"mariadb_sys_schema.sql",
	} {
		text, err := os.ReadFile(filepath.Join(m.install.root, "usr/share/mariadb", name))
		if err != nil {
			return fmt.Errorf("read the script of MariaDB's system tables: %w", err)
		}
		script.Write(text)
	}
	command := m.install.command(append([]string{
		"--no-defaults", "--bootstrap", userFlag(), "--datadir=" + m.Data(), "--tmpdir=" + m.tmp(), "--log-warnings=0",
		"--enforce-storage-engine=", "--max-allowed-packet=8M", "--net-buffer-length=16K", "--skip-name-resolve",
	}, m.install.folders()...)...)
	c := exec.CommandContext(context.Background(), command[0], command[1:]...)
	c.Stdin = script
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("make MariaDB's system tables: %w: %s", err, out)
	}
	return nil
}

// StartMariaDB starts a private server for a test, or skips the test where there is none (fails it under CI=true).
func StartMariaDB(tb testing.TB, args ...string) *MariaDB {
	tb.Helper()
	m, err := NewMariaDB(shortDir(tb), args...)
	if err != nil {
		skipOrFail(tb, err)
	}
	tb.Cleanup(func() { m.Stop() })
	return m
}

// shortDir is a folder whose name leaves room for a socket: those paths end at 107 bytes, which t.TempDir can pass.
func shortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "tb") //nolint:usetesting // t.TempDir's names are too long for a socket
	if err != nil {
		tb.Fatalf("make a folder: %v", err)
	}
	tb.Cleanup(func() {
		for range 10 { // a server that was just killed may still be letting go of its files
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	return dir
}
