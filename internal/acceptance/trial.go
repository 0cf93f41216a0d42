package acceptance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"talkbridge/internal/rig"
)

// A trial notes what a case does and what it sees.
type trial struct {
	*bench

	steps  []Step
	looked bool // at something
	failed bool
}

// errSeen ends a case whose steps already show what is wrong.
var errSeen = errors.New("seen")

// notHereError ends a case that cannot be run on this machine, before it has looked at anything.
type notHereError string

func (n notHereError) Error() string { return string(n) }

// did notes something done.
func (t *trial) did(format string, args ...any) {
	t.steps = append(t.steps, Step{What: fmt.Sprintf(format, args...), OK: true})
}

// check notes something looked at, and gives errSeen where it is not as expected.
func (t *trial) check(what, expected, observed string, ok bool) error {
	t.looked = true
	if observed == "" {
		observed = "（空）"
	}
	t.steps = append(t.steps, Step{What: what, Expected: expected, Observed: observed, OK: ok})
	if ok {
		return nil
	}
	t.failed = true
	return errSeen
}

// equal compares what prints the same.
func (t *trial) equal(what string, want, got any) error {
	return t.check(what, fmt.Sprint(want), fmt.Sprint(got), fmt.Sprint(want) == fmt.Sprint(got))
}

// await looks until it is as expected, or the limit is over.
func (t *trial) await(ctx context.Context, what, expected string, limit time.Duration, look func() (observed string, err error)) error {
	var observed string
	began := t.Now()
	err := rig.Until(ctx, limit, func() (err error) {
		observed, err = look()
		return err
	})
	if err != nil {
		return t.check(what, expected, err.Error(), false)
	}
	return t.check(what, expected, fmt.Sprintf("%s（%s）", observed, took(t.Now().Sub(began))), true)
}

// took prints how long something took, to what a person can use.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d 毫秒", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f 秒", d.Seconds())
	}
}

// short cuts a text that a program said for a column of the report.
func short(text string, runes int) string {
	r := []rune(text)
	if len(r) <= runes {
		return text
	}
	return string(r[:runes]) + "…"
}
