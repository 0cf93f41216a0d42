// Package acceptance runs the acceptance plan and writes the report that a college signs. It tries talkbridge from the outside: the
// program's own command lines, the pages that it serves, what the school's server holds afterwards and what arrived at the platform.
//
// A case that changes rows, breaks the platform or kills the bridge runs only on a stand: a private MariaDB with an invented college, a
// stand-in platform and a bridge of its own, all on loopback and gone at the end. Against a college's own configuration such a case is
// reported as not run, with the reason; it is never passed. What does run there reads, asks for a token at most, and writes to nothing
// but a temporary folder. No row content of a real college enters a report: counts, reasons, digests and times only.
package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Result is how a case ended.
type Result string

// The results.
const (
	Passed Result = "passed"
	Failed Result = "failed"
	NotRun Result = "not_run" // here, for the reason that the case names
)

// Options of Run.
type Options struct {
	Program string   // the talkbridge that is tried
	Version string   // what it says it is
	Config  string   // the configuration; empty: on a stand
	Rows    []string // ROUTE/KEY of test records that somebody submits while the plan waits
	Wait    time.Duration
	Sample  int                              // rows of each route that are mapped
	Tell    func(done, of int, doing string) // progress
	Ask     func(format string, args ...any) // what a person has to do now
	Now     func() time.Time                 // nil: time.Now
	cases   func() []plan                    // nil: the whole plan; for tests
}

// A Report is what happened. Its JSON is part of the product's interface.
type Report struct {
	Version     string        `json:"version"`
	Program     Program       `json:"program"`
	Environment Environment   `json:"environment"`
	StartedAt   time.Time     `json:"started_at"`
	EndedAt     time.Time     `json:"ended_at"`
	Result      Result        `json:"result"` // failed where one case failed; not_run where none ran
	Passed      int           `json:"passed"`
	Failed      int           `json:"failed"`
	NotRun      int           `json:"not_run"`
	Cases       []Case        `json:"cases"`
	Clauses     []ClauseState `json:"clauses"`
}

// A Case is one line of the plan, and what came of it.
type Case struct {
	ID      string    `json:"id"`
	Group   string    `json:"group"`
	Title   string    `json:"title"`
	Clauses []string  `json:"clauses"` // of the specification
	Before  string    `json:"before"`  // what has to hold first
	Result  Result    `json:"result"`
	Why     string    `json:"why,omitempty"` // it was not run, or could not go on
	Began   time.Time `json:"began,omitzero"`
	Seconds float64   `json:"seconds"`
	Steps   []Step    `json:"steps"`
}

// A Step is something that was done, or something that was looked at.
type Step struct {
	What     string `json:"what"`
	Expected string `json:"expected,omitempty"` // empty: something done
	Observed string `json:"observed,omitempty"`
	OK       bool   `json:"ok"`
}

// Looked tells whether the step compares something.
func (s Step) Looked() bool { return s.Expected != "" }

// Run runs the plan. An error means that there is no report; a case that fails is in the report.
func Run(ctx context.Context, o Options) (r Report, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(int, int, string) {}
	}
	if o.cases == nil {
		o.cases = wholePlan
	}
	dir, err := os.MkdirTemp("", "talkbridge-accept-")
	if err != nil {
		return r, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{Options: o, dir: dir}
	defer b.close()
	r = Report{Version: o.Version, StartedAt: o.Now()}
	if r.Program, err = programOf(o.Program); err != nil {
		return r, err
	}
	if err := b.open(ctx); err != nil {
		return r, err
	}
	r.Environment = b.environment(ctx)
	all := o.cases()
	for i, p := range all {
		if err := ctx.Err(); err != nil {
			return r, fmt.Errorf("broken off after %d of %d cases: %w", i, len(all), context.Cause(ctx))
		}
		o.Tell(i, len(all), p.title)
		r.add(b.try(ctx, p))
	}
	r.EndedAt = o.Now()
	r.conclude()
	return r, nil
}

func (r *Report) add(c Case) {
	switch c.Result {
	case Passed:
		r.Passed++
	case Failed:
		r.Failed++
	case NotRun:
		r.NotRun++
	}
	r.Cases = append(r.Cases, c)
}

func (r *Report) conclude() {
	switch {
	case r.Failed > 0:
		r.Result = Failed
	case r.Passed == 0:
		r.Result = NotRun
	default:
		r.Result = Passed
	}
	r.Clauses = clauseStates(r.Cases)
}

// try runs one case, or says why not.
func (b *bench) try(ctx context.Context, p plan) Case {
	c := Case{ID: p.id, Group: p.group, Title: p.title, Clauses: p.clauses, Before: p.before, Steps: []Step{}}
	if why := b.whyNot(p.needs); why != "" {
		c.Result, c.Why = NotRun, why
		return c
	}
	c.Began = b.Now()
	t := &trial{bench: b}
	err := p.run(ctx, t)
	c.Seconds = b.Now().Sub(c.Began).Seconds()
	c.Steps = append(c.Steps, t.steps...)
	var skip notHereError
	switch {
	case errors.As(err, &skip) && !t.looked:
		c.Result, c.Why = NotRun, string(skip)
	case err != nil && !errors.Is(err, errSeen):
		c.Result, c.Why = Failed, err.Error()
	case t.failed || !t.looked: // a case that looked at nothing shows nothing
		c.Result = Failed
		if !t.looked {
			c.Why = "本用例没有做任何比对"
		}
	default:
		c.Result = Passed
	}
	return c
}

// Write writes the report as a page and, beside it, as JSON: report.html and report.json.
func (r Report) Write(path string) (beside string, err error) {
	page, err := r.HTML()
	if err != nil {
		return "", err
	}
	data, err := r.JSON()
	if err != nil {
		return "", err
	}
	beside = path[:len(path)-len(filepath.Ext(path))] + ".json"
	if beside == path {
		return "", fmt.Errorf("--out %s: the JSON is written beside the page under this name; name the page .html", path)
	}
	for _, f := range []struct {
		path string
		text []byte
	}{{path, page}, {beside, data}} {
		if err := replace(f.path, f.text); err != nil {
			return "", err
		}
	}
	return beside, nil
}

// replace writes a file whole or not at all.
func replace(path string, text []byte) error {
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	defer os.Remove(part.Name()) //nolint:errcheck // it has another name by then
	defer part.Close()
	if _, err := part.Write(text); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := part.Sync(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
