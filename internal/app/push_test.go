package app_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
)

func (c *college) push(t *testing.T, code int, key string) app.PushAnswer {
	t.Helper()
	var answer app.PushAnswer
	c.says(t, code, &answer, "push", "--route", "one", "--key", key)
	return answer
}

func (c *college) flag(t *testing.T, id string) (flag string) {
	t.Helper()
	require.NoError(t, c.db.QueryRowContext(t.Context(), "SELECT tj_zt FROM xl_gzth WHERE id = "+id).Scan(&flag))
	return flag
}

// One row goes out now, with no bridge running, and what cannot be sent says why.
func TestPushWithoutABridge(t *testing.T) {
	onBothStores(t, func(t *testing.T, c *college) {
		t.Helper()
		answer := c.push(t, 1, "1001")
		require.Equal(t, app.PushNotSubmitted, answer.Outcome, "nobody has pressed 递交")
		require.Contains(t, answer.Why, "tj_zt")
		require.Equal(t, app.PushNotSubmitted, c.push(t, 1, "404").Outcome)
		require.Zero(t, c.sim.Stats().Calls, "what is not submitted stays at the school")
		code, _, _ := c.talkbridge(t, "records", "show", "one/1001")
		require.Equal(t, 1, code, "nor is it queued")

		c.press(t, "1001")
		answer = c.push(t, 0, "01001")
		require.Equal(t, app.PushAnswer{
			ID: "one/1001", Route: "one", Key: "1001", Outcome: app.PushDelivered, Status: bridge.StatusDelivered,
			Stage: bridge.StagePlatform, Code: answer.Code, Message: answer.Message,
		}, answer)
		require.Contains(t, c.taken(t, "one", "1001", 1), "李明")
		require.Equal(t, "3", c.flag(t, "1001"), "it is written back")
		answer = c.push(t, 1, "1001")
		require.Equal(t, app.PushNotSubmitted, answer.Outcome, "the mark is no submission")
		require.Contains(t, answer.Why, "再按一次“递交”")
		c.press(t, "1001")
		require.Equal(t, app.PushDelivered, c.push(t, 0, "1001").Outcome, "though it holds what it held")

		c.press(t, "1008")
		answer = c.push(t, 1, "1008")
		require.Equal(t, app.PushRejected, answer.Outcome)
		require.Equal(t, bridge.StageMapping, answer.Stage)
		require.Contains(t, answer.Message, "结束时间早于开始时间")
		require.NotEmpty(t, answer.Problems)

		c.press(t, "1002")
		_, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultStatus, Status: 503})
		require.NoError(t, err)
		answer = c.push(t, 1, "1002")
		require.Equal(t, app.PushWaits, answer.Outcome)
		require.Equal(t, bridge.StatusPending, answer.Status)
		c.sim.ClearFaults()
		c.asked(t, "pause")
		code, _, stderr := c.talkbridge(t, "push", "--route", "one", "--key", "1002")
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "talkbridge resume")
		c.asked(t, "resume")
		require.Equal(t, app.PushDelivered, c.push(t, 0, "1002").Outcome, "though it was not due yet")
	})
}

// Pushes beside a bridge that delivers the same records: the platform never sees two calls for one at a time, nor older content last.
func TestPushBesideABridge(t *testing.T) {
	onBothStores(t, func(t *testing.T, c *college) {
		t.Helper()
		_, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(50 * time.Millisecond)})
		require.NoError(t, err)
		c.exec(t, "UPDATE xl_gzth SET th_lx = '1', scbz = '0' WHERE id = 1001")
		c.quick(t)
		c.run(t)
		var pushes sync.WaitGroup
		for i := range 6 {
			c.exec(t, "UPDATE xl_gzth SET tj_zt = '0' WHERE id = 1001")
			c.exec(t, fmt.Sprintf("UPDATE xl_gzth SET tj_zt = '1', bt = '第%d次' WHERE id = 1001", i))
			pushes.Go(func() { c.talkbridge(t, "push", "--route", "one", "--key", "1001") })
		}
		pushes.Wait()
		c.becomes(t, "one/1001", bridge.StatusDelivered)
		require.Contains(t, c.taken(t, "one", "1001", 1), "第5次")
		require.Zero(t, c.sim.Stats().Overlaps, "Invariant 3")
		require.LessOrEqual(t, c.sim.Stats().TokenRefused, 1)
	})
}
