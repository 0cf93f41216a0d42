package pusher

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What stands for a code where the platform gave none.
const (
	codeNetwork  = "network"
	codeTimeout  = "timeout"
	codeToken    = "token"
	codeRedirect = "redirect"
)

// faulty is the result of a call that brought no whole answer.
func (c *Client) faulty(ctx context.Context, fault fault, err error, payload []byte, redact redactor) Result {
	result := Result{Outcome: c.rules.decide(answer{fault: fault}), Code: codeNetwork, Message: redact.failure(err, payload)}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		result.Code = codeTimeout
		result.Message = fmt.Sprintf("no answer within %v", c.timeout)
		if errors.Is(ctx.Err(), context.Canceled) {
			result.Message = "the call was broken off because the bridge stops"
		}
	}
	return result
}

// read makes a result of a whole answer.
func (c *Client) read(r reply, payload []byte, redact redactor) Result {
	root, isObject := object(r.body)
	twofold := isObject && contradicts(r.body, c.rules.CodeAt)
	isObject = isObject && r.whole && !twofold
	a := answer{status: r.status, isObject: isObject}
	if isObject {
		a.code = textAt(root, c.rules.CodeAt)
		a.hasCode = a.code != ""
		a.message = textAt(root, c.rules.MessageAt)
	}
	result := Result{
		Outcome: c.rules.decide(a), Code: redact.answer(a.code, payload), HTTPStatus: r.status, RetryAfter: retryAfter(r.header, time.Now()),
		Message: redact.answer(a.message, payload),
	}
	if !a.hasCode {
		result.Code = strconv.Itoa(r.status)
	}
	if result.Message == "" || !isObject {
		result.Message = describe(r, a)
	}
	if twofold {
		result.Message = fmt.Sprintf("HTTP %d with JSON that gives the code twice, each time another: neither is believed", r.status)
	}
	if r.status >= 300 && r.status <= 399 {
		result.Code, result.Message = codeRedirect, redact.answer(redirected(r), payload)
	}
	return result
}

// describe puts an answer into words that has none of its own.
func describe(r reply, a answer) string {
	switch {
	case !r.whole:
		return fmt.Sprintf("HTTP %d with more than %d bytes: not the platform's own answer", r.status, maxBody)
	case !a.isObject:
		return fmt.Sprintf("HTTP %d with %d bytes that are not a JSON object: a gateway's or a login page, not the platform's own answer",
			r.status, len(r.body))
	case !a.hasCode:
		return fmt.Sprintf("HTTP %d with JSON that has no code where response.code_at says", r.status)
	default:
		return fmt.Sprintf("HTTP %d, code as shown, no message", r.status)
	}
}

// redirected names the host only: the rest of a redirect's address may be anything.
func redirected(r reply) string {
	host := "an unreadable address"
	if u, err := url.Parse(r.header.Get("Location")); err == nil && len(u.Host) <= maxMessage {
		host = u.Scheme + "://" + u.Host
		if u.Host == "" {
			host = "another path of the same host"
		}
	}
	return Redact(fmt.Sprintf("HTTP %d redirects to %s, which is not followed: set platform.base_url to the final address", r.status, host))
}

// longestRetryAfter bounds what a Retry-After may ask: a record must not sleep for a year because of a typing error.
const longestRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After in either of its forms, seconds or a date (RFC 9110, section 10.2.3); 0 where there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, longestRetryAfter)
	}
	if t, err := http.ParseTime(text); err == nil {
		return min(max(t.Sub(now), 0), longestRetryAfter)
	}
	return 0
}
