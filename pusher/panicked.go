package pusher

import (
	"fmt"

	"talkbridge/internal/bridge"
	"talkbridge/internal/faults"

	"go.uber.org/zap"
)

// codePanic stands for a code where a fault of the program itself ended a delivery.
const codePanic = "panic"

// panicked makes a retry of a delivery that ended in a fault of the program. Left alone the fault would end the process, print its own
// value, which may hold a row's content (Invariant 8), and come again with the same record after each start. So the record waits, the
// others go on, and the log has the fault's type and where it was; never its value, nor a frame's arguments.
func (w *Workers) panicked(lease bridge.Lease, stage bridge.Stage, fault any) bridge.Settlement {
	kind := faults.Type(fault)
	message := fmt.Sprintf("a fault of the program (%s): the record is tried again; report the log's line with its stack", kind)
	w.Logger.Error("a delivery ended in a fault of the program; the record waits, the others go on", zap.String("record", lease.ID),
		zap.String("stage", string(stage)), zap.String("type", kind), zap.Strings("at", faults.Frames()))
	return w.again(lease, stage, codePanic, message, 0)
}
