// Package check says, before anything is sent, whether a bridge under a configuration would work: the source, the store, the platform,
// the crypto and the mapping, each precondition as one Item with the statement or setting that mends it. In come connections that are
// open already and what the stages say of themselves; out goes a list. Nothing here writes: not to the source, not to the store, not
// to the platform, whose business endpoints are never called. No Item holds a row's content, a token or a secret.
package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Level is how bad an Item is.
type Level string

// The levels.
const (
	Pass Level = "PASS"
	Warn Level = "WARN" // works today, and will surprise somebody
	Fail Level = "FAIL" // the bridge would not start, or would deliver nothing
)

// An Item is one precondition. Its JSON is part of the product's interface.
type Item struct {
	ID     string `json:"id"` // stable: source.binlog_format, mapping.one, …
	Level  Level  `json:"level"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"` // the statement, setting or next step; empty where there is nothing to mend
}

// Failed tells whether any item is a FAIL.
func Failed(items []Item) bool {
	return slices.ContainsFunc(items, func(i Item) bool { return i.Level == Fail })
}

func pass(id, what string) Item { return Item{ID: id, Level: Pass, What: what} }

// Print writes the items for a person: those that are fine on one line each, the others with what to do.
func Print(out io.Writer, items []Item) {
	width := 0
	for _, i := range items {
		width = max(width, len(i.ID))
	}
	width = min(width, 36)
	counts := map[Level]int{}
	for _, i := range items {
		counts[i.Level]++
		fmt.Fprintf(out, "%s  %-*s  %s\n", i.Level, width, i.ID, oneLine(i.What))
		if i.Level == Pass {
			continue
		}
		indent(out, "", i.Detail)
		indent(out, "mend: ", i.Fix)
	}
	fmt.Fprintf(out, "\n%d passed, %d to look at, %d failed.\n", counts[Pass], counts[Warn], counts[Fail])
}

// indent writes a text of several lines under its item; the first line begins with lead, the others stand under it.
func indent(out io.Writer, lead, text string) {
	if text == "" {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(out, "      %s%s\n", lead, strings.TrimRight(line, "\n"))
		lead = strings.Repeat(" ", len(lead))
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// split cuts what a stage says into what is wrong and what to do about it: the stages write "…. Run …".
func split(text string) (wrong, fix string) {
	at := -1
	for _, word := range []string{
		". Run ", ". Set ", ". Correct ", ". Write ", ". Check ", ". Name ", ". Grant ", ". Put ", "; name ", ": correct ", ": GRANT ", ", or GRANT ",
		": grant ", ": add ", ": give ", ": mend ", ": a bind ", ": different ",
	} {
		if i := strings.Index(text, word); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return text, ""
	}
	return text[:at], strings.TrimLeft(text[at:], ".;:, ")
}

// leaves are the single errors of a joined one, however it is wrapped.
func leaves(err error) []error {
	for e := err; e != nil; {
		if joined, ok := e.(interface{ Unwrap() []error }); ok {
			var out []error
			for _, part := range joined.Unwrap() {
				out = append(out, leaves(part)...)
			}
			return out
		}
		wrapped, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = wrapped.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
