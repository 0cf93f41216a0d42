// Package platformsim stands in for the province's platform: a real HTTP server with a token endpoint in the dialects that are met
// in the field, the three endpoints for talk records, decryption, the contract, a memory of what arrived, and faults on demand.
//
// It is written against the published vectors and the contract, not against talkbridge: it decrypts with the block cipher alone and
// shares no code with package pusher, so that a mistake there cannot hide here. It keeps what it receives in clear and shows it to
// whoever asks under /_sim/: it is for tests and demonstrations, with invented people, and never for real records.
package platformsim

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"talkbridge/configs"
)

// Options of a Sim. The zero value is a platform of dialect A with generated credentials.
type Options struct {
	ClientID     string
	ClientSecret string        // Base64 of 16 bytes, Base64 of 32 hexadecimal characters, or these; generated when empty
	Dialect      string        // A … L, see Dialects
	TokenTTL     time.Duration // 0: the dialect's own
	VoidOnFetch  bool          // a new token voids the old ones, as some platforms do
	BasePath     string        // "/api" when empty
	Contracts    fs.FS         // holds one.schema.json, multi.schema.json, patriarch.schema.json; nil: those of package configs
	JournalLimit int           // arrivals remembered; 10,000 when 0
	RecordLimit  int           // records remembered; 100,000 when 0; the one that arrived first is forgotten first
	Journal      io.Writer     // every arrival as a line of JSON; nil: none
	Verbose      io.Writer     // a line per arrival: time, endpoint, record, answer; nil: none
	Show         bool          // print the decrypted payload there too
}

// A Sim is the platform. It is an http.Handler and safe for concurrent use.
type Sim struct {
	options   Options
	key       []byte
	dialect   dialect
	contracts map[string]*contract
	mux       *http.ServeMux
	closed    chan struct{}
	closeOnce sync.Once

	tokens *tokens
	faults *faults
	store  *store
}

// Endpoints lists the names of the three endpoints; each is at BasePath/talk-record/NAME.
func Endpoints() []string { return []string{"one", "multi", "patriarch"} }

// endpointToken names the token endpoint where faults are concerned.
const endpointToken = "token"

// New makes a Sim.
func New(o Options) (*Sim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	key, err := readKey(o.ClientSecret)
	if err != nil {
		return nil, err
	}
	dialect, ok := dialects()[strings.ToUpper(o.Dialect)]
	if !ok {
		return nil, fmt.Errorf("dialect %q is unknown: use one of %s", o.Dialect, strings.Join(Dialects(), " "))
	}
	s := &Sim{
		options: o, key: key, dialect: dialect, contracts: map[string]*contract{}, closed: make(chan struct{}),
		tokens: newTokens(o.TokenTTL, dialect.ttl, o.VoidOnFetch || dialect.voids), faults: &faults{}, store: newStore(o),
	}
	for _, name := range Endpoints() {
		if s.contracts[name], err = loadContract(o.Contracts, name+".schema.json"); err != nil {
			return nil, err
		}
	}
	s.routes()
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.ClientID == "" {
		o.ClientID = "college"
	}
	if o.ClientSecret == "" {
		raw := make([]byte, blockSize)
		if _, err := rand.Read(raw); err != nil {
			return o, fmt.Errorf("generate a client_secret: %w", err)
		}
		o.ClientSecret = base64.StdEncoding.EncodeToString(raw)
	}
	if o.Dialect == "" {
		o.Dialect = "A"
	}
	o.BasePath = "/" + strings.Trim(o.BasePath, "/")
	if o.BasePath == "/" {
		o.BasePath = "/api"
	}
	if o.JournalLimit <= 0 {
		o.JournalLimit = 10_000
	}
	if o.RecordLimit <= 0 {
		o.RecordLimit = 100_000
	}
	if o.Contracts == nil {
		contracts, err := fs.Sub(configs.Files, "contracts")
		if err != nil {
			return o, fmt.Errorf("find the contracts: %w", err)
		}
		o.Contracts = contracts
	}
	return o, nil
}

func (s *Sim) routes() {
	s.mux = http.NewServeMux()
	for _, base := range []string{s.options.BasePath, ""} { // token servers are found at the root as often as under the API
		s.mux.HandleFunc(base+s.dialect.path, s.handleToken)
	}
	for _, name := range Endpoints() {
		s.mux.HandleFunc("POST "+s.options.BasePath+"/talk-record/"+name, func(w http.ResponseWriter, r *http.Request) { s.handleRecord(w, r, name) })
	}
	s.controlRoutes()
}

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// ClientID is the account that this platform knows.
func (s *Sim) ClientID() string { return s.options.ClientID }

// ClientSecret is its secret, which holds the SM4 key too.
func (s *Sim) ClientSecret() string { return s.options.ClientSecret }

// BasePath is what a base_url for this platform ends in.
func (s *Sim) BasePath() string { return s.options.BasePath }

// TokenPath is where tokens are given out, relative to BasePath.
func (s *Sim) TokenPath() string { return s.dialect.path }

// Close ends every call that a fault keeps hanging.
func (s *Sim) Close() { s.closeOnce.Do(func() { close(s.closed) }) }

// newTokenValue is a token as servers make them: long, and without characters that need escaping.
func newTokenValue() string { return rand.Text() + rand.Text() }

// randomBelow is for the simulator's own choices where no seed is given.
func randomBelow(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return 0
	}
	return v.Int64()
}

// errNoKey says that a client_secret holds no SM4 key.
var errNoKey = errors.New("client_secret: neither Base64 nor hexadecimal of 16 bytes")
