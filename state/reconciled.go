package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
)

// A Cause is why the flagged rows of a route were held against the ledger.
type Cause string

// The causes.
const (
	CauseHand     Cause = "hand"      // talkbridge reconcile
	CauseSchedule Cause = "schedule"  // source.reconcile_every
	CauseStart    Cause = "start"     // source.start: reconcile, no position was saved
	CausePurged   Cause = "on_purged" // source.on_purged: reconcile, the position could not be resumed from
)

// A Finding is how one flagged row stands to the ledger.
type Finding string

// The findings. Each row that is scanned has one.
const (
	FoundInSync    Finding = "in_sync"   // delivered, or on its way, as the row is now
	FoundMissing   Finding = "missing"   // not in the ledger
	FoundDiffering Finding = "differing" // in the ledger with another content, and no later event
	FoundRejected  Finding = "rejected"  // refused as the row is now
	FoundDiscarded Finding = "discarded" // given up by hand as the row is now
)

// Finding says in a word how the row stands.
func (s Standing) Finding() Finding {
	switch {
	case !s.Known:
		return FoundMissing
	case !s.Same && s.Later: // the log has moved on while the row was read: the ledger knows better
		return FoundInSync
	case !s.Same:
		return FoundDiffering
	case s.Record.Status == bridge.StatusRejected:
		return FoundRejected
	case s.Record.Status == bridge.StatusDiscarded:
		return FoundDiscarded
	default:
		return FoundInSync
	}
}

// Figures are the findings of one route, counted.
type Figures struct {
	Scanned   int `json:"scanned"` // rows that are flagged and for which where holds
	InSync    int `json:"in_sync"`
	Missing   int `json:"missing"`
	Differing int `json:"differing"`
	Rejected  int `json:"rejected"`
	Discarded int `json:"discarded"`
	Queued    int `json:"queued"` // submitted by this run
}

// Count takes one row in.
func (f *Figures) Count(what Finding) {
	f.Scanned++
	switch what {
	case FoundMissing:
		f.Missing++
	case FoundDiffering:
		f.Differing++
	case FoundRejected:
		f.Rejected++
	case FoundDiscarded:
		f.Discarded++
	case FoundInSync:
		f.InSync++
	}
}

// A Reconciled is the last run over one route, whichever bridge or command made it.
type Reconciled struct {
	Figures

	Route   string    `json:"route"`
	Cause   Cause     `json:"cause"`
	Behind  bool      `json:"behind"` // the listener stood still before what was read: what it had yet to read counts as missing or differing
	BeganAt time.Time `json:"began_at"`
	EndedAt time.Time `json:"ended_at"`
}

// SaveReconciled keeps what a run found, in the place of what the run before found on the same routes.
func (s *Store) SaveReconciled(ctx context.Context, runs []Reconciled) error {
	rows := map[string][]byte{}
	for _, r := range runs {
		row, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("keep what reconciling found: %w", err)
		}
		rows[r.Route] = row
	}
	if len(rows) == 0 {
		return nil
	}
	if err := s.back.saveReconciled(ctx, rows); err != nil {
		return fmt.Errorf("keep what reconciling found: %w", err)
	}
	return nil
}

// Reconciled gives the last run over each of the routes, in their order; a route that no run came over is left out.
func (s *Store) Reconciled(ctx context.Context, routes []string) ([]Reconciled, error) {
	rows, err := s.back.reconciled(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what reconciling found: %w", err)
	}
	out := []Reconciled{}
	for _, route := range routes {
		row, ok := rows[route]
		if !ok {
			continue
		}
		var r Reconciled
		if err := json.Unmarshal(row, &r); err != nil {
			return nil, fmt.Errorf("read what reconciling found: %w", err)
		}
		out = append(out, r)
	}
	return out, nil
}
