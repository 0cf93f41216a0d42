package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/state"
)

// A node is a bridge as a process of its own, with its log in a file.
type node struct {
	t      *testing.T
	name   string
	config string
	admin  string
	log    string
	cmd    *exec.Cmd
	ended  chan error // gets how the process ended
}

// node writes another configuration file, the same but for admin.listen, and starts a bridge on it.
func (c *college) node(t *testing.T, name string) *node {
	t.Helper()
	own, listen := c.load(t).Admin.Listen, freeAddr(t)
	text, err := os.ReadFile(c.config)
	require.NoError(t, err)
	dir := filepath.Join(c.dir, name)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Dir(c.config))))
	n := &node{t: t, name: name, config: filepath.Join(dir, "talkbridge.yaml"), admin: listen, log: filepath.Join(c.dir, name+".log")}
	require.NoError(t, os.WriteFile(n.config, bytes.Replace(text, []byte(own), []byte(listen), 1), 0o600))
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("── log of bridge %s\n%s", name, n.said())
		}
	})
	n.start()
	return n
}

// start starts the process, the first time or again.
func (n *node) start() {
	n.t.Helper()
	out, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(n.t, err)
	defer out.Close()
	n.cmd = exec.Command(binary(n.t), "run", "-c", n.config)
	n.cmd.Stdout, n.cmd.Stderr = out, out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(n.t, n.cmd.Start())
	n.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(n.cmd, n.ended)
	eventually(n.t, 30*time.Second, func() error {
		_, err := n.status()
		select {
		case ended := <-n.ended:
			n.ended <- ended
			n.t.Fatalf("bridge %s ended: %v\n%s", n.name, ended, n.said())
		default:
		}
		return err
	})
}

func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	err := <-n.ended
	n.ended <- err
}

func (n *node) signal(s syscall.Signal) { _ = n.cmd.Process.Signal(s) }

// stops sends SIGTERM and gives how long the process took to end, and how it did.
func (n *node) stops() (time.Duration, error) {
	begun := time.Now()
	n.signal(syscall.SIGTERM)
	err := <-n.ended
	n.ended <- err
	return time.Since(begun), err
}

func (n *node) said() string {
	text, _ := os.ReadFile(n.log)
	return string(text)
}

// says waits until the log holds one of the sentences.
func (n *node) says(limit time.Duration, sentences ...string) {
	n.t.Helper()
	eventually(n.t, limit, func() error {
		for _, sentence := range sentences {
			if strings.Contains(n.said(), sentence) {
				return nil
			}
		}
		return fmt.Errorf("bridge %s does not say %q", n.name, sentences)
	})
}

func (n *node) status() (admin.Status, error) {
	var s admin.Status
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get("http://" + n.admin + "/api/v1/status")
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("bridge %s answers %s", n.name, resp.Status)
	}
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

func (n *node) leads() bool {
	s, err := n.status()
	return err == nil && s.Leader
}

// takesOver waits until the node leads and gives how long that took.
func (n *node) takesOver(limit time.Duration) time.Duration {
	n.t.Helper()
	begun := time.Now()
	eventually(n.t, limit, func() error {
		if !n.leads() {
			return fmt.Errorf("bridge %s does not listen", n.name)
		}
		return nil
	})
	return time.Since(begun)
}

// delivered is how many records this very process has brought to the platform.
func (n *node) delivered() (sum int) {
	for line := range strings.Lines(page(n.t, "http://"+n.admin+"/metrics")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.HasPrefix(name, "talkbridge_push_total{") &&
			strings.Contains(name, `outcome="delivered"`) {
			n, _ := strconv.ParseFloat(value, 64)
			sum += int(n)
		}
	}
	return sum
}

// A flow submits records of its own, each again and again with a higher version in its title, and knows what has to be at the
// platform in the end.
type flow struct {
	c       *college
	version map[int]int
	next    int
}

const firstRecord = 5000

// newFlow makes records that nobody has submitted yet.
func newFlow(t *testing.T, c *college, records int) *flow {
	t.Helper()
	f := &flow{c: c, version: map[int]int{}}
	for i := range records {
		c.exec(t, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, tj_zt)
			SELECT ?, gzdx_id, th_lx, th_fs, th_zt, '第 0 次', kssj, jssj, sc, thnr, gh, '0' FROM xl_gzth WHERE id = 1001`, firstRecord+i)
		f.version[firstRecord+i] = 0
	}
	return f
}

// submit edits and submits the next n records, round and round.
func (f *flow) submit(t *testing.T, n int) {
	t.Helper()
	for range n {
		id := firstRecord + f.next%len(f.version)
		f.next++
		f.version[id]++
		f.c.exec(t, "UPDATE xl_gzth SET bt = ?, tj_zt = '0' WHERE id = ?", fmt.Sprintf("第 %d 次", f.version[id]), id)
		f.c.exec(t, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = ?", id)
	}
}

// versionOf reads the version out of a payload.
func versionOf(payload []byte) int {
	_, rest, _ := strings.Cut(string(payload), `"talkTitle":"第 `)
	version, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.Atoi(version)
	return n
}

// missing lists the records whose latest content is not what the platform holds.
func (f *flow) missing() (ids []int) {
	for id, version := range f.version {
		r, _ := f.c.sim.Record("one", strconv.Itoa(id))
		if versionOf(r.Payload) != version {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// arrives waits until the platform holds the latest content of every record and gives how long that took.
func (f *flow) arrives(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	eventually(t, limit, func() error {
		if ids := f.missing(); len(ids) > 0 {
			return fmt.Errorf("the latest content of %d records has not arrived: %v", len(ids), ids[:min(len(ids), 10)])
		}
		return nil
	})
	return time.Since(begun)
}

// stale counts the arrivals of older content after newer.
func (f *flow) stale() (n int) {
	newest := map[string]int{}
	for _, a := range f.c.sim.Journal() {
		if !a.Applied {
			continue
		}
		version := versionOf(a.Payload)
		if version < newest[a.RecordID] {
			n++
		}
		newest[a.RecordID] = max(newest[a.RecordID], version)
	}
	return n
}

// dumpThreads is how many connections the source sends its log to.
func (c *college) dumpThreads(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, c.db.QueryRowContext(t.Context(),
		"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'").Scan(&n))
	return n
}

// quick shortens what a test would wait for.
func (c *college) quick(t *testing.T) {
	t.Helper()
	c.edit(t, "rate: 50 ", "rate: 0 ")
	c.edit(t, "timeout: 10s", "timeout: 2s")
	c.edit(t, "retry: {initial: 1s, max: 10m, jitter: 0.2}", "retry: {initial: 100ms, max: 1s, jitter: 0.2}")
	c.edit(t, "breaker: {failures: 10, open_for: 30s}", "breaker: {failures: 5, open_for: 1s}")
}

// stateFilter asks for a good many records of a status.
func stateFilter(status bridge.Status) state.Filter { return state.Filter{Status: status, Limit: 500} }

// restartPlatform puts another platform in the place of the one that newCollege made.
func (c *college) restartPlatform(t *testing.T, o platformsim.Options) {
	t.Helper()
	o.ClientID, o.ClientSecret = clientID, clientSecret
	sim, err := platformsim.New(o)
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	c.edit(t, c.simURL, server.URL)
	c.sim, c.simURL = sim, server.URL
}

// onlyIf leaves out what takes long where there is no time for it.
func onlyIf(t *testing.T, long bool) {
	t.Helper()
	if long && os.Getenv("TALKBRIDGE_LONG") == "" {
		t.Skip("SKIPPED, NOT TESTED: takes long; make faults runs it")
	}
}

func page(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}
