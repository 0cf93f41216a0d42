package app_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A scraped page of /metrics, as far as it is the bridge's own: what each metric is, and what each series says.
type scraped struct {
	kinds  map[string]string            // by name
	series map[string]map[string]string // name, then labels as in a="b",c="d"; the value as it was written
}

// exposition is a line of Prometheus' text format that holds a value. No label of ours has a quote or a brace in its value.
var exposition = regexp.MustCompile(`^(talkbridge_\w+)(?:\{([^}]*)\})? (\S+)$`)

func readMetrics(t *testing.T, page string) scraped {
	t.Helper()
	s := scraped{kinds: map[string]string{}, series: map[string]map[string]string{}}
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" && strings.HasPrefix(f[2], "talkbridge_") {
			s.kinds[f[2]] = f[3]
		}
		if !strings.HasPrefix(line, "talkbridge_") {
			continue
		}
		m := exposition.FindStringSubmatch(line)
		require.NotNil(t, m, line)
		if s.series[m[1]] == nil {
			s.series[m[1]] = map[string]string{}
		}
		s.series[m[1]][m[2]] = m[3]
	}
	return s
}

// described gives each metric as docs/metrics.md writes it: name{labels}, and its kind. A histogram's own label is not one of ours.
func (s scraped) described() map[string]string {
	out := map[string]string{}
	for name, kind := range s.kinds {
		of := name
		if kind == "histogram" {
			of += "_count"
		}
		labels := map[string]bool{}
		for text := range s.series[of] {
			for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(text, -1) {
				labels[label[1]] = true
			}
		}
		if len(labels) > 0 {
			name = fmt.Sprintf("%s{%s}", name, strings.Join(slices.Sorted(maps.Keys(labels)), ","))
		}
		out[name] = kind
	}
	return out
}
