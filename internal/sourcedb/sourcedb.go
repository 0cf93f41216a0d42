// Package sourcedb opens SQL connections to the source the one way that all parts agree on: utf8mb4, dates as the server prints them,
// TIMESTAMP in the configured zone, encrypted as configured. A row read through them gives the same values as its binlog event.
package sourcedb

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"talkbridge/internal/bridge"
)

// Options say where the source is and how to get in.
type Options struct {
	Addr       string // host:port, or the path of a socket
	User       string
	Password   bridge.Secret
	TLSMode    string         // off | preferred | required | verify; empty: preferred
	CA         string         // file of PEM certificates; empty: the system's
	ServerName string         // empty: the host of Addr
	Location   *time.Location // TIMESTAMP is shown in its offset; nil: UTC
	MaxConns   int            // 0: no bound
}

const (
	dialLimit = 10 * time.Second
	ioLimit   = 60 * time.Second // a connection that says nothing for so long is dead
)

// Open makes a pool. It does not connect.
func Open(o Options) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Addr, cfg.Net = o.User, o.Password.Reveal(), o.Addr, "tcp"
	if Socket(o.Addr) {
		cfg.Net = "unix"
	}
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = dialLimit, ioLimit, ioLimit
	cfg.Collation = "utf8mb4_general_ci" // known to every server; utf8mb4_0900_ai_ci is not
	cfg.Params = map[string]string{"time_zone": "'" + offset(o.Location) + "'"}
	cfg.Logger = &mysql.NopLogger{} // what goes wrong comes back as an error
	cfg.ConnectionAttributes = "program_name:talkbridge"
	var err error
	if cfg.TLS, err = TLS(o); err != nil {
		return nil, err
	}
	cfg.AllowFallbackToPlaintext = o.TLSMode == "preferred" || o.TLSMode == ""
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(max(o.MaxConns, 2))
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// Socket tells whether the address is the path of one.
func Socket(addr string) bool { return strings.HasPrefix(addr, "/") }

// TLS is the encryption that o asks for; nil: none. The certificate is verified where the mode is verify and wherever a CA is given:
// who names one wants it used. Encrypted but not verified keeps listeners out, not impostors; it is what preferred and required
// mean without a CA, as they do for the servers' own clients.
func TLS(o Options) (*tls.Config, error) {
	if o.TLSMode == "off" {
		return nil, nil //nolint:nilnil // nil is how the drivers spell "no encryption"
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		host = o.Addr
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if o.ServerName != "" {
		cfg.ServerName = o.ServerName
	}
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
	cfg.InsecureSkipVerify = o.CA == "" && o.TLSMode != "verify"
	return cfg, nil
}

// offset is the zone as the server's time_zone: an offset, because a server need not have the table of zone names.
func offset(l *time.Location) string {
	if l == nil {
		l = time.UTC
	}
	return time.Now().In(l).Format("-07:00")
}
