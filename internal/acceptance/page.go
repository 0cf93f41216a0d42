package acceptance

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed report.html.tmpl
var pageText string

// JSON is the report for programs.
func (r Report) JSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return out.Bytes(), nil
}

// HTML is the report for people: one file without scripts or anything from elsewhere, laid out for A4.
func (r Report) HTML() ([]byte, error) {
	page, err := template.New("report").Funcs(template.FuncMap{
		"word": resultWord, "at": localTime, "took": func(s float64) string { return took(time.Duration(s * float64(time.Second))) },
		"join": strings.Join, "inc": func(i int) int { return i + 1 },
	}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("lay the report out: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, r); err != nil {
		return nil, fmt.Errorf("lay the report out: %w", err)
	}
	return out.Bytes(), nil
}

// resultWord is a result as people say it.
func resultWord(r Result) string {
	switch r {
	case Passed:
		return "通过"
	case Failed:
		return "不通过"
	default:
		return "未在此执行"
	}
}

// localTime prints a moment in China's time, whatever the machine is set to: the report is filed there.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	return t.In(time.FixedZone("CST", 8*60*60)).Format("2006-01-02 15:04:05")
}

// A Group is the cases of one kind, with their counts.
type Group struct {
	Name                   string
	Passed, Failed, NotRun int
	Cases                  []Case
}

// Groups are the cases by kind, in the order of the plan.
func (r Report) Groups() []Group {
	var out []Group
	for _, c := range r.Cases {
		if len(out) == 0 || out[len(out)-1].Name != c.Group {
			out = append(out, Group{Name: c.Group})
		}
		g := &out[len(out)-1]
		g.Cases = append(g.Cases, c)
		switch c.Result {
		case Passed:
			g.Passed++
		case Failed:
			g.Failed++
		case NotRun:
			g.NotRun++
		}
	}
	return out
}

// Only are the cases with one result.
func (r Report) Only(result Result) []Case {
	var out []Case
	for _, c := range r.Cases {
		if c.Result == result {
			out = append(out, c)
		}
	}
	return out
}

// Looked counts what was compared in all cases.
func (r Report) Looked() (n int) {
	for _, c := range r.Cases {
		for _, s := range c.Steps {
			if s.Looked() {
				n++
			}
		}
	}
	return n
}

// Conclusion says it in a sentence.
func (r Report) Conclusion() string {
	switch {
	case r.Failed > 0:
		return fmt.Sprintf("不通过：%d 项用例不通过，须整改后重新执行。", r.Failed)
	case r.Passed == 0:
		return "没有用例在此执行，不构成结论。"
	case r.NotRun > 0:
		return fmt.Sprintf("在此执行的 %d 项用例全部通过；另有 %d 项未在此执行，须按所列原因另行执行后方可得出完整结论。", r.Passed, r.NotRun)
	default:
		return fmt.Sprintf("%d 项用例全部通过。", r.Passed)
	}
}
