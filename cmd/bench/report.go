package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// reportMain makes the tables of a page and its picture of results that were written before. A name that stands in several files counts in
// the last of them. Without a page the table goes to the standard output.
func reportMain(args []string) error {
	flags := flag.NewFlagSet("report", flag.ExitOnError)
	picture := flags.String("svg", "", "where the picture goes; empty: nowhere")
	page := flags.String("page", "", "a page with places for the tables: <!-- results --> … <!-- /results --> and <!-- estimate --> … <!-- /estimate -->")
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
	if *page == "" {
		return markdown(os.Stdout, results)
	}
	return fillPage(*page, results)
}

// fillPage puts the tables into the page.
func fillPage(file string, results []result) error {
	text, err := os.ReadFile(file) //nolint:gosec // the caller names it
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%s. %s.\n\n", time.Now().Format(time.DateOnly), machine())
	if err := markdown(&table, results); err != nil {
		return err
	}
	onPaper, err := estimate(results)
	if err != nil {
		return err
	}
	filled, err := between(string(text), "results", table.String())
	if err == nil {
		filled, err = between(filled, "estimate", onPaper)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(filled), 0o644); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// between puts a text in the place of what stands between two marks.
func between(page, mark, text string) (string, error) {
	begin, end := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
	before, rest, ok := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return "", fmt.Errorf("it has no place %q", begin)
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}

// machine says what this machine is.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(text), "model name")
		_, name, _ := strings.Cut(rest, ":")
		name, _, _ = strings.Cut(name, "\n")
		model = strings.TrimSpace(name)
	}
	var info syscall.Sysinfo_t
	_ = syscall.Sysinfo(&info) // then there is no memory to tell of
	return fmt.Sprintf("%d cores (%s), %.0f GB, %s/%s, %s", runtime.NumCPU(), model, float64(info.Totalram)*float64(info.Unit)/1e9, runtime.GOOS, runtime.GOARCH,
		runtime.Version())
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
