package state

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
)

const testKey bridge.Secret = "MDEyMzQ1Njc4OWFiY2RlZg=="

func testSealer(t *testing.T, namespace string) *sealer {
	t.Helper()
	s, err := newSealer(namespace, testKey)
	require.NoError(t, err)
	return s
}

func TestSealedTextIsBoundToItsPlace(t *testing.T) {
	s := testSealer(t, "a")
	sealed, err := s.seal(purposeContent, "one/1", []byte("a confession"))
	require.NoError(t, err)
	plain, err := s.open(purposeContent, "one/1", sealed)
	require.NoError(t, err)
	require.Equal(t, "a confession", string(plain))

	_, err = s.open(purposeContent, "one/2", sealed)
	require.ErrorIs(t, err, errSealBroken, "another record")
	_, err = s.open(purposeToken, "one/1", sealed)
	require.ErrorIs(t, err, errSealBroken, "another purpose")
	_, err = testSealer(t, "b").open(purposeContent, "one/1", sealed)
	require.ErrorIs(t, err, errSealBroken, "another namespace")
	for i := range sealed {
		spoilt := append([]byte(nil), sealed...)
		spoilt[i] ^= 1
		_, err = s.open(purposeContent, "one/1", spoilt)
		require.ErrorIs(t, err, errSealBroken, "byte %d", i)
		_, err = s.open(purposeContent, "one/1", sealed[:i])
		require.ErrorIs(t, err, errSealBroken, "cut at %d", i)
	}
	again, err := s.seal(purposeContent, "one/1", []byte("a confession"))
	require.NoError(t, err)
	require.NotEqual(t, sealed, again, "each sealing has a nonce of its own")
}

func TestDigestIsKeyedAndBound(t *testing.T) {
	s := testSealer(t, "a")
	columns := map[string]bridge.Value{"a": {Kind: bridge.KindText, Text: "bc"}, "d": {}}
	digest := s.digest("one/1", appendColumns(nil, columns))
	require.Equal(t, digest, s.digest("one/1", appendColumns(nil, map[string]bridge.Value{"d": {}, "a": {Kind: bridge.KindText, Text: "bc"}})))
	require.NotEqual(t, digest, s.digest("one/2", appendColumns(nil, columns)))
	for _, other := range []map[string]bridge.Value{
		{},
		{"a": {Kind: bridge.KindText, Text: "bc"}},
		{"ab": {Kind: bridge.KindText, Text: "c"}, "d": {}},
		{"a": {Kind: bridge.KindBinary, Text: "bc"}, "d": {}},
		{"a": {Kind: bridge.KindText, Text: "bc"}, "d": {Kind: bridge.KindText}},
	} {
		require.NotEqual(t, digest, s.digest("one/1", appendColumns(nil, other)), other)
	}
	otherKey, err := newSealer("a", "QUJDREVGR0hJSktMTU5PUA==")
	require.NoError(t, err)
	require.NotEqual(t, digest, otherKey.digest("one/1", appendColumns(nil, columns)))
}

func TestChangesSurviveEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := bridge.Change{
			Route: rapid.String().Draw(rt, "route"), Key: rapid.String().Draw(rt, "key"), EventID: rapid.String().Draw(rt, "event"),
			Origin: bridge.OriginScan, At: bridge.Coordinates{Server: "s", Pos: rapid.Uint64().Draw(rt, "pos")},
			Columns: map[string]bridge.Value{},
		}
		for range rapid.IntRange(0, 5).Draw(rt, "columns") {
			c.Columns[rapid.String().Draw(rt, "name")] = bridge.Value{
				Kind: rapid.SampledFrom([]bridge.Kind{bridge.KindText, bridge.KindBinary, bridge.KindNull}).Draw(rt, "kind"),
				Text: string(rapid.SliceOf(rapid.Byte()).Draw(rt, "text")),
			}
		}
		b, _, err := encodeChange(nil, c)
		require.NoError(rt, err)
		got, err := decodeChange(b)
		require.NoError(rt, err)
		require.Empty(rt, cmp.Diff(c, got))
		for cut := range b { // no panic, and never taken for the whole
			if got, err := decodeChange(b[:cut]); err == nil {
				require.NotEmpty(rt, cmp.Diff(c, got))
			}
		}
	})
}

// What the back ends compare as bytes is what bridge.Coordinates means.
func TestIdentOrdersAsCoordinatesDo(t *testing.T) {
	s := testSealer(t, "a")
	number := rapid.SampledFrom([]uint64{0, 1, 255, 256, 1 << 32, 1<<64 - 1})
	coordinates := rapid.Custom(func(rt *rapid.T) bridge.Coordinates {
		return bridge.Coordinates{
			Server: rapid.SampledFrom([]string{"", "s", "t"}).Draw(rt, "server"),
			File:   rapid.SampledFrom([]string{"", "b", "b.1", "b.000002", "b.1000000", "c.1", "b.x", "b.x.9"}).Draw(rt, "file"),
			Pos:    number.Draw(rt, "pos"), Row: number.Draw(rt, "row"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		a, b := coordinates.Draw(rt, "a"), coordinates.Draw(rt, "b")
		order, ok := a.Compare(b)
		ia, ib := s.ident(bridge.Change{At: a}, nil), s.ident(bridge.Change{At: b}, nil)
		require.Equal(rt, ok && order < 0, ia.olderThan(&ib))
	})
}

func TestRecordsSurviveEncoding(t *testing.T) {
	r := &rec{
		status: rejected, seq: 7, attempts: 3, since: 1 << 41, due: 5, until: 9, token: leaseToken{1, 2}, ident: ident{3: 4},
		outcome: []byte(`{"code":"1"}`), content: []byte{0, 1, 2},
	}
	b := r.encode()
	require.Len(t, b, headSize+len(r.outcome)+len(r.content))
	got, err := decodeRec(b)
	require.NoError(t, err)
	require.Equal(t, r, got)
	for cut := range headSize + len(r.outcome) {
		_, err := decodeRec(b[:cut])
		require.ErrorIs(t, err, errDamaged)
	}
	b[0] = 2
	_, err = decodeRec(b)
	require.ErrorIs(t, err, errDamaged, "another version")
}
