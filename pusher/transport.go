package pusher

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// TLSOptions say how the platform is verified. There is no way to leave the verification out.
type TLSOptions struct {
	CA         string // PEM file of the only authorities to trust; empty: the system's
	MinVersion string // "1.2" (also when empty) or "1.3"
}

// maxBody bounds an answer, in bytes: ours is two members long, and whatever sends more is not the platform.
const maxBody = 1 << 20

// newHTTPClient makes the one client that talks to the platform. It follows no redirect: following one would carry token and data
// to an address that nobody configured, and turn a POST into a GET.
func newHTTPClient(tlsOptions TLSOptions, proxy string, perHost int) (*http.Client, error) {
	config, tlsErr := tlsOptions.config()
	proxyFunc, proxyErr := proxyFrom(proxy)
	if err := errors.Join(tlsErr, proxyErr); err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  proxyFunc,
			DialContext:            dial,
			TLSClientConfig:        config,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           2 * perHost,
			MaxIdleConnsPerHost:    perHost,
			IdleConnTimeout:        30 * time.Second, // shorter than usual gateways': a connection that the other side closed first costs a call
			TLSHandshakeTimeout:    10 * time.Second,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// dial makes a connection that is reset where others are closed. Whoever closes a connection leaves what was not delivered yet to his
// kernel, which goes on sending it for minutes: a call that was given up on a line that hangs would arrive when the line moves again, after
// newer content of the same record that took another way, and stay (Invariant 4). A reset takes it back.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 15 * time.Second}).DialContext(ctx, network, addr)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it fails on a connection that is gone already
	}
	return conn, err
}

func (o TLSOptions) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	switch o.MinVersion {
	case "", "1.2":
	case "1.3":
		config.MinVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("tls.min_version: %q is unknown: use \"1.2\" or \"1.3\"", o.MinVersion)
	}
	if o.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("tls.ca: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls.ca: %s holds no PEM certificate", o.CA)
	}
	return config, nil
}

// proxyFrom reads platform.proxy. Its errors name the scheme only: the address may hold a password.
func proxyFrom(address string) (func(*http.Request) (*url.URL, error), error) {
	if address == "" {
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("proxy: not an address: write http://host:port, https://host:port or socks5://host:port")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	default:
		return nil, fmt.Errorf("proxy: scheme %q is unknown: use http, https or socks5", u.Scheme)
	}
}

// A reply is what one request brought back.
type reply struct {
	status int
	header http.Header
	body   []byte
	whole  bool // the body is complete and within maxBody
}

// exchange sends a request and reads the answer. The fault tells whether the request may have arrived: from the moment there is a
// connection it may, because nothing later proves that it did not.
//
// Invariant 3: a process that slept through its deadline (stopped, suspended, a machine that was moved) does not send when it wakes
// up. The timers that would tell it so have not run yet then, so the clock is asked.
func exchange(ctx context.Context, client *http.Client, req *http.Request) (reply, fault, error) {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return reply{}, faultNotSent, context.DeadlineExceeded
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		if connected.Load() {
			return reply{}, faultSent, err
		}
		return reply{}, faultNotSent, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return reply{status: resp.StatusCode, header: resp.Header}, faultSent, err
	}
	r := reply{status: resp.StatusCode, header: resp.Header, body: body, whole: len(body) <= maxBody}
	return r, faultNone, nil
}
