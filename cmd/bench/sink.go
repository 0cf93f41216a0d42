package main

import (
	"bytes"
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm4"
)

// The sink is the platform of the benchmark: it answers every call with yes, at once or after a while, and notes when each had come
// in whole. It opens nothing while it is measured; whose record it was it finds out when it is asked. Calls that are not sealed, those
// of the floors, it reads as they are.

type sink struct {
	block cipher.Block

	mu       sync.Mutex // guards what follows
	delay    time.Duration
	light    bool // keep no bodies: only times
	arrivals []arrived
}

// An arrived call: its body, and when it had come in.
type arrived struct {
	at   int64 // nanoseconds since 1970
	body []byte
}

// An arrival is what the sink tells of a call.
type arrival struct {
	ID string `json:"id"` // recordId; empty where bodies are not kept
	At int64  `json:"at"` // nanoseconds since 1970
}

func sinkMain(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sink", flag.ExitOnError)
	listen := flags.String("listen", "", "address for calls")
	ask := flags.String("ask", "", "address for questions")
	secret := flags.String("secret", "", "Base64 of the SM4 key")
	_ = flags.Parse(args) // it exits
	key, err := base64.StdEncoding.DecodeString(*secret)
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	s := &sink{}
	if s.block, err = sm4.NewCipher(key); err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sink/reset", s.reset)
	mux.HandleFunc("GET /sink/count", s.count)
	mux.HandleFunc("GET /sink/arrivals", s.tell)
	calls, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer calls.Close()
	questions, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *ask)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	go s.serve(calls)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(questions); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// took notes a call and gives when it may be answered.
func (s *sink) took(body []byte) time.Time {
	at := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := arrived{at: at.UnixNano()}
	if !s.light {
		a.body = bytes.Clone(body)
	}
	s.arrivals = append(s.arrivals, a)
	return at.Add(s.delay)
}

// reset forgets what came, and sets how long an answer takes from here on and whether bodies are kept.
func (s *sink) reset(w http.ResponseWriter, r *http.Request) {
	delay, err := time.ParseDuration(r.FormValue("delay"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay, s.light, s.arrivals = delay, r.FormValue("light") == "true", nil
}

func (s *sink) count(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(w, strconv.Itoa(len(s.arrivals)))
}

func (s *sink) tell(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := make([]arrival, len(s.arrivals))
	for i, a := range s.arrivals {
		told[i].At = a.at
		if a.body == nil {
			continue
		}
		id, err := s.recordID(a.body)
		if err != nil {
			http.Error(w, fmt.Sprintf("call %d: %v", i, err), http.StatusInternalServerError)
			return
		}
		told[i].ID = id
	}
	_ = json.NewEncoder(w).Encode(told)
}

// recordID reads whose record a call carries, sealed or not.
func (s *sink) recordID(body []byte) (string, error) {
	var call struct {
		Data     []byte `json:"data"`
		RecordID string `json:"recordId"`
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return "", fmt.Errorf("read a call: %w", err)
	}
	if call.Data == nil {
		return call.RecordID, nil
	}
	size := s.block.BlockSize()
	if len(call.Data) == 0 || len(call.Data)%size != 0 {
		return "", errors.New("the data is no multiple of a block")
	}
	for at := 0; at < len(call.Data); at += size {
		s.block.Decrypt(call.Data[at:at+size], call.Data[at:at+size])
	}
	padded := int(call.Data[len(call.Data)-1])
	if padded == 0 || padded > size {
		return "", errors.New("the padding is not PKCS#7's")
	}
	call.Data, call.RecordID = call.Data[:len(call.Data)-padded], ""
	if err := json.Unmarshal(call.Data, &call); err != nil || call.RecordID == "" {
		return "", fmt.Errorf("the payload has no recordId: %w", err)
	}
	return call.RecordID, nil
}
