package state

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"talkbridge/internal/bridge"
)

// anyValue is a value of any kind and any bytes; texts are short and alike, so that two of them meet often.
func anyValue() *rapid.Generator[bridge.Value] {
	return rapid.Custom(func(t *rapid.T) bridge.Value {
		kind := rapid.SampledFrom([]bridge.Kind{bridge.KindNull, bridge.KindText, bridge.KindBinary, bridge.KindInt}).Draw(t, "kind")
		if kind == bridge.KindNull {
			return bridge.Value{}
		}
		return bridge.Value{Kind: kind, Text: rapid.SampledFrom([]string{"", "a", "b", "ab", "\x00", "\x01a", "谈", "\xff"}).Draw(t, "text")}
	})
}

func anyColumns() *rapid.Generator[map[string]bridge.Value] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"", "a", "b", "ab", "a\x00", "姓名"}), anyValue(), 0, 4)
}

// What is sealed opens as what it was, for its purpose, record and namespace alone; and no bit of it can be turned, none taken off and
// none added.
func TestWhatIsSealedIsBoundWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "a", "b", "one/1", "one/11", "one/1\x00", "\x00one/1", "content\x00one/1"})
		namespace, other := text.Draw(t, "namespace"), text.Draw(t, "other namespace")
		id, otherID := text.Draw(t, "id"), text.Draw(t, "other id")
		purposes := []string{purposeContent, purposeToken, purposeCanary}
		purpose, otherPurpose := rapid.SampledFrom(purposes).Draw(t, "purpose"), rapid.SampledFrom(purposes).Draw(t, "other purpose")
		plain := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "plain")
		if bytes.ContainsRune([]byte(namespace+other), 0) {
			t.Skip("a namespace holds no NUL")
		}
		s, err := newSealer(namespace, testKey)
		require.NoError(t, err)
		sealed, err := s.seal(purpose, id, plain)
		require.NoError(t, err)
		opened, err := s.open(purpose, id, sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, opened))
		require.False(t, len(plain) > 8 && bytes.Contains(sealed, plain))

		foreign, err := newSealer(other, testKey)
		require.NoError(t, err)
		_, err = foreign.open(otherPurpose, otherID, sealed)
		require.Equal(t, other == namespace && otherPurpose == purpose && otherID == id, err == nil)

		bit := rapid.IntRange(0, 8*len(sealed)-1).Draw(t, "bit")
		turned := bytes.Clone(sealed)
		turned[bit/8] ^= 1 << (bit % 8)
		_, err = s.open(purpose, id, turned)
		require.Equal(t, errSealBroken, err, "bit %d", bit)
		_, err = s.open(purpose, id, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")])
		require.Equal(t, errSealBroken, err)
		_, err = s.open(purpose, id, append(bytes.Clone(sealed), rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "more")...))
		require.Equal(t, errSealBroken, err)
	})
}

// Equal content has one digest whatever the order of its columns; other content, another record or another key has another.
func TestADigestTellsContentsApart(t *testing.T) {
	s := testSealer(t, "a")
	otherKey, err := newSealer("a", "QUJDREVGR0hJSktMTU5PUA==")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyColumns().Draw(t, "a"), anyColumns().Draw(t, "b")
		id, otherID := rapid.SampledFrom([]string{"one/1", "one/11", "one/", ""}).Draw(t, "id"), rapid.SampledFrom([]string{"one/1", "one/11", ""}).Draw(t, "other id")
		digest := s.digest(id, appendColumns(nil, a))
		require.Equal(t, digest, s.digest(id, appendColumns(nil, maps.Clone(a))))
		require.Equal(t, id == otherID && maps.Equal(a, b), bytes.Equal(digest, s.digest(otherID, appendColumns(nil, b))), "%v %v", a, b)
		require.NotEqual(t, digest, otherKey.digest(id, appendColumns(nil, a)))
		require.Equal(t, maps.Equal(a, b), bytes.Equal(appendColumns(nil, a), appendColumns(nil, b)))
	})
}

// Two lists of texts are told apart however they are cut, and a short print says nothing without the key.
func TestAPrintTellsListsApart(t *testing.T) {
	s := testSealer(t, "a")
	otherKey, err := newSealer("a", "QUJDREVGR0hJSktMTU5PUA==")
	require.NoError(t, err)
	lists := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "ab", "\x01a", "\x01"}), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		a, b := lists.Draw(t, "a"), lists.Draw(t, "b")
		equal := len(a) == len(b)
		for i := 0; equal && i < len(a); i++ {
			equal = a[i] == b[i]
		}
		require.Equal(t, equal, bytes.Equal(s.print(a...), s.print(b...)), "%q %q", a, b)
		require.NotEqual(t, s.print(a...), otherKey.print(a...))
	})
}

// Keys for different purposes have nothing in common, nor has any of them with state.key; a key that is none is an error that does not
// show it.
func TestDerivedKeysAreTheirPurposes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")
		purposes := rapid.SliceOfNDistinct(rapid.StringN(0, 20, -1), 2, 4, rapid.ID[string]).Draw(t, "purposes")
		key := bridge.Secret(base64.StdEncoding.EncodeToString(raw))
		seen := map[string]bool{}
		for _, p := range purposes {
			derived, err := DeriveKey(key, p)
			require.NoError(t, err)
			require.Len(t, derived, 32)
			require.NotContains(t, string(derived), string(raw))
			again, err := DeriveKey(key, p)
			require.NoError(t, err)
			require.Equal(t, derived, again)
			seen[hex.EncodeToString(derived)] = true
		}
		require.Len(t, seen, len(purposes))
		if n := rapid.IntRange(0, 40).Draw(t, "length"); n != 16 {
			wrong := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xa7}, n))
			_, err := DeriveKey(bridge.Secret(wrong), "p")
			require.Error(t, err)
			require.False(t, n > 3 && bytes.Contains([]byte(err.Error()), []byte(wrong)))
		}
	})
}
