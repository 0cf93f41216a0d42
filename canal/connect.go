package canal

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// dialTimeout bounds the making of a connection.
const dialTimeout = 10 * time.Second

// tlsConfig makes the configuration of both clients; nil for off.
func tlsConfig(addr string, o TLSOptions) (*tls.Config, error) {
	if o.Mode == TLSOff {
		return nil, nil //nolint:nilnil // no encryption is an answer
	}
	name := o.ServerName
	if name == "" {
		name = addr
		if host, _, err := net.SplitHostPort(addr); err == nil {
			name = host
		}
	}
	cfg := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("read source.tls.ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("source.tls.ca: %s holds no certificate in PEM form", o.CA)
		}
	}
	// Encrypted but not verified is what preferred and required mean where no CA is given, as for the server's own clients: it
	// keeps listeners out, not impostors.
	cfg.InsecureSkipVerify = o.CA == "" && o.Mode != TLSVerify
	return cfg, nil
}

// openPool makes the pool for everything but the log itself. It does not connect.
func openPool(o Options, encryption *tls.Config) (*sql.DB, error) {
	cfg := driver.NewConfig()
	cfg.User, cfg.Passwd, cfg.Addr, cfg.Net = o.User, o.Password.Reveal(), o.Addr, "tcp"
	if socket(o.Addr) {
		cfg.Net = "unix"
	}
	cfg.Timeout = dialTimeout
	cfg.Collation = "utf8mb4_general_ci"
	cfg.TLS = encryption
	cfg.AllowFallbackToPlaintext = o.TLS.Mode == TLSPreferred
	cfg.Logger = &driver.NopLogger{} // what it would log it also returns
	cfg.ConnectionAttributes = "program_name:talkbridge"
	// TIMESTAMP is read in UTC and shown in Options.Location here: a server need not know that zone, nor its history.
	cfg.Params = map[string]string{"time_zone": "'+00:00'"}
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// socket tells whether the address is the path of one.
func socket(addr string) bool { return strings.HasPrefix(addr, "/") }

// checkAddr checks the form of the address.
func checkAddr(addr string) error {
	if socket(addr) {
		return nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("source.addr has to be host:port or the path of a socket: %w", err)
	}
	return nil
}

// errNotMySQL says that what answers is no server.
var errNotMySQL = errors.New("the server does not answer as MySQL or MariaDB does")
