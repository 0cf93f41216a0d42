package pusher

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Outcome is how a call ended. It is also the label of the metric.
type Outcome string

// The outcomes: a closed set, decided in Rules.decide and nowhere else.
const (
	// Delivered: the platform said, in its own words, that it has the record.
	Delivered Outcome = "delivered"
	// Retry: it did not work, and the record is not to blame.
	Retry Outcome = "retry"
	// Reauth: the platform did not accept the token.
	Reauth Outcome = "reauth"
	// Rejected: the platform's own no to this record.
	Rejected Outcome = "rejected"
	// Unknown: the request may have arrived, and no answer came. The platform overwrites by record, so it is safe to send again.
	Unknown Outcome = "unknown"
)

// Outcomes lists the set.
func Outcomes() []Outcome { return []Outcome{Delivered, Retry, Reauth, Rejected, Unknown} }

// A Result is what came of a Push. Message is redacted and bounded, fit to be kept.
type Result struct {
	Outcome    Outcome // never Reauth: a Push refetches the token itself
	Code       string  // the platform's code; the HTTP status where the answer has none; or network, timeout, token, redirect
	Message    string
	HTTPStatus int           // 0: no answer
	RetryAfter time.Duration // what the platform asked for; 0: nothing
	Refetched  bool          // a token was refused, dropped and fetched again
}

// Rules say how to read the platform's answer (platform.response of the configuration).
type Rules struct {
	CodeAt    string   // dotted path of the code
	MessageAt string   // dotted path of the message
	Success   []string // codes that mean yes; numbers in their plain spelling: "0" covers 0 and "0"
	Reauth    ReauthRules
	Retry     RetryRules
}

// ReauthRules tell an answer that means "your token is no good".
type ReauthRules struct {
	HTTP    []int
	Code    []string
	Message string // regular expression, case ignored; empty: none
}

// RetryRules tell an answer that means "not now".
type RetryRules struct {
	HTTP []int
	Code []string
}

// compiledRules are Rules with their expression compiled.
type compiledRules struct {
	Rules

	message *regexp.Regexp // nil: none
}

func (r Rules) compile() (compiledRules, error) {
	c := compiledRules{Rules: r}
	if len(r.Success) == 0 || r.CodeAt == "" {
		return c, fmt.Errorf("response: code_at and success are needed: HTTP 200 alone does not say that a record arrived")
	}
	if r.Reauth.Message == "" {
		return c, nil
	}
	var err error
	if c.message, err = regexp.Compile("(?is)" + r.Reauth.Message); err != nil {
		return c, fmt.Errorf("response.reauth.message: %w", err)
	}
	return c, nil
}

// An answer is what one call gave: a fault of the way, or a response.
type answer struct {
	fault    fault
	status   int
	isObject bool   // the body is one JSON object, whole and within bounds
	code     string // at code_at, in its plain spelling
	hasCode  bool
	message  string // at message_at, as it came: not redacted yet
}

// fault is what went wrong before a whole response was read.
type fault int

const (
	faultNone    fault = iota
	faultNotSent       // no connection: nothing can have arrived
	faultSent          // the connection stood: anything may have arrived
)

// decide puts an answer into its class. The order matters: a yes is believed only with a 2xx status; a token's refusal comes before
// every other no, because it says nothing about the record; and only a no in the platform's own form, under a status that is about
// the content of the request, is a rejection (Invariant 5). All else is the way's fault, ours or the platform's, and is retried.
func (r compiledRules) decide(a answer) Outcome {
	ok := a.status >= 200 && a.status <= 299
	yes := a.isObject && a.hasCode && slices.Contains(r.Success, a.code)
	switch {
	case a.fault == faultSent:
		return Unknown
	case a.fault == faultNotSent:
		return Retry
	case ok && yes:
		return Delivered
	case slices.Contains(r.Reauth.HTTP, a.status):
		return Reauth
	case a.hasCode && slices.Contains(r.Reauth.Code, a.code):
		return Reauth
	case a.isObject && !yes && r.message != nil && a.message != "" && r.message.MatchString(a.message):
		return Reauth
	case slices.Contains(r.Retry.HTTP, a.status):
		return Retry
	case a.hasCode && slices.Contains(r.Retry.Code, a.code):
		return Retry
	case a.isObject && a.hasCode && !yes && (ok || aboutContent(a.status)):
		return Rejected
	default:
		return Retry
	}
}

// aboutContent tells the statuses that judge what was sent. Others (403, 404, 405, …) judge who sent it, or where: our
// configuration, not the counsellor's record.
func aboutContent(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusConflict || status == http.StatusUnprocessableEntity
}
