package platformsim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// stopLimit is how long calls may take to end when the server stops.
const stopLimit = 5 * time.Second

// Serve answers on a listener until ctx ends, then finishes the calls under way; those that hang are broken off.
func (s *Sim) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.Close()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	err := server.Shutdown(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-ended //nolint:errcheck // it says that the server was closed, which we did
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
