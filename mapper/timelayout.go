package mapper

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A timeLayout writes a moment in the notation of Java's DateTimeFormatter, which is what platforms document: yyyy MM dd HH mm ss
// SSS, everything else as it stands, letters in single quotes. The letter T may stand without quotes, as people write it.
type timeLayout struct {
	parts []timePart
}

type timePart struct {
	letter  byte // 0 for text
	width   int
	literal string
}

// parseTimeLayout refuses what it would not write exactly.
func parseTimeLayout(layout string) (*timeLayout, error) {
	if layout == "" {
		return nil, errors.New("the time layout is empty")
	}
	var l timeLayout
	for i := 0; i < len(layout); {
		c := layout[i]
		switch {
		case c == '\'':
			text, n, err := quotedLiteral(layout[i:])
			if err != nil {
				return nil, err
			}
			l.addText(text)
			i += n
		case c == 'T':
			l.addText("T")
			i++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for i+n < len(layout) && layout[i+n] == c {
				n++
			}
			if !validTimePart(c, n) {
				return nil, fmt.Errorf("time layout %q: %q is not understood; use yyyy, MM, dd, HH, mm, ss, SSS, and quotes 'like this' "+
					"around other letters", layout, layout[i:i+n])
			}
			l.parts = append(l.parts, timePart{letter: c, width: n})
			i += n
		default:
			l.addText(layout[i : i+1])
			i++
		}
	}
	return &l, nil
}

func (l *timeLayout) addText(text string) {
	if n := len(l.parts); n > 0 && l.parts[n-1].letter == 0 {
		l.parts[n-1].literal += text
		return
	}
	l.parts = append(l.parts, timePart{literal: text})
}

// quotedLiteral reads 'text'; two quotes in a row are one quote, inside and outside of a text.
func quotedLiteral(s string) (text string, length int, err error) {
	if strings.HasPrefix(s, "''") {
		return "'", 2, nil
	}
	text, length, ok := quotedText(s)
	if !ok {
		return "", 0, fmt.Errorf("the quote in the time layout %q is never closed", s)
	}
	return text, length, nil
}

func validTimePart(letter byte, width int) bool {
	switch letter {
	case 'y':
		return width == 4 || width == 2
	case 'M', 'd', 'H', 'm', 's':
		return width <= 2
	case 'S':
		return width <= 9
	default:
		return false
	}
}

// format writes the moment.
func (l *timeLayout) format(t civil) string {
	var buffer [32]byte
	b := buffer[:0]
	for _, p := range l.parts {
		switch p.letter {
		case 0:
			b = append(b, p.literal...)
		case 'y':
			if p.width == 2 {
				b = appendPadded(b, t.year%100, 2)
			} else {
				b = appendPadded(b, t.year, 4)
			}
		case 'M':
			b = appendPadded(b, t.month, p.width)
		case 'd':
			b = appendPadded(b, t.day, p.width)
		case 'H':
			b = appendPadded(b, t.hour, p.width)
		case 'm':
			b = appendPadded(b, t.minute, p.width)
		case 's':
			b = appendPadded(b, t.second, p.width)
		case 'S':
			nano := appendPadded(make([]byte, 0, 9), t.nano, 9)
			b = append(b, nano[:p.width]...) // cut, as Java does
		}
	}
	return string(b)
}

func appendPadded(b []byte, n, width int) []byte {
	var digits [20]byte
	i := len(digits)
	for n > 0 || width > 0 && i == len(digits) {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	for range width - (len(digits) - i) {
		b = append(b, '0')
	}
	return append(b, digits[i:]...)
}

// civil is a moment as a calendar and a clock on the wall show it, without a zone.
type civil struct {
	year, month, day, hour, minute, second, nano int
}

// dateFault says why a text is no date.
type dateFault byte

const (
	dateFine    dateFault = iota
	dateZero              // 0000-00-00 00:00:00
	datePartial           // year, month or day is zero
	dateUnreal            // 2026-02-30, 25:00
	dateUnreadable
)

// dateOrder is how people write dates into text columns.
type dateOrder byte

const (
	orderYMD dateOrder = iota
	orderDMY
	orderMDY
)

func parseDateOrder(word string) (dateOrder, error) {
	switch word {
	case "", "ymd":
		return orderYMD, nil
	case "dmy":
		return orderDMY, nil
	case "mdy":
		return orderMDY, nil
	default:
		return orderYMD, fmt.Errorf("date_order %q is not known; use ymd, dmy or mdy", word)
	}
}

// parseCivil reads a DATE, DATETIME or TIMESTAMP as MySQL prints it, and what people keep in text columns: slashes or dots for
// hyphens, 年月日, T for the space, no seconds, or digits only (20260305, 20260305143000). A date that begins with its year is read
// so whatever the order says: nobody writes 2026/5/3 and means another year.
func parseCivil(s string, order dateOrder) (civil, dateFault) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "年") {
		s = strings.TrimSpace(strings.NewReplacer("年", "-", "月", "-", "日", " ").Replace(s))
		s = strings.ReplaceAll(s, "  ", " ")
	}
	if len(s) == 8 || len(s) == 14 {
		if c, ok := parseDigits(s); ok {
			return c, c.fault()
		}
	}
	r := digitReader{s: s, ok: true}
	c := r.date(order)
	if r.s != "" {
		r.separator(" T")
		c.hour = r.number(1, 2)
		r.separator(":")
		c.minute = r.number(2, 2)
		if r.s != "" {
			r.separator(":")
			c.second = r.number(2, 2)
			c.nano = r.fraction()
		}
	}
	if !r.ok || r.s != "" {
		return civil{}, dateUnreadable
	}
	return c, c.fault()
}

// date reads the day, in the given order where it does not begin with the year.
func (r *digitReader) date(order dateOrder) (c civil) {
	if order == orderYMD || len(r.s) > 4 && isDigits(r.s[:4]) {
		c.year = r.number(4, 4)
		separator := r.separator("-/.")
		c.month = r.number(1, 2)
		r.ok = r.separator("-/.") == separator && r.ok
		c.day = r.number(1, 2)
		return c
	}
	c.day = r.number(1, 2)
	separator := r.separator("-/.")
	c.month = r.number(1, 2)
	r.ok = r.separator("-/.") == separator && r.ok
	c.year = r.number(4, 4)
	if order == orderMDY {
		c.day, c.month = c.month, c.day
	}
	return c
}

// compare orders two moments, by their dates alone where one of them has no clock.
func (c civil) compare(d civil, datesOnly bool) int {
	byDate := cmp.Or(cmp.Compare(c.year, d.year), cmp.Compare(c.month, d.month), cmp.Compare(c.day, d.day))
	if byDate != 0 || datesOnly {
		return byDate
	}
	return cmp.Or(cmp.Compare(c.hour, d.hour), cmp.Compare(c.minute, d.minute), cmp.Compare(c.second, d.second), cmp.Compare(c.nano, d.nano))
}

func civilOf(t time.Time) civil {
	return civil{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()}
}

// hasClock tells whether the layout writes a time of day.
func (l *timeLayout) hasClock() bool {
	return slices.ContainsFunc(l.parts, func(p timePart) bool { return p.letter == 'H' })
}

func parseDigits(s string) (civil, bool) {
	r := digitReader{s: s, ok: true}
	c := civil{year: r.number(4, 4), month: r.number(2, 2), day: r.number(2, 2)}
	if r.s != "" {
		c.hour, c.minute, c.second = r.number(2, 2), r.number(2, 2), r.number(2, 2)
	}
	return c, r.ok
}

func (c civil) fault() dateFault {
	switch {
	case c.year == 0 && c.month == 0 && c.day == 0:
		return dateZero
	case c.year == 0 || c.month == 0 || c.day == 0:
		return datePartial
	case c.month > 12 || c.day > daysIn(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 59:
		return dateUnreal
	default:
		return dateFine
	}
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day()
}

// digitReader eats a text from its front; ok stays true while the text is as expected.
type digitReader struct {
	s  string
	ok bool
}

func (r *digitReader) number(shortest, longest int) int {
	n, value := 0, 0
	for n < longest && n < len(r.s) && r.s[n] >= '0' && r.s[n] <= '9' {
		value = value*10 + int(r.s[n]-'0')
		n++
	}
	r.ok = r.ok && n >= shortest
	r.s = r.s[n:]
	return value
}

func (r *digitReader) separator(of string) byte {
	if r.s == "" || strings.IndexByte(of, r.s[0]) < 0 {
		r.ok = false
		return 0
	}
	c := r.s[0]
	r.s = r.s[1:]
	return c
}

// fraction reads .123456 as nanoseconds; none is 0.
func (r *digitReader) fraction() int {
	if r.s == "" || r.s[0] != '.' {
		return 0
	}
	r.s = r.s[1:]
	length := len(r.s)
	nano := r.number(1, 9)
	for range 9 - (length - len(r.s)) {
		nano *= 10
	}
	return nano
}
