package app

import (
	"context"
	"maps"
	"slices"

	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/state"
)

// A Difference is how a row as it is now stands to what the ledger knows of its record. It is found by the keyed digest of the columns:
// no content is kept that could be shown.
type Difference struct {
	ID     string        `json:"id"`
	Known  bool          `json:"known"`  // the ledger has the record
	Same   bool          `json:"same"`   // with the content that the row has now
	Status bridge.Record `json:"record"` // what became of it, where it is known
	Why    string        `json:"why,omitempty"`
}

// CompareRow holds one row against the ledger.
func (o *Operator) CompareRow(ctx context.Context, _ string, a PushArgs, _ Tell) (Difference, error) {
	d := Difference{ID: bridge.RecordID(a.Route, a.Key)}
	parts, err := o.parts()
	if err != nil {
		return d, err
	}
	change, why, err := parts.source.Submission(ctx, a.Route, a.Key)
	if err != nil || change.Columns == nil {
		d.Why = why
		return d, err
	}
	d.ID, d.Why = change.ID(), why
	standings, err := o.store.Compare(ctx, o.asSubmitted(a.Route, change))
	if err != nil {
		return d, err
	}
	d.Known, d.Status = standings[0].Known, standings[0].Record
	d.Same = slices.ContainsFunc(standings, func(s state.Standing) bool { return s.Same })
	return d, nil
}

// asSubmitted gives the row as it is, and as it was when its flag said that it was submitted: write-back changes the flag of a row that is
// otherwise as it was delivered.
func (o *Operator) asSubmitted(route string, change bridge.Change) []bridge.Change {
	out := []bridge.Change{change}
	i := slices.IndexFunc(o.config.Routes, func(r config.Route) bool { return r.Name == route })
	if i < 0 {
		return out
	}
	submit := o.config.Routes[i].Submit
	for _, value := range submit.Values {
		before := change
		before.Columns = maps.Clone(change.Columns)
		flag := before.Columns[submit.Column]
		if flag.IsNull() {
			continue
		}
		flag.Text = value
		before.Columns[submit.Column] = flag
		out = append(out, before)
	}
	return out
}
