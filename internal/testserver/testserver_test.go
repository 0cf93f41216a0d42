package testserver_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
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

func TestTheStoreThatIsNamedIsTheOneThatRuns(t *testing.T) {
	all := testserver.AllStores()
	for _, s := range all {
		testserver.EachStore(t, s.Name, func(t *testing.T, s testserver.Store) {
			t.Helper()
			r := testserver.StartRedis(t, "--repl-diskless-sync-delay", "0") // a replica waits for no other
			r.Kill()
			require.NoError(t, r.Start())
			replica := testserver.StartReplica(t, r)
			for _, addr := range []string{r.Addr, replica.Addr} {
				client := redis.NewClient(&redis.Options{Addr: addr})
				defer client.Close()
				info, err := client.Info(t.Context(), "server").Result()
				require.NoError(t, err)
				require.Contains(t, info, "\n"+s.Flavor+"_version:"+s.Version+"\r\n")
			}
		})
	}
	for _, s := range all { // what is named and not there is an error, never another server
		t.Setenv(testserver.StoreVariable, s.Name[:len(s.Name)-1])
		_, err := testserver.NewRedis(t.TempDir())
		require.ErrorContains(t, err, "no such server")
		require.NotErrorIs(t, err, testserver.ErrMissing, "nor a reason to skip")
	}
}
