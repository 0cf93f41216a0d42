package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// A canary is a value that must be found nowhere.
type canary struct {
	name, text string
	secret     bool // not even where a row's content is what a person asked for
}

// A spelling is one way in which a canary could have got somewhere.
type spelling struct {
	canary canary
	how    string
	bytes  []byte
}

// spellings are all the ways that are looked for. Ways that come out alike count once; what is too short to be no accident does not.
func spellings(canaries []canary) (all []spelling) {
	for _, c := range canaries {
		seen := map[string]bool{}
		add := func(how string, text []byte) {
			if len(text) >= 8 && !seen[string(text)] {
				seen[string(text)] = true
				all = append(all, spelling{c, how, text})
			}
		}
		add("as it is", []byte(c.text))
		addBytes("", c.text, add)
		if gbk, err := simplifiedchinese.GBK.NewEncoder().String(c.text); err == nil && gbk != c.text {
			add("GBK", []byte(gbk))
			addBytes("GBK, ", gbk, add)
		}
		units := utf16.Encode([]rune(c.text))
		little, big := make([]byte, 2*len(units)), make([]byte, 2*len(units))
		var lower, decimal, hexadecimal strings.Builder
		for i, u := range units {
			little[2*i], little[2*i+1] = byte(u), byte(u>>8)
			big[2*i], big[2*i+1] = byte(u>>8), byte(u)
			fmt.Fprintf(&lower, `\u%04x`, u)
			fmt.Fprintf(&decimal, "&#%d;", u)
			fmt.Fprintf(&hexadecimal, "&#x%x;", u)
		}
		add("UTF-16LE", little)
		add("UTF-16BE", big)
		add(`\u`, []byte(lower.String()))
		add(`\U`, []byte(strings.ReplaceAll(strings.ToUpper(lower.String()), `\U`, `\u`)))
		add("HTML, decimal", []byte(decimal.String()))
		add("HTML, hexadecimal", []byte(hexadecimal.String()))
		add("HTML", []byte(html.EscapeString(c.text)))
		add("HTML of a template", []byte(strings.ReplaceAll(html.EscapeString(c.text), "+", "&#43;")))
		quoted := strconv.QuoteToASCII(c.text)
		add("quoted", []byte(quoted[1:len(quoted)-1]))
		marshalled, _ := json.Marshal(c.text)
		add("JSON", marshalled[1:len(marshalled)-1])
	}
	return all
}

// addBytes adds the spellings of bytes in letters.
func addBytes(of, text string, add func(how string, text []byte)) {
	add(of+"hex", []byte(hex.EncodeToString([]byte(text))))
	add(of+"HEX", []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))))
	for skip := range 3 { // the beginning and the end of Base64 depend on what stands around: they are left out
		inner := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", skip) + text))
		inner = strings.TrimRight(inner, "=")
		inner = inner[[]int{0, 2, 3}[skip] : len(inner)-1]
		add(fmt.Sprintf("%sBase64 at %d", of, skip), []byte(inner))
		add(fmt.Sprintf("%sBase64 for URLs at %d", of, skip), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(inner)))
	}
	add(of+"query", []byte(url.QueryEscape(text)))
	add(of+"path", []byte(url.PathEscape(text)))
	var all, numbers strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&all, "%%%02x", text[i])
		fmt.Fprintf(&numbers, "%d ", text[i])
	}
	add(of+"percent, lower case, every byte", []byte(all.String()))
	add(of+"percent, every byte", []byte(strings.ToUpper(all.String())))
	add(of+"numbers", bytes.TrimSpace([]byte(numbers.String())))
	add(of+"numbers, commas", []byte(strings.ReplaceAll(strings.TrimSpace(numbers.String()), " ", ",")))
}

// found names what of the spellings a place holds.
func found(content []byte, all []spelling, contentAllowed bool) (leaks []string) {
	for _, s := range all {
		if contentAllowed && !s.canary.secret {
			continue
		}
		if at := bytes.Index(content, s.bytes); at >= 0 {
			around := content[max(at-60, 0):min(at+len(s.bytes)+60, len(content))]
			leaks = append(leaks, fmt.Sprintf("%s (%s): …%q…", s.canary.name, s.how, around))
		}
	}
	return leaks
}

// The search finds each canary in each encoding, wherever it stands, and nothing in noise. What is planted is made by other means than what
// is looked for.
func TestTheSearchForLeaksFindsWhatIsPlanted(t *testing.T) {
	noise := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(noise)
	canaries := newLeakCanaries()
	all := spellings(canaries)
	require.Empty(t, found(noise, all, false))
	for _, c := range canaries {
		for how, planted := range plantings(t, c.text) {
			haystack := append(append(bytes.Clone(noise[:4096]), planted...), noise[4096:8192]...)
			leaks := strings.Join(found(haystack, all, false), "\n")
			require.Contains(t, leaks, c.name+" (", "%s in %s", c.name, how)
			if !c.secret {
				require.Empty(t, found(haystack, all, true))
			}
		}
	}
}

// plantings are what programs make of a text that they print, store or send.
func plantings(t *testing.T, text string) map[string]string {
	t.Helper()
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(text)
	if err != nil { // bytes of a key
		gbk = text
	}
	list := map[string]string{"plain": text, "GBK": gbk, "%q": fmt.Sprintf("%q", text), "%+q": fmt.Sprintf("%+q", text)}
	for of, in := range map[string]string{"": text, "GBK ": gbk} {
		list[of+"%x"], list[of+"%X"] = fmt.Sprintf("%x", in), fmt.Sprintf("%X", in)
		list[of+"%v"] = fmt.Sprintf("%d", []byte(in))
		list[of+"% x in a URL"] = strings.ReplaceAll(fmt.Sprintf(" % x", in), " ", "%")
		list[of+"in a query"] = url.Values{"v": {"前" + in + "后"}}.Encode()
		list[of+"in a path"] = url.PathEscape(in)
		for pad := range 3 {
			around := strings.Repeat("a", pad) + in + "后"
			list[of+"Base64 "+strconv.Itoa(pad)] = base64.StdEncoding.EncodeToString([]byte(around))
			list[of+"Base64 without padding for URLs "+strconv.Itoa(pad)] = base64.RawURLEncoding.EncodeToString([]byte(around))
		}
	}
	page, err := json.Marshal(map[string]any{"v": text})
	require.NoError(t, err)
	list["JSON"] = string(page)
	list["HTML"] = html.EscapeString(text)
	return list
}
