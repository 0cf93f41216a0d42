package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// A Platform is the stand-in platform as a process of its own. Its journal outlives it.
type Platform struct {
	*Process

	URL     string // of the server; base_url is URL + "/api"
	Addr    string // host:port
	Journal string // file, a line of JSON for each call: platformsim.Arrival
	Takes   time.Duration
}

// PlatformAccount is the client_id that the platform knows.
const PlatformAccount = "college"

// NewPlatform starts a platform with its files under dir. It takes a while over each call, so that there are always calls under way
// when something dies.
func NewPlatform(ctx context.Context, programs, dir, secret string, takes time.Duration) (*Platform, error) {
	port, err := testserver.FreePort()
	if err != nil {
		return nil, err
	}
	listen := "127.0.0.1:" + strconv.Itoa(port)
	p := &Platform{URL: "http://" + listen, Addr: listen, Journal: filepath.Join(dir, "journal.jsonl"), Takes: takes}
	p.Process = &Process{
		Name: "platform", Path: filepath.Join(programs, "platformsim"), Log: filepath.Join(dir, "platform.log"),
		Ready: Answers(p.URL + "/_sim/stats"),
		Args:  []string{"-listen", listen, "-client-id", PlatformAccount, "-client-secret", secret, "-journal", p.Journal},
	}
	return p, p.Start(ctx)
}

// Start starts the platform, the first time or again: it has forgotten everything but its journal then.
func (p *Platform) Start(ctx context.Context) error {
	if err := p.Process.Start(ctx); err != nil {
		return err
	}
	if p.Takes == 0 {
		return nil
	}
	_, err := p.Inject(ctx, platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(p.Takes)})
	return err
}

// Inject lets something go wrong there until it is cleared by the number that it gives.
func (p *Platform) Inject(ctx context.Context, f platformsim.Fault) (id int, err error) {
	body, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("inject a fault: %w", err)
	}
	var made struct {
		ID int `json:"id"`
	}
	if err := p.control(ctx, http.MethodPost, "/faults", body, http.StatusCreated, &made); err != nil {
		return 0, fmt.Errorf("inject a fault: %w", err)
	}
	return made.ID, nil
}

// Clear ends a fault.
func (p *Platform) Clear(ctx context.Context, id int) error {
	return p.control(ctx, http.MethodDelete, "/faults/"+strconv.Itoa(id), nil, http.StatusNoContent, nil)
}

// VoidTokens makes every token bad.
func (p *Platform) VoidTokens(ctx context.Context) error {
	return p.control(ctx, http.MethodDelete, "/tokens", nil, http.StatusNoContent, nil)
}

// Stats are the figures of the platform that runs now.
func (p *Platform) Stats(ctx context.Context) (platformsim.Stats, error) {
	var stats platformsim.Stats
	return stats, GetJSON(ctx, p.URL+"/_sim/stats", &stats)
}

func (p *Platform) control(ctx context.Context, method, path string, body []byte, want int, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.URL+"/_sim"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("tell the platform: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("tell the platform: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		return fmt.Errorf("tell the platform: %s", resp.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the platform's answer: %w", err)
	}
	return nil
}
