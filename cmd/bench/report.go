package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
)

// reportMain makes a page's table, as Markdown on the standard output, and a picture, of results that were written before. A name
// that stands in several files counts in the last of them.
func reportMain(args []string) error {
	flags := flag.NewFlagSet("report", flag.ExitOnError)
	picture := flags.String("svg", "", "where the picture goes; empty: nowhere")
	_ = flags.Parse(args) // it exits
	results, err := readResults(flags.Args())
	if err != nil {
		return err
	}
	if *picture != "" {
		if err := os.WriteFile(*picture, draw(results), 0o644); err != nil { //nolint:gosec // for everybody to read
			return fmt.Errorf("write the picture: %w", err)
		}
	}
	return markdown(os.Stdout, results)
}

func readResults(files []string) ([]result, error) {
	var results []result
	at := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the caller names it
		if err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
		var more []result
		if err := json.Unmarshal(text, &more); err != nil {
			return nil, fmt.Errorf("read results: %s: %w", file, err)
		}
		for _, r := range more {
			if i, again := at[r.Name]; again {
				results[i] = r
				continue
			}
			at[r.Name] = len(results)
			results = append(results, r)
		}
	}
	return results, nil
}

// markdown prints the table.
func markdown(to io.Writer, results []result) error {
	_, err := fmt.Fprint(to, "| what | value | against | ratio | target |\n|---|---:|---:|---:|---|\n")
	for _, r := range results {
		baseline, ratio, verdict := "", "", ""
		if r.Baseline != 0 {
			baseline, ratio = number(r.Baseline), fmt.Sprintf("%.2f", r.Ratio)
		}
		if r.Target.bound != 0 {
			verdict = r.Target.String() + ", met"
			if !r.Target.met(r.Ratio) {
				verdict = "**" + r.Target.String() + ", missed**"
			}
		}
		if _, e := fmt.Fprintf(to, "| %s | %s %s | %s | %s | %s |\n", r.Name, number(r.Value), r.Unit, baseline, ratio, verdict); e != nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}
