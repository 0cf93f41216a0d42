package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
)

// ReplayArgs name a stretch of the source's log: FILE:POS, a GTID set, or a moment. To is where it ends; empty: the log's end now.
type ReplayArgs struct {
	From  string `json:"from"`
	To    string `json:"to,omitempty"`    // FILE:POS or a moment
	Route string `json:"route,omitempty"` // empty: every route
	Dry   bool   `json:"dry"`             // only count
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
	Queued      int    `json:"queued"`      // those that are sent (again); the others are older than what the ledger holds
	Dry         bool   `json:"dry"`
	File        string `json:"file"` // where reading ended
	Pos         uint64 `json:"pos"`
}

// A bound is an end of a stretch: a place in the log or a moment.
type bound struct {
	file string
	pos  uint64
	at   time.Time
	gtid string
}

// parseBound reads FILE:POS, a moment in the source's time zone, or, where sets are allowed, a GTID set.
func parseBound(text string, zone *time.Location, sets bool) (bound, error) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return bound{at: at}, nil
		}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return bound{at: at}, nil
	}
	if file, pos, ok := strings.Cut(text, ":"); ok && bridge.LogNumber(file) > 0 {
		if n, err := strconv.ParseUint(pos, 10, 64); err == nil {
			return bound{file: file, pos: n}, nil
		}
	}
	if sets && text != "" && strings.ContainsAny(text, "-:") {
		return bound{gtid: text}, nil
	}
	return bound{}, fmt.Errorf("%q is no place of the log: write FILE:POS (binlog.000012:4), a moment (2026-03-01T08:00, by source.timezone)%s", text,
		map[bool]string{true: ", or a GTID set"}[sets])
}

// behind tells whether a place, or the moment of a commit there, is past the bound.
func (b bound) behind(file string, pos uint64, committed time.Time) bool {
	switch {
	case !b.at.IsZero():
		return committed.After(b.at)
	case b.file != "":
		m, n := bridge.LogNumber(file), bridge.LogNumber(b.file)
		return m > n || m == n && pos >= b.pos
	default:
		return false
	}
}

// Replay reads a stretch of the source's log again, as the listener would, and submits what it finds once more: each submission in it
// whose record holds nothing newer. The saved position stays as it is, and bridges may run. A stretch that the server has purged, and one
// whose tables cannot be known for certain (Invariant 6), is an error.
func (o *Operator) Replay(ctx context.Context, by string, a ReplayArgs, tell Tell) (Replayed, error) {
	answer := Replayed{Dry: a.Dry}
	from, err := parseBound(a.From, o.config.Source.Location, true)
	if err != nil {
		return answer, fmt.Errorf("--from: %w", err)
	}
	if a.Route != "" && !slices.Contains(routeNames(o.config), a.Route) {
		return answer, fmt.Errorf("no route %s in the configuration: there is %v", a.Route, routeNames(o.config))
	}
	parts, err := o.parts()
	if err != nil {
		return answer, err
	}
	box := &replayBox{o: o, args: a, from: from, answer: &answer, tell: tell}
	if a.To != "" {
		if box.to, err = parseBound(a.To, o.config.Source.Location, false); err != nil {
			return answer, fmt.Errorf("--to: %w", err)
		}
	} else if box.to.file, box.to.pos, err = parts.source.End(ctx); err != nil {
		return answer, err
	}
	if from.file != "" && box.to.file != "" && box.to.behind(from.file, from.pos, time.Time{}) {
		return answer, fmt.Errorf("there is nothing to read from %s on: the stretch ends at %s:%d. talkbridge position show has the place that is saved",
			a.From, box.to.file, box.to.pos)
	}
	listen := canalOptions(o.config, parts.mapper)
	listen.Logger, listen.Instance, listen.ServerID, listen.OnPurged = o.log.Named("replay"), owner()+"/replay", 0, canal.PurgedStop
	listen.Outbox = box
	switch {
	case from.gtid != "":
		listen.Start = canal.Start{Mode: canal.StartGTID, GTID: from.gtid}
	case from.file != "":
		listen.Start = canal.Start{Mode: canal.StartFile, File: from.file, Pos: from.pos}
	default:
		listen.Start = canal.Start{Mode: canal.StartEarliest} // what is before the moment is read over
	}
	source, err := canal.New(listen)
	if err != nil {
		return answer, err
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
	o.log.Info("a stretch of log was read again", zap.String("by", by), zap.String("from", a.From), zap.Int("submissions", answer.Submissions),
		zap.Int("queued", answer.Queued), zap.Bool("dry", a.Dry), zap.Error(err))
	return answer, errors.Join(err, source.Close())
}

// A replayBox is the outbox of a replay: it submits, and keeps no position.
type replayBox struct {
	o        *Operator
	args     ReplayArgs
	from, to bound
	answer   *Replayed
	tell     Tell
	stop     func()
	over     bool // the end is reached; only the source's own goroutine writes it, and it is read when that has ended
}

// Checkpoint implements canal.Outbox: reading begins where it is told to.
func (b *replayBox) Checkpoint(context.Context) (bridge.Checkpoint, bool, error) {
	return bridge.Checkpoint{}, false, nil
}

// Append implements canal.Outbox.
func (b *replayBox) Append(ctx context.Context, changes []bridge.Change, position *bridge.Checkpoint) error {
	if b.over {
		return nil
	}
	var wanted []bridge.Change
	for _, c := range changes {
		switch {
		case b.to.behind(c.At.File, c.At.Pos, c.CommittedAt) || b.args.Route != "" && c.Route != b.args.Route:
		case !b.from.at.IsZero() && c.CommittedAt.Before(b.from.at):
		default:
			wanted = append(wanted, c)
		}
	}
	b.answer.Submissions += len(wanted)
	if !b.args.Dry {
		n, err := b.o.store.Submit(ctx, wanted, true)
		if err != nil {
			return err
		}
		b.answer.Queued += n
	}
	if position != nil {
		b.answer.File, b.answer.Pos = position.File, position.Pos
		b.tell(control.Progress{What: fmt.Sprintf("%s:%d, submissions", position.File, position.Pos), Done: b.answer.Submissions})
		if b.to.behind(position.File, position.Pos, position.CommittedAt) {
			b.over = true
			b.stop()
		}
	}
	return nil
}
