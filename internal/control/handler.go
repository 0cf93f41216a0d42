package control

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"talkbridge/state"
)

// A Backer gives a backup, which is a stream of its own and no Operation; *state.Store is one.
type Backer interface {
	Backup(ctx context.Context, w io.Writer, progress state.Progress) (state.Summary, error)
}

// A handler does what is asked for.
type handler struct {
	asker  Asker
	backer Backer
	signer *Signer
	log    *zap.Logger
	now    func() time.Time
}

// Handler serves below Path.
func Handler(asker Asker, backer Backer, signer *Signer, log *zap.Logger) http.Handler {
	h := &handler{asker: asker, backer: backer, signer: signer, log: log, now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path+"ask/{name}", h.ask)
	mux.HandleFunc("POST "+Path+"backup", h.backup)
	return h.proven(mux)
}

// largestRequest bounds a request's body, in bytes: some 10,000 records by name.
const largestRequest = 1 << 20

// proven lets through what comes from this machine and proves that it has state.key.
func (h *handler) proven(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) {
			http.Error(w, "only asked from the bridge's own machine", http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestRequest))
		if err != nil {
			http.Error(w, "the request cannot be read", http.StatusBadRequest)
			return
		}
		proof := []byte(r.Header.Get(headerProof))
		if !hmac.Equal(proof, []byte(h.signer.requestProof(r, body))) {
			http.Error(w, "the request does not prove that it comes from who has this bridge's state.key and state.namespace", http.StatusForbidden)
			return
		}
		now := h.now()
		seconds, err := strconv.ParseInt(r.Header.Get(headerTime), 10, 64)
		if age := now.Sub(time.Unix(seconds, 0)); err != nil || age > tolerance || age < -tolerance || !h.signer.fresh(r.Header.Get(headerNonce), now) {
			http.Error(w, "the request is not of now", http.StatusForbidden)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// fromHere tells whether the other end is this machine.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip != nil && (ip.IsLoopback() || ok && ip.Equal(local.IP))
}

// asked is a request's body.
type asked struct {
	By   string          `json:"by"`
	Args json.RawMessage `json:"args"`
}

// ask does an operation. When whoever asked goes away, or the bridge stops, the operation's context ends.
func (h *handler) ask(w http.ResponseWriter, r *http.Request) {
	var a asked
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	control := http.NewResponseController(w)
	lines := &lineWriter{out: steady{w, control}, flush: control.Flush, signer: h.signer, nonce: r.Header.Get(headerNonce), told: time.Now()}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watch(ctx, cancel, lines)
	}()
	name := r.PathValue("name")
	answer, err := h.asker.Ask(ctx, Request{Name: name, By: a.By, Args: a.Args}, func(p Progress) {
		if lines.progress(p) != nil {
			cancel()
		}
	})
	h.log.Debug("asked from the command line", zap.String("operation", name), zap.String("by", a.By), zap.Error(err))
	cancel()
	<-watched
	if err := lines.last(answer, err); err != nil {
		h.log.Debug("answer not sent", zap.Error(err))
	}
}

// watch says now and then that the operation is still at work, and ends it when nobody listens.
func watch(ctx context.Context, cancel context.CancelFunc, lines *lineWriter) {
	ticker := time.NewTicker(alive)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if lines.stillAlive() != nil {
				cancel()
				return
			}
		}
	}
}

// backup streams. A backup proves itself: who reads it notices where it breaks off.
func (h *handler) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	sum, err := h.backer.Backup(r.Context(), steady{w, http.NewResponseController(w)}, nil)
	if err != nil {
		h.log.Warn("a backup broke off", zap.Error(err))
		panic(http.ErrAbortHandler) // the one way to tell who reads that it is not whole
	}
	h.log.Info("a backup was taken", zap.Int("records", sum.Records), zap.Int64("bytes", sum.Bytes))
}
