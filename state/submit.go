package state

import (
	"context"
	"fmt"

	"talkbridge/internal/bridge"
)

// Submit submits changes that did not come to the listener in the order of the log: rows that were read from their table at a known place
// of the log, or a stretch of log that is read again. It saves no position, so it needs no lead and may run beside the listener: what
// orders a change is its place in the log, whoever writes it (ADR 0014). An event that the record holds already and one that is older
// than what it holds are passed over, and so is a scanned row with nothing new.
//
// It takes less than Append does: where the record holds an event of another server's log, which of the two is newer cannot be known, and the
// record stays as it is.
//
// With again the last rule does not count, and neither does that the event is known: what a record that is done with has delivered before is
// sent once more. A record that waits, or is being sent, is left as it is.
//
// Invariant 4 holds as in Append: the same rule decides, in one atomic step with the write.
func (s *Store) Submit(ctx context.Context, changes []bridge.Change, again bool) (queued int, err error) {
	if len(changes) == 0 {
		return 0, nil
	}
	entries, err := s.sealAll(changes)
	if err != nil {
		return 0, fmt.Errorf("submit: %w", err)
	}
	queued, err = s.back.submit(ctx, entries, again)
	if err != nil {
		return 0, fmt.Errorf("submit: %w", err)
	}
	if queued > 0 {
		s.hint()
	}
	return queued, nil
}

// A Standing is how a record stands to a change of it.
type Standing struct {
	Known  bool          // the ledger has the record
	Same   bool          // its newest content is the change's, by the keyed digest of the columns
	Later  bool          // its newest event is certainly later than the change: the change says nothing about it
	Record bridge.Record // where it is known
}

// Doubtful tells whether the ledger lacks the change's content: it knows no such record, or another content and no later event.
func (s Standing) Doubtful() bool { return !s.Known || !s.Same && !s.Later }

// Compare holds changes against what the ledger knows of their records. No content is read, on either side.
func (s *Store) Compare(ctx context.Context, changes []bridge.Change) ([]Standing, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.ID()
	}
	recs, now, err := s.back.load(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("compare with the ledger: %w", err)
	}
	out := make([]Standing, len(changes))
	for i, r := range recs {
		if r == nil {
			continue
		}
		of := s.seal.ident(changes[i], appendColumns(nil, changes[i].Columns))
		out[i] = Standing{Known: true, Same: r.ident.sameDigest(&of), Later: of.olderThan(&r.ident)}
		if out[i].Record, err = r.public(ids[i], now); err != nil {
			return nil, fmt.Errorf("compare with the ledger: %w", err)
		}
	}
	return out, nil
}
