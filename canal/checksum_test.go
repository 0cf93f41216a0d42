package canal

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
)

// Whichever bit of a log turns on the way: what is taken in is what was written, or the stretch ends in an error. Not so for the sizes,
// which the connection's packets give again, and the rows of tables that nobody watches.
func TestABitThatTurnsOnTheWayIsSeen(t *testing.T) {
	routes, seeds := fuzzRoutes(t), seedsOfTheLog(t)
	for name, s := range seeds {
		if strings.HasSuffix(name, "-minimal") {
			continue
		}
		want := told(listenTo(t, routes, s.log, s.flavor, true))
		var places []int // that can turn
		for at := 0; at < len(s.log); {
			size := int(binary.LittleEndian.Uint32(s.log[at+9:]))
			for i := range size {
				if i < 9 || i > 12 {
					places = append(places, at+i)
				}
			}
			at += size
		}
		rapid.Check(t, func(t *rapid.T) {
			turned := append([]byte(nil), s.log...)
			turned[rapid.SampledFrom(places).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			l := listenTo(t, routes, turned, s.flavor, true)
			got := told(l)
			require.True(t, l.err != nil || len(got) == len(want), "%s: of %d changes %d came, and no error", name, len(want), len(got))
			require.Equal(t, want[:len(got)], got, name)
		})
	}
}

// A bit of a name turns on the line, once: the connection is made anew, the event comes again, and what is taken in is what was written.
func TestADamagedEventComesAgain(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	tunnel := newTunnel(t, m.Addr)
	var damaged atomic.Int64
	twist := func(b []byte) {
		if i := bytes.Index(b, []byte("canary-name")); i >= 0 && damaged.Add(1) == 1 {
			b[i] ^= 1
		}
	}
	tunnel.twist.Store(&twist)
	out := &memory{}
	o := options(t, m, out, talkRoute(schema))
	o.Addr, o.TLS.Mode = tunnel.addr, TLSOff
	logger, logs := observed()
	o.Logger = logger
	r := startRun(t, o).connected()
	execOn(t, m, schema, "INSERT INTO talk (id, flag, body) VALUES (1, '1', 'canary-name')")
	got := changes(t, out, 1)[0]
	require.Equal(t, "canary-name", got.Columns["body"].Text)
	require.GreaterOrEqual(t, damaged.Load(), int64(2), "it was to come twice")
	require.NotZero(t, logs.FilterMessageSnippet("it is tried again").Len())
	require.NoError(t, r.end())
}

// told is what the platform would be told.
func told(l listening) []bridge.Change {
	out := []bridge.Change{}
	for _, b := range l.sent {
		for _, c := range b.changes {
			out = append(out, bridge.Change{Route: c.Route, Key: c.Key, Columns: c.Columns})
		}
	}
	return out
}
