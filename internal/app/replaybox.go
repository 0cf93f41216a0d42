package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// A bound is an end of a stretch: a place in the log, a moment, or a set of transactions.
type bound struct {
	file  string
	pos   uint64
	at    time.Time
	gtid  string
	gtids canal.GTIDs // of gtid
}

// parseBound reads FILE:POS, a moment in the source's time zone, or a GTID set.
func parseBound(text string, zone *time.Location) (bound, error) {
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
	if strings.ContainsAny(text, "-:") {
		if gtids, err := canal.ParseGTIDs(text); err == nil {
			return bound{gtid: text, gtids: gtids}, nil
		}
	}
	return bound{}, fmt.Errorf("%q is no place of the log: write FILE:POS (binlog.000012:4), a moment (2026-03-01T08:00, by source.timezone), or a GTID set", text)
}

// behind tells whether a change is past the bound, as the end of a stretch.
func (b bound) behind(c bridge.Change) (bool, error) {
	if b.gtid == "" {
		return b.passed(c.At.File, c.At.Pos, c.CommittedAt), nil
	}
	has, err := b.gtids.Has(c)
	return !has, err
}

// reached tells whether everything up to the bound lies before a position.
func (b bound) reached(p bridge.Checkpoint) bool {
	if b.gtid == "" {
		return b.passed(p.File, p.Pos, p.CommittedAt)
	}
	return b.gtids.Within(p.GTID)
}

func (b bound) passed(file string, pos uint64, committed time.Time) bool {
	if !b.at.IsZero() {
		return committed.After(b.at)
	}
	m, n := bridge.LogNumber(file), bridge.LogNumber(b.file)
	return m > n || m == n && pos >= b.pos
}

// A replayBox is the outbox of a replay. In the first reading it notes the place of each record's last submission; in the second, which is
// told by queue, it submits what stands at these places. It keeps no position.
type replayBox struct {
	o             *Operator
	args          ReplayArgs
	from, to, end bound // end is the log's end when the replay began
	last          map[string]bridge.Coordinates
	lost          bool // the ledger lacks a record of the stretch
	queue         bool
	answer        Replayed
	tell          Tell
	stop          func()
	past          bool // the end of the stretch is reached; reading may go on to the log's end
	over          bool // there is no more to read; only the source's own goroutine writes it, and it is read when that has ended
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
	wanted, err := b.wanted(changes)
	if err == nil && b.queue {
		err = b.submit(ctx, wanted)
	} else if err == nil {
		err = b.note(ctx, wanted)
	}
	if err != nil || position == nil {
		return err
	}
	if !b.past {
		b.answer.File, b.answer.Pos, b.past = position.File, position.Pos, b.to.reached(*position)
	}
	b.tell(control.Progress{What: fmt.Sprintf("%s:%d, submissions", position.File, position.Pos), Done: b.answer.Submissions})
	if b.end.reached(*position) || b.past && (b.queue || b.args.Dry || !b.lost) {
		b.over = true
		b.stop()
	}
	return nil
}

// A wanted is a change that may matter to a replay.
type wanted struct {
	bridge.Change

	inside bool // the stretch; else it comes behind it
}

// wanted gives the changes in and behind the stretch, on the routes that are asked for.
func (b *replayBox) wanted(changes []bridge.Change) ([]wanted, error) {
	var out []wanted
	for _, c := range changes {
		if b.args.Route != "" && c.Route != b.args.Route || !b.from.at.IsZero() && c.CommittedAt.Before(b.from.at) {
			continue
		}
		past, err := b.to.behind(c)
		if err != nil {
			return nil, fmt.Errorf("%w: --to: %w", canal.ErrHalt, err)
		}
		out = append(out, wanted{c, !past && !b.end.passed(c.At.File, c.At.Pos, c.CommittedAt)})
	}
	return out, nil
}

// note takes in where each record's last submission is: in the stretch, or behind it.
func (b *replayBox) note(ctx context.Context, changes []wanted) error {
	var inside []bridge.Change
	for _, c := range changes {
		if c.inside {
			inside = append(inside, c.Change)
		}
	}
	if !b.lost && !b.args.Dry {
		standings, err := b.o.store.Compare(ctx, inside)
		if err != nil {
			return err
		}
		b.lost = slices.ContainsFunc(standings, state.Standing.Doubtful)
	}
	b.answer.Submissions += len(inside)
	for _, c := range changes {
		if _, found := b.last[c.ID()]; found || c.inside {
			b.last[c.ID()] = c.At
		}
	}
	return nil
}

// submit queues those that are their record's last.
func (b *replayBox) submit(ctx context.Context, changes []wanted) error {
	var last []bridge.Change
	for _, c := range changes {
		if c.inside && b.last[c.ID()] == c.At {
			last = append(last, c.Change)
		}
	}
	n, left, err := b.o.submit(ctx, last, true, b.args.Discarded)
	b.answer.Queued, b.answer.Discarded = b.answer.Queued+n, b.answer.Discarded+left
	return err
}
