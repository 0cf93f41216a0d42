package control

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// A Client asks the bridge that listens on an address.
type Client struct {
	base   string
	key    bridge.Secret
	signer *Signer
	http   *http.Client
}

// NewClient makes a Client for the bridge whose admin listener is addr. cert is the file of the certificate that it serves; empty: it
// does without TLS.
func NewClient(addr string, key bridge.Secret, namespace, cert string) (*Client, error) {
	signer, err := NewSigner(key, namespace)
	if err != nil {
		return nil, err
	}
	if host, port, err := net.SplitHostPort(addr); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	// No limit on a whole answer, for a backup takes as long as it takes; ctx ends it, and so does a bridge that falls silent.
	transport, scheme := &http.Transport{ResponseHeaderTimeout: silent}, "http://"
	if cert != "" {
		scheme = "https://"
		if transport.TLSClientConfig, err = pinned(cert); err != nil {
			return nil, err
		}
	}
	return &Client{base: scheme + addr, key: key, signer: signer, http: &http.Client{Transport: transport}}, nil
}

// errSilent ends a request whose answer does not go on.
var errSilent = errors.New("the running bridge does not answer any more")

// Ask implements Asker.
func (c *Client) Ask(ctx context.Context, r Request, tell func(Progress)) (json.RawMessage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(silent, func() { cancel(errSilent) })
	defer timer.Stop()
	body, err := json.Marshal(asked{By: r.By, Args: r.Args})
	if err != nil {
		return nil, fmt.Errorf("ask the running bridge: %w", err)
	}
	resp, nonce, err := c.post(ctx, "ask/"+r.Name, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	answer, err := c.signer.readLines(resp.Body, nonce, func() { timer.Reset(silent) }, tell)
	switch {
	case errors.Is(err, errNotOurs):
		return nil, fmt.Errorf("%w: %s", err, c.base)
	case err != nil && context.Cause(ctx) == errSilent: //nolint:errorlint // set by us, bare
		return nil, errSilent
	}
	return answer, err
}

// Backup writes what the bridge sends to w, and verifies all of it on the way.
func (c *Client) Backup(ctx context.Context, w io.Writer, progress state.Progress) (state.Summary, error) {
	asked := time.Now()
	resp, _, err := c.post(ctx, "backup", nil)
	if err != nil {
		return state.Summary{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return state.Summary{}, refusal(resp)
	}
	sum, err := state.Verify(ctx, io.TeeReader(resp.Body, w), c.key, progress)
	if err != nil {
		return state.Summary{}, fmt.Errorf("take the running bridge's backup: %w", err)
	}
	if sum.CreatedAt.Before(asked.Add(-tolerance)) {
		return state.Summary{}, fmt.Errorf("take the running bridge's backup: what answers on %s sent an old one, of %v", c.base, sum.CreatedAt)
	}
	return sum, nil
}

func (c *Client) post(ctx context.Context, what string, body []byte) (resp *http.Response, nonce string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+Path+what, bytes.NewReader(body)) //nolint:gosec // the address is the operator's own admin.listen
	if err != nil {
		return nil, "", fmt.Errorf("ask the running bridge: %w", err)
	}
	nonce = rand.Text()
	req.Header.Set(headerTime, strconv.FormatInt(time.Now().Unix(), 10))
	req.Header.Set(headerNonce, nonce)
	req.Header.Set(headerProof, c.signer.requestProof(req, body))
	if resp, err = c.http.Do(req); err != nil { //nolint:gosec // likewise
		return nil, "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return resp, nonce, nil
}

func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	return fmt.Errorf("the running bridge answers %s: %s", resp.Status, strings.TrimSpace(string(text)))
}

// Close lets go of connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}
