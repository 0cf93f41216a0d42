package canal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

func TestASetOfTransactionsKnowsItsOwn(t *testing.T) {
	const uuid, digits = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "24000352-1234-1123-9e33-c80aa9429562"
	for _, c := range []struct {
		set, event      string
		has             bool
		position        string
		within, nothing bool
	}{
		{set: "0-1-10", event: "0-1-10#0.1", has: true, position: "0-2-10", within: true},
		{set: "0-1-10", event: "0-2-11#0.1", position: "0-1-9"},
		{set: "0-1-10", event: "1-1-1#0.1", position: "1-1-99"}, // a domain that the set does not have
		{set: "0-1-10,1-1-3", event: "1-1-3#0.1", has: true, position: "0-1-10,1-1-3", within: true},
		{set: "0-1-10", event: "binlog.000001:4#0.1", nothing: true},
		{set: uuid + ":1-10", event: uuid + ":10#0.1", has: true, position: uuid + ":1-12", within: true},
		{set: uuid + ":1-10", event: uuid + ":11#0.1", position: uuid + ":1-9"},
		{set: digits + ":1-10", event: digits + ":10#0.1", has: true, position: digits + ":1-12," + uuid + ":1-3", within: true},
		{set: uuid + ":1-10", event: "binlog.000001:4#0.1", nothing: true, position: "0-1-10"},
	} {
		set, err := ParseGTIDs(c.set)
		require.NoError(t, err)
		has, err := set.Has(bridge.Change{EventID: c.event})
		if c.nothing {
			require.ErrorContains(t, err, "has no GTID", "%+v", c)
		} else {
			require.NoError(t, err, "%+v", c)
		}
		require.Equal(t, c.has, has, "%+v", c)
		require.Equal(t, c.within, set.Within(c.position), "%+v", c)
		require.False(t, set.Within(""))
	}
	_, err := ParseGTIDs("yesterday")
	require.Error(t, err)
}

// On every server: the oldest log and when it was begun, and whether what a set lacks is still there.
func TestTheOldestLog(t *testing.T) {
	onEveryOwn(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		s, err := New(options(t, m, &memory{}, talkRoute(schema)))
		require.NoError(t, err)
		defer s.Close()
		file, begun, err := s.Oldest(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, file)
		require.WithinDuration(t, time.Now(), begun, 10*time.Minute)
		require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (1, '1')"))
		srv, err := inspect(t.Context(), s.db, FlavorAuto)
		require.NoError(t, err)
		before := gtidOf(t, m)
		if srv.gtid {
			require.NoError(t, s.Has(t.Context(), before))
		} else {
			require.ErrorContains(t, s.Has(t.Context(), before), "name a file and an offset")
		}
		require.NoError(t, m.Exec("INSERT INTO "+schema+".talk (id, flag) VALUES (2, '1')"))
		purgeLogs(t, m)
		if srv.gtid {
			require.ErrorContains(t, s.Has(t.Context(), before), "purged")
			require.NoError(t, s.Has(t.Context(), gtidOf(t, m)))
		}
		later, _, err := s.Oldest(t.Context())
		require.NoError(t, err)
		require.Greater(t, bridge.LogNumber(later), bridge.LogNumber(file))
	})
}
