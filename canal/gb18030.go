package canal

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// decodeGB18030 decodes GB 18030 as MySQL reads it. MySQL has the table of the year 2000 with one exchange of the year 2005, and reads the
// codes for users' own characters, in which student files keep rare characters of names, as the private use of Unicode. x/text has the
// table that browsers use, which does not know them; whatever has none of them is left to it.
func decodeGB18030(raw []byte) (string, error) {
	var out strings.Builder
	done := 0 // what is before has been decoded
	for i := 0; i < len(raw); {
		r, size := privateUse(raw[i:])
		if r == 0 {
			i += size
			continue
		}
		text, err := decodeWith(simplifiedchinese.GB18030, raw[done:i])
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		out.WriteRune(r)
		i += size
		done = i
	}
	text, err := decodeWith(simplifiedchinese.GB18030, raw[done:])
	if err != nil || done == 0 {
		return text, err
	}
	return out.String() + text, nil
}

// privateUse gives the character at the start of raw where x/text reads it otherwise than the server, else 0, and how long its code is.
// Where raw is not GB 18030 the length means nothing: decoding what is before will find that out.
func privateUse(raw []byte) (r rune, size int) {
	switch {
	case raw[0] <= 0x80 || len(raw) < 2:
		return 0, 1
	case raw[1] < 0x40:
		if len(raw) >= 4 && string(raw[:4]) == "\x81\x35\xf4\x37" { // it has changed places with a8bc
			return 0xe7c7, 4
		}
		return 0, 4
	}
	lead, trail := rune(raw[0]), rune(raw[1])
	switch { // the three areas for users
	case lead >= 0xaa && lead <= 0xaf && trail >= 0xa1 && trail <= 0xfe:
		return 0xe000 + (lead-0xaa)*94 + trail - 0xa1, 2
	case lead >= 0xf8 && lead <= 0xfe && trail >= 0xa1 && trail <= 0xfe:
		return 0xe234 + (lead-0xf8)*94 + trail - 0xa1, 2
	case lead >= 0xa1 && lead <= 0xa7 && trail <= 0xa0 && trail != 0x7f:
		r := 0xe4c6 + (lead-0xa1)*96 + trail - 0x40
		if trail > 0x7f {
			r--
		}
		return r, 2
	}
	code := uint16(lead)<<8 | uint16(trail)
	i, ok := slices.BinarySearchFunc(privateRuns, code, func(p privateRun, code uint16) int { return cmp.Compare(p.from, code) })
	if !ok {
		i--
	}
	if i >= 0 && code-privateRuns[i].from < privateRuns[i].count {
		return privateRuns[i].rune + rune(code-privateRuns[i].from), 2
	}
	return 0, 2
}

// A privateRun is a stretch of two-byte codes that MySQL reads as consecutive characters of private use.
type privateRun struct {
	from, count uint16
	rune        rune
}

// privateRuns are the codes that the standard left open between its characters, in order; as MySQL 9.7 answers for each of them.
//
//nolint:gochecknoglobals // immutable table
var privateRuns = []privateRun{
	{0xa2ab, 6, 0xe766},
	{0xa2e4, 1, 0xe76d},
	{0xa2ef, 2, 0xe76e},
	{0xa2fd, 2, 0xe770},
	{0xa4f4, 11, 0xe772},
	{0xa5f7, 8, 0xe77d},
	{0xa6b9, 8, 0xe785},
	{0xa6d9, 7, 0xe78d},
	{0xa6ec, 2, 0xe794},
	{0xa6f3, 1, 0xe796},
	{0xa6f6, 9, 0xe797},
	{0xa7c2, 15, 0xe7a0},
	{0xa7f2, 13, 0xe7af},
	{0xa896, 11, 0xe7bc},
	{0xa8bc, 1, 0x1e3f},
	{0xa8c1, 4, 0xe7c9},
	{0xa8ea, 21, 0xe7cd},
	{0xa958, 1, 0xe7e2},
	{0xa95b, 1, 0xe7e3},
	{0xa95d, 3, 0xe7e4},
	{0xa997, 13, 0xe7f4},
	{0xa9f0, 15, 0xe801},
	{0xd7fa, 5, 0xe810},
	{0xfe51, 3, 0xe816},
	{0xfe59, 1, 0xe81e},
	{0xfe61, 1, 0xe826},
	{0xfe66, 2, 0xe82b},
	{0xfe6c, 2, 0xe831},
	{0xfe76, 1, 0xe83b},
	{0xfe7e, 1, 0xe843},
	{0xfe90, 2, 0xe854},
	{0xfea0, 1, 0xe864},
}
