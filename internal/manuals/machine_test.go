package manuals

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/fixture"
	"talkbridge/internal/release"
	"talkbridge/internal/testserver"
)

// A machine is where the manuals are followed: a root folder, a source, a platform, and what a server has that a container lacks.
type machine struct {
	root   string
	dir    string // where commands begin
	source *testserver.MariaDB
	real   [][2]string // as the manuals write it, as it is here
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{root: t.TempDir(), dir: t.TempDir(), source: testserver.StartMariaDB(t)}
	require.NoError(t, m.source.Exec(fixture.Database))
	for _, version := range []string{"v1.0.0", "v1.1.0"} {
		m.bundle(t, version)
	}
	platform := m.platform(t)
	m.real = [][2]string{
		{"10.0.0.5:3306", m.source.Addr},
		{"https://api.zj-gxsz.cn/api", "http://" + platform + "/api"},
		{"127.0.0.1:9180", freeAddr(t)},
		{"linux-amd64", "linux-" + runtime.GOARCH},
		{"./install.sh", "./install.sh --root " + m.root},
		{"/etc/talkbridge", m.root + "/etc/talkbridge"},
		{"/var/lib/talkbridge", m.root + "/var/lib/talkbridge"},
		{"/opt/talkbridge", m.root + "/opt/talkbridge"},
		{"/usr/local/bin/talkbridge", m.root + "/usr/local/bin/talkbridge"},
		{"/usr/local/sbin/talkbridge", m.root + "/usr/local/sbin/talkbridge"},
	}
	m.shims(t)
	return m
}

// bundle puts a release where the manual finds it: version 1.0.0 packed, 1.1.0 unpacked. Both have the same code.
func (m *machine) bundle(t *testing.T, version string) {
	t.Helper()
	_, err := release.Make(t.Context(), release.Options{
		Source: "../..", Out: m.dir, Version: version, Time: time.Unix(1_700_000_000, 0), Archs: []string{runtime.GOARCH}, Fast: true,
	})
	require.NoError(t, err)
	if version == "v1.0.0" {
		return
	}
	out, err := exec.CommandContext(t.Context(), "tar", "-xzf", filepath.Join(m.dir, "talkbridge-"+version+"-linux-"+runtime.GOARCH+".tar.gz"), "-C", m.dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func (m *machine) platform(t *testing.T) (addr string) {
	t.Helper()
	addr = freeAddr(t)
	program := filepath.Join(m.dir, "talkbridge-v1.1.0-linux-"+runtime.GOARCH, "bin/platformsim")
	cmd := exec.CommandContext(t.Context(), program, "-listen", addr, "-client-id", "college", "-client-secret", "ASNFZ4mrze/+3LqYdlQyEA==")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return addr
}

// shims are for what a container has not: a service manager and other users. This systemctl runs what the installed unit says.
func (m *machine) shims(t *testing.T) {
	t.Helper()
	bin := filepath.Join(m.root, "shims")
	require.NoError(t, os.Mkdir(bin, 0o755))
	for name, text := range map[string]string{
		"runuser": "#!/bin/sh\nshift 3\nexec \"$@\"\n",
		"systemctl": `#!/bin/bash
set -eu
unit=` + m.root + `/etc/systemd/system/talkbridge.service; pid=` + m.root + `/pid
start() {
	set -a; . ` + m.root + `/etc/talkbridge/talkbridge.env; set +a
	exec_start=$(sed -n 's/^ExecStart=//p' $unit); dir=$(sed -n 's/^WorkingDirectory=//p' $unit)
	for p in /etc/talkbridge /var/lib/talkbridge /usr/local/bin/talkbridge; do exec_start=${exec_start//$p/` + m.root + `$p}; dir=${dir//$p/` + m.root + `$p}; done
	cd "$dir"; setsid $exec_start >>` + m.root + `/log 2>&1 & echo $! >$pid
	for i in $(seq 200); do curl -fsS http://` + m.addr("127.0.0.1:9180") + `/readyz >/dev/null 2>&1 && return; sleep 0.1; done
	tail -5 ` + m.root + `/log >&2; exit 1
}
stop() { [ -e $pid ] || return 0; kill $(cat $pid); while kill -0 $(cat $pid) 2>/dev/null; do sleep 0.05; done; rm $pid; }
case $1 in
daemon-reload) ;;
enable) start ;;
start) start ;;
stop) stop ;;
restart) stop; start ;;
is-active) kill -0 $(cat $pid) && echo active ;;
*) echo "no $1 here" >&2; exit 1 ;;
esac
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755))
	}
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(m.root, "pid")); err == nil {
			var pid int
			if _, err := fmt.Sscan(string(text), &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(m.root, "log"))
			t.Logf("the bridge's log:\n%s", text)
		}
	})
}

func (m *machine) addr(shown string) string {
	for _, r := range m.real {
		if r[0] == shown {
			return r[1]
		}
	}
	return shown
}

// here is a text as it is on this machine; shown is the reverse.
func (m *machine) here(text string) string {
	for _, r := range m.real {
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	return text
}

func (m *machine) shown(text string) string {
	return strings.ReplaceAll(text, m.root, "")
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := testserver.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
}

// localised makes the installed program's own files agree with this machine, as their paths are written for /.
func (m *machine) localised(t *testing.T) {
	t.Helper()
	for _, name := range []string{"etc/talkbridge/talkbridge.yaml", "opt/talkbridge/current/bin/talkbridge-admin", "opt/talkbridge/current/configs/backup/daily.sh"} {
		path := filepath.Join(m.root, name)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		if strings.Contains(string(text), m.root) {
			continue
		}
		require.NoError(t, os.WriteFile(path, []byte(m.here(string(text))), info.Mode()))
	}
	for name, target := range map[string]string{
		"usr/local/bin/talkbridge": "opt/talkbridge/current/bin/talkbridge", "usr/local/sbin/talkbridge-admin": "opt/talkbridge/current/bin/talkbridge-admin",
	} {
		path := filepath.Join(m.root, name)
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Symlink(filepath.Join(m.root, target), path))
	}
}

// A block is a fenced piece of a manual.
type block struct {
	kind, text string
	line       int
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func blocks(t *testing.T, name string) (out []block) {
	t.Helper()
	page := manual(t, name)
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		out = append(out, block{page[at[2]:at[3]], page[at[4]:at[5]], 1 + strings.Count(page[:at[0]], "\n")})
	}
	require.NotEmpty(t, out, name)
	return out
}

func manual(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/zh/" + name)
	require.NoError(t, err)
	return string(text)
}
