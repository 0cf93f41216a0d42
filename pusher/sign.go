package pusher

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what the platform asks for, and as a MAC it is not broken
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"
)

// A Sign says how a token request is signed where the platform does not want to see the client_secret itself
// (platform.token.sign): an HMAC, keyed by the secret, over a message that the request names the parts of. The survey knows one
// such platform, by a sentence of its documentation; what is signed and how it is written down is our assumption, which is why
// every part of it can be set.
type Sign struct {
	Algorithm       string // hmac-sha1 | hmac-sha256 | hmac-sm3
	Message         string // with {client_id}, {timestamp} and {nonce}
	Header          string // that carries the signature; Authorization when empty
	Format          string // of that header, with {signature}, and {client_id} where it is wanted; "{signature}" when empty
	Encoding        string // of the signature: base64 (also when empty) | hex
	TimestampHeader string // empty: none
	TimestampFormat string // epoch_s | epoch_ms (also when empty) | datetime | compact | rfc3339
	NonceHeader     string // empty: none
}

// The places in a Sign's templates.
const (
	clientIDPlace  = "{client_id}"
	timestampPlace = "{timestamp}"
	noncePlace     = "{nonce}"
	signaturePlace = "{signature}"
)

func macs() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{"hmac-sha1": sha1.New, "hmac-sha256": sha256.New, "hmac-sm3": sm3.New}
}

// timestampLayouts are the ways a moment is written down; those without a zone are China's time.
func timestampLayouts() map[string]func(time.Time) string {
	china := time.FixedZone("UTC+8", 8*60*60)
	in := func(layout string) func(time.Time) string {
		return func(t time.Time) string { return t.In(china).Format(layout) }
	}
	return map[string]func(time.Time) string{
		"epoch_s":  func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
		"epoch_ms": func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) },
		"datetime": in(time.DateTime),
		"compact":  in("20060102150405"),
		"rfc3339":  in(time.RFC3339),
	}
}

func (s Sign) withDefaults() Sign {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&s.Header, "Authorization")
	set(&s.Format, signaturePlace)
	set(&s.Encoding, "base64")
	set(&s.TimestampFormat, "epoch_ms")
	return s
}

func (s Sign) check() error {
	var problems []error
	oneOf := func(name, value string, allowed []string) {
		if !slices.Contains(allowed, value) {
			problems = append(problems, fmt.Errorf("token.sign.%s: %q is unknown: use %s", name, value, strings.Join(allowed, ", ")))
		}
	}
	oneOf("algorithm", s.Algorithm, slices.Sorted(maps.Keys(macs())))
	oneOf("encoding", s.Encoding, []string{"base64", "hex"})
	oneOf("timestamp_format", s.TimestampFormat, slices.Sorted(maps.Keys(timestampLayouts())))
	if s.Message == "" {
		problems = append(problems, errors.New("token.sign.message is empty: write what is signed, such as {client_id}{timestamp}"))
	}
	if !strings.Contains(s.Format, signaturePlace) {
		problems = append(problems, fmt.Errorf("token.sign.format: %q has no %s in it", s.Format, signaturePlace))
	}
	for _, p := range []struct{ place, header, key string }{
		{timestampPlace, s.TimestampHeader, "timestamp_header"}, {noncePlace, s.NonceHeader, "nonce_header"},
	} {
		if strings.Contains(s.Message, p.place) && p.header == "" {
			problems = append(problems, fmt.Errorf("token.sign: the message holds %s, which the platform can check only if it is sent: set %s",
				p.place, p.key))
		}
	}
	return errors.Join(problems...)
}

// sign puts the signature, and what it is made of, on a request. The secret is the key and is sent nowhere.
func (s Sign) sign(header http.Header, id string, secret []byte, now time.Time) {
	timestamp, nonce := timestampLayouts()[s.TimestampFormat](now), rand.Text()
	parts := strings.NewReplacer(clientIDPlace, id, timestampPlace, timestamp, noncePlace, nonce)
	mac := hmac.New(macs()[s.Algorithm], secret)
	mac.Write([]byte(parts.Replace(s.Message)))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if s.Encoding == "hex" {
		signature = hex.EncodeToString(mac.Sum(nil))
	}
	// One pass over the template: an id that reads like a place is not one.
	header.Set(s.Header, strings.NewReplacer(
		signaturePlace, signature, clientIDPlace, id, timestampPlace, timestamp, noncePlace, nonce).Replace(s.Format))
	if s.TimestampHeader != "" {
		setExactly(header, s.TimestampHeader, timestamp)
	}
	if s.NonceHeader != "" {
		setExactly(header, s.NonceHeader, nonce)
	}
}

// setExactly keeps the spelling of the name: over HTTP/1.1 a gateway that was written by hand may look for TimeStamp, not Timestamp.
func setExactly(header http.Header, name, value string) { header[name] = []string{value} }
