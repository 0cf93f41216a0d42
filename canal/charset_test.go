package canal

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
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

func TestInvalidBytesNameTheColumnAndTheRecord(t *testing.T) {
	gbk, err := charsetOf("gbk")
	require.NoError(t, err)
	r, err := newRoute(Route{Name: "one", Schema: "s", Table: "t", Columns: []string{"body"}, Submit: Submit{Column: "flag", Mode: ModeChanges}})
	require.NoError(t, err)
	b, err := newBinding(r, &layout{
		columns: []column{{name: "id", kind: 3}, {name: "flag", kind: 3}, {name: "body", kind: 15, charset: gbk}}, key: []int{0},
	})
	require.NoError(t, err)
	_, _, _, err = b.submission(nil, image{values: []any{int32(7), int32(1), "\xc4\xe3\xff内容"}})
	require.ErrorIs(t, err, errInvalidBytes)
	require.ErrorContains(t, err, "record 7: column body")
	require.ErrorContains(t, err, "gbk")
	require.NotContains(t, err.Error(), "内容")
}
