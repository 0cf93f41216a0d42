package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
)

// talkbridge runs one command line of the program itself.
func (c *college) talkbridge(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), append(args, "-c", c.config)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String(), errOut.String()
	}
	require.NoError(t, err)
	return 0, out.String(), errOut.String()
}

// The commands that look at records and position work beside a running bridge and without one.
func TestTheLedgerIsReadBesideARunningBridgeAndWithoutOne(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	code, _, stderr := c.talkbridge(t, "position", "show")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "no position is saved yet")

	stop := c.run(t)
	c.press(t, "1001")
	c.press(t, "1008")
	c.taken(t, "one", "1001", 1)
	eventually(t, 10*time.Second, func() error {
		if code, _, _ := c.talkbridge(t, "records", "show", "one/1008"); code != 0 {
			return errors.New("one/1008 is not known yet")
		}
		return nil
	})
	for _, state := range []string{"running", "stopped"} {
		t.Run(state, func(t *testing.T) {
			if state == "stopped" {
				stop()
			}
			c.lookAtLedger(t)
		})
	}
}

func (c *college) lookAtLedger(t *testing.T) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		_, out, _ := c.talkbridge(t, "records", "list", "--status", "rejected", "--json")
		var records []bridge.Record
		if err := json.Unmarshal([]byte(out), &records); err != nil || len(records) != 1 || records[0].ID != "one/1008" {
			return errors.New(out)
		}
		return nil
	})
	_, out, _ := c.talkbridge(t, "records", "list")
	require.Regexp(t, `one/1001 +delivered`, out)
	require.Regexp(t, `one/1008 +rejected .*结束时间早于开始时间`, out)
	_, out, _ = c.talkbridge(t, "records", "show", "one/1008")
	require.Contains(t, out, "结束时间早于开始时间")
	code, _, stderr := c.talkbridge(t, "records", "show", "one/404")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "no record one/404")
	_, out, _ = c.talkbridge(t, "position", "show", "--json")
	var p admin.Position
	require.NoError(t, json.Unmarshal([]byte(out), &p))
	require.NotEmpty(t, p.File)
	require.NotEmpty(t, p.GTID)
	require.Positive(t, p.Pos)
}

func TestMapShowsWhatARowBecomesAndSendsNothing(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.press(t, "1001")
	c.press(t, "1008")
	code, out, _ := c.talkbridge(t, "map", "--route", "one", "--key", "1001", "--json")
	require.Zero(t, code)
	var shape struct {
		Payload  map[string]any
		Problems []bridge.Problem
	}
	require.NoError(t, json.Unmarshal([]byte(out), &shape))
	require.Equal(t, "李明", shape.Payload["studentName"])
	require.NotNil(t, shape.Problems)
	require.Empty(t, shape.Problems)

	code, out, _ = c.talkbridge(t, "map", "--route", "one", "--key", "1008")
	require.Equal(t, 1, code)
	require.Contains(t, out, "结束时间早于开始时间")
	code, out, _ = c.talkbridge(t, "map", "--route", "one", "--key", "1011")
	require.Equal(t, 0, code)
	require.Contains(t, out, "这一行现在不会上报")
	code, _, stderr := c.talkbridge(t, "map", "--route", "three", "--key", "1")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "no route three")
	code, out, _ = c.talkbridge(t, "map", "--route", "one", "--key", "404")
	require.Equal(t, 1, code)
	require.Contains(t, out, "404")
	require.Zero(t, c.sim.Stats().Calls)
}

func TestUsageErrorsExitWith2(t *testing.T) {
	c := &college{config: "talkbridge.yaml"}
	for _, args := range [][]string{
		{"fly"}, {"run", "now"}, {"records", "lst"}, {"records", "show"}, {"records", "list", "--status", "lost"}, {"map"}, {"run", "--fast"},
	} {
		code, _, stderr := c.talkbridge(t, args...)
		require.Equal(t, 2, code, "%v: %s", args, stderr)
	}
	code, out, _ := c.talkbridge(t, "version")
	require.Zero(t, code)
	require.Contains(t, out, "talkbridge ")
	code, out, _ = c.talkbridge(t)
	require.Zero(t, code)
	require.Contains(t, out, "records")
}
