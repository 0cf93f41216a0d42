package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

const monitoring = "../../configs/"

// The metrics are the product's interface: docs/metrics.md lists their names, kinds and labels, and they stay. Alert rules and dashboard
// ask for nothing else.
func TestMetricsAreThoseOfTheirPage(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.edit(t, "  # reconcile_every: 24h ", "  reconcile_every: 1s    ")
	c.run(t)
	c.press(t, "1001")
	c.taken(t, "one", "1001", 1)
	c.counted(t, bridge.StatusDelivered, 1)
	var have scraped
	eventually(t, 30*time.Second, func() error {
		if have = readMetrics(t, c.page(t, "/metrics")); len(have.series["talkbridge_reconcile_rows"]) == 0 {
			return errors.New("no scheduled reconciliation has ended")
		}
		return nil
	})
	page, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(talkbridge_[^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(page), -1) {
		listed[row[1]] = row[2]
	}
	require.Equal(t, listed, have.described())
	series := 0
	for _, s := range have.series {
		series += len(s)
	}
	require.Less(t, series, 200, "no key, name or reason is a label, so there are few series")
	require.Equal(t, "1", have.series["talkbridge_changes_captured_total"][`route="one"`])
	require.Equal(t, "1", have.series["talkbridge_outbox_records"][`status="delivered"`])
	require.Equal(t, "1", have.series["talkbridge_push_total"][`outcome="delivered",route="one"`])
	require.Equal(t, "1", have.series["talkbridge_leader"][""])
	for name := range metricsOf(t, monitoring+"prometheus/alerts.yml", monitoring+"grafana/talkbridge.json") {
		require.Contains(t, have.kinds, name, "an alert or a panel asks for it")
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

// The dashboard is whole, and each of its expressions is one that Prometheus can read.
func TestTheDashboard(t *testing.T) {
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
	rules := "groups:\n  - name: dashboard\n    rules:\n"
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$instance", ".*", "$job", ".*")
	for _, p := range d.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		require.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
		for i, target := range p.Targets {
			expr, err := json.Marshal(variables.Replace(target.Expr)) // JSON's strings are YAML's too
			require.NoError(t, err)
			rules += fmt.Sprintf("      - {record: 'panel:%d:%d', expr: %s}\n", p.ID, i, expr)
		}
	}
	require.Greater(t, len(ids), 15)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dashboard.yml"), []byte(rules), 0o600))
	promtool(t, dir, "check", "rules", "dashboard.yml")
}

// An alert is one rule of configs/prometheus/alerts.yml.
type alert struct {
	Alert, Expr string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) (list []alert) {
	t.Helper()
	text, err := os.ReadFile(monitoring + "prometheus/alerts.yml")
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []alert } }
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	require.Greater(t, len(list), 10)
	return list
}

// Each alert has its section in the runbook and a test of its own, and the rules do what their tests say.
func TestAlertsHaveTheirPageAndFire(t *testing.T) {
	tests, err := os.ReadFile(monitoring + "prometheus/alerts_test.yml")
	require.NoError(t, err)
	anchors := anchorsOf(t, "../../docs/runbook.md")
	manual, err := os.ReadFile("../../docs/zh/运维手册.md")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, a := range alerts(t) {
		require.Regexp(t, "(?m)^\\| "+a.Alert+" \\| .* \\| "+a.Labels["severity"]+" \\|$", string(manual))
		page, anchor, _ := strings.Cut(a.Annotations["runbook_url"], "#")
		require.Equal(t, "docs/runbook.md", page, a.Alert)
		require.Contains(t, anchors, anchor, a.Alert)
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.NotEmpty(t, a.Annotations["description"], a.Alert)
		require.Contains(t, []string{"critical", "warning", "info"}, a.Labels["severity"], a.Alert)
		require.Regexp(t, "alertname(: |=\")"+a.Alert+"\\b", string(tests), "a rule without a test")
		used[anchor] = true
	}
	for anchor := range anchors {
		require.Contains(t, used, anchor, "a section of an alert that there is not")
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

// anchorsOf are the sections of a page's chapter on alerts.
func anchorsOf(t *testing.T, page string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, chapter, found := strings.Cut(string(text), "\n## Alerts\n")
	require.True(t, found)
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	anchors := map[string]bool{}
	for line := range strings.Lines(chapter) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			anchors[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = true
		}
	}
	return anchors
}
