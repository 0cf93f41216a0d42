package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// PositionArgs name a place in the source's log: by GTID, or by file and offset.
type PositionArgs struct {
	GTID   string `json:"gtid,omitempty"`
	File   string `json:"file,omitempty"`
	Pos    uint64 `json:"pos,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"` // look only
}

// A PositionAnswer is the position before and after.
type PositionAnswer struct {
	Before  *admin.Position `json:"before"` // null: none was saved
	After   *admin.Position `json:"after"`  // null: none is saved now
	Saved   bool            `json:"saved"`  // false: it was only looked at
	Move    string          `json:"move"`   // first, same, back, forward, unordered: from before to after
	Behind  uint64          `json:"behind_bytes"`
	Unknown string          `json:"unknown,omitempty"` // why it is not known what the tables looked like there; the log names its columns
}

// How a position moves.
const (
	MoveFirst     = "first"
	MoveSame      = "same"
	MoveBack      = "back"      // what lies between is read again
	MoveForward   = "forward"   // what lies between is never read
	MoveUnordered = "unordered" // of another server, or known by GTIDs only
)

// SetPosition saves another place to read from. It wants every bridge of the namespace stopped: one that listens would save its own place
// over this one.
//
// Invariant 2: the place is the end of a transaction, which the log itself proves. Invariant 6: what the tables looked like there goes with
// it, or is not claimed. Invariant 7: it is saved under the lead, like any position.
func (o *Operator) SetPosition(ctx context.Context, by string, a PositionArgs, tell Tell) (PositionAnswer, error) {
	var answer PositionAnswer
	if !a.DryRun {
		if err := o.mayMove(ctx); err != nil {
			return answer, err
		}
	}
	parts, err := o.parts()
	if err != nil {
		return answer, err
	}
	start := canal.Start{Mode: canal.StartFile, File: a.File, Pos: a.Pos}
	if a.GTID != "" {
		start = canal.Start{Mode: canal.StartGTID, GTID: a.GTID}
	}
	located, err := parts.source.Locate(ctx, start, func(done, total uint64) {
		tell(control.Progress{What: "reading the log, in MB", Done: int(done >> 20), Total: int(total >> 20)})
	})
	if err != nil {
		return answer, err
	}
	if err := o.before(ctx, &answer, &located.Checkpoint); err != nil {
		return answer, err
	}
	after := admin.PositionOf(located.Checkpoint)
	answer.After, answer.Behind, answer.Unknown = &after, located.Behind, located.Unknown
	if a.DryRun {
		return answer, nil
	}
	err = o.underTheLead(ctx, func(epoch uint64) error {
		_, err := o.store.Append(ctx, epoch, nil, &located.Checkpoint)
		return err
	})
	answer.Saved = err == nil
	if err == nil {
		o.log.Warn("the position is set by hand", zap.String("by", by), zap.String("gtid", after.GTID), zap.String("file", after.File), zap.Uint64("pos", after.Pos))
	}
	return answer, err
}

// ClearPosition forgets the saved position: the next bridge that listens begins as source.start says.
func (o *Operator) ClearPosition(ctx context.Context, by string, _ WholeArgs, _ Tell) (PositionAnswer, error) {
	var answer PositionAnswer
	if err := o.mayMove(ctx); err != nil {
		return answer, err
	}
	if err := o.before(ctx, &answer, nil); err != nil {
		return answer, err
	}
	err := o.underTheLead(ctx, func(epoch uint64) error { return o.store.ClearPosition(ctx, epoch) })
	answer.Saved = err == nil
	if err == nil {
		o.log.Warn("the position is cleared by hand", zap.String("by", by))
	}
	return answer, err
}

// before fills in the saved position, and how the next one lies to it.
func (o *Operator) before(ctx context.Context, answer *PositionAnswer, next *bridge.Checkpoint) error {
	cp, ok, err := o.store.Checkpoint(ctx)
	if err != nil {
		return err
	}
	answer.Move = MoveFirst
	if !ok {
		return nil
	}
	p := admin.PositionOf(cp)
	answer.Before = &p
	if next == nil {
		answer.Move = MoveBack
		return nil
	}
	answer.Move = moveOf(cp, *next)
	return nil
}

func moveOf(from, to bridge.Checkpoint) string {
	at := func(cp bridge.Checkpoint) bridge.Coordinates {
		return bridge.Coordinates{Server: cp.ServerUUID, File: cp.File, Pos: cp.Pos}
	}
	order, ordered := at(to).Compare(at(from))
	switch {
	case from.GTID != "" && from.GTID == to.GTID:
		return MoveSame
	case !ordered || from.File == "" || to.File == "":
		return MoveUnordered
	case order < 0:
		return MoveBack
	case order > 0:
		return MoveForward
	default:
		return MoveSame
	}
}

// mayMove refuses where the position must not be moved now.
func (o *Operator) mayMove(ctx context.Context) error {
	if o.running {
		return fmt.Errorf("%w, and saves its own position over any other. Stop every bridge of the namespace, and ask again", control.ErrBridgeRuns)
	}
	p, paused, err := o.store.Paused(ctx)
	if err != nil {
		return err
	}
	if paused && p.Kind != state.PausedByHand {
		// Invariant 4: the pause after a restore ends when the log was read from the restored position on, and that is known by a position
		// that was saved since.
		return errors.New("this store was restored from a backup, and what waits in it is sent only when the log was read on from the restored " +
			"position. Start a bridge, let it catch up, and run talkbridge resume; where the log is gone for good: talkbridge resume --force. " +
			"Move the position after that")
	}
	return o.underTheLead(ctx, func(uint64) error { return nil })
}

// leadForAMoment is how long the lead is held to save one position.
const leadForAMoment = 10 * time.Second

// underTheLead does something as the one that listens. A bridge that runs has the lead, and keeps it; one that stands by takes it up again
// afterwards, and begins at what was saved.
func (o *Operator) underTheLead(ctx context.Context, do func(epoch uint64) error) error {
	me := owner()
	epoch, ok, err := o.store.Lead(ctx, me, leadForAMoment)
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("%w and listens, and saves its own position over any other. Stop every bridge of the namespace, and ask again; one that "+
			"was killed holds its lead for %v", control.ErrBridgeRuns, leaseTTL)
	}
	err = do(epoch)
	return errors.Join(err, o.store.Resign(context.WithoutCancel(ctx), me))
}
