package canal

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// errInvalidBytes says that the bytes of a value do not form text in the column's character set.
var errInvalidBytes = errors.New("the bytes are not valid in the column's character set")

// binaryCharset is the character set of what is no text.
const binaryCharset = "binary"

// A charset turns the bytes of one of the server's character sets into UTF-8, exactly as the server itself would, and refuses
// bytes that are not valid in it. Never U+FFFD: a replacement character in a student's name cannot be undone later.
type charset struct {
	name   string
	ascii  bool // bytes below 0x80 mean the same as in ASCII
	decode func(raw []byte) (string, error)
}

// text decodes raw into a string of its own.
func (c charset) text(raw string) (string, error) {
	if c.ascii && isASCII(raw) {
		return strings.Clone(raw), nil // raw shares the memory of the whole event
	}
	return c.decode([]byte(raw))
}

// charsetOf finds the decoder by the server's name for the character set.
func charsetOf(name string) (charset, error) {
	decode, ascii := map[string]func([]byte) (string, error){
		"utf8":    decodeUTF8,
		"utf8mb3": decodeUTF8,
		"utf8mb4": decodeUTF8,
		"ascii":   func([]byte) (string, error) { return "", errInvalidBytes }, // what is ASCII never gets here
		"latin1":  decodeLatin1,
		"gbk":     decodeGBK,
		"gb2312":  decodeGB2312,
		"gb18030": decodeGB18030,
		"big5":    decodeBig5,
	}[name], true
	if decode == nil {
		ascii = false
		decode = map[string]func([]byte) (string, error){
			"ucs2":    decodeUTF16(unicode.BigEndian),
			"utf16":   decodeUTF16(unicode.BigEndian),
			"utf16le": decodeUTF16(unicode.LittleEndian),
			"utf32": func(raw []byte) (string, error) {
				return decodeWith(utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), raw)
			},
		}[name]
	}
	if decode == nil {
		return charset{}, fmt.Errorf("the character set %q is not one that talkbridge reads; convert the column: "+
			"ALTER TABLE … MODIFY … CHARACTER SET utf8mb4", name)
	}
	return charset{name: name, ascii: ascii, decode: decode}, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func decodeUTF8(raw []byte) (string, error) {
	if !utf8.Valid(raw) {
		return "", errInvalidBytes
	}
	return string(raw), nil
}

func decodeUTF16(order unicode.Endianness) func([]byte) (string, error) {
	return func(raw []byte) (string, error) { return decodeWith(unicode.UTF16(order, unicode.IgnoreBOM), raw) }
}

// decodeWith decodes raw, and where the result holds U+FFFD looks whether it was there before: only a true one encodes back to
// the same bytes.
func decodeWith(e encoding.Encoding, raw []byte) (string, error) {
	out, err := e.NewDecoder().Bytes(raw)
	if err != nil {
		return "", errInvalidBytes
	}
	text := string(out)
	if strings.ContainsRune(text, utf8.RuneError) {
		back, err := e.NewEncoder().Bytes(out)
		if err != nil || string(back) != string(raw) {
			return "", errInvalidBytes
		}
	}
	return text, nil
}

// decodeLatin1 decodes what MySQL calls latin1: Windows-1252, with the five bytes that Windows leaves open as the control
// characters of the same number (MySQL 8.0 manual, "West European Character Sets").
func decodeLatin1(raw []byte) (string, error) {
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/2)
	for _, c := range raw {
		switch c {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			b.WriteRune(rune(c))
		default:
			b.WriteRune(charmap.Windows1252.DecodeByte(c))
		}
	}
	return b.String(), nil
}

// eachPair walks over the double-byte characters of raw; a lead byte without its second one is invalid.
func eachPair(raw []byte, visit func(lead, trail byte) bool) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] < utf8.RuneSelf {
			continue
		}
		if i+1 == len(raw) || !visit(raw[i], raw[i+1]) {
			return false
		}
		i++
	}
	return true
}

// decodeGBK decodes GBK. The single byte 0x80, a euro sign to Windows, is nothing to MySQL.
func decodeGBK(raw []byte) (string, error) {
	if !eachPair(raw, func(lead, _ byte) bool { return lead >= 0x81 }) {
		return "", errInvalidBytes
	}
	return decodeWith(simplifiedchinese.GBK, raw)
}

// decodeGB2312 decodes EUC-CN, the part of GBK from A1A1, in which the server's table has two other characters than GBK's.
func decodeGB2312(raw []byte) (string, error) {
	disputed := false
	valid := eachPair(raw, func(lead, trail byte) bool {
		disputed = disputed || lead == 0xa1 && (trail == 0xa4 || trail == 0xaa)
		return lead >= 0xa1 && lead <= 0xf7 && trail >= 0xa1
	})
	if !valid {
		return "", errInvalidBytes
	}
	text, err := decodeWith(simplifiedchinese.GBK, raw)
	if err != nil || !disputed {
		return text, err
	}
	return strings.NewReplacer("·", "・", "—", "―").Replace(text), nil
}
