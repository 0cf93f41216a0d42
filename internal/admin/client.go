package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// A Client reads a running bridge's ledger over HTTP: an embedded store has one owner, and that is the bridge.
type Client struct {
	base string
	http *http.Client
}

// NewClient asks the bridge that listens on addr.
func NewClient(addr string) *Client {
	return &Client{base: "http://" + addr, http: &http.Client{Timeout: 10 * time.Second}}
}

// Record gives one record; false where there is none.
func (c *Client) Record(ctx context.Context, id string) (bridge.Record, bool, error) {
	var r bridge.Record
	ok, err := c.get(ctx, "/api/v1/records/"+bridge.RecordPath(id), &r)
	return r, ok, err
}

// Records gives a page of records, and where to read on.
func (c *Client) Records(ctx context.Context, f state.Filter) ([]bridge.Record, string, error) {
	q := url.Values{"status": {string(f.Status)}, "route": {f.Route}, "after": {f.After}}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(min(f.Limit, pageLimit)))
	}
	var page RecordPage
	_, err := c.get(ctx, "/api/v1/records?"+q.Encode(), &page)
	return page.Records, page.Next, err
}

// Position gives the saved position; false where none is saved.
func (c *Client) Position(ctx context.Context) (Position, bool, error) {
	var p Position
	ok, err := c.get(ctx, "/api/v1/position", &p)
	return p, ok, err
}

func (c *Client) get(ctx context.Context, path string, into any) (found bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return false, fmt.Errorf("ask the running bridge: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false, fmt.Errorf("ask the running bridge: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			return false, fmt.Errorf("read the running bridge's answer: %w", err)
		}
		return true, nil
	case http.StatusNotFound:
		return false, nil
	default:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return false, fmt.Errorf("the running bridge answers %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
}
