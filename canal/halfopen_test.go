package canal

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A firewall that forgets a connection leaves both ends believing in it. The heartbeats stop, and that is noticed within half a minute.
func TestHalfOpenConnectionIsNoticed(t *testing.T) {
	tuned := defaultTuning()
	require.LessOrEqual(t, tuned.readTimeout+tuned.heartbeat, 30*time.Second)
	require.GreaterOrEqual(t, tuned.readTimeout, 5*tuned.heartbeat, "a server under load may be late")
	m := mariadb(t)
	schema := database(t, m, talks)
	tunnel := newTunnel(t, m.Addr)
	out := &memory{}
	o := options(t, m, out, talkRoute(schema))
	o.Addr = tunnel.addr
	logger, logs := observed()
	o.Logger = logger
	r := startRun(t, o, func(t *tuning) { t.readTimeout = 2 * time.Second }).connected()
	execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (1, '1')")
	changes(t, out, 1)
	eventually(t, func() bool { return r.Status().Lag == 0 })

	tunnel.silent.Store(true)
	begun := time.Now()
	execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (2, '1')")
	eventually(t, func() bool { return r.Status().Lag > 0 }) // long before the connection is given up
	require.Less(t, time.Since(begun), 2*time.Second)
	eventually(t, func() bool { return !r.Status().Connected && r.Status().LastError != "" })
	require.Less(t, time.Since(begun), 2*time.Second+tuned.heartbeat)
	require.NotZero(t, logs.FilterMessageSnippet("it is tried again").Len())

	tunnel.silent.Store(false)
	require.Equal(t, []string{"1", "2"}, keys(changes(t, out, 2)))
	require.NoError(t, r.end())
}

// Two bridges of one namespace on one host, as one that stands by and one that listens: they do not end each other's connection.
func TestServerIDsOfOneHostDoNotClash(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	first, second := &memory{}, &memory{}
	logger, logs := observed()
	o := options(t, m, first, talkRoute(schema))
	o.Logger, o.Instance = logger, "host/1"
	a := startRun(t, o).connected()
	o.Outbox, o.Instance = second, "host/2"
	b := startRun(t, o).connected()
	require.NotEqual(t, a.Status().ServerID, b.Status().ServerID)
	for id := range 10 {
		execOn(t, m, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", id))
	}
	changes(t, first, 10)
	changes(t, second, 10)
	require.Zero(t, logs.FilterMessageSnippet("tried again").Len())
	require.NoError(t, a.end())
	require.NoError(t, b.end())
}

// Should an automatic id be another replica's, another is taken, once, and reading goes on.
func TestServerIDThatIsTakenIsChanged(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	first, second := &memory{}, &memory{}
	logger, logs := observed()
	o := options(t, m, first, talkRoute(schema))
	o.Logger = logger
	a := startRun(t, o).connected()
	taken := a.Status().ServerID
	o.Outbox, o.ServerID = second, taken // the same number, set by hand
	b := startRun(t, o).connected()
	eventually(t, func() bool { return a.Status().ServerID != taken && a.Status().Connected })
	for id := range 10 {
		execOn(t, m, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", id))
	}
	changes(t, first, 10)
	changes(t, second, 10)
	require.Equal(t, taken, b.Status().ServerID)
	require.Equal(t, 1, logs.FilterMessageSnippet("tried again").Len())
	require.NoError(t, a.end())
	require.NoError(t, b.end())
}

// A number that a person set is not changed: two who insist on one end with a message.
func TestServerIDThatIsSetIsNotChanged(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	o := options(t, m, &memory{}, talkRoute(schema))
	o.ServerID = 4711
	a := startRun(t, o).connected()
	o.Outbox = &memory{}
	startRun(t, o).connected()
	err := a.wait()
	require.ErrorContains(t, err, "another replica uses our server id")
	require.ErrorContains(t, err, "source.server_id")
}

// Ids that clash again and again are no accident, and no reason to flood the server.
func TestServerIDsAreNotTriedForEver(t *testing.T) {
	s, err := New(options(t, mariadb(t), &memory{}, talkRoute("x")))
	require.NoError(t, err)
	defer s.Close()
	var clashes clashCount
	seen := map[uint32]bool{s.Status().ServerID: true}
	for range clashLimit {
		require.False(t, stops(s.renumber(clash("same id"), &clashes)))
		require.False(t, seen[s.Status().ServerID])
		seen[s.Status().ServerID] = true
	}
	require.True(t, stops(s.renumber(clash("same id"), &clashes)))
	clashes.last = clashes.last.Add(-clashSpan - time.Second)
	require.False(t, stops(s.renumber(clash("same id"), &clashes)))
}
