package app

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// Two tables may have the same keys: the rows of both are counted, and an Append that is tried again is not.
func TestAScanCountsEachRowOnce(t *testing.T) {
	store, err := state.Open(t.Context(), state.Options{
		URL: "file:" + filepath.Join(t.TempDir(), "t.db"), Namespace: "n", Key: "MDEyMzQ1Njc4OWFiY2RlZg==",
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	c := &scanCount{store: store, log: zap.NewNop(), routes: []string{"one", "two"}}
	c.begins(canal.ScanStart)
	batch := func(route string, keys ...string) (changes []bridge.Change) {
		for _, key := range keys {
			changes = append(changes, bridge.Change{Route: route, Key: key, Origin: bridge.OriginScan, EventID: "scan:b.1:4:" + key})
		}
		return changes
	}
	for _, changes := range [][]bridge.Change{batch("one", "1", "2"), batch("two", "1"), batch("two", "1"), batch("two", "3")} {
		require.NoError(t, c.look(t.Context(), changes))
	}
	require.Equal(t, state.Figures{Scanned: 2, Missing: 2, Queued: 2}, *c.found["one"])
	require.Equal(t, state.Figures{Scanned: 2, Missing: 2, Queued: 2}, *c.found["two"])
}
