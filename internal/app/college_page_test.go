package app_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// A step is one command of a page and what it prints.
type step struct {
	command string
	line    int // where its output begins in the page
	printed []string
}

// steps reads the console blocks of a page: a line with $ is a command, which goes on after a backslash, the rest is what it prints.
func steps(page string) []step {
	var out []step
	inside, more := false, false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inside, more = line == "```console", false
		case !inside:
		case more:
			out[len(out)-1].command += "\n" + line
			out[len(out)-1].line = i + 1
			more = strings.HasSuffix(line, `\`)
		case strings.HasPrefix(line, "$ "):
			out = append(out, step{command: line[2:], line: i + 1})
			more = strings.HasSuffix(line, `\`)
		default:
			out[len(out)-1].printed = append(out[len(out)-1].printed, line)
		}
	}
	return out
}

// Another college goes live with a file, not with code: the commands of docs/another-college.md, on a real MariaDB and the stand-in
// platform, print what the page says and end with records delivered. UPDATE_GOLDEN=1 writes what they print into the page.
func TestAnotherCollegeGoesLive(t *testing.T) {
	if _, err := exec.LookPath("mariadb"); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "the client mariadb is required")
		t.Skip("SKIPPED, NOT TESTED: the page needs the client mariadb (make test installs it)")
	}
	const file = "../../docs/another-college.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	want := steps(string(page))
	c := newPage(t)
	got := c.run(t, want)
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		require.NoError(t, os.WriteFile(file, []byte(rewrite(string(page), want, got)), 0o600))
		config, err := os.ReadFile(filepath.Join(c.dir, "college.yaml"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile("../../configs/examples/ruoyi/talkbridge.yaml", []byte(c.shown(string(config))), 0o600))
	}
	for i, s := range want {
		require.Empty(t, cmp.Diff(steady(strings.Join(s.printed, "\n")), steady(got[i])), "%s", s.command)
	}
	made, err := os.ReadFile(filepath.Join(c.dir, "college.yaml"))
	require.NoError(t, err)
	kept, err := os.ReadFile("../../configs/examples/ruoyi/talkbridge.yaml")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(kept), c.shown(string(made))), "the example is what the commands make")
	arrived, err := os.ReadFile(filepath.Join(c.dir, "platform.log"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, strings.Count(string(arrived), "code=0"), 5)
}

// steady takes out what differs from run to run and from machine to machine.
func steady(text string) string {
	text = regexp.MustCompile(`\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}`).ReplaceAllString(text, "TIME")
	text = regexp.MustCompile(`MariaDB \d+\.\d+(\.\d+)?`).ReplaceAllString(text, "MariaDB")
	text = regexp.MustCompile(`good for \S+`).ReplaceAllString(text, "good for LONG")
	return regexp.MustCompile(`[ \t]+`).ReplaceAllString(strings.TrimSpace(text), " ")
}

// rewrite puts what was printed into the page.
func rewrite(page string, want []step, got []string) string {
	lines := strings.Split(page, "\n")
	for i := range slices.Backward(want) {
		printed := strings.Split(got[i], "\n")
		if got[i] == "" {
			printed = nil
		}
		lines = append(lines[:want[i].line], append(printed, lines[want[i].line+len(want[i].printed):]...)...)
	}
	return strings.Join(lines, "\n")
}

// A pageRun is a machine on which a page's commands are run.
type pageRun struct {
	dir  string      // where they are run
	real [][2]string // as the page writes it, as it is here
	env  []string
}

func newPage(t *testing.T) *pageRun {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(root, "configs"), os.DirFS("../../configs")))
	bin := filepath.Join(root, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	require.NoError(t, os.Symlink(binary(t), filepath.Join(bin, "talkbridge")))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "platformsim"), "talkbridge/cmd/platformsim").CombinedOutput()
	require.NoError(t, err, "%s", out)
	m := testserver.StartMariaDB(t)
	require.NoError(t, os.WriteFile(filepath.Join(root, ".my.cnf"), fmt.Appendf(nil,
		"[client]\nuser=root\npassword=%s\nhost=127.0.0.1\nport=%d\ndefault-character-set=utf8mb4\nskip-ssl\n", testserver.RootPassword, m.Port), 0o600))
	return &pageRun{
		dir: filepath.Join(root, "configs", "examples", "ruoyi"),
		real: [][2]string{
			{"127.0.0.1:3306", m.Addr}, {"127.0.0.1:9190", freeAddr(t)}, {"127.0.0.1:9180", freeAddr(t)}, {"/srv/talkbridge", root},
		},
		env: []string{
			"HOME=" + root, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "DBA_PASSWORD=" + testserver.RootPassword,
			"LC_ALL=C.UTF-8", "TZ=Asia/Shanghai", "TMPDIR=" + os.TempDir(),
		},
	}
}

// run runs all commands in one shell, and gives what each printed, as the page would show it.
func (c *pageRun) run(t *testing.T, commands []step) []string {
	t.Helper()
	var script strings.Builder
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n")
	for i, s := range commands {
		command := s.command
		for _, r := range c.real {
			command = strings.ReplaceAll(command, r[0], r[1])
		}
		fmt.Fprintf(&script, "printf '\\001%d\\n'\n%s\n", i, command)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	limit := time.AfterFunc(90*time.Second, func() { _ = cmd.Cancel() })
	defer limit.Stop()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	got := make([]string, len(commands))
	for _, part := range strings.Split(string(out), "\x01")[1:] {
		number, text, _ := strings.Cut(part, "\n")
		var i int
		_, err := fmt.Sscan(number, &i)
		require.NoError(t, err)
		got[i] = strings.TrimRight(c.shown(text), "\n")
	}
	return got
}

// shown is a text as the page shows it: with its addresses, not with those of this run.
func (c *pageRun) shown(text string) string {
	for _, r := range c.real {
		text = strings.ReplaceAll(text, r[1], r[0])
	}
	return text
}
