package canal

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"talkbridge/internal/sourcedb"

	driver "github.com/go-sql-driver/mysql"
)

// dialTimeout bounds the making of a connection for the log.
const dialTimeout = 10 * time.Second

// access is the server as sourcedb takes it. TIMESTAMP is read in UTC and shown in Options.Location here: a server need not know that
// zone, nor its history.
func access(o Options) sourcedb.Options {
	return sourcedb.Options{
		Addr: o.Addr, User: o.User, Password: o.Password, TLSMode: string(o.TLS.Mode), CA: o.TLS.CA, ServerName: o.TLS.ServerName,
		MaxConns: 4,
	}
}

// tlsConfig is the encryption of the connection for the log: the same as that of the pool; nil for off.
func tlsConfig(o Options) (*tls.Config, error) { return sourcedb.TLS(access(o)) }

// openPool makes the pool for everything but the log itself. It does not connect.
func openPool(o Options) (*sql.DB, error) {
	db, err := sourcedb.Open(access(o))
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// renew drops the idle connections of the pool: after the one for the log broke they are no better, and a question asked over one of
// them would wait for an answer that never comes.
func renew(db *sql.DB) {
	db.SetMaxIdleConns(-1)
	db.SetMaxIdleConns(1)
}

// checkAddr checks the form of the address.
func checkAddr(addr string) error {
	if sourcedb.Socket(addr) {
		return nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("source.addr has to be host:port or the path of a socket: %w", err)
	}
	return nil
}

// handshake puts what goes wrong while a connection is encrypted or an account proven into words that say the way out; nil for anything
// else. None of it mends itself.
func handshake(err error) error {
	var certificate *tls.CertificateVerificationError
	var name x509.HostnameError
	switch {
	case errors.As(err, &name):
		return fmt.Errorf("the server's certificate is for another name: %w. Set source.tls.server_name to the name in the certificate, if "+
			"that is the right server", name)
	case errors.As(err, &certificate):
		return fmt.Errorf("the server's certificate is not trusted: %w. Set source.tls.ca to the certificate of the authority that signed it; "+
			"if it has expired, have the server's renewed", certificate.Err)
	case errors.Is(err, driver.ErrNoTLS):
		return fmt.Errorf("source.tls asks for encryption: %w. Switch TLS on at the server (ssl_cert, ssl_key), or set source.tls: preferred", err)
	case errors.Is(err, driver.ErrUnknownPlugin), err != nil && strings.Contains(err.Error(), "auth plugin") && strings.Contains(err.Error(), "not supported"):
		return fmt.Errorf("the account proves its password in a way that is not known here: %w. Give it one of caching_sha2_password, "+
			"sha256_password (MySQL), mysql_native_password or ed25519 (MariaDB); see docs/source-setup.md", err)
	}
	return nil
}

// errNotMySQL says that what answers is no server.
var errNotMySQL = errors.New("the server does not answer as MySQL or MariaDB does")
