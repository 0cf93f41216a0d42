package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// PauseKind is what made delivery pause.
type PauseKind string

// The kinds of a pause.
const (
	PausedByHand    PauseKind = "hand"
	PausedRestoring PauseKind = "restoring" // a restore writes, or died while it did
	PausedRestored  PauseKind = "restored"
)

// A Pause is a stop of delivery that every process of the namespace keeps: nothing is leased. Calls in flight end and are
// settled, what was leased before and waits for a worker, for two seconds at most, still goes out, and reading goes on.
type Pause struct {
	Since  time.Time `json:"since"` // by the store's clock
	Kind   PauseKind `json:"kind"`
	Reason string    `json:"reason,omitempty"`
}

// pauseNote is what is kept of a Pause beside its time.
type pauseNote struct {
	Kind   PauseKind `json:"kind"`
	Reason string    `json:"reason,omitempty"`
}

// Pause stops delivery until Resume. It gives the pause that is in force then: where delivery was paused already, that one stays,
// and changed is false.
func (s *Store) Pause(ctx context.Context, reason string) (p Pause, changed bool, err error) {
	changed, err = s.putPause(ctx, pauseNote{PausedByHand, reason}, false)
	if err != nil {
		return Pause{}, false, err
	}
	p, _, err = s.Paused(ctx)
	return p, changed, err
}

func (s *Store) putPause(ctx context.Context, n pauseNote, replace bool) (bool, error) {
	note, err := json.Marshal(n)
	if err != nil {
		return false, fmt.Errorf("pause delivery: %w", err)
	}
	changed, err := s.back.pause(ctx, note, replace)
	if err != nil {
		return false, fmt.Errorf("pause delivery: %w", err)
	}
	return changed, nil
}

// Paused tells whether delivery is paused, since when and why.
func (s *Store) Paused(ctx context.Context) (Pause, bool, error) {
	p, _, ok, err := s.pauseNow(ctx)
	return p, ok, err
}

func (s *Store) pauseNow(ctx context.Context) (p Pause, raw []byte, ok bool, err error) {
	raw, since, err := s.back.paused(ctx)
	if err != nil {
		return Pause{}, nil, false, fmt.Errorf("look for a pause: %w", err)
	}
	if raw == nil {
		return Pause{}, nil, false, nil
	}
	var n pauseNote
	if json.Unmarshal(raw, &n) != nil { // whatever it says, it is a pause
		n = pauseNote{Kind: PausedByHand}
	}
	return Pause{Since: time.UnixMilli(since).UTC(), Kind: n.Kind, Reason: n.Reason}, raw, true, nil
}

// Resume ends a pause, and tells which; changed is false where there was none.
//
// After a restore it is ErrNotCaughtUp until a position was saved since: what waits in an older copy may have been superseded and
// delivered since the copy was made, and only the source's log, read again, tells (Invariant 4). force resumes nevertheless, for a
// source that is gone. A restore that did not end is ErrHalfRestored, force or not.
func (s *Store) Resume(ctx context.Context, force bool) (p Pause, changed bool, err error) {
	p, raw, ok, err := s.pauseNow(ctx)
	if err != nil || !ok {
		return p, false, err
	}
	if err := s.mayResume(ctx, p, force); err != nil {
		return p, false, fmt.Errorf("resume delivery: %w", err)
	}
	changed, err = s.back.resume(ctx, raw)
	if err != nil {
		return p, false, fmt.Errorf("resume delivery: %w", err)
	}
	if !changed {
		return p, false, errors.New("resume delivery: another pause took the place of this one meanwhile; look at it and resume again")
	}
	s.hint()
	return p, true, nil
}

func (s *Store) mayResume(ctx context.Context, p Pause, force bool) error {
	switch {
	case p.Kind == PausedRestoring:
		return ErrHalfRestored
	case p.Kind != PausedRestored || force:
		return nil
	}
	cp, ok, err := s.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if !ok || !cp.SavedAt.After(p.Since) {
		return ErrNotCaughtUp
	}
	return nil
}
