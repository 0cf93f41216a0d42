package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
)

// A row is submitted anew while its older submission is on its way. When that one is delivered the row holds what the platform has not got
// yet, and must not say that it is delivered. Nor does the mark itself count as a submission.
func TestANewerSubmissionIsNotMarkedByTheOlder(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.run(t)
	_, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(3 * time.Second), Times: 2})
	require.NoError(t, err)
	c.titled(t, "1001", "第一次")
	c.becomes(t, "one/1001", bridge.StatusSending)
	c.titled(t, "1001", "第二次") // the older call is in flight for three seconds
	c.taken(t, "one", "1001", 1)
	second := 0
	eventually(t, 60*time.Second, func() error {
		flag := c.flag(t, "1001") // looked at before the platform is: what is delivered by then was marked later, or rightly
		if r, _ := c.sim.Record("one", "1001"); r.Count > 1 {
			return nil
		}
		second++
		require.Equal(t, "1", flag, "only the older submission was delivered so far")
		return errors.New("the newer submission is not delivered yet")
	})
	require.Positive(t, second, "the test has looked in between")
	c.becomes(t, "one/1001", bridge.StatusDelivered)
	require.Equal(t, []string{"第一次", "第二次"}, c.titles(t, "1001"))
	require.Equal(t, "3", c.flag(t, "1001"), "now it is what the platform has")

	c.titled(t, "1002", "之后") // behind the marks in the log
	c.becomes(t, "one/1002", bridge.StatusDelivered)
	require.Equal(t, []string{"第一次", "第二次"}, c.titles(t, "1001"))
	require.Equal(t, []string{"之后"}, c.titles(t, "1002"))
	eventually(t, 30*time.Second, func() error {
		const captured = `talkbridge_changes_captured_total{route="one"} `
		if page := c.page(t, "/metrics"); !strings.Contains(page, captured+"3\n") {
			_, rest, _ := strings.Cut(page, captured)
			n, _, _ := strings.Cut(rest, "\n")
			return fmt.Errorf("%s submissions were captured, not the three that were made", n)
		}
		return nil
	})
}
