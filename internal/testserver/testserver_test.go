package testserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
)

func TestMariaDBHoldsTheFixtureAndComesBackAfterAKill(t *testing.T) {
	m := testserver.StartMariaDB(t)
	require.NoError(t, m.Exec(fixture.Database))
	m.Kill()
	require.NoError(t, m.Start())
	db := m.DB("xgxt_demo")
	defer db.Close()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM xl_gzth").Scan(&n))
	require.Equal(t, 35, n)
}

func TestRedisKeepsItsDataOverARestart(t *testing.T) {
	r := testserver.StartRedis(t)
	r.Stop()
	require.NoError(t, r.Start())
}
