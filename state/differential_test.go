package state_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// TestBackEndsAgree runs the same random commands on both back ends, under the same clock, and wants the same answer to each
// and the same ledger after each: the rules are written twice, in Go and in Lua, and must be one.
func TestBackEndsAgree(t *testing.T) {
	url := testserver.StartRedis(t).URL()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		p := &pair{
			ctx: t.Context(), rt: rt, worlds: [2]*storetest.World{embeddedWorld(t), redisWorld(t, url, url, fmt.Sprintf("agree-%d", n))},
			held: map[string][2]bridge.Lease{},
		}
		p.worlds[0].Hurry()
		p.both(func(w *storetest.World) any {
			epoch, ok, err := w.Lead(t.Context(), "a", 1000*time.Hour)
			p.epoch = epoch
			return []any{epoch, ok, word(err)}
		})
		p.lease(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"": p.same, "append": p.append, "lease": p.lease, "settle": p.settle, "release": p.release,
			"take": p.take, "beside": p.beside, "retry": p.retry, "discard": p.discard, "advance": p.advance, "lead": p.lead,
		})
	})
}

// A pair is two stores that get the same commands.
type pair struct {
	ctx    context.Context
	rt     *rapid.T
	worlds [2]*storetest.World
	epoch  uint64
	held   map[string][2]bridge.Lease // every lease ever given, by record and seq and attempt
	names  []string                   // the keys of held, in order
	pos    uint64
}

// both runs a command on both and compares the answers.
func (p *pair) both(command func(w *storetest.World) any) {
	a, b := command(p.worlds[0]), command(p.worlds[1])
	if diff := cmp.Diff(a, b); diff != "" {
		p.rt.Fatalf("embedded and Redis differ (-embedded +Redis)\n%s", diff)
	}
}

// word is an error's kind.
func word(err error) string {
	for _, known := range []error{state.ErrFenced, state.ErrLeaseLost, state.ErrNotFound, state.ErrNoContent, state.ErrSending, state.ErrNotWaiting} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "another error: " + err.Error()
	}
	return ""
}

var ids = []string{"one/1", "one/2", "multi/1"}

func (p *pair) append(rt *rapid.T) {
	var changes []bridge.Change
	for range rapid.IntRange(1, 4).Draw(rt, "changes") {
		id := rapid.SampledFrom(ids).Draw(rt, "id")
		route, key, _ := bridge.SplitRecordID(id)
		p.pos += uint64(rapid.IntRange(0, 2).Draw(rt, "step"))
		at := bridge.Coordinates{
			Server: rapid.SampledFrom([]string{"s1", "s1", "s1", "s2"}).Draw(rt, "server"), File: "binlog.000001", Pos: p.pos,
		}
		if rapid.IntRange(0, 4).Draw(rt, "old") == 0 {
			at.Pos = rapid.Uint64Range(0, p.pos).Draw(rt, "position")
		}
		c := storetest.Change(route, key, rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "text"), at, p.worlds[0].Now())
		if rapid.Bool().Draw(rt, "scan") {
			c.Origin = bridge.OriginScan
		}
		changes = append(changes, c)
	}
	var cp *bridge.Checkpoint
	if rapid.Bool().Draw(rt, "checkpoint") {
		cp = &bridge.Checkpoint{File: "binlog.000001", Pos: p.pos}
	}
	p.both(func(w *storetest.World) any {
		queued, err := w.Append(p.ctx, p.epoch, changes, cp)
		return []any{queued, word(err)}
	})
}

func (p *pair) lease(rt *rapid.T) {
	limit := rapid.IntRange(1, 3).Draw(rt, "limit")
	ttl := time.Duration(rapid.IntRange(1, 20).Draw(rt, "ttl")) * time.Second
	var given [2][]bridge.Lease
	i := 0
	p.both(func(w *storetest.World) any {
		leases, err := w.Lease(p.ctx, limit, ttl)
		given[i] = leases
		i++
		var shown []bridge.Lease
		for _, l := range leases {
			l.Token, l.Until = "", time.Time{} // random, and this process's clock
			shown = append(shown, l)
		}
		return []any{shown, word(err)}
	})
	for i, l := range given[0] {
		name := fmt.Sprintf("%s #%d/%d %s", l.ID, l.Seq, l.Attempts, l.Token)
		p.held[name] = [2]bridge.Lease{l, given[1][i]}
		p.names = append(p.names, name)
	}
}

// beside submits what was read beside the listener, a row or an event of a stretch, of this server's log or of another's.
func (p *pair) beside(rt *rapid.T) {
	id := rapid.SampledFrom(ids).Draw(rt, "id")
	route, key, _ := bridge.SplitRecordID(id)
	at := bridge.Coordinates{Server: rapid.SampledFrom([]string{"s1", "s1", "s2"}).Draw(rt, "server"), File: "binlog.000001"}
	at.Pos = rapid.Uint64Range(0, p.pos+1).Draw(rt, "position")
	c := storetest.Change(route, key, rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "text"), at, p.worlds[0].Now())
	if rapid.Bool().Draw(rt, "scan") {
		c.Origin, c.EventID = bridge.OriginScan, "row:"+c.EventID
	}
	again := rapid.Bool().Draw(rt, "again")
	p.both(func(w *storetest.World) any {
		standings, err := w.Compare(p.ctx, []bridge.Change{c})
		queued, err2 := w.Submit(p.ctx, []bridge.Change{c}, again)
		return []any{standings, word(err), queued, word(err2)}
	})
}

// take leases a record by name, with or without what a scan found.
func (p *pair) take(rt *rapid.T) {
	id := rapid.SampledFrom(ids).Draw(rt, "id")
	var change *bridge.Change
	if rapid.Bool().Draw(rt, "scan") {
		route, key, _ := bridge.SplitRecordID(id)
		p.pos += uint64(rapid.IntRange(0, 1).Draw(rt, "step"))
		at := bridge.Coordinates{Server: rapid.SampledFrom([]string{"s1", "s2"}).Draw(rt, "server"), File: "binlog.000001", Pos: p.pos}
		c := storetest.Change(route, key, rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "text"), at, p.worlds[0].Now())
		c.Origin, c.EventID = bridge.OriginScan, "push:"+c.EventID
		change = &c
	}
	var given [2]bridge.Lease
	i := 0
	p.both(func(w *storetest.World) any {
		l, err := w.Take(p.ctx, id, change, 10*time.Second)
		given[i] = l
		i++
		l.Token, l.Until = "", time.Time{}
		return []any{l, word(err)}
	})
	if l := given[0]; l.ID != "" {
		name := fmt.Sprintf("%s #%d/%d %s", l.ID, l.Seq, l.Attempts, l.Token)
		p.held[name] = given
		p.names = append(p.names, name)
	}
}

// pick draws a lease, more often a late one.
func (p *pair) pick(rt *rapid.T) [2]bridge.Lease {
	if len(p.names) == 0 {
		rt.Skip("no lease yet")
	}
	back := min(rapid.IntRange(0, 4).Draw(rt, "back"), len(p.names)-1)
	return p.held[p.names[len(p.names)-1-back]]
}

func (p *pair) settle(rt *rapid.T) {
	l := p.pick(rt)
	v := bridge.Settlement{
		Verdict: rapid.SampledFrom([]bridge.Verdict{bridge.VerdictDelivered, bridge.VerdictRetry, bridge.VerdictRejected}).Draw(rt, "verdict"),
		After:   time.Duration(rapid.IntRange(0, 30).Draw(rt, "after")) * time.Second,
		Stage:   bridge.StagePlatform, Code: "503", Message: "忙",
		Problems: []bridge.Problem{{Field: "f", Column: "c", Rule: "r", Message: "<m>"}},
	}
	i := -1
	p.both(func(w *storetest.World) any {
		i++
		return word(w.Settle(p.ctx, l[i], v))
	})
}

func (p *pair) release(rt *rapid.T) {
	l := p.pick(rt)
	i := -1
	p.both(func(w *storetest.World) any {
		i++
		return word(w.Release(p.ctx, l[i]))
	})
}

func (p *pair) retry(rt *rapid.T) {
	id := rapid.SampledFrom(ids).Draw(rt, "id")
	p.both(func(w *storetest.World) any { return word(w.Retry(p.ctx, id)) })
}

func (p *pair) discard(rt *rapid.T) {
	id := rapid.SampledFrom(ids).Draw(rt, "id")
	p.both(func(w *storetest.World) any { return word(w.Discard(p.ctx, id)) })
}

func (p *pair) advance(rt *rapid.T) {
	d := time.Duration(rapid.IntRange(0, 15000).Draw(rt, "ms")) * time.Millisecond
	if rapid.IntRange(0, 20).Draw(rt, "far") == 0 {
		d = storetest.Retention
	}
	for _, w := range p.worlds {
		w.Advance(d)
	}
}

func (p *pair) lead(rt *rapid.T) {
	owner := rapid.SampledFrom([]string{"a", "a", "b"}).Draw(rt, "owner")
	resign := rapid.IntRange(0, 3).Draw(rt, "resign") == 0
	p.both(func(w *storetest.World) any {
		if resign {
			return word(w.Resign(p.ctx, owner))
		}
		epoch, ok, err := w.Lead(p.ctx, owner, 20*time.Second)
		if ok {
			p.epoch = epoch
		}
		return []any{epoch, ok, word(err)}
	})
}

// same compares everything that can be seen.
func (p *pair) same(*rapid.T) {
	ctx := p.ctx
	p.both(func(w *storetest.World) any {
		counts, oldest, err := w.Counts(ctx)
		wait, ok, err2 := w.NextDue(ctx)
		cp, saved, err3 := w.Checkpoint(ctx)
		out := []any{counts, oldest, word(err), wait, ok, word(err2), cp, saved, word(err3)}
		for _, status := range append(bridge.Statuses(), "") {
			f := state.Filter{Status: status, Limit: 2}
			for {
				records, next, err := w.Records(ctx, f)
				out = append(out, records, next, word(err))
				if f.After = next; next == "" {
					break
				}
			}
		}
		return out
	})
	shown := 0
	for _, status := range bridge.Statuses() {
		records, _, err := p.worlds[0].Records(ctx, state.Filter{Status: status})
		require.NoError(p.rt, err)
		shown += len(records)
	}
	counts, _, err := p.worlds[0].Counts(ctx)
	require.NoError(p.rt, err)
	for _, n := range counts {
		shown -= n
	}
	require.Zero(p.rt, shown, "every record is counted and listed, once")
}
