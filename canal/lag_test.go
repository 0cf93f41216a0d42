package canal

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// gauge reads one metric.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func surveyOften(t *tuning) { t.surveyEvery = 50 * time.Millisecond }

func TestLagIsRightWhenIdleBehindAndStalled(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out, registry := &memory{}, prometheus.NewRegistry()
		tunnel := newTunnel(t, m.Addr)
		o := options(t, m, out, talkRoute(schema))
		o.Addr, o.Registry = tunnel.addr, registry
		r := startRun(t, o, surveyOften).connected()

		// Idle: nothing is left, however old the last commit is.
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (1, '1')", "INSERT INTO other (pad) VALUES ('x')")
		changes(t, out, 1)
		eventually(t, func() bool { s := r.Status(); return s.Lag == 0 && s.LagBytes != nil && *s.LagBytes == 0 })
		require.InDelta(t, 0, gauge(t, registry, "talkbridge_source_lag_bytes"), 0)
		require.InDelta(t, 0, gauge(t, registry, "talkbridge_source_lag_seconds"), 0)
		require.Greater(t, gauge(t, registry, "talkbridge_source_purge_headroom_seconds"), 3600.0)

		// Behind: the store takes nothing, the log grows.
		away := errors.New("away")
		out.mu.Lock()
		out.onAppend = func([]bridge.Change, *bridge.Checkpoint) error { return away }
		out.mu.Unlock()
		for id := range 100 { // more than the queue holds
			execOn(t, m, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", id+10))
		}
		execOn(t, m, schema, "INSERT INTO other (pad) VALUES (REPEAT('x', 1000)), (REPEAT('y', 1000))")
		eventually(t, func() bool {
			s := r.Status()
			return s.Lag > 500*time.Millisecond && s.LagBytes != nil && *s.LagBytes > 2000
		})
		out.mu.Lock()
		out.onAppend = nil
		out.mu.Unlock()
		changes(t, out, 101)
		eventually(t, func() bool { s := r.Status(); return s.Lag == 0 && s.LagBytes != nil && *s.LagBytes == 0 })

		// Stalled: the connection stands and nothing comes. It is not idle.
		tunnel.silent.Store(true)
		eventually(t, func() bool { return r.Status().Lag > 300*time.Millisecond })
		tunnel.silent.Store(false)
		eventually(t, func() bool { s := r.Status(); return s.Connected && s.Lag == 0 })
		require.NoError(t, r.end())
		require.True(t, math.IsNaN(gauge(t, registry, "talkbridge_source_lag_bytes")), "nobody knows any more")
		require.True(t, math.IsNaN(gauge(t, registry, "talkbridge_source_lag_seconds")), "nobody knows any more")
	})
}

// The bridge shows among the server's replicas, under its name and number.
func TestTheBridgeShowsAmongTheReplicas(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		r := startRun(t, options(t, m, &memory{}, talkRoute(schema))).connected()
		db := m.DB("")
		defer db.Close()
		statement := "SHOW REPLICAS"
		if m.Flavor == "mariadb" {
			statement = "SHOW SLAVE HOSTS"
		}
		host, err := record(t.Context(), db, statement)
		require.NoError(t, err)
		require.Regexp(t, "^talkbridge-test@.", host["Host"])
		require.Contains(t, []string{host["Server_Id"], host["Server_id"]}, fmt.Sprint(r.Status().ServerID))
		require.NoError(t, r.end())
	})
}

// The questions cost the server at most one a second, as set for a bridge that runs.
func TestSurveysAreCheap(t *testing.T) {
	every := defaultTuning().surveyEvery
	queries := 1 + 2.0/policyEvery
	require.LessOrEqual(t, queries/every.Seconds(), 1.0)
}

func logFiles(sizes ...uint64) (files []logFile) {
	var start uint64
	for i, size := range sizes {
		files = append(files, logFile{fmt.Sprintf("binlog.%06d", i+5), size, start})
		start += size
	}
	return files
}

func TestBytesBehind(t *testing.T) {
	v := &survey{files: logFiles(100, 200, 50)}
	for _, c := range []struct {
		file  string
		pos   uint64
		want  uint64
		known bool
	}{
		{"binlog.000005", 0, 350, true},
		{"binlog.000006", 40, 210, true},
		{"binlog.000007", 50, 0, true},
		{"binlog.000007", 70, 0, true}, // the survey is older than the place
		{"binlog.000008", 4, 0, true},
		{"binlog.000004", 4, 0, false}, // purged
		{"", 0, 0, false},
	} {
		got, known := v.behind(c.file, c.pos)
		require.Equal(t, c.known, known, c)
		require.Equal(t, c.want, got, c)
	}
}

func TestHeadroom(t *testing.T) {
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, c := range []struct {
		name           string
		v              survey
		file           string
		committed      time.Duration // ago
		bytes, seconds float64
	}{
		{"never purged", survey{files: logFiles(10, 10)}, "binlog.000005", time.Hour, math.Inf(1), math.Inf(1)},
		{"the file that is written to", survey{files: logFiles(10, 10), policy: purgePolicy{after: day}}, "binlog.000006", 48 * time.Hour, math.Inf(1), 86400},
		{"an older file", survey{files: logFiles(10, 10), policy: purgePolicy{after: day}}, "binlog.000005", 23 * time.Hour, math.Inf(1), 3600},
		{"an older file, the server's clock ahead", survey{files: logFiles(10, 10), policy: purgePolicy{after: day}, skew: 30 * time.Minute}, "binlog.000005", 23 * time.Hour, math.Inf(1), 1800},
		{"overdue", survey{files: logFiles(10, 10), policy: purgePolicy{after: day}}, "binlog.000005", 30 * time.Hour, math.Inf(1), 0},
		{"gone", survey{files: logFiles(10, 10), policy: purgePolicy{after: day}}, "binlog.000004", time.Hour, 0, 0},
		{"another server's", survey{files: logFiles(10, 10), policy: purgePolicy{after: day}}, "binlog.000009", time.Hour, math.NaN(), math.NaN()},
		{"by size, growing", survey{files: logFiles(100, 100, 100), policy: purgePolicy{above: 500}, growth: 10}, "binlog.000006", time.Hour, 300, 30},
		{"by size, at rest", survey{files: logFiles(100, 100, 100), policy: purgePolicy{above: 500}}, "binlog.000006", time.Hour, 300, math.Inf(1)},
		{"by size, full", survey{files: logFiles(100, 500, 100), policy: purgePolicy{above: 500}}, "binlog.000006", time.Hour, 0, 0},
		{"both", survey{files: logFiles(100, 100), policy: purgePolicy{above: 1000, after: day}, growth: 1}, "binlog.000005", time.Hour, 800, 800},
	} {
		t.Run(c.name, func(t *testing.T) {
			bytes, seconds := c.v.headroom(c.file, now.Add(-c.committed), now)
			if math.IsNaN(c.bytes) {
				require.True(t, math.IsNaN(bytes) && math.IsNaN(seconds))
				return
			}
			require.Equal(t, [2]float64{c.bytes, c.seconds}, [2]float64{bytes, seconds})
		})
	}
}

func TestGrowthIsSmoothed(t *testing.T) {
	now := time.Now()
	before := &survey{files: logFiles(100), taken: now.Add(-10 * time.Second)}
	v := &survey{files: logFiles(100, 200), taken: now}
	v.grown(before)
	require.InDelta(t, 20, v.growth, 0.01)
	after := &survey{files: logFiles(100, 200), taken: now.Add(10 * time.Second)}
	after.grown(v)
	require.InDelta(t, 19.3, after.growth, 0.1, "one quiet moment changes little")
	reset := &survey{files: []logFile{{"binlog.000001", 7, 0}}, taken: now.Add(20 * time.Second)}
	reset.grown(after)
	require.InDelta(t, after.growth, reset.growth, 0)
}

func TestPurgePolicyOfEveryServer(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		want      purgePolicy
	}{
		"MySQL 9":           {map[string]string{"binlog_expire_logs_seconds": "2592000", "binlog_expire_logs_auto_purge": "ON"}, purgePolicy{after: 720 * time.Hour}},
		"MySQL, off":        {map[string]string{"binlog_expire_logs_seconds": "2592000", "binlog_expire_logs_auto_purge": "OFF"}, purgePolicy{}},
		"MySQL 5.7":         {map[string]string{"expire_logs_days": "7"}, purgePolicy{after: 168 * time.Hour}},
		"MariaDB 10.11":     {map[string]string{"binlog_expire_logs_seconds": "43200", "expire_logs_days": "0.500000"}, purgePolicy{after: 12 * time.Hour}},
		"MariaDB 11.8":      {map[string]string{"binlog_expire_logs_seconds": "0", "expire_logs_days": "0.000000", "max_binlog_total_size": "1073741824"}, purgePolicy{above: 1 << 30}},
		"MariaDB, no limit": {map[string]string{"binlog_expire_logs_seconds": "0", "expire_logs_days": "0"}, purgePolicy{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, policyOf(c.variables)) })
	}
}
