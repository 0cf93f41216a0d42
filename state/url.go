package state

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"talkbridge/internal/bridge"
)

const (
	defaultURL          = "file:talkbridge.db"
	defaultRedisPort    = "6379"
	defaultSentinelPort = "26379"
)

// A target is a state.url taken apart: a file, or Redis in one of its forms.
type target struct {
	path string // of the embedded store; empty: Redis

	hosts            []string
	master           string // of a Sentinel
	cluster          bool
	db               int
	user             string
	password         bridge.Secret
	sentinelUser     string
	sentinelPassword bridge.Secret
	tls              *tls.Config // nil: in clear
}

// where names the store in messages, without credentials.
func (t target) where() string {
	if t.path != "" {
		return t.path
	}
	return strings.Join(t.hosts, ",")
}

const urlForms = "redis://HOST:6379/0, rediss://HOST:6379/0 (TLS), redis+sentinel://H1,H2/MASTER/0, redis+cluster://H1,H2 or file:PATH"

// parseTarget reads a state.url:
//
//	file:PATH                                            relative to dir
//	redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB]
//	redis[s]+sentinel://[USER:PASSWORD@]HOST[:PORT],…/MASTER[/DB]
//	redis[s]+cluster://[USER:PASSWORD@]HOST[:PORT],…
//
// The s means TLS, verified. Options after a question mark: ca=FILE (PEM), server_name=NAME, cert=FILE and key=FILE for a client
// certificate; sentinel_user and sentinel_password where the Sentinels ask for credentials of their own. Credentials and options
// may be percent-encoded, and have to be where they hold any of % @ / ? & #. It is not left to net/url, which knows one host only
// and repeats the password in its errors.
func parseTarget(raw, dir string) (target, error) {
	if raw == "" {
		raw = defaultURL
	}
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok {
		return target{}, fmt.Errorf("state.url: it has no scheme; write one of %s", urlForms)
	}
	if scheme == "file" {
		return fileTarget(rest, dir)
	}
	base, form, _ := strings.Cut(scheme, "+")
	if rest, ok = strings.CutPrefix(rest, "//"); !ok || base != "redis" && base != "rediss" ||
		form != "" && form != "sentinel" && form != "cluster" || strings.HasSuffix(scheme, "+") {
		return target{}, fmt.Errorf("state.url: the scheme is not known; write one of %s", urlForms)
	}
	rest, query, _ := strings.Cut(rest, "?")
	t, err := redisTarget(form, rest)
	if err != nil {
		return target{}, fmt.Errorf("state.url: %w", err)
	}
	if err := t.options(base == "rediss", query); err != nil {
		return target{}, fmt.Errorf("state.url: %w", err)
	}
	return t, nil
}

func fileTarget(path, dir string) (target, error) {
	if after, ok := strings.CutPrefix(path, "//"); ok { // file:///var/lib/x
		path = after
	}
	if path == "" {
		return target{}, errors.New("state.url: file: needs a path, for example file:talkbridge.db")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return target{path: path}, nil
}

func redisTarget(form, rest string) (target, error) {
	authority, path, _ := strings.Cut(rest, "/")
	if strings.Contains(path, "@") { // the slash was part of a password, and no message may show what follows it
		return target{}, errors.New("credentials with a slash in them have to be percent-encoded (/ is %2F)")
	}
	t := target{cluster: form == "cluster"}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		var err1, err2 error
		t.user, err1 = url.PathUnescape(user)
		plain, err2 := url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return t, errors.New("a percent sign in the credentials is not followed by two hex digits; write a percent sign as %25")
		}
		t.password, authority = bridge.Secret(plain), authority[at+1:]
	}
	port := defaultRedisPort
	if form == "sentinel" {
		port = defaultSentinelPort
		t.master, path, _ = strings.Cut(path, "/")
		if t.master == "" {
			return t, errors.New("a Sentinel needs the name of its master: redis+sentinel://H1,H2/MASTER/0")
		}
	}
	for host := range strings.SplitSeq(authority, ",") {
		addr, err := withPort(host, port)
		if err != nil {
			return t, err
		}
		t.hosts = append(t.hosts, addr)
	}
	if form == "" && len(t.hosts) > 1 {
		return t, errors.New("redis:// takes one host; several are redis+sentinel:// or redis+cluster://")
	}
	if path = strings.TrimSuffix(path, "/"); path != "" {
		db, err := strconv.Atoi(path)
		if err != nil || db < 0 {
			return t, fmt.Errorf("the database must be a number, as in /0, not %q", path)
		}
		t.db = db
	}
	if t.cluster && t.db != 0 {
		return t, errors.New("a Cluster has database 0 only")
	}
	return t, nil
}

// withPort adds the port where there is none. IPv6 addresses stand in brackets.
func withPort(host, port string) (string, error) {
	if name, given, err := net.SplitHostPort(host); err == nil && name != "" {
		if _, err := strconv.ParseUint(given, 10, 16); err != nil {
			return "", fmt.Errorf("the port of %s must be a number up to 65535", name)
		}
		return host, nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if name == "" || strings.ContainsAny(name, " []") || strings.Contains(name, ":") && net.ParseIP(name) == nil {
		return "", errors.New("the host must be HOST or HOST:PORT")
	}
	return net.JoinHostPort(name, port), nil
}

// options reads what stands after the question mark.
func (t *target) options(secure bool, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the options after the question mark are not NAME=VALUE&…, percent-encoded")
	}
	for name := range values {
		switch name {
		case "sentinel_user", "sentinel_password":
		case "ca", "server_name", "cert", "key":
			if !secure {
				return fmt.Errorf("the option %s needs TLS: write rediss", name)
			}
		default:
			return fmt.Errorf("unknown option %q; there are ca, server_name, cert, key, sentinel_user, sentinel_password", name)
		}
	}
	t.sentinelUser, t.sentinelPassword = values.Get("sentinel_user"), bridge.Secret(values.Get("sentinel_password"))
	if !secure {
		return nil
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: values.Get("server_name")}
	if t.tls.ServerName == "" && len(t.hosts) == 1 && t.master == "" && !t.cluster {
		t.tls.ServerName, _, _ = net.SplitHostPort(t.hosts[0])
	}
	return t.certificates(values.Get("ca"), values.Get("cert"), values.Get("key"))
}

func (t *target) certificates(ca, cert, key string) error {
	if ca != "" {
		pem, err := os.ReadFile(ca) //nolint:gosec // the path is the operator's own configuration
		if err != nil {
			return fmt.Errorf("read ca: %w", err)
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca: %s holds no certificate in PEM", ca)
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("read client certificate: %w", err)
		}
		t.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}
