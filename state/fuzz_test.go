package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fuzzed"
)

// aSubmission is a change with everything in it.
func aSubmission() bridge.Change {
	return bridge.Change{
		Route: "one", Key: "1001", KeyColumns: []string{"id"}, EventID: "0-1-5#1.1", Origin: bridge.OriginBinlog,
		At: bridge.Coordinates{Server: "s", File: "b.000001", Pos: 1 << 33, Row: 1<<20 | 1}, CommittedAt: time.Unix(1_700_000_000, 0).UTC(),
		Columns: map[string]bridge.Value{"name": {Kind: bridge.KindText, Text: fuzzed.Name}, "card": {Kind: bridge.KindText, Text: fuzzed.IDCard}, "none": {}},
	}
}

// FuzzSealed holds what is sealed to what it promises: it opens for its record and its purpose only; of any other bytes nothing comes but
// one error that says nothing; and what is read out of it, were its key known to somebody, is bounded and never read as something else.
func FuzzSealed(f *testing.F) {
	s, err := newSealer("fuzz", testKey)
	require.NoError(f, err)
	plain, _, err := encodeChange(nil, aSubmission())
	require.NoError(f, err)
	f.Add(plain, "one/1001", []byte{}, uint16(0), byte(1))
	f.Add([]byte{}, "", []byte{sealVersion}, uint16(12), byte(0x80))
	f.Add((&rec{status: pending, seq: 7, outcome: []byte(`{"code":"1"}`), content: plain}).encode(), "two/1,2%2C", bytes.Repeat([]byte{1}, 29), uint16(40), byte(0xff))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01{}"), "one/\xff", []byte("\x02abc"), uint16(1), byte(3))
	f.Fuzz(func(t *testing.T, plain []byte, id string, forged []byte, at uint16, flip byte) {
		sealed, err := s.seal(purposeContent, id, plain)
		require.NoError(t, err)
		opened, err := s.open(purposeContent, id, sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, opened))
		requireClosed(t, s, purposeContent, id, forged)
		requireClosed(t, s, purposeToken, id, sealed)
		requireClosed(t, s, purposeContent, id+"1", sealed)
		requireClosed(t, s, purposeContent, id, sealed[:int(at)%len(sealed)])
		requireClosed(t, s, purposeContent, id, append(slices.Clone(sealed), flip))
		if flip != 0 {
			sealed[int(at)%len(sealed)] ^= flip
			requireClosed(t, s, purposeContent, id, sealed)
		}
		fuzzed.Within(t, 1<<20, 200, len(plain), func() { requireDecoded(t, plain) })
	})
}

func requireClosed(t *testing.T, s *sealer, purpose, id string, sealed []byte) {
	t.Helper()
	plain, err := s.open(purpose, id, sealed)
	require.Equal(t, errSealBroken, err)
	require.Nil(t, plain)
}

// requireDecoded reads bytes as a change and as a record: an error, or what is written as the same again.
func requireDecoded(t *testing.T, b []byte) {
	t.Helper()
	if c, err := decodeChange(b); err != nil {
		fuzzed.Silent(t, err.Error())
	} else if again, _, err := encodeChange(nil, c); err == nil {
		back, err := decodeChange(again)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(c, back))
	}
	r, err := decodeRec(b)
	if err != nil {
		require.ErrorIs(t, err, errDamaged)
		return
	}
	require.True(t, bytes.Equal(b, r.encode()), "a record is written as it was read")
	if shown, err := r.public("one/1", 0); err != nil {
		fuzzed.Silent(t, err.Error())
	} else {
		_, err = json.Marshal(shown)
		require.NoError(t, err)
	}
}

// aBackup is a backup of two records.
func aBackup(tb testing.TB, key []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, _, err := newBackupWriter(&out, key, "fuzz", time.Unix(1_700_000_000, 0))
	require.NoError(tb, err)
	require.NoError(tb, w.position([]byte(`{"flavor":"mariadb","file":"b.000001","pos":4}`)))
	require.NoError(tb, w.record("one/1", &rec{status: pending, seq: 1, content: bytes.Repeat([]byte{1}, 100)}))
	require.NoError(tb, w.flush())
	require.NoError(tb, w.record("two/2", &rec{status: delivered, seq: 9, outcome: []byte(`{"code":"0"}`)}))
	require.NoError(tb, w.end())
	return out.Bytes()
}

// readBackup reads a file to its end.
func readBackup(file, key []byte) (records int, err error) {
	r, err := newBackupReader(bytes.NewReader(file), key)
	if err != nil {
		return 0, err
	}
	err = r.all(func([]byte) error { return nil }, func(string, []byte) error { records++; return nil })
	return records, err
}

// FuzzBackup holds the reader of backups to what it promises: a file with anything changed, added or missing is one of the errors that
// say so, in bounded memory, and so is any other file; and one that somebody with the key has put together is read or refused, not more.
func FuzzBackup(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	good := aBackup(f, key)
	records, err := readBackup(good, key)
	require.NoError(f, err)
	require.Equal(f, 2, records)
	header := bytes.IndexByte(good[len(backupMagic):], '\n') + len(backupMagic) + 1
	f.Add(uint16(0), []byte("talkbridge backup 2\n"), byte(0), []byte("p{}"))
	f.Add(uint16(header), []byte{0xff, 0xff, 0xff, 0xff}, byte(0), []byte{chunkRecords, 3, 'o', '/', '1', 0xff, 0xff, 0xff, 0x7f})
	f.Add(uint16(len(backupMagic)), []byte(`{"namespace":"`+fuzzed.Secret+`","salt":"AAAA"}`), byte(5), []byte(`t{"records":0,"digest":"","mac":""}`))
	f.Add(uint16(header+20), []byte{}, byte(1), append([]byte{chunkRecords, 5}, "one/1"...))
	f.Fuzz(func(t *testing.T, at uint16, with []byte, cut byte, inside []byte) {
		changed := slices.Clone(good)
		i := int(at) % len(changed)
		n := copy(changed[i:], with)
		changed = append(changed, with[n:]...)
		changed = changed[:len(changed)-int(cut)%len(changed)]
		fuzzed.Within(t, 4<<20, 100, len(changed), func() { requireRefused(t, changed, good, key) })
		fuzzed.Within(t, 4<<20, 100, len(with), func() { requireRefused(t, with, good, key) })
		fuzzed.Within(t, 4<<20, 100, len(inside), func() {
			_, err := readBackup(forgedBackup(t, key, inside), key)
			requireKnown(t, err)
		})
	})
}

func requireRefused(t *testing.T, file, good, key []byte) {
	t.Helper()
	if _, err := readBackup(file, key); err == nil {
		require.True(t, bytes.Equal(good, file), "an altered backup was taken for good")
	} else {
		requireKnown(t, err)
	}
}

func requireKnown(t *testing.T, err error) {
	t.Helper()
	known := err == nil
	for _, k := range []error{ErrAltered, ErrTruncated, ErrNotBackup, ErrWrongKey} {
		known = known || errors.Is(err, k)
	}
	require.True(t, known, "%v", err)
}

// forgedBackup is a file whose chunks hold what somebody with the key wants them to hold.
func forgedBackup(t *testing.T, key, inside []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, _, err := newBackupWriter(&out, key, "fuzz", time.Unix(1_700_000_000, 0))
	require.NoError(t, err)
	require.NoError(t, w.position([]byte(`{}`)))
	if len(inside) > 0 {
		require.NoError(t, w.chunk(inside, inside[0] == chunkTrailer))
	}
	require.NoError(t, w.end())
	return out.Bytes()
}
