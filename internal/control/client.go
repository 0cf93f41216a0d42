package control

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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

// NewClient makes a Client for the bridge whose admin listener is addr.
func NewClient(addr string, key bridge.Secret, namespace string) (*Client, error) {
	signer, err := NewSigner(key, namespace)
	if err != nil {
		return nil, err
	}
	if host, port, err := net.SplitHostPort(addr); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	// No limit on a whole answer, for a backup takes as long as it takes; ctx ends it, and so does a bridge that falls silent.
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 30 * time.Second}}
	return &Client{base: "http://" + addr, key: key, signer: signer, http: client}, nil
}

// Pause is state.Store.Pause.
func (c *Client) Pause(ctx context.Context, reason string) (state.Pause, bool, error) {
	return c.ask(ctx, "pause", url.Values{"reason": {reason}})
}

// Resume is state.Store.Resume.
func (c *Client) Resume(ctx context.Context, force bool) (state.Pause, bool, error) {
	return c.ask(ctx, "resume", url.Values{"force": {strconv.FormatBool(force)}})
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

// ask sends a request with a short answer and believes only an answer that proves itself.
func (c *Client) ask(ctx context.Context, what string, query url.Values) (state.Pause, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	resp, nonce, err := c.post(ctx, what, query)
	if err != nil {
		return state.Pause{}, false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusConflict {
		return state.Pause{}, false, refusal(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return state.Pause{}, false, fmt.Errorf("read the running bridge's answer: %w", err)
	}
	var a answer
	if !hmac.Equal([]byte(resp.Header.Get(headerProof)), []byte(c.signer.answerProof(nonce, body))) || json.Unmarshal(body, &a) != nil {
		return state.Pause{}, false, fmt.Errorf("what answers on %s is not the bridge of this configuration", c.base)
	}
	return a.Pause, a.Changed, a.err()
}

func (a answer) err() error {
	switch {
	case a.Code == codeNotCaughtUp:
		return state.ErrNotCaughtUp
	case a.Code == codeHalfRestored:
		return state.ErrHalfRestored
	case a.Error != "":
		return errors.New(a.Error)
	}
	return nil
}

func (c *Client) post(ctx context.Context, what string, query url.Values) (resp *http.Response, nonce string, err error) {
	target := c.base + Path + what
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, http.NoBody) //nolint:gosec // the address is the operator's own admin.listen
	if err != nil {
		return nil, "", fmt.Errorf("ask the running bridge: %w", err)
	}
	nonce = rand.Text()
	req.Header.Set(headerTime, strconv.FormatInt(time.Now().Unix(), 10))
	req.Header.Set(headerNonce, nonce)
	req.Header.Set(headerProof, c.signer.requestProof(req))
	if resp, err = c.http.Do(req); err != nil { //nolint:gosec // likewise
		return nil, "", fmt.Errorf("ask the running bridge: %w", err)
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
