package canal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// TestCharsetsAgreeWithTheServer asks the server for every one- and two-byte code of its character sets and compares.
func TestCharsetsAgreeWithTheServer(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, "CREATE TABLE codes (c VARBINARY(2) PRIMARY KEY)")
	var codes []string
	for i := range 256 {
		codes = append(codes, fmt.Sprintf("(x'%02x')", i))
	}
	exec(t, schema, "INSERT INTO codes VALUES "+strings.Join(codes, ","),
		"INSERT INTO codes SELECT CONCAT(a.c, b.c) FROM codes a, codes b WHERE a.c >= x'80' AND b.c >= x'40'")
	db := m.DB(schema)
	defer db.Close()
	for _, name := range []string{"gbk", "gb2312", "big5", "latin1", "ascii"} {
		t.Run(name, func(t *testing.T) {
			cs, err := charsetOf(name)
			require.NoError(t, err)
			rows, err := db.QueryContext(t.Context(), "SELECT c, CONVERT(CAST(c AS CHAR CHARACTER SET "+name+") USING utf8mb4) FROM codes")
			require.NoError(t, err)
			defer rows.Close()
			agreed := 0
			for rows.Next() {
				var raw []byte
				var want *string
				require.NoError(t, rows.Scan(&raw, &want))
				got, err := cs.text(string(raw))
				if err != nil {
					require.ErrorIs(t, err, errInvalidBytes)
					require.True(t, want == nil || strings.ContainsAny(*want, "?\ufffd"), "%x is %q to the server", raw, deref(want))
					continue
				}
				require.True(t, utf8.ValidString(got))
				require.NotContains(t, got, "\ufffd")
				if want == nil || *want == got {
					agreed++
					continue
				}
				// The server has no character for it and says "?" or U+FFFD; x/text, with a newer table, has one.
				require.True(t, strings.ContainsAny(*want, "?\ufffd"), "%x is %q to the server and %q to us", raw, *want, got)
			}
			require.NoError(t, rows.Err())
			require.Greater(t, agreed, 100)
		})
	}
}

// TestGB18030AgreesWithTheServer asks MySQL, the one server that has it, for every two-byte code and every four-byte code of the Basic
// Multilingual Plane.
func TestGB18030AgreesWithTheServer(t *testing.T) {
	servers := testserver.AllSources()
	if !slices.ContainsFunc(servers, func(s testserver.Source) bool { return s.Flavor == "mysql" }) {
		t.Skip("SKIPPED, NOT TESTED: there is no MySQL (make test-matrix has one); what it answered is pinned below")
	}
	for _, source := range servers {
		if source.Flavor != "mysql" {
			continue
		}
		m := sharedServer(t, source)
		schema := database(t, m, "CREATE TABLE codes (c VARBINARY(4) PRIMARY KEY)")
		for part := range slices.Chunk(gb18030Codes(), 5000) {
			require.NoError(t, m.Exec("USE "+schema+"; INSERT INTO codes VALUES (x'"+strings.Join(part, "'),(x'")+"')"))
		}
		db := m.DB(schema)
		defer db.Close()
		cs, err := charsetOf("gb18030")
		require.NoError(t, err)
		rows, err := db.QueryContext(t.Context(), "SELECT c, CONVERT(CAST(c AS CHAR CHARACTER SET gb18030) USING utf8mb4) FROM codes")
		require.NoError(t, err)
		defer rows.Close()
		agreed := 0
		for rows.Next() {
			var raw []byte
			var want *string
			require.NoError(t, rows.Scan(&raw, &want))
			got, err := cs.text(string(raw))
			switch {
			case string(raw) == "\x84\x31\xa4\x37": // U+FFFD itself
				require.Equal(t, "\ufffd", got)
			case want == nil || strings.ContainsAny(*want, "?\ufffd"):
				require.ErrorIs(t, err, errInvalidBytes, "%x is no character to the server and %q to us", raw, got)
			default:
				require.NoError(t, err, "%x is %q to the server", raw, *want)
				require.Equal(t, *want, got, "%x", raw)
				agreed++
			}
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 63359, agreed)
	}
}

// What MySQL 9.7 answered for all of them, so that it is held where there is no MySQL.
func TestGB18030IsWhatTheServerAnswered(t *testing.T) {
	cs, err := charsetOf("gb18030")
	require.NoError(t, err)
	sum := sha256.New()
	for _, code := range gb18030Codes() {
		raw, err := hex.DecodeString(code)
		require.NoError(t, err)
		if text, err := cs.text(string(raw)); err == nil {
			fmt.Fprintf(sum, "%s %s\n", code, text)
		}
	}
	require.Equal(t, "00a096f46dca7194a84e40b746ed22ae2f6912d6a4b04223b4af2e2b4df0afac", hex.EncodeToString(sum.Sum(nil)))
	for raw, want := range map[string]string{"\xaa\xa1": "\ue000", "\xd6\xd0\xa2\xab\xb9\xfa": "中\ue766国", "\xa8\xbc\x81\x35\xf4\x37": "\u1e3f\ue7c7", "a\xa1\x80b": "a\ue505b"} {
		got, err := cs.text(raw)
		require.NoError(t, err)
		require.Equal(t, want, got, "% x", raw)
	}
}

// gb18030Codes are all two-byte codes and the four-byte ones of the Basic Multilingual Plane, in hexadecimal.
func gb18030Codes() (codes []string) {
	for lead := 0x81; lead <= 0xfe; lead++ {
		for trail := 0x40; trail <= 0xfe; trail++ {
			codes = append(codes, fmt.Sprintf("%02x%02x", lead, trail))
		}
	}
	for n := range 39420 {
		codes = append(codes, fmt.Sprintf("%02x%02x%02x%02x", 0x81+n/12600, 0x30+n/1260%10, 0x81+n/10%126, 0x30+n%10))
	}
	return codes
}

func deref(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
}

// Three peers sent U+FFFD for GBK.
func TestInvalidBytesAreAnError(t *testing.T) {
	for name, raw := range map[string][]string{
		"gbk":      {"\x80", "\xc4", "\xc4\xff", "a\xff\xfe", "\xb0\xa1\xc4"},
		"gb2312":   {"\x81\x40", "\xb0\x40", "\xa1"},
		"gb18030":  {"\x81", "\x84\x31\xa4", "\xff\xff"},
		"big5":     {"\xa4", "\xfa\x40", "\x81\x40", "\xa4\x20"},
		"utf8":     {"\xff", "\xe4\xb8"},
		"utf8mb4":  {"\xf0\x9f\x91"},
		"ascii":    {"\x80"},
		"ucs2":     {"\x4e"},
		"utf16":    {"\xd8\x42", "\x4e\x2d\x00"},
		"utf16le":  {"\x42\xd8"},
		"utf32":    {"\x00\x11\x00\x00", "\x00"},
		"no-such1": nil,
	} {
		cs, err := charsetOf(name)
		if raw == nil {
			require.ErrorContains(t, err, name)
			continue
		}
		require.NoError(t, err)
		for _, r := range raw {
			got, err := cs.text(r)
			require.ErrorIs(t, err, errInvalidBytes, "%s %x gives %q", name, r, got)
		}
	}
}

func TestReplacementCharacterItselfIsText(t *testing.T) {
	for name, raw := range map[string]string{"gb18030": "\x84\x31\xa4\x37", "utf16": "\xff\xfd", "utf8mb4": "\xef\xbf\xbd"} {
		cs, err := charsetOf(name)
		require.NoError(t, err)
		got, err := cs.text(raw)
		require.NoError(t, err, name)
		require.Equal(t, "\ufffd", got)
	}
}

// Bytes that are no text in their column's character set are never guessed at: of a column that is only sent on they refuse the record, of the
// key or the flag they stop the listener, which says the column and quotes nothing.
func TestInvalidBytesAreNeverGuessedAt(t *testing.T) {
	gbk, err := charsetOf("gbk")
	require.NoError(t, err)
	r, err := newRoute(Route{Name: "one", Schema: "s", Table: "t", Columns: []string{"body"}, Submit: Submit{Column: "flag", Mode: ModeChanges}})
	require.NoError(t, err)
	b, err := newBinding(r, &layout{columns: []column{
		{name: "id", kind: 15, charset: gbk}, {name: "flag", kind: 15, charset: gbk}, {name: "body", kind: 15, charset: gbk},
	}, key: []int{0}})
	require.NoError(t, err)
	bad := "\xc4\xe3\xff\xc4\xda"
	columns, key, ok, err := b.submission(nil, image{values: []any{"7", "1", bad}})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "7", key)
	require.Equal(t, bridge.Value{Kind: bridge.KindUnreadable, Text: bridge.UnreadableBytes}, columns["body"])
	for column, row := range map[string][]any{"id": {bad, "1", "x"}, "flag": {"7", bad, "x"}} {
		_, _, _, err = b.submission(nil, image{values: row})
		require.ErrorIs(t, err, errInvalidBytes)
		require.ErrorContains(t, err, "column "+column)
		require.ErrorContains(t, err, "gbk")
		require.NotContains(t, err.Error(), "\u4f60") // 你, which the bytes begin with
	}
}
