package pusher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
)

func TestTheSourceIsMarkedBeforeTheRecordIsSettled(t *testing.T) {
	tests := []struct {
		name   string
		result Result
		fails  bool
		want   bridge.Settlement
	}{
		{
			"delivered",
			Result{Outcome: Delivered, Code: "0"},
			false,
			bridge.Settlement{Verdict: bridge.VerdictDelivered, Stage: bridge.StagePlatform, Code: "0"},
		},
		{"delivered, not marked", Result{Outcome: Delivered, Code: "0"}, true, bridge.Settlement{
			Verdict: bridge.VerdictRetry, Stage: bridge.StageWriteback, Code: "0", After: time.Second,
			Message: "the platform has the record, but the source could not be marked: lock wait timeout on '***'",
		}},
		{"rejected, not marked", Result{Outcome: Rejected, Code: "500", Message: "缺字段"}, true, bridge.Settlement{
			Verdict: bridge.VerdictRetry, Stage: bridge.StageWriteback, Code: "500", After: time.Second,
			Message: "the record was refused (缺字段), but the source could not be marked: lock wait timeout on '***'",
		}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			var written []bridge.Verdict
			p := startPool(t, func(o *WorkersOptions) {
				outbox := o.Outbox.(*memoryOutbox)
				o.Client = always(tt.result)
				o.Writeback = writebackFunc(func(_ context.Context, _ bridge.Change, s bridge.Settlement) error {
					written = append(written, s.Verdict)
					if tt.fails && len(written) == 1 {
						return errors.New("lock wait timeout on '欧阳娜娜'")
					}
					assert.Empty(t, outbox.verdict("one/1"))
					return nil
				})
			})
			p.outbox.submit(change("1"))
			synctest.Wait()
			assert.Equal(t, tt.want, p.outbox.settlements()[0], tt.name)
			time.Sleep(2 * time.Second)
			assert.NotEmpty(t, p.outbox.verdict("one/1"), "and at last it is")
			p.end(t)
		})
	}
	synctest.Test(t, func(t *testing.T) { // a retry is nothing to tell the counsellor
		p := startPool(t, func(o *WorkersOptions) {
			o.Client = always(Result{Outcome: Retry})
			o.Writeback = writebackFunc(func(context.Context, bridge.Change, bridge.Settlement) error {
				t.Error("written back")
				return nil
			})
		})
		p.outbox.submit(change("1"))
		time.Sleep(time.Minute)
		p.end(t)
	})
}
