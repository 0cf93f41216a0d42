package platformsim

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// An Arrival is one call to one of the three endpoints.
type Arrival struct {
	Seq      int             `json:"seq"` // from 1, in the order in which the calls were answered
	At       time.Time       `json:"at"`
	Endpoint string          `json:"endpoint"`
	RecordID string          `json:"record_id,omitempty"`
	Applied  bool            `json:"applied"` // the record was taken, whatever the answer
	Code     int             `json:"code"`    // of the answer; meaningless where Fault says that there was another one
	Msg      string          `json:"msg,omitempty"`
	Fault    string          `json:"fault,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// A Record is what the platform holds for one record.
type Record struct {
	Endpoint string          `json:"endpoint"`
	RecordID string          `json:"record_id"`
	Count    int             `json:"count"` // how often it was taken
	Seq      int             `json:"seq"`   // the last Arrival
	FirstAt  time.Time       `json:"first_at"`
	LastAt   time.Time       `json:"last_at"`
	Payload  json.RawMessage `json:"payload"` // the latest
}

// Stats are figures about all calls.
type Stats struct {
	Calls        int            `json:"calls"`
	Applied      int            `json:"applied"`
	Refused      int            `json:"refused"`      // answered with a code that is not 0
	Unauthorized int            `json:"unauthorized"` // of these: no valid token
	Unreadable   int            `json:"unreadable"`   // of these: not decryptable, or not JSON
	Faulted      int            `json:"faulted"`
	Records      int            `json:"records"`
	Forgotten    int            `json:"forgotten"`     // records dropped because there were too many to remember
	Overlaps     int            `json:"overlaps"`      // calls for a record while another one for it was under way: never, if all is well
	InFlight     int            `json:"in_flight"`     // now
	MaxInFlight  int            `json:"max_in_flight"` // ever
	TokensIssued int            `json:"tokens_issued"`
	TokenRefused int            `json:"tokens_refused"`
	ByEndpoint   map[string]int `json:"by_endpoint"` // records taken
}

type recordKey struct{ endpoint, id string }

// store remembers what arrived.
type store struct {
	journalLimit, recordLimit int
	file, verbose             io.Writer
	show                      bool

	mu      sync.Mutex // guards what follows, and writing to file and verbose
	journal []Arrival  // a ring once it is full
	records map[recordKey]*Record
	order   []recordKey // by first arrival
	flying  map[recordKey]int
	stats   Stats
}

func newStore(o Options) *store {
	return &store{
		journalLimit: o.JournalLimit, recordLimit: o.RecordLimit, file: o.Journal, verbose: o.Verbose, show: o.Show,
		records: map[recordKey]*Record{}, flying: map[recordKey]int{}, stats: Stats{ByEndpoint: map[string]int{}},
	}
}

// enter notes that a call for a record is under way; the function it gives notes its end.
func (s *store) enter(key recordKey) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.InFlight++
	s.stats.MaxInFlight = max(s.stats.MaxInFlight, s.stats.InFlight)
	if key.id != "" {
		if s.flying[key]++; s.flying[key] > 1 {
			s.stats.Overlaps++
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.InFlight--
		if s.flying[key]--; s.flying[key] <= 0 {
			delete(s.flying, key)
		}
	}
}

// note remembers one call.
func (s *store) note(a Arrival, kind refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Calls++
	a.Seq, a.At = s.stats.Calls, time.Now()
	s.count(a, kind)
	if a.Applied {
		s.apply(a)
	}
	if len(s.journal) < s.journalLimit {
		s.journal = append(s.journal, a)
	} else {
		s.journal[(a.Seq-1)%s.journalLimit] = a
	}
	s.print(a)
}

func (s *store) count(a Arrival, kind refusal) {
	switch kind {
	case refusedToken:
		s.stats.Unauthorized++
	case refusedUnreadable:
		s.stats.Unreadable++
	case refusedContract, refusedNot:
	}
	if kind != refusedNot {
		s.stats.Refused++
	}
	if a.Fault != "" {
		s.stats.Faulted++
	}
}

func (s *store) apply(a Arrival) {
	s.stats.Applied++
	s.stats.ByEndpoint[a.Endpoint]++
	key := recordKey{a.Endpoint, a.RecordID}
	r := s.records[key]
	if r == nil {
		if len(s.order) >= s.recordLimit {
			delete(s.records, s.order[0])
			s.order = s.order[1:]
			s.stats.Forgotten++
		}
		r = &Record{Endpoint: a.Endpoint, RecordID: a.RecordID, FirstAt: a.At}
		s.records[key] = r
		s.order = append(s.order, key)
	}
	r.Count++
	r.Seq, r.LastAt, r.Payload = a.Seq, a.At, a.Payload
}

func (s *store) print(a Arrival) {
	if s.file != nil {
		if line, err := json.Marshal(a); err == nil {
			_, _ = s.file.Write(append(line, '\n'))
		}
	}
	if s.verbose == nil {
		return
	}
	outcome := fmt.Sprintf("code=%d", a.Code)
	if a.Fault != "" {
		outcome = "fault=" + a.Fault
	}
	_, _ = fmt.Fprintf(s.verbose, "%s %-9s %s %s\n", a.At.Format("15:04:05.000"), a.Endpoint, a.RecordID, outcome)
	if s.show && len(a.Payload) > 0 {
		_, _ = fmt.Fprintf(s.verbose, "    %s\n", a.Payload)
	}
}

// Records lists what the platform holds, by first arrival; of one endpoint, or of all when it is empty.
func (s *Sim) Records(endpoint string) []Record {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	list := []Record{}
	for _, key := range s.store.order {
		if endpoint == "" || key.endpoint == endpoint {
			list = append(list, *s.store.records[key])
		}
	}
	return list
}

// Record is what the platform holds for one record.
func (s *Sim) Record(endpoint, id string) (Record, bool) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	r := s.store.records[recordKey{endpoint, id}]
	if r == nil {
		return Record{}, false
	}
	return *r, true
}

// Journal lists the calls that are remembered, oldest first.
func (s *Sim) Journal() []Arrival {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	list := slices.Clone(s.store.journal)
	slices.SortFunc(list, func(a, b Arrival) int { return a.Seq - b.Seq })
	return list
}

// Stats gives the figures.
func (s *Sim) Stats() Stats {
	issued, refused := s.tokens.figures()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	stats := s.store.stats
	stats.ByEndpoint = maps.Clone(stats.ByEndpoint)
	stats.Records = len(s.store.records)
	stats.TokensIssued, stats.TokenRefused = issued, refused
	return stats
}
