package pusher

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// A fault of the program keeps its own record waiting and no other, and says nothing of what the record holds.
func TestAPanicIsARetryThatSaysNothing(t *testing.T) {
	fault := errors.New("李明 11010519491231002X 近两周失眠")
	for _, tt := range []struct {
		stage  bridge.Stage
		change func(*WorkersOptions)
	}{
		{bridge.StageMapping, func(o *WorkersOptions) {
			o.Mapper = mapperFunc(func(ctx context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
				if c.Key == "1" {
					panic(fault)
				}
				return mapKey(ctx, c)
			})
		}},
		{bridge.StagePlatform, func(o *WorkersOptions) {
			calls := 0
			o.Concurrency = 1
			o.Client = pusherFunc(func(context.Context, string, []byte) Result {
				if calls++; calls == 1 {
					panic(fault)
				}
				return Result{Outcome: Delivered, Code: "0"}
			})
		}},
		{bridge.StageWriteback, func(o *WorkersOptions) {
			o.Writeback = writebackFunc(func(_ context.Context, c bridge.Change, _ bridge.Settlement) error {
				if c.Key == "1" {
					panic(fault)
				}
				return nil
			})
		}},
	} {
		t.Run(string(tt.stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := startPool(t, tt.change)
				p.outbox.submit(change("1"), change("2"))
				time.Sleep(500 * time.Millisecond)
				p.end(t)
				var said string
				retried := 0
				for _, s := range p.outbox.settlements() {
					said += fmt.Sprintf("%+v\n", s)
					if s.Verdict == bridge.VerdictRetry {
						retried++
						assert.Equal(t, tt.stage, s.Stage)
						assert.Equal(t, codePanic, s.Code)
					}
				}
				require.Equal(t, 1, retried)
				require.Contains(t, said, string(bridge.VerdictDelivered), "the other record")
				logged := p.logs.FilterField(zap.String("stage", string(tt.stage))).FilterMessageSnippet("fault of the program").All()
				require.Len(t, logged, 1)
				require.Contains(t, fmt.Sprint(logged[0].ContextMap()["at"]), "panicked_test.go:", "where it was")
				for _, entry := range p.logs.All() {
					said += fmt.Sprintf("%s %v\n", entry.Message, entry.ContextMap())
				}
				for _, canary := range []string{"李明", "11010519491231002X", "失眠"} {
					assert.NotContains(t, said, canary)
				}
			})
		})
	}
}
