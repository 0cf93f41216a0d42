package pusher

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

// The units in which platforms tell when a token ends.
const (
	UnitAuto     = "auto"
	UnitSeconds  = "s"
	UnitMillis   = "ms"
	UnitEpoch    = "epoch_s"
	UnitEpochMs  = "epoch_ms"
	UnitDatetime = "datetime"
)

func units() []string {
	return []string{UnitAuto, UnitSeconds, UnitMillis, UnitEpoch, UnitEpochMs, UnitDatetime}
}

// A TokenError says why there is no token.
type TokenError struct {
	// Refused: the platform understood the request and said no, so the credentials or the dialect are wrong and waiting will not
	// help. False: it could not be reached, or was out of order.
	Refused bool
	Status  int // HTTP; 0: no answer
	reason  string
}

// Error implements error. The text is redacted.
func (e *TokenError) Error() string {
	if e.Refused {
		return "get token: the platform refused: " + e.reason + ": check client_id, client_secret and platform.token"
	}
	return "get token: " + e.reason
}

// readToken reads the answer to a token request. Platforms say no in three ways: by status, by an OAuth error in the body, and by
// a code under HTTP 200.
func (d Dialect) readToken(status int, body []byte, now time.Time, redact redactor) (bridge.Token, error) {
	root, isObject := object(body)
	reason := refusal(root)
	switch {
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return bridge.Token{}, &TokenError{Status: status, reason: redact.text(fmt.Sprintf("HTTP %d %s", status, reason))}
	case status < 200 || status > 299:
		return bridge.Token{}, &TokenError{Refused: true, Status: status, reason: redact.text(fmt.Sprintf("HTTP %d %s", status, reason))}
	case !isObject:
		return bridge.Token{}, &TokenError{Status: status, reason: fmt.Sprintf("HTTP %d with %d bytes that are not a JSON object: "+
			"is a gateway or a login page in the way, or token.path wrong?", status, len(body))}
	case reason != "":
		return bridge.Token{}, &TokenError{Refused: true, Status: status, reason: redact.text(reason)}
	}
	value := d.tokenIn(root)
	if value == "" {
		return bridge.Token{}, &TokenError{Refused: true, Status: status, reason: fmt.Sprintf(
			"no token at any of token.token_at (%s); the answer has the members %s and says %q", strings.Join(d.TokenAt, ", "),
			redact.text(members(root)), redact.text(said(root)))}
	}
	if len(value) > maxToken {
		return bridge.Token{}, &TokenError{
			Refused: true, Status: status,
			reason: fmt.Sprintf("what is at token.token_at is longer than %d bytes: point token_at at the token", maxToken),
		}
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return bridge.Token{}, &TokenError{
			Refused: true, Status: status,
			reason: "what is at token.token_at holds characters that no header can carry: point token_at at the token",
		}
	}
	return bridge.Token{Value: bridge.Secret(value), FetchedAt: now, ExpiresAt: now.Add(d.lifetime(root, now))}, nil
}

// refusal is the platform's no in the body of an answer; empty where it is none.
func refusal(root map[string]any) string {
	said := said(root)
	if name := textAt(root, "error"); name != "" && name != "false" && name != "0" {
		return strings.TrimSpace(name + " " + said)
	}
	if code := textAt(root, "code"); code != "" && code != "0" && code != "200" {
		return strings.TrimSpace("code " + code + " " + said)
	}
	if textAt(root, "success") == "false" {
		return strings.TrimSpace("success false " + said)
	}
	return ""
}

// said is what the answer says in words.
func said(root map[string]any) string {
	for _, path := range []string{"error_description", "msg", "message", "error_msg"} {
		if text := textAt(root, path); text != "" {
			return text
		}
	}
	return ""
}

func (d Dialect) tokenIn(root map[string]any) string {
	for _, path := range d.TokenAt {
		if text := textAt(root, path); text != "" {
			return text
		}
	}
	return ""
}

func members(root map[string]any) string {
	var names []string
	for name, value := range root {
		names = append(names, name)
		if inner, ok := value.(map[string]any); ok {
			for innerName := range inner {
				names = append(names, name+"."+innerName)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// maxToken is the longest token, in bytes: it travels in a header, and servers take 8 to 16 KB of those.
const maxToken = 8 << 10

// longestLifetime bounds what an answer may claim, so that no arithmetic overflows.
const longestLifetime = 10 * 365 * 24 * time.Hour

// lifetime is how long a token lives from now. A missing, unreadable, past or negative figure (Sa-Token writes -1 for "never") is the
// default lifetime: too short costs a fetch, too long costs one refused call.
func (d Dialect) lifetime(root map[string]any, now time.Time) time.Duration {
	for _, path := range d.ExpiresAt {
		text := textAt(root, path)
		if text == "" {
			continue
		}
		if life, ok := lifetimeOf(text, d.ExpiresUnit, now); ok && life > 0 {
			return min(life, longestLifetime)
		}
		return d.DefaultTTL
	}
	return d.DefaultTTL
}

// Where the unit is left to us, a number this large counts from 1970 (1e9 s is September 2001; as a lifetime, 31 years).
const (
	leastEpochSeconds = 1e9
	leastEpochMillis  = 1e12
)

func lifetimeOf(text, unit string, now time.Time) (time.Duration, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e15 {
		if unit == UnitAuto || unit == UnitDatetime {
			return untilDatetime(text, now)
		}
		return 0, false
	}
	if unit == UnitAuto {
		switch {
		case n >= leastEpochMillis:
			unit = UnitEpochMs
		case n >= leastEpochSeconds:
			unit = UnitEpoch
		default:
			unit = UnitSeconds
		}
	}
	switch unit {
	case UnitSeconds:
		return seconds(n), true
	case UnitMillis:
		return seconds(n / 1000), true
	case UnitEpoch:
		return time.Unix(int64(n), 0).Sub(now), true
	case UnitEpochMs:
		return time.UnixMilli(int64(n)).Sub(now), true
	default:
		return untilDatetime(text, now)
	}
}

func seconds(n float64) time.Duration {
	return time.Duration(min(n, longestLifetime.Seconds()) * float64(time.Second))
}

// untilDatetime reads a date and time; without a zone it means China's, eight hours ahead of UTC.
func untilDatetime(text string, now time.Time) (time.Duration, bool) {
	china := time.FixedZone("UTC+8", 8*60*60)
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05.999", "2006/01/02 15:04:05", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, text, china); err == nil {
			return t.Sub(now), true
		}
	}
	return 0, false
}

// ahead is how long before its end a token is renewed: the larger of the configured skew and a tenth of its life, but never more
// than half of it, or a token that lives for ten seconds would be fetched anew for every call.
func ahead(lifetime, skew time.Duration) time.Duration {
	return min(max(skew, lifetime/10), lifetime/2)
}
