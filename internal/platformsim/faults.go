package platformsim

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The kinds of faults.
const (
	FaultStatus     = "status"      // answer with Status; with Code or Msg as JSON, else as plain text
	FaultAnswer     = "answer"      // HTTP 200 with Code and Msg
	FaultReject     = "reject"      // the platform's no: HTTP 200, Code (500 when 0) and Msg
	FaultDelay      = "delay"       // wait Delay, then go on
	FaultHang       = "hang"        // no answer until the caller goes away
	FaultReset      = "reset"       // reset the connection
	FaultHTML       = "html"        // a gateway's page: Status (502 when 0), text/html
	FaultThrottle   = "throttle"    // 429 with Retry-After: RetryAfter
	FaultVoidTokens = "void_tokens" // void every token, then go on
)

func faultKinds() []string {
	return []string{FaultStatus, FaultAnswer, FaultReject, FaultDelay, FaultHang, FaultReset, FaultHTML, FaultThrottle, FaultVoidTokens}
}

// A Duration reads and prints as "1.5s" in JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read duration: %w", err)
	}
	*d = Duration(v)
	return nil
}

// A Fault is something that goes wrong on purpose.
type Fault struct {
	ID          int      `json:"id"`
	Kind        string   `json:"kind"`
	Endpoint    string   `json:"endpoint,omitempty"`   // one, multi, patriarch or token; empty: the first three
	RecordIDs   []string `json:"record_ids,omitempty"` // only for these; empty: for all
	Status      int      `json:"status,omitempty"`
	Code        int      `json:"code,omitempty"`
	Msg         string   `json:"msg,omitempty"`
	Delay       Duration `json:"delay,omitzero"`
	RetryAfter  string   `json:"retry_after,omitempty"`
	Apply       bool     `json:"apply,omitempty"`       // the record is taken first; only its answer goes wrong
	Times       int      `json:"times,omitempty"`       // how often it happens; 0: until it is cleared
	Probability float64  `json:"probability,omitempty"` // of each call; 0: always
	Seed        uint64   `json:"seed,omitempty"`        // makes the choice repeatable
	Fired       int      `json:"fired"`

	random *rand.Rand
}

func (f *Fault) check() error {
	if !slices.Contains(faultKinds(), f.Kind) {
		return fmt.Errorf("kind %q is unknown: use one of %v", f.Kind, faultKinds())
	}
	if f.Endpoint != "" && f.Endpoint != endpointToken && !slices.Contains(Endpoints(), f.Endpoint) {
		return fmt.Errorf("endpoint %q is unknown: use one, multi, patriarch or token, or leave it out", f.Endpoint)
	}
	if f.Probability < 0 || f.Probability > 1 {
		return fmt.Errorf("probability %v is not between 0 and 1", f.Probability)
	}
	return nil
}

// goesOn tells a fault after which the call is still handled.
func (f *Fault) goesOn() bool { return f.Kind == FaultDelay || f.Kind == FaultVoidTokens }

// faults are those in force.
type faults struct {
	mu   sync.Mutex // guards what follows
	next int
	list []*Fault
}

// Inject puts a fault into force and gives its number.
func (s *Sim) Inject(f Fault) (int, error) {
	if err := f.check(); err != nil {
		return 0, fmt.Errorf("inject fault: %w", err)
	}
	seed := f.Seed
	if seed == 0 {
		seed = uint64(randomBelow(1 << 62))
	}
	f.random = rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // repeatable on purpose
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.next++
	f.ID, f.Fired = s.faults.next, 0
	s.faults.list = append(s.faults.list, &f)
	return f.ID, nil
}

// ClearFaults ends every fault; ClearFault ends one and tells whether it was in force. Calls that hang already go on hanging.
func (s *Sim) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

// ClearFault ends one fault.
func (s *Sim) ClearFault(id int) bool {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	before := len(s.faults.list)
	s.faults.list = slices.DeleteFunc(s.faults.list, func(f *Fault) bool { return f.ID == id })
	return len(s.faults.list) < before
}

// Faults lists what is in force.
func (s *Sim) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := make([]Fault, 0, len(s.faults.list))
	for _, f := range s.faults.list {
		list = append(list, *f)
	}
	return list
}

// fire picks what happens to a call: any number of faults that go on, and at most one that ends it. A fault that has happened
// often enough leaves.
func (s *faults) fire(endpoint, recordID string) []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fired []Fault
	for _, f := range s.list {
		if !f.matches(endpoint, recordID) || f.Probability > 0 && f.random.Float64() >= f.Probability {
			continue
		}
		f.Fired++
		fired = append(fired, *f)
		if !f.goesOn() {
			break
		}
	}
	s.list = slices.DeleteFunc(s.list, func(f *Fault) bool { return f.Times > 0 && f.Fired >= f.Times })
	return fired
}

func (f *Fault) matches(endpoint, recordID string) bool {
	if f.Endpoint == "" && endpoint == endpointToken || f.Endpoint != "" && f.Endpoint != endpoint {
		return false
	}
	return len(f.RecordIDs) == 0 || slices.Contains(f.RecordIDs, recordID)
}

// suffer lets the faults happen that come before the handling of a call. What ends the call is given back: nil if it goes on.
func (s *Sim) suffer(r *http.Request, fired []Fault) *Fault {
	for i := range fired {
		f := &fired[i]
		switch f.Kind {
		case FaultDelay:
			s.wait(r, time.Duration(f.Delay))
		case FaultVoidTokens:
			s.VoidTokens()
		default:
			return f
		}
	}
	return nil
}

func (s *Sim) wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.closed:
	}
}

// perform answers a call as the fault says.
func (s *Sim) perform(w http.ResponseWriter, r *http.Request, f *Fault) {
	switch f.Kind {
	case FaultHang:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		reset(w)
	case FaultReset:
		reset(w)
	case FaultHTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(orElse(f.Status, http.StatusBadGateway))
		_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>\n"))
	case FaultThrottle:
		w.Header().Set("Retry-After", f.RetryAfter)
		writeJSON(w, orElse(f.Status, http.StatusTooManyRequests), Answer{Code: http.StatusTooManyRequests, Msg: "请求过于频繁"})
	case FaultReject:
		writeJSON(w, http.StatusOK, Answer{Code: orElse(f.Code, http.StatusInternalServerError), Msg: f.Msg})
	case FaultAnswer:
		writeJSON(w, http.StatusOK, Answer{Code: f.Code, Msg: f.Msg})
	default:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		if f.Code != 0 || f.Msg != "" {
			writeJSON(w, orElse(f.Status, http.StatusInternalServerError), Answer{Code: f.Code, Msg: f.Msg})
			return
		}
		http.Error(w, http.StatusText(f.Status), orElse(f.Status, http.StatusInternalServerError))
	}
}

// reset ends the connection the hard way: RST, no answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 cannot be hijacked: abort the stream
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
