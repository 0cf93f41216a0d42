package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"talkbridge/internal/audit"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/control"
)

// auditable are the arguments of an operation that leaves events in the audit trail: one for each object that it is done to. None: what
// these arguments ask for changes nothing.
type auditable interface {
	objects() []string
	reason() string // why the person says it is done; may be empty
}

// audited is an operation that leaves events: what changes something does, whoever asked for it from the command line. The console keeps
// its own, for it knows more of who asked, and calls the methods themselves.
func audited[A auditable, R any](o *Operator, name string, f func(ctx context.Context, by string, args A, tell Tell) (R, error)) control.Operation {
	return control.Do(func(ctx context.Context, by string, args A, tell Tell) (R, error) {
		answer, err := f(ctx, by, args, tell)
		return answer, errors.Join(err, o.note(ctx, name, by, args, answer, err))
	})
}

// concluding is an answer that says in a word what came of it, and whether that is a refusal.
type concluding interface {
	conclusion() (word string, refused bool)
}

// auditLimit bounds what is written behind an operation, also when whoever asked went away.
const auditLimit = 30 * time.Second

func (o *Operator) note(ctx context.Context, action, by string, args auditable, answer any, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditLimit)
	defer cancel()
	log, err := audit.New(o.config.Admin.AuditLog, o.config.State.Key, o.store)
	if err != nil {
		return err
	}
	for _, object := range args.objects() {
		e := event(action, by, object, args.reason(), failure)
		if c, ok := answer.(concluding); ok && failure == nil {
			word, refused := c.conclusion()
			if e.Reason = word; refused {
				e.Result = audit.Refused
			}
		}
		err := log.Append(ctx, e)
		if errors.Is(err, audit.ErrNotAnchored) {
			o.log.Warn("the audit log goes on, and is anchored by its next line", zap.Error(err))
			continue
		}
		if err != nil {
			return fmt.Errorf("%s is done, but not in the audit trail: %w. Correct admin.audit_log, or the rights of this account to it", action, err)
		}
	}
	return nil
}

func event(action, by, object, reason string, failure error) audit.Event {
	e := audit.Event{Actor: by, Action: action, Object: object, Result: audit.ResultOf(failure), Reason: reason}
	if failure != nil {
		e.Reason = strings.TrimPrefix(reason+": "+failure.Error(), ": ")
	}
	if errors.Is(failure, control.ErrBridgeRuns) {
		e.Result = audit.Refused
	}
	return e
}

// NoteAudit leaves an event of a command that is no operation: a backup, a restore.
func NoteAudit(ctx context.Context, c *config.Config, action, by, object string, failure error) error {
	log, _, closeIt, err := OpenAudit(ctx, c)
	if err != nil {
		return fmt.Errorf("%s is not in the audit trail: %w", action, err)
	}
	err = log.Append(context.WithoutCancel(ctx), event(action, by, object, "", failure))
	if errors.Is(err, audit.ErrNotAnchored) {
		err = nil
	}
	if err = errors.Join(err, closeIt()); err != nil {
		return fmt.Errorf("%s is not in the audit trail: %w", action, err)
	}
	return nil
}

// once is the object of what is done to the bridge as a whole.
func once(object string) []string { return []string{object} }

func (PauseArgs) objects() []string  { return once("delivery") }
func (a PauseArgs) reason() string   { return a.Reason }
func (ResumeArgs) objects() []string { return once("delivery") }

func (a ResumeArgs) reason() string {
	if a.Force {
		return "force"
	}
	return ""
}

// namesInAnEvent is how many records one event names.
const namesInAnEvent = 50

func (a RecordsArgs) objects() []string {
	if len(a.IDs) == 0 {
		return once(strings.TrimSpace("all " + string(a.Status) + " " + a.Route))
	}
	var out []string
	for ids := a.IDs; len(ids) > 0; {
		n := min(len(ids), namesInAnEvent)
		out = append(out, strings.Join(ids[:n], " "))
		ids = ids[n:]
	}
	return out
}

func (RecordsArgs) reason() string { return "" }

func (a PushArgs) objects() []string { return once(bridge.RecordID(a.Route, a.Key)) }
func (PushArgs) reason() string      { return "" }

func (a PushAnswer) conclusion() (word string, refused bool) {
	return string(a.Outcome), a.Outcome == PushNotSubmitted
}

func (a RecordsAnswer) conclusion() (word string, refused bool) {
	return fmt.Sprintf("%d done, %d not", a.Changed, a.Failed), a.Changed == 0 && a.Failed > 0
}

func (a PositionArgs) objects() []string {
	switch {
	case a.DryRun:
		return nil
	case a.GTID != "":
		return once(a.GTID)
	default:
		return once(fmt.Sprintf("%s:%d", a.File, a.Pos))
	}
}

func (PositionArgs) reason() string { return "" }

// WholeArgs are the arguments of an operation on the one thing that its name says.
type WholeArgs struct{}

func (WholeArgs) objects() []string { return once("") }
func (WholeArgs) reason() string    { return "" }
