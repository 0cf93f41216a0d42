package chaos

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Timeline prints everything that is known about a record, in the order in which it happened, with the faults of that time.
func (e Evidence) Timeline(to io.Writer, record int) {
	type moment struct {
		at   time.Time
		text string
	}
	var moments []moment
	var first, last time.Time
	see := func(at time.Time, format string, args ...any) {
		moments = append(moments, moment{at, fmt.Sprintf(format, args...)})
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	for _, v := range e.Versions {
		if v.Record == record {
			see(v.Done, "source    version %d %s (%s), commit sent %v before", v.Version, v.Outcome, v.How, roundMilli(v.Done.Sub(v.Begun)))
		}
	}
	for _, a := range e.Arrivals {
		if r, ok := read(a.Payload); ok && r.record == record {
			outcome := fmt.Sprintf("refused: %d %s", a.Code, a.Msg)
			if a.Applied {
				outcome = "taken"
			}
			if a.Fault != "" {
				outcome += ", answered with the fault " + a.Fault
			}
			see(a.At, "platform  version %d %s (call %d)", r.version, outcome, a.Seq)
		}
	}
	for _, f := range e.Events {
		if f.Ended.Before(first) || f.Begun.After(last) {
			continue
		}
		moments = append(moments, moment{f.Begun, fmt.Sprintf("fault     %s begins (%s, group %d)", f.Kind, f.Note, f.Group)},
			moment{f.Ended, fmt.Sprintf("fault     %s has ended", f.Kind)})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	const most = 60 // the end of a record's life is where it went wrong
	if over := len(moments) - most; over > 0 {
		fmt.Fprintf(to, "    … %d earlier moments\n", over)
		moments = moments[over:]
	}
	for _, m := range moments {
		fmt.Fprintf(to, "    %s  %s\n", m.at.Format("15:04:05.000"), m.text)
	}
}
