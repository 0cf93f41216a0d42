package bridge_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
)

func TestASecretNeverPrints(t *testing.T) {
	s := bridge.Secret("canary")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		require.NotContains(t, fmt.Sprintf(verb, s), "canary", verb)
		require.NotContains(t, fmt.Sprintf(verb, struct{ S bridge.Secret }{s}), "canary", verb)
		require.NotContains(t, fmt.Sprintf(verb, s), "63616e617279", verb)
	}
	text, err := json.Marshal(map[string]bridge.Secret{"s": s})
	require.NoError(t, err)
	require.JSONEq(t, `{"s":"<secret>"}`, string(text))
}

func TestTwoKeysNeverReadAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "values")
		require.Equal(t, values, bridge.SplitKey(bridge.JoinKey(values)))
	})
}

func TestAValueSurvivesJSON(t *testing.T) {
	kinds := []bridge.Kind{bridge.KindInt, bridge.KindText, bridge.KindBinary, bridge.KindJSON}
	rapid.Check(t, func(t *rapid.T) {
		v := bridge.Value{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Text: rapid.String().Draw(t, "text")}
		if v.Kind == bridge.KindBinary {
			v.Text = string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		var back bridge.Value
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, v, back)
	})
}

func TestCoordinatesCompareNumbersNotNames(t *testing.T) {
	at := func(server, file string, pos, row uint64) bridge.Coordinates {
		return bridge.Coordinates{Server: server, File: file, Pos: pos, Row: row}
	}
	for _, c := range []struct {
		a, b    bridge.Coordinates
		order   int
		ordered bool
	}{
		{at("s", "binlog.999999", 9, 0), at("s", "binlog.1000000", 4, 0), -1, true},
		{at("s", "binlog.000002", 4, 0), at("s", "binlog.000001", 5_000_000_000, 0), 1, true},
		{at("s", "binlog.000001", 100, 3), at("s", "binlog.000001", 100, 2), 1, true},
		{at("s", "binlog.000001", 100, 3), at("s", "binlog.000001", 100, 3), 0, true},
		{at("s", "binlog.000001", 1, 0), at("t", "binlog.000002", 1, 0), 0, false},
		{at("s", "binlog.000001", 1, 0), at("s", "mysql-bin.000002", 1, 0), 0, false},
	} {
		order, ordered := c.a.Compare(c.b)
		require.Equal(t, c.ordered, ordered)
		require.Equal(t, c.order, order)
	}
}
