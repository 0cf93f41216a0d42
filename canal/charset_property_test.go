package canal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"pgregory.net/rapid"
)

// writers are how the text of each character set is written by somebody else. Nil: it is UTF-8 as it is.
func writers() map[string]encoding.Encoding {
	return map[string]encoding.Encoding{
		"utf8mb4": nil, "utf8mb3": nil, "utf8": nil, "ascii": charmap.Windows1252, "latin1": charmap.Windows1252,
		"gbk": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030, "big5": traditionalchinese.Big5,
		"utf16": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "ucs2": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"utf16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf32": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	}
}

// anyText is text of the characters that names, and hostile forms, have.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("欧阳娜〇㐂𠮷𡈽·é€ÿ\u0080\u009fİΩЖ碁銹裏墻恒粧嫺\u00a0\u3000，。！Ａ１ \t\n'\"\\%\x00aZ0\ufeff\ufffd\U0010ffff👨\u200d👩"))))
}

// For each character set: what somebody else wrote is read as it was meant, or refused where our reading follows the server's narrower
// table; and nothing else comes out of it.
func TestEachCharsetReadsWhatWasWritten(t *testing.T) {
	for name, writer := range writers() {
		t.Run(name, func(t *testing.T) {
			set, err := charsetOf(name)
			require.NoError(t, err)
			read, refused := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				text := anyText().Draw(t, "text")
				raw := text
				if writer != nil {
					if raw, err = writer.NewEncoder().String(text); err != nil {
						return // the character set has no such character
					}
				}
				got, err := set.text(raw)
				if err != nil {
					refused++
					require.ErrorIs(t, err, errInvalidBytes)
					require.Empty(t, got)
					require.Contains(t, []string{"ascii", "gb2312", "gbk", "big5", "latin1", "gb18030"}, name, "%q % x", text, raw)
					return
				}
				read++
				switch name {
				case "gb2312": // in which the server has two other characters than GBK
					text = strings.NewReplacer("·", "・", "—", "―").Replace(text)
				case "big5": // in which the writer has Hong Kong's characters where the server has the kana of ETEN
					if strings.ContainsFunc(text, func(r rune) bool { return disputed(writer, r) }) {
						return
					}
				case "gb18030": // the writer has no code for private use, and what it writes instead means another
					if strings.ContainsFunc(text, func(r rune) bool { return r >= 0xe000 && r <= 0xf8ff }) {
						return
					}
				}
				require.Equal(t, text, got, "% x", raw)
			})
			require.Greater(t, read, 10)
			t.Logf("%d read, %d refused", read, refused)
		})
	}
}

// disputed tells whether the writer puts a character into the rows of Big5 in which tables differ: the signs, and what the standard leaves to
// vendors. What the server says there is compared in TestCharsetsAgreeWithTheServer.
func disputed(writer encoding.Encoding, r rune) bool {
	raw, err := writer.NewEncoder().String(string(r))
	return err != nil || len(raw) == 2 && (raw[0] < 0xa4 || raw[0] >= 0xc6 && raw[0] <= 0xc8 || raw[0] >= 0xf9)
}

// For each character set and any bytes: an error, or text without a U+FFFD that was not there. Reading is a matter of each character
// alone: what stands before or behind it changes nothing, and a cut character is never text.
func TestBytesAreTextOrAnError(t *testing.T) {
	bytes := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0x00, 0x20, 0x30, 0x39, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xa1, 0xb0, 0xc4, 0xd8, 0xdc, 0xe4, 0xf0, 0xfe, 0xff})), 0, 9)
	for name := range writers() {
		t.Run(name, func(t *testing.T) {
			set, err := charsetOf(name)
			require.NoError(t, err)
			rapid.Check(t, func(t *rapid.T) {
				a, b := string(bytes.Draw(t, "a")), string(bytes.Draw(t, "b"))
				textA, errA := set.text(a)
				textB, errB := set.text(b)
				for _, err := range []error{errA, errB} {
					require.True(t, err == nil || err == errInvalidBytes, "%v", err) //nolint:errorlint // this very error, without the bytes in it
				}
				require.True(t, utf8.ValidString(textA))
				if strings.ContainsRune(textA, utf8.RuneError) {
					requireWritten(t, name, a, textA)
				}
				if errA != nil {
					return
				}
				both, err := set.text(a + b)
				require.Equal(t, errB, err, "% x behind % x", b, a)
				if err == nil {
					require.Equal(t, textA+textB, both)
				}
			})
		})
	}
}

// requireWritten takes a U+FFFD for text only where somebody can have written it.
func requireWritten(t *rapid.T, name, raw, text string) {
	t.Helper()
	writer := writers()[name]
	if writer == nil {
		require.Equal(t, raw, text)
		return
	}
	back, err := writer.NewEncoder().String(text)
	require.NoError(t, err)
	require.Equal(t, raw, back)
}
