package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A result is one line of bench.json. Baseline is what the value is held against, in the same unit, and Ratio the one over the other.
// A baseline of 0 means that the value stands for itself.
type result struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline"`
	Ratio    float64 `json:"ratio"`
	Target   target  `json:"target,omitzero"`
}

// A target is a bound of the ratio; the zero value is none. In bench.json it is text as in the table.
type target struct {
	bound float64
	most  bool // the ratio may not be more, instead of not less
}

func atLeast(bound float64) target { return target{bound, false} }

func atMost(bound float64) target { return target{bound, true} }

func (t target) String() string {
	switch {
	case t.bound == 0:
		return ""
	case t.most:
		return fmt.Sprintf("≤ %.2f", t.bound)
	default:
		return fmt.Sprintf("≥ %.2f", t.bound)
	}
}

// MarshalText implements encoding.TextMarshaler.
func (t target) MarshalText() ([]byte, error) { return []byte(t.String()), nil } //nolint:unparam // the interface has it

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *target) UnmarshalText(text []byte) error {
	sign, bound, _ := strings.Cut(string(text), " ")
	t.most = sign == "≤"
	var err error
	if t.bound, err = strconv.ParseFloat(bound, 64); err != nil || sign != "≤" && sign != "≥" {
		return fmt.Errorf("%q is no target", text)
	}
	return nil
}

func (t target) met(ratio float64) bool {
	if t.most {
		return t.bound == 0 || ratio <= t.bound
	}
	return ratio >= t.bound
}

// against makes a result of a value and what it is held against.
func against(name, unit string, value, baseline float64, t target) result {
	r := result{Name: name, Value: value, Unit: unit, Baseline: baseline, Target: t}
	if baseline != 0 {
		r.Ratio = value / baseline
	}
	return r
}

// show prints the table.
func show(to io.Writer, results []result) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tvalue\tunit\tagainst\tratio\ttarget\t")
	for _, r := range results {
		baseline, ratio, verdict := "", "", ""
		if r.Baseline != 0 {
			baseline, ratio = number(r.Baseline), fmt.Sprintf("%.3f", r.Ratio)
		}
		if r.Target.bound != 0 {
			verdict = "✔"
			if !r.Target.met(r.Ratio) {
				verdict = "✘ missed"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, number(r.Value), r.Unit, baseline, ratio, r.Target, verdict)
	}
	return w.Flush()
}

// number has three digits or more that mean something.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

// missed is an error where a target is not met.
func missed(results []result) error {
	var problems []error
	for _, r := range results {
		if !r.Target.met(r.Ratio) {
			problems = append(problems, fmt.Errorf("%s: the ratio is %.3f, and its target is %s", r.Name, r.Ratio, r.Target))
		}
	}
	return errors.Join(problems...)
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the smallest of the values that is not less than this part of them; the middle one of an odd number for a half.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
