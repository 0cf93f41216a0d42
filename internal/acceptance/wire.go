package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
)

// A call is a request as it came over the wire, before the platform looked at it.
type call struct {
	method, path, contentType, authorization string
	query                                    string
	body                                     []byte
}

func (c call) token() bool { return strings.HasSuffix(c.path, "/oauth2/token") }

// callsKept bounds what a platform remembers of the wire.
const callsKept = 20_000

// A platform is the stand-in platform, with its line noted and its plug in our hand.
type platform struct {
	*platformsim.Sim

	addr string // host:port, the same after each plugIn

	mu     sync.Mutex // guards what follows
	calls  []call
	server *http.Server
	ended  chan struct{}
}

func newPlatform(ctx context.Context, o platformsim.Options) (*platform, error) {
	sim, err := platformsim.New(o)
	if err != nil {
		return nil, fmt.Errorf("make the stand-in platform: %w", err)
	}
	p := &platform{Sim: sim, addr: "127.0.0.1:0"}
	return p, p.plugIn(ctx)
}

// plugIn makes the platform reachable, with everything that it held before.
func (p *platform) plugIn(ctx context.Context) error {
	var listener net.Listener
	err := rig.Until(ctx, 5*time.Second, func() (err error) { // the port was ours a moment ago
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", p.addr)
		return err
	})
	if err != nil {
		return fmt.Errorf("serve the stand-in platform: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addr = listener.Addr().String()
	server, ended := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}, make(chan struct{})
	p.server, p.ended = server, ended
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // it ends when it is unplugged
	}()
	return nil
}

// unplug makes the platform unreachable: connections are cut, new ones are refused.
func (p *platform) unplug() {
	p.mu.Lock()
	server, ended := p.server, p.ended
	p.mu.Unlock()
	_ = server.Close()
	<-ended
}

func (p *platform) url() string { return "http://" + p.addr + p.BasePath() }

// ServeHTTP notes the request and hands it to the platform.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	if len(p.calls) < callsKept {
		p.calls = append(p.calls, call{
			method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, body: body,
			contentType: r.Header.Get("Content-Type"), authorization: r.Header.Get("Authorization"),
		})
	}
	p.mu.Unlock()
	p.Sim.ServeHTTP(w, r)
}

// noted are the calls that tell holds for, in order.
func (p *platform) noted(tell func(call) bool) (out []call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if tell(c) {
			out = append(out, c)
		}
	}
	return out
}

// post calls the platform by hand, as a stranger would.
func (p *platform) post(ctx context.Context, path, contentType, body string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err //nolint:wrapcheck // the address is our own
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("call the stand-in platform: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, "", fmt.Errorf("read the platform's answer: %w", err)
	}
	return resp.StatusCode, strings.TrimSpace(string(answer)), nil
}

// holds gives what the platform has for a record, once it has taken it so often.
func (p *platform) holds(id string, times int) (r platformsim.Record, err error) {
	endpoint, key, _ := strings.Cut(id, "/")
	r, ok := p.Record(endpoint, key)
	switch {
	case !ok:
		return r, errors.New("平台未收到 " + id)
	case r.Count < times:
		return r, fmt.Errorf("平台收到 %s 共 %d 次", id, r.Count)
	default:
		return r, nil
	}
}
