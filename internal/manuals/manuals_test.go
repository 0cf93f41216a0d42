package manuals

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One machine goes through its life by the manuals: deployed, operated, trained on, backed up, restored, tested for acceptance. Each
// command has to end with exit code 0 and to print the lines that the manual shows.
func TestEveryCommandOfTheManuals(t *testing.T) {
	m := newMachine(t)
	m.follow(t, "部署手册.md", func(b block) bool { return b.line < m.upgradeLine(t) })
	m.submit(t, "one/1001", "one/1004", "one/1008", "multi/2001")
	for _, name := range []string{"运维手册.md", "培训材料-管理员.md", "备份恢复方案.md", "验收测试方案.md"} {
		m.follow(t, name, func(block) bool { return true })
	}
	m.follow(t, "部署手册.md", func(b block) bool { return b.line >= m.upgradeLine(t) })
}

// upgradeLine is where the manual begins to speak of what comes after the installation.
func (m *machine) upgradeLine(t *testing.T) int {
	t.Helper()
	before, _, ok := strings.Cut(manual(t, "部署手册.md"), "## 12 ")
	require.True(t, ok)
	return 1 + strings.Count(before, "\n")
}

// follow runs a manual's blocks in order.
func (m *machine) follow(t *testing.T, name string, want func(block) bool) {
	t.Helper()
	n := 0
	for _, b := range blocks(t, name) {
		if !want(b) {
			continue
		}
		switch b.kind {
		case "sql":
			require.NoError(t, m.source.Exec(b.text), "%s, line %d", name, b.line)
		case "console":
			n += m.console(t, name, b)
		case "yaml", "cron":
		default:
			t.Fatalf("%s, line %d: a block of kind %q is not run by anything", name, b.line, b.kind)
		}
	}
	require.Positive(t, n, name)
}

// console runs the commands of a block, each in a shell of its own: where a command changes the folder, the next begins there.
func (m *machine) console(t *testing.T, name string, b block) (commands int) {
	t.Helper()
	var command string
	var expected []string
	run := func() {
		if command == "" {
			return
		}
		commands++
		where := fmt.Sprintf("%s, line %d: %s", name, b.line, command)
		out := m.shell(t, where, command)
		for _, line := range expected {
			require.Contains(t, out, line, where)
		}
		if strings.Contains(command, "install.sh") && !strings.Contains(command, "uninstall") {
			m.localised(t)
		}
	}
	for line := range strings.Lines(b.text) {
		line = strings.TrimRight(line, "\n")
		if next, ok := strings.CutPrefix(line, "$ "); ok {
			run()
			command, expected = next, nil
		} else if line != "" {
			expected = append(expected, line)
		}
	}
	run()
	return commands
}

func (m *machine) shell(t *testing.T, where, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -e\n"+m.here(command)+"\npwd >"+m.root+"/pwd")
	cmd.Dir = m.dir
	cmd.Env = []string{
		"PATH=" + strings.Join([]string{m.root + "/shims", m.root + "/usr/local/bin", m.root + "/usr/local/sbin", "/usr/sbin:/usr/bin:/sbin:/bin"}, ":"),
		"HOME=" + m.root, "LC_ALL=C.UTF-8", "TZ=Asia/Shanghai",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // the bridge that systemctl starts holds our pipe
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(err.Error(), "WaitDelay") {
		require.NoError(t, err, "%s\n%s", where, out)
	}
	pwd, err := readLine(filepath.Join(m.root, "pwd"))
	require.NoError(t, err)
	m.dir = pwd
	return m.shown(string(out))
}

// submit presses 递交 and waits until the bridge knows what became of it.
func (m *machine) submit(t *testing.T, ids ...string) {
	t.Helper()
	require.NoError(t, m.source.Exec("UPDATE xgxt_demo.xl_gzth SET tj_zt = '0'"))
	for _, id := range ids {
		_, key, _ := strings.Cut(id, "/")
		require.NoError(t, m.source.Exec("UPDATE xgxt_demo.xl_gzth SET tj_zt = '1' WHERE id = "+key))
	}
	require.Eventually(t, func() bool {
		out := m.shell(t, "records list", "talkbridge-admin records list")
		for _, id := range ids {
			if !strings.Contains(out, id) {
				return false
			}
		}
		return !strings.Contains(out, "pending") && !strings.Contains(out, "sending")
	}, 30*time.Second, 200*time.Millisecond)
}
