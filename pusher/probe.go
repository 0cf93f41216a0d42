package pusher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A Probe is what one request without any content told about the way to the platform.
type Probe struct {
	Status   int
	TLS      *tls.ConnectionState // nil: not encrypted
	Asked    time.Time            // our clock in the middle of the exchange
	Date     time.Time            // the platform's clock, to the second; zero: it does not say
	Duration time.Duration
}

// A CertificateError means that the platform was reached, and that its certificate was not accepted.
type CertificateError struct{ text string }

func (e *CertificateError) Error() string { return e.text }

// Probe sends HEAD to the base URL, over the same proxy and with the same certificates as every call: no token, no data, and not to a
// business endpoint. Whatever status comes back is fine.
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.baseURL, nil)
	if err != nil {
		return Probe{}, fmt.Errorf("the address %s cannot be used", bareURL(c.baseURL))
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return Probe{}, fmt.Errorf("no answer from %s within %v", bareURL(c.baseURL), c.timeout)
		}
		text := c.redact.failure(err, nil) + " from " + bareURL(c.baseURL)
		if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
			return Probe{}, &CertificateError{text}
		}
		return Probe{}, errors.New(text)
	}
	defer resp.Body.Close()
	took := time.Since(began)
	p := Probe{Status: resp.StatusCode, TLS: resp.TLS, Asked: began.Add(took / 2), Duration: took}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		p.Date = date
	}
	return p, nil
}
