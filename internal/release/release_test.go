package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// made makes a bundle of the tree for this machine.
func made(t *testing.T, version string) (bundle Bundle, file string) {
	t.Helper()
	if b, ok := kept[version]; ok {
		return b, filepath.Join(shelf, version, b.Name)
	}
	bundle, file = makeIn(t, filepath.Join(shelf, version), version)
	kept[version] = bundle
	return bundle, file
}

// What was made once serves all tests, which run one after the other.
var (
	shelf string
	kept  = map[string]Bundle{}
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "talkbridge-shelf-")
	if err != nil {
		panic(err)
	}
	shelf = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func makeIn(t *testing.T, out, version string) (bundle Bundle, file string) {
	t.Helper()
	bundles, err := Make(t.Context(), Options{
		Source: "../..", Out: out, Version: version, Time: time.Unix(1_700_000_000, 0), Archs: []string{runtime.GOARCH}, Fast: true,
	})
	require.NoError(t, err)
	require.Len(t, bundles, 1)
	return bundles[0], filepath.Join(out, bundles[0].Name)
}

// unpacked unpacks a bundle with the system's own tar and gives its folder.
func unpacked(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "tar", "-xzf", file)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	return filepath.Join(dir, entries[0].Name())
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := try(t, dir, name, args...)
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return out
}

func try(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The same commit gives the same bytes, and the sums are what others compute.
func TestTheSameTreeGivesTheSameBytes(t *testing.T) {
	one, file := made(t, "v1.0.0")
	two, _ := makeIn(t, t.TempDir(), "v1.0.0")
	require.Equal(t, one, two)
	dir := unpacked(t, file)
	run(t, dir, "sha256sum", "--quiet", "-c", "SHA256SUMS")
	run(t, filepath.Dir(file), "sha256sum", "--quiet", "-c", "SHA256SUMS")
	require.Contains(t, run(t, dir, "bin/talkbridge", "version"), "v1.0.0")
	if out, err := try(t, dir, "openssl", "dgst", "-sm3", "-r", "bin/talkbridge"); err == nil {
		sums, err := os.ReadFile(filepath.Join(dir, "SM3SUMS"))
		require.NoError(t, err)
		require.Contains(t, string(sums), out[:64]+"  bin/talkbridge\n")
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "交付清单.md"))
	require.NoError(t, err)
	require.Contains(t, string(text), one.Sums.SHA256)
	require.Contains(t, string(text), one.Sums.SM3)
}

// What a college needs is in a bundle, under names that stay, with nobody's name and no clock's time.
func TestWhatABundleHolds(t *testing.T) {
	_, file := made(t, "v1.0.0")
	names := map[string]int64{}
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	zip, err := gzip.NewReader(f)
	require.NoError(t, err)
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, int64(1_700_000_000), h.ModTime.Unix())
		require.Empty(t, h.Uname+h.Gname)
		names[strings.TrimPrefix(h.Name, "talkbridge-v1.0.0-linux-"+runtime.GOARCH+"/")] = h.Mode
	}
	for _, name := range []string{
		"bin/talkbridge", "bin/platformsim", "install.sh", "VERSION", "SHA256SUMS", "SM3SUMS", "sbom.cdx.json", "configs/talkbridge.yaml",
		"configs/contracts/one.schema.json", unitPath, "docs/source-setup.md", "licenses/README.md", "README.zh-CN.md",
		"configs/grafana/talkbridge.json", "configs/prometheus/alerts.yml", "docs/zh/部署手册.md",
	} {
		require.Contains(t, names, name)
	}
	require.EqualValues(t, 0o755, names["bin/talkbridge"])
	require.EqualValues(t, 0o755, names["install.sh"])
	require.EqualValues(t, 0o644, names["configs/talkbridge.yaml"])
}

// Every module whose code is in the programs brings its licence, and none of them is one that would bind the college's own code.
func TestEveryLicenceGoesAlong(t *testing.T) {
	files := map[string][]byte{}
	modules, err := modulesOf(t.Context(), "../..", []string{runtime.GOARCH})
	require.NoError(t, err)
	kinds, err := addLicences(files, modules)
	require.NoError(t, err)
	table := string(files["licenses/README.md"])
	for _, m := range []string{"github.com/emmansun/gmsm", "github.com/go-mysql-org/go-mysql", "go.etcd.io/bbolt", "| std |"} {
		require.Contains(t, table, m)
	}
	require.NotRegexp(t, `GPL`, table)
	require.NotContains(t, table, "见全文", "every licence is known by name")
	o := Options{Source: "../..", Version: "v1", Time: time.Unix(1_700_000_000, 0), Archs: []string{runtime.GOARCH}}
	text, err := billOf(o, modules, kinds)
	require.NoError(t, err)
	alone, err := Bill(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, string(text), string(alone), "make sbom says what the bundles say")
	require.Contains(t, string(text), `"pkg:golang/std@`+strings.TrimPrefix(runtime.Version(), "go")+`"`)
	var b bill
	require.NoError(t, json.Unmarshal(text, &b))
	require.Len(t, b.Components, len(modules))
	for _, c := range b.Components {
		require.NotEmpty(t, c.Version, c.Name)
		require.NotEmpty(t, c.Licenses, c.Name)
	}
	_, err = licenceFiles(t.TempDir())
	require.ErrorContains(t, err, "no licence file")
}

// Installed in an empty root, upgraded, rolled back, removed: on a machine that has nothing but a shell, and with a configuration that is
// never overwritten.
func TestInstallUpgradeAndRollBackInAnEmptyRoot(t *testing.T) {
	_, first := made(t, "v1.0.0")
	_, second := made(t, "v1.1.0")
	one, two, root := unpacked(t, first), unpacked(t, second), t.TempDir()
	require.Contains(t, run(t, one, "./install.sh", "--root", root), "installed talkbridge v1.0.0")
	says(t, root, "v1.0.0")
	installed(t, root)

	config := filepath.Join(root, "etc/talkbridge/talkbridge.yaml")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	own := append(text, []byte("# 学校自己的一行\n")...)
	require.NoError(t, os.WriteFile(config, own, 0o600))
	env, err := os.ReadFile(filepath.Join(root, "etc/talkbridge/talkbridge.env"))
	require.NoError(t, err)

	run(t, two, "./install.sh", "upgrade", "--root", root)
	says(t, root, "v1.1.0")
	require.Contains(t, run(t, two, "./install.sh", "status", "--root", root), "current: v1.1.0\nprevious: v1.0.0\n")
	run(t, two, "./install.sh", "rollback", "--root", root)
	says(t, root, "v1.0.0")
	run(t, two, "./install.sh", "rollback", "--root", root)
	says(t, root, "v1.1.0")
	kept, err := os.ReadFile(config)
	require.NoError(t, err)
	require.Equal(t, own, kept, "the configuration is the college's")
	after, err := os.ReadFile(filepath.Join(root, "etc/talkbridge/talkbridge.env"))
	require.NoError(t, err)
	require.Equal(t, env, after, "a key that is replaced makes the store unreadable")

	require.NoError(t, os.WriteFile(filepath.Join(one, "configs/talkbridge.yaml"), []byte("x"), 0o600))
	out, err := try(t, one, "./install.sh", "--root", root)
	require.Error(t, err)
	require.Contains(t, out, "damaged")
	says(t, root, "v1.1.0")
	run(t, two, "./install.sh", "uninstall", "--root", root)
	require.NoFileExists(t, filepath.Join(root, "usr/local/bin/talkbridge"))
	require.FileExists(t, config)
}

// says asks the installed program, inside its root where we may.
func says(t *testing.T, root, version string) {
	t.Helper()
	if os.Geteuid() == 0 {
		require.Contains(t, run(t, "/", "chroot", root, "/usr/local/bin/talkbridge", "version"), version)
	}
	require.Contains(t, run(t, root, "opt/talkbridge/current/bin/talkbridge", "version"), version)
}

func installed(t *testing.T, root string) {
	t.Helper()
	for name, mode := range map[string]os.FileMode{
		"etc/talkbridge/talkbridge.yaml": 0o600, "etc/talkbridge/talkbridge.env": 0o600, "var/lib/talkbridge": 0o700 | os.ModeDir,
		"etc/systemd/system/talkbridge.service": 0o644, "etc/talkbridge": 0o750 | os.ModeDir,
	} {
		info, err := os.Stat(filepath.Join(root, name))
		require.NoError(t, err)
		require.Equal(t, mode.String(), info.Mode().String(), name)
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	require.NoError(t, err)
	require.Contains(t, string(passwd), "talkbridge:x:")
	config, err := os.ReadFile(filepath.Join(root, "etc/talkbridge/talkbridge.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(config), "url: file:/var/lib/talkbridge/talkbridge.db\n")
	require.True(t, bytes.Contains(config, []byte("audit_log: /var/lib/talkbridge/audit.log")))
	if os.Geteuid() == 0 { // inside the root there is nothing but what was installed; the configuration is found and read
		out, err := try(t, "/", "chroot", root, "/usr/local/bin/talkbridge", "check", "-c", "/etc/talkbridge/talkbridge.yaml")
		require.Error(t, err)
		require.Contains(t, out, "TALKBRIDGE_")
	}
}
