package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
)

// ReplayArgs name a stretch of the source's log: FILE:POS, a GTID set, or a moment. To is where it ends; empty: the log's end now.
type ReplayArgs struct {
	From  string `json:"from"`
	To    string `json:"to,omitempty"`
	Route string `json:"route,omitempty"` // empty: every route
	Dry   bool   `json:"dry"`             // only count

	Discarded bool `json:"discarded"` // also what was given up by hand as it is
}

func (a ReplayArgs) objects() []string {
	if a.Dry {
		return nil
	}
	return once("log from " + a.From)
}

func (a ReplayArgs) reason() string { return "route " + orAll(a.Route) }

// A Replayed is what was found in the stretch.
type Replayed struct {
	Submissions int    `json:"submissions"` // in the stretch, on the routes that were asked for
	Records     int    `json:"records"`     // that they are of
	Queued      int    `json:"queued"`      // records whose last submission is sent (again); of the others the ledger or the log has a newer one
	Discarded   int    `json:"discarded"`   // left as they are, since they were given up by hand
	Dry         bool   `json:"dry"`
	File        string `json:"file"` // where reading the stretch ended: at its end, or a little behind it
	Pos         uint64 `json:"pos"`
}

// Replay reads a stretch of the source's log again, as the listener would, and submits what it finds once more: the last submission of each
// record in it, unless the ledger or the log has a newer one. The saved position stays as it is, and bridges may run. A stretch that the
// server has purged in part, and one whose tables cannot be known for certain (Invariant 6), is an error, and nothing is submitted.
//
// The log is read twice: once to learn which submission of each record is its last, and once to submit those. A ledger that has lost a
// record cannot tell an older submission from a newer one, so nothing is submitted that a later event takes the place of (Invariant 4); where
// the ledger lacks any record of the stretch, the first reading goes on to the end of the log for the same reason.
func (o *Operator) Replay(ctx context.Context, by string, a ReplayArgs, tell Tell) (Replayed, error) {
	box, err := o.replayed(ctx, a, tell)
	if err != nil {
		return Replayed{Dry: a.Dry}, err
	}
	err = o.readStretch(ctx, box)
	box.answer.Records = len(box.last)
	if err == nil && !a.Dry && len(box.last) > 0 {
		box.queue, box.past, box.over = true, false, false
		err = o.readStretch(ctx, box)
	}
	o.log.Info("a stretch of log was read again", zap.String("by", by), zap.String("from", a.From), zap.String("to", a.To),
		zap.Int("submissions", box.answer.Submissions), zap.Int("records", box.answer.Records), zap.Int("queued", box.answer.Queued),
		zap.Bool("dry", a.Dry), zap.Error(err))
	return box.answer, err
}

// replayed checks what is asked for.
func (o *Operator) replayed(ctx context.Context, a ReplayArgs, tell Tell) (*replayBox, error) {
	box := &replayBox{o: o, args: a, answer: Replayed{Dry: a.Dry}, last: map[string]bridge.Coordinates{}, tell: tell}
	var err error
	if box.from, err = parseBound(a.From, o.config.Source.Location); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	if a.Route != "" && !slices.Contains(routeNames(o.config), a.Route) {
		return nil, fmt.Errorf("no route %s in the configuration: there is %v", a.Route, routeNames(o.config))
	}
	parts, err := o.parts()
	if err != nil {
		return nil, err
	}
	if box.end.file, box.end.pos, err = parts.source.End(ctx); err != nil {
		return nil, err
	}
	if box.to = box.end; a.To != "" {
		if box.to, err = parseBound(a.To, o.config.Source.Location); err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
	}
	if from := box.from; from.file != "" && box.to.file != "" && box.to.reached(bridge.Checkpoint{File: from.file, Pos: from.pos}) {
		return nil, fmt.Errorf("there is nothing to read from %s on: the stretch ends at %s:%d. talkbridge position show has the place that is saved",
			a.From, box.to.file, box.to.pos)
	}
	return box, o.stillThere(ctx, parts.source, box.from)
}

// stillThere checks that the server has the log from a bound on. Where it has not, what was submitted in the missing part would go
// unnoticed.
func (o *Operator) stillThere(ctx context.Context, source *canal.Source, from bound) error {
	oldest, begun, err := source.Oldest(ctx)
	if err != nil {
		return err
	}
	wayOut := fmt.Sprintf("The oldest that the server still has is %s, begun at %s: --from %s:4 begins there. talkbridge reconcile --fix finds what is "+
		"flagged, whatever the log has", oldest, begun.In(o.config.Source.Location).Format("2006-01-02T15:04:05"), oldest)
	switch {
	case from.gtid != "":
		if err := source.Has(ctx, from.gtid); err != nil {
			return fmt.Errorf("--from %s: %w. %s", from.gtid, err, wayOut)
		}
	case from.file != "":
		if bridge.LogNumber(from.file) < bridge.LogNumber(oldest) {
			return fmt.Errorf("--from: the server has purged %s. %s", from.file, wayOut)
		}
	case begun.After(from.at):
		return fmt.Errorf("--from: the log of %s is purged, or was never written. %s", from.at.In(o.config.Source.Location).Format(time.DateTime), wayOut)
	}
	return nil
}

// readStretch reads the log once into the box.
func (o *Operator) readStretch(ctx context.Context, box *replayBox) error {
	parts, err := o.parts()
	if err != nil {
		return err
	}
	listen := canalOptions(o.config, parts.mapper)
	listen.Logger, listen.Instance, listen.ServerID, listen.OnPurged = o.log.Named("replay"), owner()+"/replay", 0, canal.PurgedStop
	listen.Outbox = box
	switch from := box.from; {
	case from.gtid != "":
		listen.Start = canal.Start{Mode: canal.StartGTID, GTID: from.gtid}
	case from.file != "":
		listen.Start = canal.Start{Mode: canal.StartFile, File: from.file, Pos: from.pos}
	default:
		listen.Start = canal.Start{Mode: canal.StartEarliest} // what is before the moment is read over
	}
	source, err := canal.New(listen)
	if err != nil {
		return err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	box.stop = stop
	err = source.Run(reading)
	if box.over { // we ended it
		err = nil
	} else if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, source.Close())
}
