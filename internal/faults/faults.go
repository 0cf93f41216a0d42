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

// Type is the type of what recover gave. A fault that the runtime found itself (an index, a nil) is told whole: its text is the
// runtime's, with numbers and the names of types in it.
func Type(fault any) string {
	if found, ok := fault.(runtime.Error); ok {
		return found.Error()
	}
	return fmt.Sprintf("%T", fault)
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
