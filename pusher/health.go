package pusher

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// outboxHealth remembers whether the outbox answers, so that each change is logged once, and how long to leave it alone.
type outboxHealth struct {
	log *zap.Logger

	mu   sync.Mutex // guards what follows
	down bool
	wait time.Duration
}

// away notes a failure and says how long to wait.
func (h *outboxHealth) away(err error) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down {
		h.log.Warn("the outbox does not answer; delivery waits and goes on by itself", zap.String("error", Redact(err.Error())))
	}
	h.down = true
	h.wait = min(max(2*h.wait, 100*time.Millisecond), 5*time.Second)
	return h.wait
}

// back notes that the outbox answers.
func (h *outboxHealth) back() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		h.log.Info("the outbox answers again; delivery goes on")
	}
	h.down, h.wait = false, 0
}
