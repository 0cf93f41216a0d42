package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// RecordsArgs choose records: by name, or all in a status.
type RecordsArgs struct {
	IDs    []string      `json:"ids,omitempty"` // ROUTE/KEY
	Status bridge.Status `json:"status,omitempty"`
	Route  string        `json:"route,omitempty"` // with Status: only this one
}

// A RecordsAnswer is what became of each.
type RecordsAnswer struct {
	Changed int          `json:"changed"`
	Failed  int          `json:"failed"`
	Records []RecordDone `json:"records"`
}

// A RecordDone is one record's part of a RecordsAnswer.
type RecordDone struct {
	ID      string `json:"id"`
	Done    bool   `json:"done"`
	Message string `json:"message,omitempty"` // why not
}

// RetryRecords makes rejected records pending again, and ones that wait due at once.
func (o *Operator) RetryRecords(ctx context.Context, by string, a RecordsArgs, tell Tell) (RecordsAnswer, error) {
	if a.Status != "" && a.Status != bridge.StatusRejected && a.Status != bridge.StatusPending {
		return RecordsAnswer{}, fmt.Errorf("a record that is %s cannot be retried: only one that was rejected, or waits", a.Status)
	}
	answer, err := o.each(ctx, a, tell, o.store.Retry)
	o.log.Info("records are retried", zap.String("by", by), zap.Int("records", answer.Changed), zap.Int("failed", answer.Failed))
	return answer, err
}

// DiscardRecords gives records up: their content is gone at once.
func (o *Operator) DiscardRecords(ctx context.Context, by string, a RecordsArgs, tell Tell) (RecordsAnswer, error) {
	if a.Status != "" && a.Status != bridge.StatusRejected {
		return RecordsAnswer{}, errors.New("only rejected records are discarded by their status; name others one by one")
	}
	answer, err := o.each(ctx, a, tell, o.store.Discard)
	o.log.Warn("records are discarded", zap.String("by", by), zap.Int("records", answer.Changed), zap.Int("failed", answer.Failed))
	return answer, err
}

// each does something with the records that the arguments choose. One that cannot be done does not keep the others from being done;
// a store that does not answer does.
func (o *Operator) each(ctx context.Context, a RecordsArgs, tell Tell, do func(context.Context, string) error) (RecordsAnswer, error) {
	answer := RecordsAnswer{Records: []RecordDone{}}
	ids, err := o.chosen(ctx, a, tell)
	if err != nil {
		return answer, err
	}
	for i, id := range ids {
		err := do(ctx, id)
		var why string
		switch {
		case err == nil:
			answer.Changed++
		case errors.Is(err, state.ErrNotFound):
			why = "no such record: it was never submitted, or it was delivered so long ago that the ledger forgot it"
		case errors.Is(err, state.ErrNoContent), errors.Is(err, state.ErrSending):
			why = unwrapped(err).Error()
		default:
			return answer, fmt.Errorf("%w; %d of %d records were done before", err, answer.Changed, len(ids))
		}
		if err != nil {
			answer.Failed++
		}
		answer.Records = append(answer.Records, RecordDone{ID: id, Done: err == nil, Message: why})
		tell(control.Progress{Done: i + 1, Total: len(ids)})
	}
	return answer, nil
}

// unwrapped is the error of package state inside an error that names the record, which the answer names anyway.
func unwrapped(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// chosen gives the ids of all records that the arguments choose, before any of them is changed: a record that changes its status leaves
// the list that is being read.
func (o *Operator) chosen(ctx context.Context, a RecordsArgs, tell Tell) ([]string, error) {
	if len(a.IDs) > 0 {
		ids := slices.Clone(a.IDs)
		slices.Sort(ids)
		return slices.Compact(ids), nil
	}
	if a.Status == "" {
		return nil, errors.New("which records? Name them as ROUTE/KEY, or give a status")
	}
	var ids []string
	f := state.Filter{Status: a.Status, Route: a.Route, Limit: 1000}
	for {
		page, next, err := o.store.Records(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			ids = append(ids, r.ID)
		}
		tell(control.Progress{What: "looking for records", Done: len(ids)})
		if next == "" {
			return ids, nil
		}
		f.After = next
	}
}
