// Bench measures what talkbridge promises about speed, against real servers on this machine, and writes it down: a table on the
// standard output and bench.json, a list of {name, value, unit, baseline, ratio} and, where there is one, target. `make bench` builds and runs it.
//
// What counts are ratios within one run: rates depend on the machine, and a machine that is busy is busy for both sides of a
// comparison, since they take turns, A B A B. The bridge is the program itself, as it is released, in a process of its own. What
// it is held against are floors that this program brings along (see floor.go), each in a process of its own too; and what arrives is
// counted in a third one, the sink, never inside what is measured.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// options of a run.
type options struct {
	out       string
	only      string // parts, with commas between them; empty: all
	megabytes int
	rounds    int
	waiting   int // records, at most, in the part backlog
	check     bool
}

// A part is one group of measurements.
type part struct {
	name    string
	measure func(context.Context, *bench) ([]result, error)
}

// parts in the order in which they run.
func parts() []part {
	return []part{
		{"latency", latency},
		{"drain", drain},
		{"slow", slow},
		{"scale", scale},
		{"backlog", backlog},
		{"idle", idle},
		{"mapping", mapping},
		{"scan", passing},
	}
}

// A bench is one run.
type bench struct {
	options

	progress io.Writer
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// start is the benchmark, one of the processes that it starts of itself, or the report on what was measured.
func start(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "sink":
			return sinkMain(ctx, args[1:])
		case "floor":
			return floorMain(ctx, args[1:])
		case "lookups":
			return lookupsMain(ctx, args[1:])
		case "report":
			return reportMain(args[1:])
		}
	}
	var o options
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.StringVar(&o.out, "out", "bench.json", "where the results go")
	flags.StringVar(&o.only, "only", "", "parts to run, with commas between them: "+partNames())
	flags.IntVar(&o.megabytes, "mb", 500, "how many megabytes of log are passed in the part scan")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each side is measured")
	flags.IntVar(&o.waiting, "waiting", 1_000_000, "how many records wait at most in the part backlog: 3 KB of memory each")
	flags.BoolVar(&o.check, "check", false, "say what misses its target, with exit code 1")
	_ = flags.Parse(args) // it exits
	return run(ctx, os.Stdout, &bench{o, os.Stderr})
}

func partNames() string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}

func run(ctx context.Context, table io.Writer, b *bench) error {
	chosen, err := b.chosen()
	if err != nil {
		return err
	}
	var results []result
	var failed []error
	for _, p := range chosen {
		b.say("— %s", p.name)
		more, err := p.measure(ctx, b)
		if err != nil { // the others are worth having
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
			b.say("%v", failed[len(failed)-1])
		}
		results = append(results, more...)
		if err := write(b.out, results); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := show(table, results); err != nil {
		return err
	}
	if b.check {
		failed = append(failed, missed(results))
	}
	return errors.Join(failed...)
}

func (b *bench) chosen() ([]part, error) {
	if b.only == "" {
		return parts(), nil
	}
	var chosen []part
	for name := range strings.SplitSeq(b.only, ",") {
		found := false
		for _, p := range parts() {
			if p.name == name {
				chosen, found = append(chosen, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no part %q: these are %s", name, partNames())
		}
	}
	return chosen, nil
}

func write(to string, results []result) error {
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(to, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
