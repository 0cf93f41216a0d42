package control

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"talkbridge/state"
)

// answer is the body of every answer but a backup.
type answer struct {
	Pause   state.Pause `json:"pause"`
	Changed bool        `json:"changed"`
	Error   string      `json:"error,omitempty"`
	Code    string      `json:"code,omitempty"` // of an error that the sender branches on
}

// The codes of errors that mean something to the sender.
const (
	codeNotCaughtUp  = "not_caught_up"
	codeHalfRestored = "half_restored"
)

// A handler answers for a store.
type handler struct {
	store  Store
	signer *Signer
	log    *zap.Logger
	now    func() time.Time
}

// Handler serves below Path.
func Handler(store Store, signer *Signer, log *zap.Logger) http.Handler {
	h := &handler{store: store, signer: signer, log: log, now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path+"pause", h.pause)
	mux.HandleFunc("POST "+Path+"resume", h.resume)
	mux.HandleFunc("POST "+Path+"backup", h.backup)
	return h.proven(mux)
}

// proven lets through what comes from this machine and proves that it has state.key.
func (h *handler) proven(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) {
			http.Error(w, "only asked from the bridge's own machine", http.StatusForbidden)
			return
		}
		proof := []byte(r.Header.Get(headerProof))
		if !hmac.Equal(proof, []byte(h.signer.requestProof(r))) {
			http.Error(w, "the request does not prove that it comes from who has this bridge's state.key and state.namespace", http.StatusForbidden)
			return
		}
		now := h.now()
		seconds, err := strconv.ParseInt(r.Header.Get(headerTime), 10, 64)
		if age := now.Sub(time.Unix(seconds, 0)); err != nil || age > tolerance || age < -tolerance || !h.signer.fresh(r.Header.Get(headerNonce), now) {
			http.Error(w, "the request is not of now", http.StatusForbidden)
			return
		}
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

func (h *handler) pause(w http.ResponseWriter, r *http.Request) {
	p, changed, err := h.store.Pause(r.Context(), r.URL.Query().Get("reason"))
	if err == nil && changed {
		h.log.Warn("delivery is paused from the command line; reading goes on. talkbridge resume ends it")
	}
	h.answer(w, r, answer{Pause: p, Changed: changed}, err)
}

func (h *handler) resume(w http.ResponseWriter, r *http.Request) {
	p, changed, err := h.store.Resume(r.Context(), r.URL.Query().Get("force") == "true")
	if err == nil && changed {
		h.log.Info("delivery is resumed from the command line")
	}
	h.answer(w, r, answer{Pause: p, Changed: changed}, err)
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, a answer, err error) {
	status := http.StatusOK
	if err != nil {
		status, a.Error = http.StatusConflict, err.Error()
		switch {
		case errors.Is(err, state.ErrNotCaughtUp):
			a.Code = codeNotCaughtUp
		case errors.Is(err, state.ErrHalfRestored):
			a.Code = codeHalfRestored
		}
	}
	body, err := json.Marshal(a)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set(headerProof, h.signer.answerProof(r.Header.Get(headerNonce), body))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		h.log.Debug("answer not sent", zap.Error(err))
	}
}

// backup streams. A backup proves itself: who reads it notices where it breaks off.
func (h *handler) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	sum, err := h.store.Backup(r.Context(), steady{w, http.NewResponseController(w)}, nil)
	if err != nil {
		h.log.Warn("a backup broke off", zap.Error(err))
		panic(http.ErrAbortHandler) // the one way to tell who reads that it is not whole
	}
	h.log.Info("a backup was taken", zap.Int("records", sum.Records), zap.Int64("bytes", sum.Bytes))
}

// steady gives each write of a long answer as much time as the listener gives a whole one.
type steady struct {
	w       io.Writer
	control *http.ResponseController
}

func (s steady) Write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}
