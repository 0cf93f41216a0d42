package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// runs is what is kept of a reconciliation.
func (r Reconciliation) runs(cause state.Cause, began time.Time) []state.Reconciled {
	runs := make([]state.Reconciled, 0, len(r.Routes))
	for _, of := range r.Routes {
		runs = append(runs, state.Reconciled{Route: of.Route, Figures: of.Figures, Cause: cause, Behind: of.behind, BeganAt: began, EndedAt: time.Now()})
	}
	return runs
}

// conclude says in the log what a run found on each route, and keeps it in the store, for the status of every bridge and over restarts. A
// store that does not take it spoils nothing: what was found is in the answer or in the log.
func conclude(ctx context.Context, store *state.Store, log *zap.Logger, runs []state.Reconciled) {
	for _, r := range runs {
		log.Info("the flagged rows were held against the ledger", zap.String("route", r.Route), zap.String("cause", string(r.Cause)),
			zap.Int("scanned", r.Scanned), zap.Int("in_sync", r.InSync), zap.Int("missing", r.Missing), zap.Int("differing", r.Differing),
			zap.Int("rejected", r.Rejected), zap.Int("discarded", r.Discarded), zap.Int("queued", r.Queued), zap.Bool("behind", r.Behind),
			zap.Duration("took", r.EndedAt.Sub(r.BeganAt).Round(time.Millisecond)))
	}
	if err := store.SaveReconciled(ctx, runs); err != nil {
		log.Warn("what the reconciliation found is in this log only; the status goes on to show the one before", zap.Error(err))
	}
}

// A scanCount counts what the listener's own reading of all flagged rows finds: at the first start, and behind a log that was purged. Only
// the listener's goroutine uses it while it scans, and none does besides.
type scanCount struct {
	store  *state.Store
	log    *zap.Logger
	routes []string

	found map[string]*state.Figures // by route; nil: no scan runs
	cause state.Cause
	began time.Time
	// batch is the first record and event of the batch that was looked at last: an Append that is tried again is the same rows. The event alone
	// would not do: those of a scan have the place and the key, and two tables may have the same keys.
	batch string
}

// begins is for canal.Options.OnScan. A scan that broke off is counted anew.
func (c *scanCount) begins(why canal.ScanCause) {
	c.found, c.cause, c.began, c.batch = map[string]*state.Figures{}, state.CauseStart, time.Now(), ""
	if why == canal.ScanPurged {
		c.cause = state.CausePurged
	}
	for _, route := range c.routes {
		c.found[route] = &state.Figures{}
	}
}

// look counts the rows of a scan before they are appended: afterwards the ledger has them all.
func (c *scanCount) look(ctx context.Context, changes []bridge.Change) error {
	if c.found == nil || len(changes) == 0 {
		return nil
	}
	batch := changes[0].ID() + " " + changes[0].EventID
	if batch == c.batch {
		return nil
	}
	if changes[0].Origin != bridge.OriginScan { // it broke off, and was not needed again
		c.found = nil
		return nil
	}
	standings, err := c.store.Compare(ctx, changes)
	if err != nil {
		return err
	}
	for i, s := range standings {
		what := s.Finding()
		f := c.found[changes[i].Route]
		f.Count(what)
		if what == state.FoundMissing || what == state.FoundDiffering { // just what Append takes of scanned rows
			f.Queued++
		}
	}
	c.batch = batch
	return nil
}

// appended ends the scan where the position came with its last rows.
func (c *scanCount) appended(ctx context.Context, position *bridge.Checkpoint) {
	if c.found == nil || position == nil {
		return
	}
	runs := make([]state.Reconciled, 0, len(c.routes))
	for _, route := range c.routes {
		runs = append(runs, state.Reconciled{Route: route, Figures: *c.found[route], Cause: c.cause, BeganAt: c.began, EndedAt: time.Now()})
	}
	c.found = nil
	conclude(ctx, c.store, c.log, runs)
}
