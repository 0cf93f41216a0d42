package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"talkbridge/configs"
	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// An office is an installation with much to do: a bridge that runs, and its program for what a person asks of it.
type office struct {
	t               *testing.T
	program, config string
	env             []string
}

// flagged rows are so many that queueing them takes longer than the pause between two lines of progress.
const flagged = 20_000

func newOffice(t *testing.T) *office {
	t.Helper()
	m := testserver.StartMariaDB(t)
	require.NoError(t, rig.Fill(m))
	require.NoError(t, m.Exec(`USE xgxt_demo; INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, clyj, gh, jtcy_id, tj_zt)
		SELECT 10000 + s.seq, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, clyj, gh, jtcy_id, '1' FROM xl_gzth, seq_1_to_`+strconv.Itoa(flagged)+` s WHERE id = 1001`))
	programs := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", programs, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	secrets := rig.NewSecrets()
	settings := configs.Settings{SourceAddr: m.Addr, StateURL: "file:talkbridge.db", BaseURL: "http://127.0.0.1:1/api"} // no platform is there
	bridge, err := rig.NewBridge(programs, t.TempDir(), "bridge", settings, secrets, rig.Impatient(2*time.Second)...)
	require.NoError(t, err)
	require.NoError(t, bridge.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, bridge.Stop()) })
	require.Eventually(t, func() bool {
		listens, err := bridge.Listens(t.Context())
		return err == nil && listens
	}, 30*time.Second, 50*time.Millisecond)
	return &office{t: t, program: filepath.Join(programs, "talkbridge"), config: bridge.Config, env: append(os.Environ(), secrets.Env()...)}
}

// at runs a command with a person at a terminal who reads standard error, and gives what came to the terminal and to standard output.
func (o *office) at(args ...string) (terminal, stdout string) {
	o.t.Helper()
	master, slave, err := pty.Open()
	require.NoError(o.t, err)
	defer master.Close()
	cmd := exec.CommandContext(o.t.Context(), o.program, append(args, "-c", o.config)...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = o.env, &out, slave
	require.NoError(o.t, cmd.Start())
	require.NoError(o.t, slave.Close()) // ours: the terminal ends with the process
	text, err := io.ReadAll(master)
	if !errors.Is(err, syscall.EIO) { // Linux's word for the end of a terminal
		require.NoError(o.t, err)
	}
	require.NoError(o.t, cmd.Wait(), "%s", text)
	return string(text), out.String()
}

// piped runs a command whose standard error is a pipe.
func (o *office) piped(args ...string) (stderr, stdout string) {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), o.program, append(args, "-c", o.config)...)
	var out, errOut bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = o.env, &out, &errOut
	require.NoError(o.t, cmd.Run(), "%s", &errOut)
	return errOut.String(), out.String()
}

// Long work shows a line of progress at a terminal, over and over in one place, and takes it away at the end. On a pipe there is nothing
// of it, and what is asked for as JSON is the same on both.
func TestLongWorkShowsProgressAtATerminalOnly(t *testing.T) {
	o := newOffice(t)
	backup := filepath.Join(t.TempDir(), "state.backup")
	for _, c := range []struct {
		name string
		args []string
		line string // of progress, with the figure that grows
		says string // standard output
	}{
		{"backfill", []string{"backfill", "--route", "one", "--again", "--json"}, `route one: (\d+) …`, `"scanned"`},
		{"backup", []string{"backup", backup, "--json"}, `backup: (\d+)(?: of \d+)? records(?: \(\d+%\))?`, `"digest"`},
		{"verify", []string{"verify", backup, "--json"}, `verify: (\d+)(?: of \d+)? records(?: \(\d+%\))?`, `"digest"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.t = t
			terminal, stdout := o.at(c.args...)
			require.Contains(t, stdout, c.says)
			requireProgress(t, terminal, c.line)
			if c.name == "backup" {
				require.NoError(t, os.Remove(backup))
			}
			stderr, piped := o.piped(c.args...)
			require.Contains(t, piped, c.says)
			for _, text := range []string{stderr, piped, stdout} {
				require.NotRegexp(t, "[\r\x1b]|"+c.line, text)
			}
		})
	}
}

func requireProgress(t *testing.T, terminal, line string) {
	t.Helper()
	seen := regexp.MustCompile(line).FindAllStringSubmatch(terminal, -1)
	require.NotEmpty(t, seen, "%q", terminal)
	last := -1
	for _, m := range seen {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		require.Greater(t, n, last, "it grows: %q", terminal)
		last = n
	}
	require.Len(t, regexp.MustCompile("\r(?:\x1b\\[K)?"+line).FindAllString(terminal, -1), len(seen), "each in the place of the one before: %q", terminal)
	require.True(t, strings.HasSuffix(terminal, "\r\x1b[K"), "the last is taken away: %q", terminal)
	require.NotContains(t, terminal, "\n")
}
