package app

import (
	"context"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// How long the saved position may stand still before a listener is given up waiting for, and how often it is looked at. An idle listener
// saves its position every five seconds.
const (
	standstill = 15 * time.Second
	coverPoll  = 200 * time.Millisecond
)

// A follower waits for the listener to read what rows that were read from their table have in them already. What the log still holds of
// them would else look missing, and, at another server after a fail-over, would come behind them though it is older: places of two servers
// cannot be ordered (ADR 0014).
type follower struct {
	store *state.Store
	tell  Tell
	// behind: the listener stood still before a place that was asked for. Nobody listens, or it is held up; it is not waited for again.
	behind bool
}

// reaches waits until the saved position is at or behind a place of the log, or has stood still for too long.
func (f *follower) reaches(ctx context.Context, at bridge.Coordinates) error {
	var last bridge.Coordinates
	moved := time.Now()
	for !f.behind {
		cp, ok, err := f.store.Checkpoint(ctx)
		if err != nil {
			return err
		}
		now := bridge.Coordinates{Server: cp.ServerUUID, File: cp.File, Pos: cp.Pos}
		switch order, ordered := now.Compare(at); {
		case ok && now.Server != "" && now.Server != at.Server:
			return fmt.Errorf("the saved position is one of another server's log (%s) than the one at source.addr (%s), and places of two logs cannot be "+
				"ordered. Let a bridge go on there first", now.Server, at.Server)
		case ok && ordered && order >= 0:
			return nil
		case now != last:
			last, moved = now, time.Now()
		case time.Since(moved) > standstill:
			f.behind = true
			return nil
		}
		f.tell(control.Progress{What: "waiting for the listener to read the log up to now"})
		if !sleep(ctx, coverPoll) {
			return context.Cause(ctx)
		}
	}
	return nil
}
