package contract

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxOutside bounds the documents that a document may refer to.
const maxOutside = 50

// A Reader reads documents from files and addresses.
type Reader struct {
	Group        string      // which of several documents a server has; empty: there has to be one
	Headers      http.Header // sent with every request to the address's own host: a platform may want a login
	CA           string      // PEM file; empty: the system's
	ExternalRefs bool        // follow references to other files beside the document, or other addresses of its host
	Timeout      time.Duration
}

// Read reads a document. source is a file, the address of a document, or the address of a documentation page or server.
func (r Reader) Read(ctx context.Context, source string) (*Document, error) {
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		return r.readFile(ctx, source)
	}
	address, err := url.Parse(source)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("%s is no address that can be read", source)
	}
	client, err := r.client(address)
	if err != nil {
		return nil, err
	}
	defer client.http.CloseIdleConnections()
	return r.discover(ctx, client, address)
}

func (r Reader) readFile(ctx context.Context, path string) (*Document, error) {
	data, err := readBounded(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s; a document is named by its file, or by an address that begins with http", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	var outside readFunc
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	if r.ExternalRefs {
		outside = counted(fileReader(filepath.Dir(absolute)))
	}
	return parse(ctx, filepath.Base(path), &url.URL{Path: filepath.ToSlash(absolute)}, data, outside)
}

// fileReader reads files in the document's own folder and below.
func fileReader(dir string) readFunc {
	return func(location *url.URL) ([]byte, error) {
		if location.Scheme != "" && location.Scheme != "file" || location.Host != "" {
			return nil, fmt.Errorf("the document refers to %s, which is not beside it; fetch that yourself", location.Redacted())
		}
		inside, err := filepath.Rel(dir, filepath.FromSlash(location.Path))
		if err != nil || !filepath.IsLocal(inside) {
			return nil, errors.New("the document refers to a file outside of its folder; put the files side by side")
		}
		return readBounded(filepath.Join(dir, inside))
	}
}

func counted(read readFunc) readFunc {
	n := 0 // the library resolves one reference at a time
	return func(location *url.URL) ([]byte, error) {
		if n++; n > maxOutside {
			return nil, fmt.Errorf("the document refers to more than %d others", maxOutside)
		}
		data, err := read(location)
		if err != nil {
			return nil, err
		}
		text, _, err := normal(data) // the same bounds hold for every part
		return text, err
	}
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f)
}

func bounded(from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("it is larger than %d MiB", maxBytes>>20)
	}
	return data, nil
}

// A webClient asks one host.
type webClient struct {
	http    *http.Client
	host    *url.URL
	headers http.Header
}

const defaultTimeout = 20 * time.Second

func (r Reader) client(host *url.URL) (*webClient, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CA != "" {
		pem, err := os.ReadFile(r.CA)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", r.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	c := &webClient{host: host, headers: r.Headers}
	c.http = &http.Client{Transport: transport, Timeout: max(r.Timeout, 0), CheckRedirect: c.redirect}
	if r.Timeout == 0 {
		c.http.Timeout = defaultTimeout
	}
	return c, nil
}

// redirect keeps to the host: another one gets neither the headers nor the right to say what the platform's contract is.
func (c *webClient) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errors.New("it redirects in a circle")
	}
	if !c.own(req.URL) {
		return fmt.Errorf("it redirects to %s, another host; name that address if it is meant", req.URL.Host)
	}
	return nil
}

// own tells whether an address is of the host that the operator named; http may become https.
func (c *webClient) own(u *url.URL) bool {
	return u.Host == c.host.Host && (u.Scheme == c.host.Scheme || u.Scheme == "https") || u.Hostname() == c.host.Hostname() && u.Scheme == "https"
}

// errMissing says that nothing lies at an address.
var errMissing = errors.New("nothing is there")

// get reads an address of the host.
func (c *webClient) get(ctx context.Context, address *url.URL) ([]byte, error) {
	if !c.own(address) {
		return nil, fmt.Errorf("%s is on another host than %s; name that address if it is meant", address.Redacted(), c.host.Host)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the document: %w", err)
	}
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	for name, values := range c.headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the document: %w", err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return bounded(answer.Body)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("%s answers %d: log in with a browser and hand the login over with --header, or save the document to a file",
			address.Redacted(), answer.StatusCode)
	default:
		return nil, fmt.Errorf("%s answers %d: %w", address.Redacted(), answer.StatusCode, errMissing)
	}
}
