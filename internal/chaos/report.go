package chaos

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A Report is a run, judged.
type Report struct {
	Verdict

	Evidence Evidence
	Settings Settings
	Source   string // the server: MariaDB 10.11.19
	Tally    map[string]int
	Endings  []ending
	Took     time.Duration

	TableAltered int // how often, while it was written to
}

// Print prints the tables, and the timeline of each record of which a promise was broken, up to a few.
func (r *Report) Print(to io.Writer) {
	fmt.Fprintf(to, "\n%s, store %s, seed %d, %v\n\n", r.Source, r.Settings.Store, r.Settings.Seed, r.Took.Round(time.Second))
	r.faults(to)
	r.figures(to)
	counts := map[string]int{}
	for _, v := range r.Violations {
		counts[v.Kind]++
	}
	if len(r.Violations) == 0 {
		fmt.Fprintf(to, "\nEvery record's last submission arrived, in order, and nothing that was not submitted.\n")
		return
	}
	fmt.Fprintf(to, "\n%d promises were broken.\n", len(r.Violations))
	shown := map[int]bool{}
	for _, v := range r.Violations {
		if shown[v.Record] || len(shown) >= 5 {
			continue
		}
		shown[v.Record] = v.Record != 0
		fmt.Fprintf(to, "\n✘ %s", v.Kind)
		if v.Record != 0 {
			fmt.Fprintf(to, ", record %d", v.Record)
		}
		fmt.Fprintf(to, ": %s\n", v.Text)
		if v.Record != 0 {
			r.Evidence.Timeline(to, v.Record)
		}
	}
}

// faults prints the faults by kind.
func (r *Report) faults(to io.Writer) {
	type row struct {
		kind          string
		n, alone      int
		skipped       int
		lasted, worst time.Duration
	}
	alone := map[int]int{}
	for _, e := range r.Evidence.Events {
		alone[e.Group]++
	}
	rows := map[string]*row{}
	for _, rec := range r.Recoveries {
		e := rec.Event
		if rows[e.Kind] == nil {
			rows[e.Kind] = &row{kind: e.Kind}
		}
		k := rows[e.Kind]
		if e.Skipped {
			k.skipped++
			continue
		}
		k.n++
		if alone[e.Group] == 1 {
			k.alone++
		}
		k.lasted = max(k.lasted, e.Ended.Sub(e.Begun))
		k.worst = max(k.worst, rec.Took)
	}
	out := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintf(out, "fault\tinjected\talone\tlasted at most\trecovered within\t\n")
	for _, kind := range sortedKeys(rows) {
		k := rows[kind]
		note := ""
		if k.skipped > 0 {
			note = fmt.Sprintf("and %d could not happen", k.skipped)
		}
		fmt.Fprintf(out, "%s\t%d\t%d\t%v\t%v\t%s\n", kind, k.n, k.alone, round(k.lasted), round(k.worst), note)
	}
	_ = out.Flush()
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// figures prints the counts.
func (r *Report) figures(to io.Writer) {
	counts := map[string]int{}
	for _, v := range r.Violations {
		counts[v.Kind]++
	}
	injected := len(slices.DeleteFunc(slices.Clone(r.Evidence.Events), func(e Event) bool { return e.Skipped }))
	out := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintf(out, "\n")
	line := func(name string, value any, what string) { fmt.Fprintf(out, "%s\t%v\t%s\t\n", name, value, what) }
	line("faults", injected, "injected")
	line("records", r.Records, "submitted at least once")
	line("submissions", r.Submitted, "committed with the flag set")
	line("withheld", r.Withheld, "versions that were rolled back or saved without the flag")
	line("table altered", r.TableAltered, "while it was written to")
	line("calls", r.Calls, "that reached the platform")
	line("taken", r.Taken, "of these")
	line("superseded", r.Superseded, "submissions in whose place a newer one arrived")
	line("duplicates", r.Duplicates, "content taken once more, which changes nothing")
	line("overtaken", r.Overtaken, "older after newer where Redis had lost confirmed writes; the newest came again")
	line("stale for at most", round(r.StaleFor), "in such a case")
	for _, kind := range []string{Lost, Stale, Phantom, Early, Altered, Unsettled, Crashed} {
		line(kind, counts[kind], "violations")
	}
	line("bridge ended by itself", len(r.Endings), "and was started again")
	if n := len(r.Latencies); n > 0 {
		line("commit to delivery",
			fmt.Sprintf("%v / %v / %v", roundMilli(r.Latencies[n/2]), roundMilli(r.Latencies[n*99/100]), roundMilli(r.Latencies[n-1])),
			"median / 99 % / longest, faults and all")
	}
	if len(r.Recoveries) > 0 {
		worst := slices.MaxFunc(r.Recoveries, func(a, b Recovery) int { return cmp.Compare(a.Took, b.Took) })
		line("longest recovery", round(worst.Took), worst.Event.Kind+", group "+fmt.Sprint(worst.Event.Group))
	}
	_ = out.Flush()
	r.reasons(to)
}

// reasons prints why bridges ended by themselves.
func (r *Report) reasons(to io.Writer) {
	reasons := map[string]int{}
	for _, e := range r.Endings {
		reasons[e.why()]++
	}
	for _, why := range sortedKeys(reasons) {
		fmt.Fprintf(to, "  ended %d times with: %s\n", reasons[why], why)
	}
}

func roundMilli(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
