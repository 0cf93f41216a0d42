package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// ReconcileArgs say what is compared, and whether what does not agree is submitted.
type ReconcileArgs struct {
	Route string `json:"route,omitempty"` // empty: every route
	Fix   bool   `json:"fix"`

	// onlyMissing submits rows that the ledger lacks and leaves those that differ: nobody pressed for what they hold now. For the schedule.
	onlyMissing bool
	cause       state.Cause // empty: by hand
}

// BackfillArgs say which route's flagged rows are submitted.
type BackfillArgs struct {
	Route string `json:"route"`
	Again bool   `json:"again"` // also those that were delivered or refused as they are
	// Discarded takes in, with Again, those that were given up by hand as they are: somebody decided that they stay at the school.
	Discarded bool `json:"discarded"`
}

func (a ReconcileArgs) objects() []string {
	if !a.Fix {
		return nil
	}
	return once("route " + orAll(a.Route))
}

func (ReconcileArgs) reason() string { return "" }

func (a BackfillArgs) objects() []string { return once("route " + a.Route) }

func (a BackfillArgs) reason() string {
	switch {
	case a.Again && a.Discarded:
		return "again, discarded too"
	case a.Again:
		return "again"
	default:
		return ""
	}
}

func orAll(route string) string {
	if route == "" {
		return "all"
	}
	return route
}

// A Reconciliation is how the rows that are flagged at the source stand to the ledger.
type Reconciliation struct {
	Fixed  bool              `json:"fixed"`  // what did not agree was submitted
	Behind bool              `json:"behind"` // the listener stood still before what was read: what it has yet to read counts as missing or differing
	Routes []RouteReconciled `json:"routes"`
}

// RouteReconciled is one route's part of it.
type RouteReconciled struct {
	state.Figures

	Route        string   `json:"route"`
	MissingIDs   []string `json:"missing_ids"`   // the first thousand
	DifferingIDs []string `json:"differing_ids"` // likewise

	behind bool // as Reconciliation's, for this route
}

// idsLimit bounds the lists of ids.
const idsLimit = 1000

// Agrees tells whether nothing is missing and nothing differs, or all of it was submitted.
func (r Reconciliation) Agrees() bool {
	return r.Fixed || !slices.ContainsFunc(r.Routes, func(r RouteReconciled) bool { return r.Missing+r.Differing > 0 })
}

// Reconcile holds every flagged row against the ledger, by the keyed digest of its columns, and submits what does not agree if that is
// asked for. It may run beside bridges that listen and deliver: each row has the place in the log at which it was read, and the store
// lets nothing that is older than what it holds take its place (ADR 0014).
func (o *Operator) Reconcile(ctx context.Context, by string, a ReconcileArgs, tell Tell) (Reconciliation, error) {
	answer := Reconciliation{Fixed: a.Fix, Routes: []RouteReconciled{}}
	routes := routeNames(o.config)
	if a.Route != "" {
		if !slices.Contains(routes, a.Route) {
			return answer, fmt.Errorf("no route %s in the configuration: there is %v", a.Route, routes)
		}
		routes = []string{a.Route}
	}
	parts, err := o.parts()
	if err != nil {
		return answer, err
	}
	done, began := 0, time.Now()
	for _, route := range routes {
		f := &follower{store: o.store, tell: tell}
		r := RouteReconciled{Route: route, MissingIDs: []string{}, DifferingIDs: []string{}}
		err := parts.source.Flagged(ctx, route, func(changes []bridge.Change) error {
			missing, differing, err := o.compare(ctx, f, changes, &r)
			if err == nil && (a.Fix || a.onlyMissing) {
				if a.Fix {
					missing = append(missing, differing...)
				}
				var n int
				n, err = o.store.Submit(ctx, missing, false)
				r.Queued += n
			}
			done += len(changes)
			tell(control.Progress{What: "route " + route, Done: done})
			return err
		})
		r.behind = f.behind
		answer.Routes, answer.Behind = append(answer.Routes, r), answer.Behind || r.behind
		if err != nil {
			return answer, err
		}
	}
	conclude(ctx, o.store, o.log.With(zap.String("by", by), zap.Bool("fix", a.Fix)), answer.runs(cmp.Or(a.cause, state.CauseHand), began))
	return answer, nil
}

// compare counts a page of rows, and gives those that are missing or differ.
func (o *Operator) compare(ctx context.Context, f *follower, changes []bridge.Change, r *RouteReconciled) (missing, differing []bridge.Change, err error) {
	standings, err := o.store.Compare(ctx, changes)
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(standings, state.Standing.Doubtful) { // most likely it is on its way through the log
		if err := f.reaches(ctx, changes[0].At); err != nil {
			return nil, nil, err
		}
		if standings, err = o.store.Compare(ctx, changes); err != nil {
			return nil, nil, err
		}
	}
	for i, s := range standings {
		what := s.Finding()
		r.Count(what)
		switch what {
		case state.FoundMissing:
			r.MissingIDs = limited(r.MissingIDs, changes[i].ID())
			missing = append(missing, changes[i])
		case state.FoundDiffering:
			r.DifferingIDs = limited(r.DifferingIDs, changes[i].ID())
			differing = append(differing, changes[i])
		case state.FoundInSync, state.FoundRejected, state.FoundDiscarded:
		}
	}
	return missing, differing, nil
}

func limited(ids []string, id string) []string {
	if len(ids) < idsLimit {
		return append(ids, id)
	}
	return ids
}

// A Backfilled is how many rows were found and how many of them were queued.
type Backfilled struct {
	Route     string `json:"route"`
	Scanned   int    `json:"scanned"`
	Queued    int    `json:"queued"`
	Discarded int    `json:"discarded"` // left as they are, since they were given up by hand
}

// Backfill submits every row of a route that is flagged: those that the ledger lacks or has otherwise, and with Again the others too.
func (o *Operator) Backfill(ctx context.Context, by string, a BackfillArgs, tell Tell) (Backfilled, error) {
	answer := Backfilled{Route: a.Route}
	parts, err := o.parts()
	if err != nil {
		return answer, err
	}
	f := &follower{store: o.store, tell: tell}
	err = parts.source.Flagged(ctx, a.Route, func(changes []bridge.Change) error {
		if err := f.reaches(ctx, changes[0].At); err != nil {
			return err
		}
		answer.Scanned += len(changes)
		n, left, err := o.submit(ctx, changes, a.Again, a.Discarded)
		answer.Queued, answer.Discarded = answer.Queued+n, answer.Discarded+left
		tell(control.Progress{What: "route " + a.Route, Done: answer.Scanned})
		return err
	})
	o.log.Info("flagged rows are queued", zap.String("by", by), zap.String("route", a.Route), zap.Int("scanned", answer.Scanned), zap.Int("queued", answer.Queued),
		zap.Int("left_discarded", answer.Discarded), zap.Error(err))
	return answer, err
}

// submit submits changes, with again also what a record that is done with holds already. What a person gave up as it is stays given up,
// unless it is asked for too; a discard that comes while this runs may be before or behind it.
func (o *Operator) submit(ctx context.Context, changes []bridge.Change, again, discarded bool) (queued, left int, err error) {
	wanted := changes
	if again && !discarded {
		standings, err := o.store.Compare(ctx, changes)
		if err != nil {
			return 0, 0, err
		}
		wanted = nil
		for i, s := range standings {
			if s.Finding() != state.FoundDiscarded {
				wanted = append(wanted, changes[i])
			}
		}
	}
	queued, err = o.store.Submit(ctx, wanted, again)
	return queued, len(changes) - len(wanted), err
}
