package console

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/access"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// functions are what the templates can call.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"t":      word,
		"clock":  c.clock,
		"ago":    ago,
		"span":   span,
		"bytes":  size,
		"status": func(l string, s bridge.Status) string { return word(l, "status_"+string(s)) },
		"stage":  func(l string, s bridge.Stage) string { return word(l, "stage_"+string(s)) },
		// What nothing was done about: of what is queued the missing come first.
		"lacking":  func(r state.Reconciled) int { return max(0, r.Missing-r.Queued) },
		"stale":    func(r state.Reconciled) int { return r.Differing - max(0, r.Queued-r.Missing) },
		"cause":    func(l string, c state.Cause) string { return word(l, "cause_"+string(c)) },
		"reason":   reason,
		"to":       func(id string) template.URL { return template.URL(recordPath(id)) }, //nolint:gosec // every part is escaped
		"problem":  func(p bridge.Problem) string { return strings.Join(some(p.Field, p.Column, p.Rule), " · ") },
		"operator": func(w access.Who) bool { return w.May(access.Operator) },
		"auditor":  func(w access.Who) bool { return w.May(access.Auditor) },
		"waiting":  func(s Snapshot) int { return s.Records[bridge.StatusPending] + s.Records[bridge.StatusSending] },
		"count":    func(s Snapshot, status string) int { return s.Records[bridge.Status(status)] },
		"grouped":  grouped,
		"retries":  func(s bridge.Status) bool { return s == bridge.StatusRejected || s == bridge.StatusPending },
		"discards": func(s bridge.Status) bool { return s == bridge.StatusRejected || s == bridge.StatusPending },
		"ends":     func(s bridge.Status) bool { return s != bridge.StatusPending && s != bridge.StatusSending },
	}
}

// recordPath is the address of a record's page.
func recordPath(id string) string { return "/records/" + bridge.RecordPath(id) }

// grouped is a number as people read it: 100,000.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func some(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// reason is why a record is where it is, in a sentence.
func reason(r bridge.Record) string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, p.Message)
	}
	switch {
	case r.Status == bridge.StatusDelivered:
		return ""
	case len(out) > 0:
		return strings.Join(out, "；")
	case r.Code != "" && r.Stage == bridge.StagePlatform && r.Message != "":
		return "[" + r.Code + "] " + r.Message
	default:
		return r.Message
	}
}

func (c *Console) clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(c.Location).Format(time.DateTime)
}

// ago is how long ago a moment was.
func ago(language string, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	d := time.Since(t)
	if d < 0 {
		return fmt.Sprintf(word(language, "in_time"), span(language, -d.Seconds()))
	}
	return fmt.Sprintf(word(language, "ago"), span(language, d.Seconds()))
}

// span is a length of time, with its unit.
func span(language string, seconds float64) string {
	d := math.Abs(seconds)
	switch {
	case d < 10:
		return fmt.Sprintf("%.1f %s", d, word(language, "unit_s"))
	case d < 120:
		return fmt.Sprintf("%.0f %s", d, word(language, "unit_s"))
	case d < 2*3600:
		return fmt.Sprintf("%.0f %s", d/60, word(language, "unit_min"))
	case d < 48*3600:
		return fmt.Sprintf("%.1f %s", d/3600, word(language, "unit_h"))
	default:
		return fmt.Sprintf("%.0f %s", d/86400, word(language, "unit_d"))
	}
}

// size is a number of bytes, with its unit.
func size(n uint64) string {
	f, units := float64(n), []string{"B", "KB", "MB", "GB", "TB"}
	i := 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
