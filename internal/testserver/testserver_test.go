package testserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
)

func TestSourcesHoldTheFixtureAndComeBackAfterAKill(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		m := s.Start(t)
		require.NoError(t, m.Exec(fixture.Database))
		m.Kill()
		require.NoError(t, m.Start())
		db := m.DB("xgxt_demo")
		defer db.Close()
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM xl_gzth").Scan(&n))
		require.Equal(t, 35, n)
		var version string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT VERSION()").Scan(&version))
		require.Contains(t, version, s.Version)
	})
}

func TestRedisKeepsItsDataOverARestart(t *testing.T) {
	r := testserver.StartRedis(t)
	r.Stop()
	require.NoError(t, r.Start())
}
