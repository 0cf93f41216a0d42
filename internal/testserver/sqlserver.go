package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A SQLServer is a private MariaDB or MySQL with a row-format binary log and full row metadata, as docs/ ask of a school's server.
type SQLServer struct {
	*Process

	Addr    string // host:port
	Port    int
	Flavor  string // mysql | mariadb
	Version string // as in 10.11.19

	install install
	dir     string
	args    []string
}

// MariaDB is the name of a SQLServer where it has to be a MariaDB.
type MariaDB = SQLServer

// RootPassword is the password of root@127.0.0.1 on every test server.
const RootPassword = "root-of-a-test-server"

func newSQLServer(in install, dir string, args []string) (*SQLServer, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	m := &SQLServer{
		Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Port: port, Flavor: in.flavor, Version: in.version,
		install: in, dir: dir, args: args,
	}
	// A server that starts clears its folder for temporary files of everything that looks like a temporary table: with a folder in
	// common it would take the tables of its neighbours away.
	if err := os.Mkdir(m.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	prepare := m.prepareMariaDB
	if in.flavor == "mysql" {
		prepare = m.prepareMySQL
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	if err := m.Start(); err != nil {
		return nil, err
	}
	// Not part of the log: a replica of this server makes its own accounts, and a test reads what it wrote itself.
	if err := m.Exec("SET SESSION sql_log_bin = 0; CREATE USER IF NOT EXISTS root@127.0.0.1; ALTER USER root@127.0.0.1 IDENTIFIED BY '" +
		RootPassword + "'; GRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION; ALTER USER root@localhost IDENTIFIED BY '" + RootPassword +
		"'"); err != nil {
		m.Stop()
		return nil, err
	}
	return m, nil
}

// Start starts the server on its folder and port: the first time, or again after Stop or Kill.
func (m *SQLServer) Start() error {
	args := append([]string{
		"--no-defaults", userFlag(), "--datadir=" + m.Data(), "--socket=" + m.socket(), "--tmpdir=" + m.tmp(),
		"--port=" + strconv.Itoa(m.Port), "--bind-address=127.0.0.1", "--pid-file=" + filepath.Join(m.dir, "pid"), "--skip-name-resolve",
		"--log-bin=binlog", "--server-id=1", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL", "--innodb-buffer-pool-size=64M",
		"--performance-schema=OFF",
	}, m.install.folders()...)
	if m.Flavor == "mysql" {
		args = append(args, mysqlFlags()...)
	} else {
		args = append(args, mariadbFlags()...)
	}
	p, err := launch(m.install.command(append(args, m.args...)...))
	if err != nil {
		return err
	}
	m.Process = p
	return p.waitFor(func() error { return m.ping() })
}

// SetArgs gives the options for the next Start.
func (m *SQLServer) SetArgs(args ...string) { m.args = args }

// Data is the server's data folder.
func (m *SQLServer) Data() string { return filepath.Join(m.dir, "data") }

func (m *SQLServer) tmp() string { return filepath.Join(m.dir, "tmp") }

func (m *SQLServer) socket() string { return filepath.Join(m.dir, "sock") }

// ping tries the socket as root, with the password and without: a new server has none yet.
func (m *SQLServer) ping() error {
	db := m.rootDB()
	defer db.Close()
	return db.PingContext(context.Background())
}

func (m *SQLServer) rootDB() *sql.DB {
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
func (m *SQLServer) Exec(statements string) error {
	db := m.rootDB()
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statements); err != nil {
		return fmt.Errorf("run SQL on the test server: %w", err)
	}
	return nil
}

// DB opens a pool as root over TCP, on the given database, utf8mb4, dates as text.
func (m *SQLServer) DB(database string) *sql.DB {
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

// userFlag names the account the server runs as: the servers refuse to run as root unless told to.
func userFlag() string {
	if os.Geteuid() == 0 {
		return "--user=root"
	}
	return "--user=" + strconv.Itoa(os.Geteuid())
}

// StallCommits makes the server wait, once and at most for that long, for a replica that answers, of which there is none (semi-synchronous
// replication): meanwhile a transaction is in the log, is sent to whoever reads it, and cannot be seen.
func (m *SQLServer) StallCommits(limit time.Duration) error {
	set := "SET GLOBAL rpl_semi_sync_master"
	if m.Flavor == "mysql" {
		set = "SET GLOBAL rpl_semi_sync_source"
		if err := m.Exec("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'"); err != nil {
			return err
		}
	}
	return m.Exec(fmt.Sprintf("%s_timeout = %d; %s_wait_point = AFTER_SYNC; %s_enabled = ON", set, limit.Milliseconds(), set, set))
}
