package chaos

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"talkbridge/internal/rig"
)

// A keeper keeps a bridge running, as a service manager does: one that ends is started again a second later.
type keeper struct {
	*rig.Bridge

	mu      sync.Mutex      // guards what follows, and starting and ending the process
	held    bool            // it is down on purpose
	ours    <-chan struct{} // the end that we brought about last
	changed chan struct{}
	endings []ending
}

// An ending is one that nobody asked for.
type ending struct {
	bridge string
	at     time.Time
	how    string // the bridge's own last words
}

func newKeeper(b *rig.Bridge) *keeper {
	b.Ready = nil // whether it is ready is not the service manager's business
	return &keeper{Bridge: b, changed: make(chan struct{}, 1)}
}

// run keeps the bridge until ctx ends, and then leaves it as it is.
func (k *keeper) run(ctx context.Context) error {
	for ctx.Err() == nil {
		k.mu.Lock()
		if k.held {
			k.mu.Unlock()
			select {
			case <-k.changed:
			case <-ctx.Done():
			}
			continue
		}
		err := k.Start(ctx)
		k.mu.Unlock()
		if err != nil {
			return err
		}
		ended := k.Ended()
		select {
		case <-ended:
		case <-ctx.Done():
			return nil
		}
		k.mu.Lock()
		if k.ours != ended {
			k.endings = append(k.endings, ending{k.Name, time.Now(), k.lastWords()})
		}
		k.mu.Unlock()
		rig.Pause(ctx, time.Second)
	}
	return nil
}

// down ends the bridge and keeps it so until up. An orderly end has to be a good one.
func (k *keeper) down(orderly bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = true
	select {
	case <-k.Ended(): // by itself, before we came
		return nil
	default:
	}
	k.ours = k.Ended()
	if !orderly {
		k.Kill()
		return nil
	}
	return k.Stop()
}

func (k *keeper) up() {
	k.mu.Lock()
	k.held = false
	k.mu.Unlock()
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *keeper) sleep() { k.Signal(syscall.SIGSTOP) }
func (k *keeper) wake()  { k.Signal(syscall.SIGCONT) }

func (k *keeper) ends() []ending {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]ending(nil), k.endings...)
}

// lastWords is the last line of the bridge's log.
func (k *keeper) lastWords() string {
	text, err := os.ReadFile(k.Log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}
