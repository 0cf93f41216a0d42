package release

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/acceptance"
)

// The program that the bundle installs goes through the whole acceptance plan, and its report says what the example in docs/zh says.
func TestTheInstalledProgramPassesTheAcceptancePlan(t *testing.T) {
	if _, err := exec.LookPath("mariadbd"); err != nil {
		if _, err := os.Stat("/usr/sbin/mariadbd"); err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "mariadbd is required")
			t.Skip("SKIPPED, NOT TESTED: the plan needs mariadbd (make test installs it)")
		}
	}
	_, file := made(t, "v1.0.0")
	root, out := t.TempDir(), filepath.Join(t.TempDir(), "report.html")
	run(t, unpacked(t, file), "./install.sh", "--root", root)
	said, err := try(t, root, "opt/talkbridge/current/bin/talkbridge", "accept", "--demo", "--out", out)
	require.NoError(t, err, said)
	got := reported(t, out[:len(out)-len("html")]+"json")
	require.Equal(t, acceptance.Passed, got.Result)
	require.Equal(t, "v1.0.0", got.Version)
	sums, err := os.ReadFile(filepath.Join(root, "opt/talkbridge/current/SHA256SUMS"))
	require.NoError(t, err)
	require.Contains(t, string(sums), got.Program.SHA256+"  bin/talkbridge\n")

	example := reported(t, "../../docs/zh/验收报告示例.json")
	require.Equal(t, acceptance.Passed, example.Result)
	if got.Environment.OpenSSL == "" {
		example, got = without(example, "F06"), without(got, "F06")
	}
	require.Equal(t, outline(example), outline(got), "make accept OUT=docs/zh/验收报告示例.html writes the example anew")
	page, err := os.ReadFile("../../docs/zh/验收报告示例.html")
	require.NoError(t, err)
	require.Contains(t, string(page), example.Program.SHA256, "the page and the JSON are of one run")
}

func reported(t *testing.T, path string) (r acceptance.Report) {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v: make accept OUT=docs/zh/验收报告示例.html writes the example", err)
	}
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	return r
}

func without(r acceptance.Report, id string) acceptance.Report {
	var cases []acceptance.Case
	for _, c := range r.Cases {
		if c.ID != id {
			cases = append(cases, c)
		}
	}
	r.Cases = cases
	return r
}

// outline is what a report says, without what differs from run to run.
func outline(r acceptance.Report) (lines []string) {
	number := regexp.MustCompile(`\d+`)
	for _, c := range r.Cases {
		lines = append(lines, c.ID+" "+c.Title+" "+string(c.Result))
		for _, s := range c.Steps {
			if s.Looked() {
				lines = append(lines, "  "+number.ReplaceAllString(s.What, "N"))
			}
		}
	}
	return lines
}
