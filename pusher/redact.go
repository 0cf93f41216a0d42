package pusher

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// maxMessage is how many characters of a platform's text are kept.
const maxMessage = 200

// maxExamined is how many bytes of a platform's text are looked at; what lies behind is dropped unread.
const maxExamined = 1024

// mask stands where something was taken out.
const mask = "***"

// personal matches what may name a person: identification numbers (18 characters, or 15 digits) with their usual separators,
// mobile numbers likewise, and any run of seven digits or more (telephone, student and card numbers). Full-width digits count.
var personal = regexp.MustCompile(
	`[0-9０-９]{6}[ -][0-9０-９]{8}[ -][0-9０-９]{3}[0-9０-９XxＸｘ]` +
		`|1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}` +
		`|[0-9０-９]{7,}[XxＸｘ]?`)

// Redact makes a text from outside fit to be kept: what may name a person is masked, control characters become spaces, and the
// text is cut to a bounded length. Masking comes first, so that no cut makes a number too short to be recognised.
func Redact(text string) string {
	return shorten(personal.ReplaceAllString(examined(text), mask))
}

func examined(text string) string {
	if len(text) > maxExamined { // a number that the cut went through is not left as a shorter one
		text = strings.TrimRight(strings.ToValidUTF8(text[:maxExamined], ""), "0123456789０１２３４５６７８９ -")
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// blank tells what becomes a space: blanks, control characters, and those that a reader does not see but that turn the rest around (U+202E).
func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

func shorten(text string) string {
	text = strings.Join(strings.FieldsFunc(text, blank), " ")
	if utf8.RuneCountInString(text) <= maxMessage {
		return text
	}
	return string([]rune(text)[:maxMessage]) + "…"
}

// A redactor masks, besides what Redact does, the texts that this client knows to be secret.
type redactor struct {
	secrets []string
}

// newRedactor knows the secrets in the forms in which they travel: as they are and percent-encoded.
func newRedactor(secrets ...string) redactor {
	var r redactor
	for _, s := range secrets {
		if len(s) < 4 { // a shorter text would mask half of every message
			continue
		}
		r.secrets = append(r.secrets, s, url.QueryEscape(s))
	}
	slices.Sort(r.secrets)
	r.secrets = slices.Compact(r.secrets)
	return r
}

// with is a redactor that knows more secrets.
func (r redactor) with(secrets ...string) redactor {
	more := newRedactor(secrets...)
	return redactor{secrets: slices.Concat(r.secrets, more.secrets)}
}

// text redacts a text in which nothing of a row can be.
func (r redactor) text(text string) string {
	return Redact(r.hide(examined(text)))
}

// answer redacts a text that the platform gave for this payload: it may repeat any part of it.
func (r redactor) answer(text string, payload []byte) string {
	text = r.hide(examined(text))
	if mayRepeat(text, payload) {
		text = hideContent(text, contents(payload))
	}
	return Redact(text)
}

// failure redacts an error of the network. A *url.Error quotes the whole address, with a query that may hold the secret: only what
// is beneath it is kept. And net/http quotes what it cannot read of an answer, which may repeat the payload, if there is one.
func (r redactor) failure(err error, payload []byte) string {
	var inner *url.Error
	for errors.As(err, &inner) {
		err = inner.Err
	}
	return r.answer(err.Error(), payload)
}

func (r redactor) hide(text string) string {
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, mask)
	}
	return text
}

// redactRow redacts a text that may repeat values of the row.
func redactRow(text string, change bridge.Change) string {
	var values []string
	for _, v := range change.Columns {
		if value := strings.TrimSpace(v.Text); telling(value) {
			values = append(values, value)
		}
	}
	return Redact(hideContent(examined(text), values))
}
