package app

import (
	"context"
	"net"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// A notifier tells the service manager how the process stands: sd_notify(3), by a datagram to the socket that NOTIFY_SOCKET names. Without
// one, nobody asked and nothing is told.
type notifier struct {
	socket string
	every  time.Duration // how often the manager wants to hear that we make progress; 0: not at all
	log    *zap.Logger
}

// newNotifier reads what the service manager put into the environment: NOTIFY_SOCKET, and WATCHDOG_USEC for the process WATCHDOG_PID.
func newNotifier(log *zap.Logger) *notifier {
	n := &notifier{socket: os.Getenv("NOTIFY_SOCKET"), log: log}
	us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && us > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.every = time.Duration(us) * time.Microsecond / 3 // three words for each that is wanted: one may come late
	}
	return n
}

func (n *notifier) tell(ctx context.Context, state string) {
	if n.socket == "" {
		return
	}
	address := n.socket
	if address[0] == '@' { // an abstract socket
		address = "\x00" + address[1:]
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixgram", address)
	if err == nil {
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		n.log.Warn("the service manager could not be told how this process stands", zap.String("state", state), zap.Error(err))
	}
}

// watch tells the service manager that we make progress, for as long as alive says so, until ctx ends.
func (n *notifier) watch(ctx context.Context, alive func(context.Context) error) error {
	if n.socket == "" || n.every == 0 {
		return nil
	}
	for {
		if err := alive(ctx); err != nil {
			n.log.Error("this process stands still; the service manager is not told otherwise and starts it anew", zap.Error(err))
		} else {
			n.tell(ctx, "WATCHDOG=1")
		}
		if !sleep(ctx, n.every) {
			return nil
		}
	}
}
