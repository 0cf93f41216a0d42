package mapper

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// cleaning is what clean takes out of a text. The steps have one order, whatever order the configuration names them in: control,
// zero_width, halfwidth, phone, no_spaces or spaces, trim.
type cleaning uint8

const (
	cleanControl cleaning = 1 << iota
	cleanZeroWidth
	cleanHalfwidth
	cleanPhone
	cleanNoSpaces
	cleanSpaces
	cleanTrim
)

func cleanWords() []string {
	return []string{"control", "zero_width", "halfwidth", "phone", "no_spaces", "spaces", "trim"}
}

func parseCleaning(words []string) (cleaning, error) {
	var all cleaning
	for _, word := range words {
		i := slices.Index(cleanWords(), word)
		if i < 0 {
			return 0, fmt.Errorf("clean %q is not known; use %s", word, strings.Join(cleanWords(), ", "))
		}
		all |= 1 << i
	}
	return all, nil
}

func (c cleaning) has(step cleaning) bool { return c&step != 0 }

// clean takes the steps over a text. A text that has nothing to clean comes back as it is.
func (c cleaning) clean(s string) string {
	if c.has(cleanControl) {
		s = dropControls(s)
	}
	if c.has(cleanZeroWidth) && strings.IndexFunc(s, isZeroWidth) >= 0 {
		s = strings.Map(func(r rune) rune {
			if isZeroWidth(r) {
				return -1
			}
			return r
		}, s)
	}
	if c.has(cleanHalfwidth) && strings.IndexFunc(s, isFullwidth) >= 0 {
		s = strings.Map(halfwidth, s)
	}
	if c.has(cleanPhone) {
		s = plainPhone(s)
	}
	switch {
	case c.has(cleanNoSpaces):
		s = withoutSpaces(s)
	case c.has(cleanSpaces):
		s = singleSpaces(s)
	}
	if c.has(cleanTrim) {
		s = strings.TrimSpace(s)
	}
	return s
}

// isZeroWidth knows the characters that nobody sees: zero-width space, joiners and no-break space, the byte order mark, the soft
// hyphen, the marks of writing direction, and the Mongolian vowel separator.
func isZeroWidth(r rune) bool {
	switch {
	case r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2064, r >= 0x2066 && r <= 0x2069:
		return true
	default:
		return r == 0xfeff || r == 0x00ad || r == 0x180e
	}
}

// isFullwidth knows the full-width forms of ASCII (Unicode block "Halfwidth and Fullwidth Forms") and the ideographic space.
func isFullwidth(r rune) bool { return r >= 0xff01 && r <= 0xff5e || r == 0x3000 }

func halfwidth(r rune) rune {
	switch {
	case r == 0x3000:
		return ' '
	case isFullwidth(r):
		return r - 0xff01 + '!'
	default:
		return r
	}
}

func withoutSpaces(s string) string {
	if strings.IndexFunc(s, unicode.IsSpace) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// singleSpaces makes one space of every run of white space, line breaks included.
func singleSpaces(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// plainPhone takes the country code of China and the separators out of a mobile number: +86 138-0000-0201 is 13800000201. Anything
// else than one mobile number is left alone.
func plainPhone(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) || r == '(' || r == ')' {
			return -1
		}
		return r
	}, s)
	for _, prefix := range []string{"+86", "0086", "86"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok && len(rest) == 11 {
			digits = rest
			break
		}
	}
	if len(digits) == 11 && digits[0] == '1' && isDigits(digits) {
		return digits
	}
	return s
}
