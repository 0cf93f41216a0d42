package app_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// binary builds the program once for all tests of this package.
func binary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	require.NoError(t, err)
	return path
}

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "talkbridge-bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "talkbridge")
	out, err := exec.Command("go", "build", "-o", path, "talkbridge/cmd/talkbridge").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if path, err := buildOnce(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		if panickingDir != "" {
			_ = os.RemoveAll(panickingDir)
		}
		os.Exit(code)
	}))
}

// spawn starts a bridge as a process of its own. Its end is awaited, its log shown if the test fails.
func (c *college) spawn(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(t), "run", "-c", c.config)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("bridge %d:\n%s", cmd.Process.Pid, log.String())
		}
	})
	return cmd
}

// kill -9 of the bridge in the middle of 200 submissions, three times: the platform ends with the latest content of each, and no
// older content ever comes after a newer one.
func TestKilledThreeTimesInTheMiddleOf200Submissions(t *testing.T) {
	for _, store := range []string{"embedded", "redis"} {
		t.Run(store, func(t *testing.T) {
			url := "file:talkbridge.db"
			if store == "redis" {
				url = testserver.StartRedis(t).URL()
			}
			killThreeTimes(t, newCollege(t, url))
		})
	}
}

func killThreeTimes(t *testing.T, c *college) {
	t.Helper()
	c.edit(t, "rate: 50 ", "rate: 0 ")
	c.edit(t, "timeout: 10s", "timeout: 2s") // a lease lasts two of these and 15 s more, and what was in flight waits for its end
	const records, submissions = 50, 200     // each record is edited and submitted four times
	for i := range records {
		c.exec(t, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, tj_zt)
			SELECT ?, gzdx_id, th_lx, th_fs, th_zt, '第 0 次', kssj, jssj, sc, thnr, gh, '0' FROM xl_gzth WHERE id = 1001`, 5000+i)
	}
	// Every call takes a while, so that some are always on their way when the bridge dies.
	_, err := c.sim.Inject(platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(20 * time.Millisecond)})
	require.NoError(t, err)
	bridge := c.spawn(t)
	for i := range submissions {
		id, version := 5000+i%records, 1+i/records
		c.exec(t, "UPDATE xl_gzth SET bt = ?, tj_zt = '0' WHERE id = ?", fmt.Sprintf("第 %d 次", version), id)
		c.exec(t, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = ?", id)
		if i%60 == 45 { // after 46, 106 and 166 submissions
			before := c.sim.Stats().Applied
			eventually(t, 60*time.Second, func() error {
				if c.sim.Stats().Applied < before+2 {
					return fmt.Errorf("nothing arrives; %d have", before)
				}
				return nil
			})
			require.NoError(t, bridge.Process.Kill())
			_ = bridge.Wait()
			bridge = c.spawn(t)
		}
	}
	for i := range records {
		id := fmt.Sprint(5000 + i)
		eventually(t, 90*time.Second, func() error {
			r, _ := c.sim.Record("one", id)
			if !strings.Contains(string(r.Payload), `"talkTitle":"第 4 次"`) {
				return fmt.Errorf("record %s holds %s", id, r.Payload)
			}
			return nil
		})
	}
	newest := map[string]string{}
	for _, a := range c.sim.Journal() {
		if !a.Applied {
			continue
		}
		_, rest, _ := strings.Cut(string(a.Payload), `"talkTitle":"第 `)
		version, _, _ := strings.Cut(rest, " ")
		require.GreaterOrEqual(t, version, newest[a.RecordID], "record %s: older content came after newer", a.RecordID)
		newest[a.RecordID] = version
	}
	stats := c.sim.Stats()
	require.Zero(t, stats.Overlaps)
	t.Logf("%d submissions, %d taken by the platform", submissions, stats.Applied)
}
