package pusher

import (
	"fmt"
	"path/filepath"
	"runtime"

	"talkbridge/internal/bridge"

	"go.uber.org/zap"
)

// codePanic stands for a code where a fault of the program itself ended a delivery.
const codePanic = "panic"

// panicked makes a retry of a delivery that ended in a fault of the program. Left alone the fault would end the process, print its own
// value, which may hold a row's content (Invariant 8), and come again with the same record after each start. So the record waits, the
// others go on, and the log has the fault's type and where it was; never its value, nor a frame's arguments.
func (w *Workers) panicked(lease bridge.Lease, stage bridge.Stage, fault any) bridge.Settlement {
	message := fmt.Sprintf("a fault of the program (%T): the record is tried again; report the log's line with its stack", fault)
	w.Logger.Error("a delivery ended in a fault of the program; the record waits, the others go on", zap.String("record", lease.ID),
		zap.String("stage", string(stage)), zap.String("type", fmt.Sprintf("%T", fault)), zap.Strings("at", frames()))
	return w.again(lease, stage, codePanic, message, 0)
}

// maxFrames is how many calls the log shows: the fault is at the top.
const maxFrames = 32

// frames are the calls that led to a panic, by function, file and line alone.
func frames() []string {
	callers := make([]uintptr, maxFrames)
	calls := runtime.CallersFrames(callers[:runtime.Callers(4, callers)]) // without Callers, frames, panicked and the deferred function
	var out []string
	for {
		f, more := calls.Next()
		out = append(out, fmt.Sprintf("%s %s:%d", f.Function, filepath.Base(f.File), f.Line))
		if !more {
			return out
		}
	}
}
