package control

import (
	"errors"

	"talkbridge/state"
)

// What a caller branches on, beside the errors of package state.
var (
	// ErrUnknown says that there is no such operation: the bridge is of another version than the command.
	ErrUnknown = errors.New("no such operation")
	// ErrNoAnswer says that nothing answers where the bridge should listen.
	ErrNoAnswer = errors.New("the running bridge cannot be asked")
	// ErrBridgeRuns says that what is asked for waits until no bridge runs on the store.
	ErrBridgeRuns = errors.New("a bridge runs on this store")
	// ErrNotSubmitted says that a row is not submitted as it stands, and so does not leave the school.
	ErrNotSubmitted = errors.New("the row is not submitted as it stands")
)

// codes name the errors that keep their meaning on the way from a bridge to the command line.
func codes() map[string]error {
	return map[string]error{
		"unknown": ErrUnknown, "bridge_runs": ErrBridgeRuns, "not_submitted": ErrNotSubmitted,
		"not_caught_up": state.ErrNotCaughtUp, "half_restored": state.ErrHalfRestored, "not_found": state.ErrNotFound,
		"no_content": state.ErrNoContent, "sending": state.ErrSending, "fenced": state.ErrFenced, "in_use": state.ErrInUse,
	}
}

// codeOf names an error; empty for one that means nothing to a caller.
func codeOf(err error) string {
	for code, known := range codes() {
		if errors.Is(err, known) {
			return code
		}
	}
	return ""
}

// A toldError is an error of another process, with the meaning that it had there.
type toldError struct {
	text  string
	means error // nil: none
}

func (e *toldError) Error() string { return e.text }

func (e *toldError) Unwrap() error { return e.means }
