package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// PushArgs name a row.
type PushArgs struct {
	Route string `json:"route"`
	Key   string `json:"key"`
}

// An Outcome is what a push came to.
type Outcome string

// The outcomes.
const (
	PushDelivered    Outcome = "delivered"
	PushRejected     Outcome = "rejected"      // by the mapping or by the platform
	PushWaits        Outcome = "waits"         // it failed in a way that passes; it is tried again by a bridge that runs
	PushNotSubmitted Outcome = "not_submitted" // the row is not submitted as it stands: nothing was queued or sent
)

// A PushAnswer is what became of the row.
type PushAnswer struct {
	ID       string           `json:"id"`
	Route    string           `json:"route"`
	Key      string           `json:"key"`
	Outcome  Outcome          `json:"outcome"`
	Status   bridge.Status    `json:"status,omitempty"` // of the record, afterwards
	Stage    bridge.Stage     `json:"stage,omitempty"`
	Code     string           `json:"code,omitempty"`
	Message  string           `json:"message,omitempty"`
	Problems []bridge.Problem `json:"problems,omitempty"`
	Why      string           `json:"why,omitempty"`     // why it is not submitted
	Another  bool             `json:"another,omitempty"` // a bridge that runs was faster, or a newer submission was there: this is what became of that
}

// pushPoll is how often a record is looked at that somebody else is sending.
const pushPoll = 100 * time.Millisecond

// Push sends one row now: it is read, queued as a submission, leased, mapped, sent, settled and written back, like any other, beside
// bridges that run. What is not submitted at the source does not leave it.
func (o *Operator) Push(ctx context.Context, by string, a PushArgs, tell Tell) (PushAnswer, error) {
	answer := PushAnswer{ID: bridge.RecordID(a.Route, a.Key), Route: a.Route, Key: a.Key}
	parts, err := o.parts()
	if err != nil {
		return answer, err
	}
	if err := o.readyToSend(ctx, parts); err != nil {
		return answer, err
	}
	tell(control.Progress{What: "reading the row"})
	change, why, err := parts.source.Submission(ctx, a.Route, a.Key)
	if err != nil {
		return answer, err
	}
	if why != "" {
		answer.Outcome = PushNotSubmitted
		answer.Why, err = o.wayToSubmit(ctx, answer.ID, why)
		return answer, err
	}
	answer.ID, answer.Key = change.ID(), change.Key // the key as the log has it: 1001 for 01001
	tell(control.Progress{What: "sending " + answer.ID})
	err = o.pushed(ctx, parts, change, &answer)
	o.log.Info("a row is pushed", zap.String("by", by), zap.String("record", answer.ID), zap.String("outcome", string(answer.Outcome)), zap.Error(err))
	return answer, err
}

// wayToSubmit adds to why a row is not submitted what the ledger knows of it. A row that was delivered and marked is no submission any more, and
// is not sent by a push: its mark says nothing of whether somebody has edited it since, and only the flag says that somebody pressed 递交.
func (o *Operator) wayToSubmit(ctx context.Context, id, why string) (string, error) {
	r, ok, err := o.store.Record(ctx, id)
	if err != nil || !ok || r.Status != bridge.StatusDelivered {
		return why, err
	}
	return fmt.Sprintf("%s。它已于 %s 送达；如要再报一次，请在学工系统中再按一次“递交”", why, r.DeliveredAt.In(o.config.Source.Location).Format(time.DateTime)), nil
}

// readyToSend checks in a command what a bridge has checked when it started.
func (o *Operator) readyToSend(ctx context.Context, parts *sending) error {
	if o.running {
		return nil
	}
	if err := parts.mapper.Preflight(ctx); err != nil {
		return err
	}
	if parts.writer == nil {
		return nil
	}
	return parts.writer.Preflight(ctx)
}

// pushed submits the change and delivers it, or waits for what another makes of it.
//
// Invariants 3 and 4: the change is submitted by its place in the log and leased in one step, so that no call begins beside another, and
// nothing that is older than what the record holds goes out.
func (o *Operator) pushed(ctx context.Context, parts *sending, change bridge.Change, answer *PushAnswer) error {
	submission := &change
	limit := time.Now().Add(2 * parts.workers.LeaseTime())
	for {
		until := time.Now().Add(parts.workers.LeaseTime())
		lease, err := o.store.Take(ctx, change.ID(), submission, parts.workers.LeaseTime())
		switch {
		case err == nil:
			answer.Another = lease.Change.EventID != change.EventID
			s, sent := parts.workers.Deliver(ctx, lease, until)
			if !sent {
				return errors.New("nothing was sent: the command was ended before. The record waits, and a bridge that runs sends it")
			}
			return o.concluded(ctx, answer, s)
		case errors.Is(err, state.ErrNotWaiting):
			answer.Another = true
			return o.concluded(ctx, answer, bridge.Settlement{})
		case errors.Is(err, state.ErrPaused):
			return fmt.Errorf("%w, so nothing was queued or sent. talkbridge resume ends the pause", err)
		case !errors.Is(err, state.ErrSending):
			return err
		case time.Now().After(limit):
			return fmt.Errorf("%w. What the row holds now is queued, and is sent when that call ends", err)
		}
		submission = nil // it is in the store; from here on, whatever is there is the newest
		if !sleep(ctx, pushPoll) {
			return context.Cause(ctx)
		}
	}
}

// concluded fills in what became of the record: from the settlement of our own delivery, or else from the ledger.
func (o *Operator) concluded(ctx context.Context, answer *PushAnswer, s bridge.Settlement) error {
	r, ok, err := o.store.Record(ctx, answer.ID)
	if err != nil {
		return err
	}
	if ok {
		answer.Status = r.Status
	}
	if s.Verdict == "" {
		s = bridge.Settlement{Stage: r.Stage, Code: r.Code, Message: r.Message, Problems: r.Problems, Verdict: bridge.VerdictRetry}
		switch r.Status {
		case bridge.StatusDelivered:
			s.Verdict = bridge.VerdictDelivered
		case bridge.StatusRejected, bridge.StatusDiscarded:
			s.Verdict = bridge.VerdictRejected
		case bridge.StatusPending, bridge.StatusSending: // it waits
		}
	}
	answer.Stage, answer.Code, answer.Message, answer.Problems = s.Stage, s.Code, s.Message, s.Problems
	switch s.Verdict {
	case bridge.VerdictDelivered:
		answer.Outcome = PushDelivered
	case bridge.VerdictRejected:
		answer.Outcome = PushRejected
	default:
		answer.Outcome = PushWaits
	}
	return nil
}
