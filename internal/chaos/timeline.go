package chaos

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// A moment is something that happened to a record, or around it.
type moment struct {
	at   time.Time
	text string
}

// Timeline prints everything that is known about a record, in the order in which it happened, with the faults of that time.
func (e Evidence) Timeline(to io.Writer, record int) {
	moments := e.moments(record)
	if len(moments) == 0 {
		return
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	first, last := moments[0].at, moments[len(moments)-1].at
	for _, f := range e.Events {
		if f.Ended.After(first) && f.Begun.Before(last) {
			moments = append(moments, moment{f.Begun, fmt.Sprintf("fault     %s begins (%s, group %d)", f.Kind, f.Note, f.Group)},
				moment{f.Ended, fmt.Sprintf("fault     %s has ended", f.Kind)})
		}
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

// moments are a record's own.
func (e Evidence) moments(record int) (moments []moment) {
	for _, v := range e.Versions {
		if v.Record == record {
			moments = append(moments, moment{v.Done, fmt.Sprintf("source    version %d %s (%s), commit sent %v before", v.Version, v.Outcome, v.How,
				roundMilli(v.Done.Sub(v.Begun)))})
		}
	}
	for _, a := range e.Arrivals {
		r, ok := read(a.Payload)
		if !ok || r.record != record {
			continue
		}
		outcome := fmt.Sprintf("refused: %d %s", a.Code, a.Msg)
		if a.Applied {
			outcome = "taken"
		}
		if a.Fault != "" {
			outcome += ", answered with the fault " + a.Fault
		}
		moments = append(moments, moment{a.At, fmt.Sprintf("platform  version %d %s (call %d)", r.version, outcome, a.Seq)})
	}
	return moments
}
