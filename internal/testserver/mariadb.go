package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A MariaDB is a private server with a row-format binary log and full row metadata, as docs/ ask of a school's server.
type MariaDB struct {
	*Process

	Addr string // host:port
	Port int
	dir  string
	args []string
}

// RootPassword is the password of root@127.0.0.1 on every test server.
const RootPassword = "root-of-a-test-server"

// NewMariaDB makes a data folder under dir and starts a server on it. args are more options for mariadbd; a later one wins.
func NewMariaDB(dir string, args ...string) (*MariaDB, error) {
	install, err := find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	// A server that starts clears its folder for temporary files of everything that looks like a temporary table: with a folder in
	// common it would take the tables of its neighbours away.
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	// --force: a machine that cannot look up its own name is good enough.
	out, err := exec.CommandContext(context.Background(), install, "--no-defaults", "--datadir="+filepath.Join(dir, "data"), userFlag(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force", "--tmpdir="+tmp).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	m := &MariaDB{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Port: port, dir: dir, args: args}
	if err := m.Start(); err != nil {
		return nil, err
	}
	if err := m.Exec("CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '" + RootPassword + "'; GRANT ALL ON *.* TO root@127.0.0.1 WITH " +
		"GRANT OPTION; ALTER USER root@localhost IDENTIFIED BY '" + RootPassword + "'"); err != nil {
		m.Stop()
		return nil, err
	}
	return m, nil
}

// Start starts the server on its folder and port: the first time, or again after Stop or Kill.
func (m *MariaDB) Start() error {
	args := append([]string{
		"--no-defaults", userFlag(), "--datadir=" + filepath.Join(m.dir, "data"), "--socket=" + m.socket(),
		"--tmpdir=" + filepath.Join(m.dir, "tmp"), "--port=" + strconv.Itoa(m.Port), "--bind-address=127.0.0.1", "--pid-file=" + filepath.Join(m.dir, "pid"), "--skip-name-resolve",
		"--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL",
		"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--performance-schema=OFF",
	}, m.args...)
	p, err := launch("mariadbd", args...)
	if err != nil {
		return err
	}
	m.Process = p
	return p.waitFor(func() error { return m.ping() })
}

func (m *MariaDB) socket() string { return filepath.Join(m.dir, "sock") }

// ping tries the socket as root, with the password and without: a new server has none yet.
func (m *MariaDB) ping() error {
	db := m.rootDB()
	defer db.Close()
	return db.PingContext(context.Background())
}

func (m *MariaDB) rootDB() *sql.DB {
	for _, password := range []string{RootPassword, ""} {
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.MultiStatements = "root", password, "unix", m.socket(), true
		cfg.Logger = &mysql.NopLogger{}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			panic(err) // the configuration above is constant
		}
		db := sql.OpenDB(connector)
		if db.PingContext(context.Background()) == nil || password == "" {
			return db
		}
		db.Close()
	}
	return nil
}

// Exec runs statements as root, several at once if need be.
func (m *MariaDB) Exec(statements string) error {
	db := m.rootDB()
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statements); err != nil {
		return fmt.Errorf("run SQL on the test server: %w", err)
	}
	return nil
}

// DB opens a pool as root over TCP, on the given database, utf8mb4, dates as text.
func (m *MariaDB) DB(database string) *sql.DB {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = "root", RootPassword, "tcp", m.Addr, database
	cfg.MultiStatements = true
	cfg.Collation = "utf8mb4_general_ci"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		panic(err) // the configuration above is constant
	}
	return sql.OpenDB(connector)
}

// userFlag names the account the server runs as: mariadbd refuses to run as root unless told to.
func userFlag() string {
	if os.Geteuid() == 0 {
		return "--user=root"
	}
	return "--user=" + strconv.Itoa(os.Geteuid())
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
