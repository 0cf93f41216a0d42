// Package faults says of a panic what may be said: its type and where it was. The value may hold a row's content (Invariant 8), and so
// may what a library makes of it, so neither is ever passed on.
package faults

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// maxFrames is how many calls are named: the fault is at the top.
const maxFrames = 32

// Type is the type of what recover gave. A fault that the runtime found itself (an index, a nil) is told in its own words, which hold the
// names of types and numbers; a number as long as one that names a person is left out.
func Type(fault any) string {
	found, ok := fault.(runtime.Error)
	if !ok {
		return fmt.Sprintf("%T", fault)
	}
	words := strings.FieldsFunc(found.Error(), func(r rune) bool { return r < '0' || r > '9' })
	text := found.Error()
	for _, digits := range words {
		if len(digits) >= 7 {
			text = strings.Replace(text, digits, "***", 1)
		}
	}
	return text
}

// Frames are the calls that led to a panic, by function, file and line alone. It is called by the deferred function that recovers, or by
// what that calls: what lies above the panic is left out.
func Frames() []string {
	callers := make([]uintptr, 2*maxFrames)
	calls := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	var out []string
	for {
		f, more := calls.Next()
		switch {
		case f.Function == "runtime.gopanic":
			out = out[:0]
		case f.Function != "":
			out = append(out, fmt.Sprintf("%s %s:%d", f.Function, filepath.Base(f.File), f.Line))
		}
		if !more {
			return out[:min(len(out), maxFrames)]
		}
	}
}

// Where is the first of the frames that is not the runtime's.
func Where(frames []string) string {
	for _, f := range frames {
		if !strings.HasPrefix(f, "runtime.") {
			return f
		}
	}
	return "an unknown place"
}
