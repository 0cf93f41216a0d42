package canal

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"
)

// Big5 was never one table. x/text has the one of the WHATWG, with Hong Kong's supplement; MySQL and MariaDB have an older one,
// which differs in these places. big5Table lists them: the code, the character, and how many codes in a row go on from there.
// The list was made by asking a MariaDB 10.11 for all 24,448 pairs; a test asks again.
type big5Run struct {
	code  int
	first rune
	count int
}

//nolint:gochecknoglobals // an immutable table
var big5Table = []big5Run{
	{0xa145, 0x2022, 1},
	{0xa14e, 0xff64, 1},
	{0xa1c2, 0x203e, 1},
	{0xa1e3, 0x223c, 1},
	{0xa1f2, 0x2641, 1},
	{0xa1f3, 0x2609, 1},
	{0xa241, 0xff0f, 1},
	{0xa242, 0xff3c, 1},
	{0xa244, 0x00a5, 1},
	{0xa246, 0x00a2, 1},
	{0xa247, 0x00a3, 1},
	{0xc6a1, 0x30fe, 1},
	{0xc6a2, 0x309d, 2},
	{0xc6a4, 0x3005, 1},
	{0xc6a5, 0x3041, 83}, // hiragana
	{0xc6f8, 0x30a1, 86}, // katakana
	{0xc7b1, 0x0414, 2},  // Cyrillic
	{0xc7b3, 0x0401, 1},
	{0xc7b4, 0x0416, 7},
	{0xc7bb, 0x0423, 19},
	{0xc7ce, 0x0451, 1},
	{0xc7cf, 0x0436, 26},
	{0xc7e9, 0x2460, 10}, // numbers in circles
	{0xc7f3, 0x2474, 10}, // numbers in parentheses
}

// big5Ordinal numbers the codes without the gaps: after xx7E comes xxA1, after xxFE the next xx40.
func big5Ordinal(code int) int {
	lead, trail := code>>8, code&0xff
	if trail >= 0xa1 {
		trail -= 0xa1 - 0x7f
	}
	return lead*157 + trail - 0x40
}

// big5Own finds the server's own character for a code, where it has one.
func big5Own(lead, trail byte) (rune, bool) {
	n := big5Ordinal(int(lead)<<8 | int(trail))
	for _, run := range big5Table {
		if d := n - big5Ordinal(run.code); d >= 0 && d < run.count {
			return run.first + rune(d), true
		}
	}
	return 0, false
}

// decodeBig5 decodes Big5 as the server does.
func decodeBig5(raw []byte) (string, error) {
	own := false
	valid := eachPair(raw, func(lead, trail byte) bool {
		if !own && (lead <= 0xa2 || lead == 0xc6 || lead == 0xc7) {
			_, own = big5Own(lead, trail)
		}
		return lead >= 0xa1 && lead <= 0xf9 && (trail >= 0x40 && trail <= 0x7e || trail >= 0xa1 && trail <= 0xfe)
	})
	if !valid {
		return "", errInvalidBytes
	}
	if !own {
		return decodeWith(traditionalchinese.Big5, raw)
	}
	var b strings.Builder
	for len(raw) > 0 {
		if raw[0] < utf8.RuneSelf {
			b.WriteByte(raw[0])
			raw = raw[1:]
			continue
		}
		if r, ok := big5Own(raw[0], raw[1]); ok {
			b.WriteRune(r)
		} else {
			text, err := decodeWith(traditionalchinese.Big5, raw[:2])
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
		raw = raw[2:]
	}
	return b.String(), nil
}
