package canal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// A peer lost 3,000 of 3,000 rows after a kill. What a restart in the middle of a transaction does is TestARestartInMidTransaction's.
func TestRestartLosesAndRepeatsNothing(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		r := startRun(t, o).connected()
		for i := range 30 {
			execOn(t, m, schema, "BEGIN", fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1'), (%d, '1')", 3*i, 3*i+1),
				fmt.Sprintf("INSERT INTO other (pad) VALUES ('x'); INSERT INTO talk (id, flag) VALUES (%d, '1'); COMMIT", 3*i+2))
			if i%10 == 5 {
				require.NoError(t, r.end())
				r = startRun(t, o)
			}
		}
		got := changes(t, out, 90)
		ids := map[string]bool{}
		for i, c := range got {
			require.Equal(t, fmt.Sprint(i), c.Key)
			ids[c.EventID] = true
			if i > 0 {
				order, ok := got[i-1].At.Compare(c.At)
				require.True(t, ok)
				require.Negative(t, order)
			}
		}
		require.Len(t, ids, 90)
		require.NoError(t, r.end())
		require.Regexp(t, `^`+gtidPattern(m)+`#1\.1$`, got[0].EventID)
		require.Regexp(t, `^`+gtidPattern(m)+`#1\.2$`, got[1].EventID)
		require.Regexp(t, `^`+gtidPattern(m)+`#3\.1$`, got[2].EventID)
	})
}

// The event id of a row is the same on every reading, wherever reading began.
func TestEventIDsAreTheSameOnEveryReading(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		first := &memory{}
		o := options(t, m, first, talkRoute(schema))
		r := startRun(t, o).connected()
		from := *first.checkpoint()
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (1, '1'), (2, '1')", "BEGIN; INSERT INTO other (pad) VALUES (1); UPDATE talk SET flag='2'; COMMIT")
		want := changes(t, first, 4)
		require.NoError(t, r.end())
		for _, start := range []Start{
			{Mode: StartGTID, GTID: from.GTID}, {Mode: StartFile, File: from.File, Pos: from.Pos}, {Mode: StartEarliest},
		} {
			again := &memory{}
			o.Outbox, o.Start = again, start
			r := startRun(t, o)
			got := changes(t, again, 4)
			for i := range want {
				require.Equal(t, want[i].EventID, got[i].EventID, start.Mode)
				require.Equal(t, want[i].At, got[i].At, start.Mode)
			}
			require.NoError(t, r.end())
		}
	})
}

func TestGoesOnByFileAndPositionWhereThereAreNoGTIDs(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		r := startRun(t, o).connected()
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (1, '1')")
		changes(t, out, 1)
		require.NoError(t, r.end())
		out.saved.GTID = ""
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (2, '1')", "FLUSH BINARY LOGS", "INSERT INTO talk (id, flag) VALUES (3, '1')")
		r = startRun(t, o)
		require.Equal(t, []string{"1", "2", "3"}, keys(changes(t, out, 3)))
		require.NoError(t, r.end())
		require.NotEmpty(t, out.checkpoint().GTID, "the head of the next file tells the GTIDs")
	})
}

// Unwatched traffic costs the store nothing but a position now and then.
func TestTrafficOfOtherTablesCostsNoWrites(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		r := startRun(t, options(t, m, out, talkRoute(schema)), func(t *tuning) { t.saveEvery = time.Hour }).connected()
		begun := time.Now()
		eventually(t, func() bool { // the first heartbeat of a connection saves the place once
			r.status.mu.Lock()
			defer r.status.mu.Unlock()
			return r.status.caughtUp.After(begun)
		})
		appends, _ := out.counts()
		read := r.status.bytes()
		for range 200 {
			execOn(t, m, schema, "INSERT INTO other (pad) VALUES (REPEAT('x', 1000)), (REPEAT('x', 1000)), (REPEAT('x', 1000))")
		}
		done := time.Now()
		eventually(t, func() bool {
			r.status.mu.Lock()
			defer r.status.mu.Unlock()
			return r.status.caughtUp.After(done)
		})
		require.Greater(t, r.status.bytes()-read, uint64(600_000))
		now, _ := out.counts()
		require.Equal(t, appends, now)
		require.NoError(t, r.end())
		now, _ = out.counts()
		require.Equal(t, appends+1, now, "a stop saves the last safe point")
		require.Equal(t, gtidOf(t, m), out.checkpoint().GTID)
	})
}

// On a source on which nothing happens a connection saves its place once: after a restore from a backup nothing else proves that the
// log holds nothing newer.
func TestAConnectionSavesItsPlaceOnceWhereNothingHappens(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	out := &memory{}
	first := startRun(t, options(t, m, out, talkRoute(schema))).connected()
	require.NoError(t, first.end())
	before, _ := out.counts()
	place := out.checkpoint()
	r := startRun(t, options(t, m, out, talkRoute(schema)), func(t *tuning) { t.saveEvery = time.Hour }).connected()
	eventually(t, func() bool {
		now, _ := out.counts()
		return now == before+1
	})
	for range 3 {
		asked := time.Now()
		eventually(t, func() bool {
			r.status.mu.Lock()
			defer r.status.mu.Unlock()
			return r.status.caughtUp.After(asked)
		})
	}
	now, _ := out.counts()
	require.Equal(t, before+1, now, "heartbeats cost the store nothing")
	require.Equal(t, place.GTID, out.checkpoint().GTID)
}

func TestPositionIsSavedWhenIdle(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		startRun(t, options(t, m, out, talkRoute(schema))).connected()
		execOn(t, m, schema, "INSERT INTO other (pad) VALUES ('x')")
		want := gtidOf(t, m)
		eventually(t, func() bool { return out.checkpoint().GTID == want })
	})
}

// Invariant 1: the position never goes into the store ahead of the changes, nor without them.
func TestPositionGoesWithItsChanges(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		out := &memory{}
		broken := 5
		out.onAppend = func(cs []bridge.Change, cp *bridge.Checkpoint) error {
			if len(cs) > 0 {
				require.NotNil(t, cp)
				if broken > 0 {
					broken--
					return errors.New("the store is away")
				}
			}
			return nil
		}
		logger, logs := observed()
		o := options(t, m, out, talkRoute(schema))
		o.Logger = logger
		r := startRun(t, o).connected()
		for i := range 20 {
			execOn(t, m, schema, fmt.Sprintf("INSERT INTO talk (id, flag) VALUES (%d, '1')", i))
		}
		changes(t, out, 20)
		require.Equal(t, 5, logs.FilterMessageSnippet("the store takes nothing").Len())
		require.NoError(t, r.end())
		appends, _ := out.counts()
		require.Less(t, appends, 20, "what piled up goes in one write")
	})
}
