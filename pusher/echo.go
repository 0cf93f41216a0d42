package pusher

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// echoWindow is how many characters in a row, equal to a piece of the payload, count as a repetition of it.
const echoWindow = 8

// hideContent masks whatever in text repeats one of the payload's values: the whole value, or a longer piece of it (frameworks
// that report a "rejected value" quote it, or its beginning). The text is short and a value may be 64 MB: each value is gone through once.
func hideContent(text string, values []string) string {
	runes := []rune(text)
	hidden := make([]bool, len(runes))
	windows := map[string][]int{} // each window of the text, and where it begins
	for i := 0; i+echoWindow <= len(runes); i++ {
		window := string(runes[i : i+echoWindow])
		windows[window] = append(windows[window], i)
	}
	for _, value := range values {
		for _, form := range forms(value) {
			hideValue(runes, hidden, windows, form)
		}
	}
	var b strings.Builder
	for i, r := range runes {
		switch {
		case !hidden[i]:
			b.WriteRune(r)
		case i == 0 || !hidden[i-1]:
			b.WriteString(mask)
		}
	}
	return b.String()
}

func hideValue(text []rune, hidden []bool, windows map[string][]int, value string) {
	hide := func(from, n int) {
		for i := from; i < from+n; i++ {
			hidden[i] = true
		}
	}
	if n := utf8.RuneCountInString(value); n < echoWindow {
		for i := 0; i+n <= len(text); i++ {
			if string(text[i:i+n]) == value {
				hide(i, n)
			}
		}
		return
	}
	var starts [echoWindow]int // of the last characters
	seen := 0
	look := func(end int) {
		if seen >= echoWindow {
			for _, i := range windows[value[starts[seen%echoWindow]:end]] {
				hide(i, echoWindow)
			}
		}
	}
	for i := range value {
		look(i)
		starts[seen%echoWindow] = i
		seen++
	}
	look(len(value))
}

// maxForms is the longest value, in bytes, of which other spellings are looked for too.
const maxForms = 64 << 10

// forms are the spellings in which gateways and frameworks repeat a text beyond ASCII: as it is, percent-encoded, and with Java's and JSON's
// escapes.
func forms(value string) []string {
	list := []string{value}
	if len(value) > maxForms || !strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return list
	}
	percent := url.QueryEscape(value)
	ascii := strconv.QuoteToASCII(value)
	ascii = ascii[1 : len(ascii)-1]
	return append(list, percent, lowerHex(percent, "%"), ascii, strings.ToUpper(ascii), strings.ReplaceAll(strings.ToUpper(ascii), `\U`, `\u`))
}

// lowerHex writes the digits behind each mark in lower case.
func lowerHex(text, mark string) string {
	parts := strings.Split(text, mark)
	for i, part := range parts[1:] {
		parts[i+1] = strings.ToLower(part[:2]) + part[2:]
	}
	return strings.Join(parts, mark)
}

// longestShort is how many bytes of a text mayRepeat looks at. A platform's yes is shorter.
const longestShort = 64

// mayRepeat tells whether hideContent could find anything of the payload's values in the text, at a fraction of what reading the payload
// costs, which for "success" or 操作成功, the message of nearly every call, would be more than all else about the answer.
//
// What hideContent finds is a piece that stands in a value, of echoWindow characters or the whole of a shorter telling value; so it holds a
// character beyond ASCII with one beside it, or five of ASCII in a row. A value's piece stands in the payload as it is, but for what JSON
// escapes: a text with any of that is read in full, as is one with a piece that may be of another spelling of a value, which is a mark of
// such spellings or echoWindow characters of ASCII, and any for a payload with numbers for characters.
func mayRepeat(text string, payload []byte) bool {
	if len(text) > longestShort || strings.ContainsFunc(text, escapable) || bytes.Contains(payload, []byte(`\u`)) {
		return true
	}
	ascii := 0 // in a row
	for i, r := range text {
		if ascii++; r >= utf8.RuneSelf {
			ascii = 0
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		next, more := utf8.DecodeRuneInString(text[i+size:])
		pair := more > 0 && (r >= utf8.RuneSelf || next >= utf8.RuneSelf)
		if ascii >= echoWindow || pair && bytes.Contains(payload, []byte(text[i:i+size+more])) {
			return true
		}
		if ascii >= telltale && bytes.Contains(payload, []byte(text[i+1-telltale:i+1])) {
			return true
		}
	}
	return false
}

// escapable tells characters that a writer of JSON may write otherwise, and marks of other spellings.
func escapable(r rune) bool {
	return r < ' ' || strings.ContainsRune("\"\\/<>&%+\u007f\u2028\u2029\uFFFD", r)
}

// contents lists the texts of a payload that a message must not repeat. Codes and other short ASCII texts ("01", "true") are left:
// they name nobody, and a message would lose its sense without them.
func contents(payload []byte) []string {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var root any
	if decoder.Decode(&root) != nil {
		return nil
	}
	var found []string
	collect(root, func(text string) {
		if text = strings.TrimSpace(text); telling(text) {
			found = append(found, text)
		}
	})
	return found
}

func collect(value any, visit func(string)) {
	switch v := value.(type) {
	case string:
		visit(v)
	case json.Number:
		visit(v.String())
	case []any:
		for _, item := range v {
			collect(item, visit)
		}
	case map[string]any:
		for _, item := range v {
			collect(item, visit)
		}
	}
}

// telltale is how many ASCII characters are telling.
const telltale = 5

// telling: two characters or more with one beyond ASCII (a name has two), or five ASCII characters.
func telling(text string) bool {
	n := utf8.RuneCountInString(text)
	return n >= telltale || n >= 2 && n < len(text)
}
