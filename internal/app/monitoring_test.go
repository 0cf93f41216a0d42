package app_test

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

const monitoring = "../../configs/"

// The metrics are the product's interface: their names, kinds and labels stay.
func TestMetricsAreThoseOfTheInterface(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.edit(t, "  # reconcile_every: 24h ", "  reconcile_every: 1s    ")
	c.run(t)
	c.press(t, "1001")
	c.taken(t, "one", "1001", 1)
	eventuallyPage := func(want string) string {
		t.Helper()
		for {
			if text := c.page(t, "/metrics"); strings.Contains(text, want) {
				return text
			}
		}
	}
	text := eventuallyPage("talkbridge_reconcile_rows{")
	kinds := map[string]string{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" && strings.HasPrefix(f[2], "talkbridge_") {
			kinds[f[2]] = f[3]
		}
	}
	require.Equal(t, map[string]string{
		"talkbridge_source_connected": "gauge", "talkbridge_source_lag_seconds": "gauge", "talkbridge_source_lag_bytes": "gauge",
		"talkbridge_source_purge_headroom_seconds": "gauge", "talkbridge_source_purge_headroom_bytes": "gauge",
		"talkbridge_source_read_bytes_total": "counter", "talkbridge_source_events_total": "counter", "talkbridge_changes_captured_total": "counter",
		"talkbridge_outbox_records": "gauge", "talkbridge_outbox_oldest_seconds": "gauge", "talkbridge_push_total": "counter",
		"talkbridge_push_duration_seconds": "histogram", "talkbridge_commit_to_delivery_seconds": "histogram",
		"talkbridge_token_expiry_timestamp_seconds": "gauge", "talkbridge_breaker_open": "gauge", "talkbridge_leader": "gauge", "talkbridge_paused": "gauge",
		"talkbridge_reconcile_rows": "gauge", "talkbridge_reconcile_timestamp_seconds": "gauge",
	}, kinds)
	for _, series := range []string{`changes_captured_total{route="one"} 1`, `outbox_records{status="delivered"} 1`, `push_total{outcome="delivered",route="one"} 1`, "leader 1"} {
		require.Contains(t, text, "talkbridge_"+series)
	}
	for name := range metricsOf(t, monitoring+"prometheus/alerts.yml", monitoring+"grafana/talkbridge.json") {
		require.Contains(t, kinds, name, "an alert or a panel asks for it")
	}
}

// metricsOf finds every metric of ours that files ask for.
func metricsOf(t *testing.T, files ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`talkbridge_[a-z_]+`).FindAllString(string(text), -1) {
			found[strings.TrimSuffix(name, "_bucket")] = true
		}
	}
	require.Greater(t, len(found), 12)
	return found
}

func TestTheDashboardIsJSON(t *testing.T) {
	text, err := os.ReadFile(monitoring + "grafana/talkbridge.json")
	require.NoError(t, err)
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &d))
	ids := map[int]bool{}
	for _, p := range d.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		require.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
	}
	require.Greater(t, len(ids), 15)
}

// Each alert has a page, and the rules do what their own tests say.
func TestAlertsHaveTheirPageAndFire(t *testing.T) {
	text, err := os.ReadFile(monitoring + "prometheus/alerts.yml")
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations struct {
					Summary, Description string
					RunbookURL           string `yaml:"runbook_url"`
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &rules))
	anchors := anchorsOf(t, "../../docs/runbook.md")
	for _, r := range rules.Groups[0].Rules {
		page, anchor, _ := strings.Cut(r.Annotations.RunbookURL, "#")
		require.Equal(t, "docs/runbook.md", page, r.Alert)
		require.Contains(t, anchors, anchor, r.Alert)
		require.NotEmpty(t, r.Annotations.Summary)
	}
	promtool(t, monitoring+"prometheus", "check", "rules", "alerts.yml")
	promtool(t, monitoring+"prometheus", "test", "rules", "alerts_test.yml")
}

// promtool runs Prometheus' own checker in a folder.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testserver.Promtool(t), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "promtool %s\n%s", strings.Join(args, " "), out)
}

func anchorsOf(t *testing.T, page string) map[string]bool {
	t.Helper()
	f, err := os.Open(page)
	require.NoError(t, err)
	defer f.Close()
	anchors := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if title, ok := strings.CutPrefix(lines.Text(), "### "); ok {
			anchors[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = true
		}
	}
	return anchors
}

// Every message that the runbook quotes stands in the code, so that who searches for what a log says finds the way out.
func TestTheRunbookQuotesWhatTheProgramSays(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook.md")
	require.NoError(t, err)
	var code strings.Builder
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		code.Write(source)
		return err
	}))
	said := regexp.MustCompile(`"\s*\+\s*"`).ReplaceAllString(code.String(), "") // texts over several lines
	_, messages, _ := strings.Cut(string(text), "## Messages that end a bridge")
	n := 0
	for line := range strings.Lines(messages) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], " | ")
		for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			require.Contains(t, said, quoted[1])
			n++
		}
	}
	require.Greater(t, n, 12)
}
