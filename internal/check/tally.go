package check

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"talkbridge/internal/bridge"
)

// A Tally counts what a mapping makes of rows. Its JSON is that of talkbridge map --all.
type Tally struct {
	Route     string  `json:"route"`
	Rows      int     `json:"rows"`      // mapped
	Submitted int     `json:"submitted"` // of these: the flag says that somebody pressed 递交
	Refused   int     `json:"refused"`
	Share     float64 `json:"share"` // refused of all, 0 to 1

	SubmittedRefused int `json:"submitted_refused"`

	Reasons  []Reason  `json:"reasons"`  // the most frequent first
	Refusals []Refusal `json:"refusals"` // every refused row, in the order in which the rows were read
}

// A Reason is one kind of problem and how many rows have it.
type Reason struct {
	bridge.Problem // the first of its kind

	Count   int    `json:"count"`
	Example string `json:"example"` // the key of a row that has it
}

// A Refusal is one row that cannot be sent.
type Refusal struct {
	Key      string           `json:"key"`
	Problems []bridge.Problem `json:"problems"`
}

// Add counts one row.
func (t *Tally) Add(key string, submitted bool, problems []bridge.Problem) {
	t.Rows++
	if submitted {
		t.Submitted++
	}
	if len(problems) == 0 {
		return
	}
	t.Refused++
	if submitted {
		t.SubmittedRefused++
	}
	t.Refusals = append(t.Refusals, Refusal{Key: key, Problems: problems})
}

// Close ranks the reasons and works out the share. Call it once, after the last Add.
func (t *Tally) Close() {
	if t.Rows > 0 {
		t.Share = float64(t.Refused) / float64(t.Rows)
	}
	at := map[[4]string]int{}
	t.Reasons = []Reason{}
	for _, refusal := range t.Refusals {
		seen := map[[4]string]bool{}
		for _, p := range refusal.Problems {
			kind := [4]string{withoutDigits(p.Field), p.Column, p.Rule, withoutDigits(p.Message)}
			i, known := at[kind]
			if !known {
				i = len(t.Reasons)
				at[kind] = i
				t.Reasons = append(t.Reasons, Reason{Problem: p, Example: refusal.Key})
			}
			if !seen[kind] { // a row counts once, however many of its students have the problem
				t.Reasons[i].Count++
			}
			seen[kind] = true
		}
	}
	slices.SortStableFunc(t.Reasons, func(a, b Reason) int { return cmp.Compare(b.Count, a.Count) })
	if t.Refusals == nil {
		t.Refusals = []Refusal{}
	}
}

// withoutDigits makes one kind of “有 130 字” and “有 240 字”.
func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, text)
}
