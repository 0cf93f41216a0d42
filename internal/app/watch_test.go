package app_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A watch is Prometheus beside a bridge: it scrapes it every second, and has Prometheus' own promtool evaluate the alert rules over what it
// scraped. A second of the test stands for a minute of the rules. So a scrape is a minute's, and what a gauge tells in seconds since
// something happened is told in minutes; nothing else is changed, and the rules are the ones that are delivered.
type watch struct {
	t    *testing.T
	addr string

	mu      sync.Mutex // guards what follows
	scrapes int
	series  map[string][]string // with its labels; one value a scrape, as promtool writes them: "_" for none, "stale" for gone
	latest  samples
	wanted  []moment
}

// samples are the latest values of the series without labels of their own; up is whether the bridge answered.
type samples map[string]float64

// A moment is a scrape and the alerts that have to fire then, no other.
type moment struct {
	what   string
	scrape int
	alerts []string
}

const aMinute = 60 // seconds of the rules, one of the test's

// elapsing are the gauges that grow by themselves with the time that passes.
func elapsing() []string {
	return []string{"talkbridge_source_lag_seconds", "talkbridge_outbox_oldest_seconds"}
}

func newWatch(t *testing.T, addr string) *watch {
	t.Helper()
	w := &watch{t: t, addr: addr, series: map[string][]string{}}
	var done sync.WaitGroup
	ended := make(chan struct{})
	done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			page, err := fetchMetrics(addr)
			w.take(page, err)
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	})
	t.Cleanup(func() { close(ended); done.Wait() })
	return w
}

func fetchMetrics(addr string) (string, error) {
	client := http.Client{Timeout: 10 * time.Second} // as Prometheus
	resp, err := client.Get("http://" + addr + "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(text), err
}

// take keeps one scrape. A series that is not in it is stale, as all are where nothing answered.
func (w *watch) take(page string, err error) {
	now := map[string]string{"up": "1"}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest = samples{"up": 1}
	if err != nil {
		now["up"], w.latest["up"] = "0", 0
	}
	for line := range strings.Lines(page) {
		if m := exposition.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			value, err := strconv.ParseFloat(m[3], 64)
			if err != nil {
				w.t.Errorf("%s: %v", line, err)
			}
			if slices.Contains(elapsing(), m[1]) {
				value *= aMinute
			}
			now[m[1]+"{"+m[2]+"}"] = strings.TrimPrefix(strconv.FormatFloat(value, 'f', -1, 64), "+")
			if m[2] == "" {
				w.latest[m[1]] = value
			}
		}
	}
	for name := range now {
		if w.series[name] == nil {
			w.series[name] = slices.Repeat([]string{"_"}, w.scrapes)
		}
	}
	for name, values := range w.series {
		value, ok := now[name]
		switch {
		case ok:
		case len(values) > 0 && values[len(values)-1] != "_" && values[len(values)-1] != "stale":
			value = "stale"
		default:
			value = "_"
		}
		w.series[name] = append(values, value)
	}
	w.scrapes++
}

// now is the latest scrape.
func (w *watch) now() samples {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest
}

// until asks at each scrape from the next one on, until the answer is nil.
func (w *watch) until(what func(samples) error) {
	w.t.Helper()
	seen := w.count()
	var last error
	eventually(w.t, 2*time.Minute, func() error {
		if n := w.count(); n > seen {
			seen = n
			last = what(w.now())
			return last
		}
		return errors.Join(errors.New("no scrape"), last)
	})
}

func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scrapes
}

// wants notes which alerts have to fire at the latest scrape.
func (w *watch) wants(what string, alerts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted = append(w.wanted, moment{what, w.scrapes - 1, alerts})
}

// judged has promtool evaluate the rules over all scrapes, and compare what fires with what was wanted.
func (w *watch) judged() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	rules, err := filepath.Abs(monitoring + "prometheus/alerts.yml")
	require.NoError(w.t, err)
	var file strings.Builder
	fmt.Fprintf(&file, "rule_files: ['%s']\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n", rules)
	for name, values := range w.series {
		name, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		if labels != "" {
			labels = "," + labels
		}
		fmt.Fprintf(&file, "      - {series: '%s{job=\"talkbridge\",instance=\"%s\"%s}', values: '%s'}\n", name, w.addr, labels, strings.Join(values, " "))
	}
	file.WriteString("    promql_expr_test:\n")
	for _, m := range w.wanted {
		fmt.Fprintf(&file, "      - expr: count by (alertname) (ALERTS{alertstate=\"firing\"}) # %s\n        eval_time: %dm\n        exp_samples:\n", m.what, m.scrape)
		for _, alert := range m.alerts {
			fmt.Fprintf(&file, "          - {labels: '{alertname=\"%s\"}', value: 1}\n", alert)
		}
	}
	dir := w.t.TempDir()
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "hour.yml"), []byte(file.String()), 0o600))
	for _, m := range w.wanted {
		w.t.Logf("minute %d: %s: %s", m.scrape, m.what, strings.Join(m.alerts, ", "))
	}
	promtool(w.t, dir, "test", "rules", "hour.yml")
}
