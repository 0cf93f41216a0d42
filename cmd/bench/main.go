// Bench measures what talkbridge promises about speed, against real servers on this machine, and writes it down: a table on the
// standard output and bench.json, a list of {name, value, unit, baseline, ratio}.
//
// What it measures are ratios within one run: rates depend on the machine, and a machine that is busy is busy for both sides of a
// comparison, since they take turns.
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
	"slices"
	"syscall"
	"text/tabwriter"
)

// A result is one line of bench.json. Baseline is what the value is held against, in the same unit, and Ratio the one over the other.
type result struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline"`
	Ratio    float64 `json:"ratio"`

	atLeast float64 // the ratio that is promised
}

func main() {
	out := flag.String("out", "bench.json", "where the results go")
	megabytes := flag.Int("mb", 500, "how many megabytes of binlog are passed")
	rounds := flag.Int("rounds", 5, "how often each side is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *out, *megabytes, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // nothing is left to clean up
	}
}

func run(ctx context.Context, table io.Writer, out string, megabytes, rounds int) error {
	results, err := passing(ctx, os.Stderr, megabytes, rounds)
	if err != nil {
		return err
	}
	if err := show(table, results); err != nil {
		return err
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return missed(results)
}

// show prints the table.
func show(to io.Writer, results []result) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "what\tvalue\tunit\tagainst\tratio\tpromised\t")
	for _, r := range results {
		promised := "-"
		if r.atLeast > 0 {
			promised = fmt.Sprintf("≥ %.2f", r.atLeast)
		}
		fmt.Fprintf(w, "%s\t%.1f\t%s\t%.1f\t%.3f\t%s\t\n", r.Name, r.Value, r.Unit, r.Baseline, r.Ratio, promised)
	}
	return w.Flush()
}

// missed is an error where a promise is not kept.
func missed(results []result) error {
	var problems []error
	for _, r := range results {
		if r.Ratio < r.atLeast {
			problems = append(problems, fmt.Errorf("%s: the ratio is %.3f, and %.2f is promised", r.Name, r.Ratio, r.atLeast))
		}
	}
	return errors.Join(problems...)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
