package platformsim

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the platform that this stands in for signs with HMAC-SHA1
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What dialect K checks. Its documentation says only: client_credentials, Authorization: base64(hmac-sha1(…)), and a header
// TimeStamp. That the message is client_id and timestamp one after the other, that the timestamp is milliseconds since 1970, that
// the key is the secret as it was issued, and how old a request may be, is our assumption.
const signedAge = 5 * time.Minute

var (
	errBadSignature = errors.New("invalid_signature")
	errTooOld       = errors.New("timestamp_out_of_range")
	errSecretSent   = errors.New("client_secret_must_not_be_sent")
)

// signedHMAC checks the signature of a form and gives who made it.
func signedHMAC(r *http.Request, secret string) (id string, err error) {
	values, err := formBody(r)
	if err != nil {
		return "", err
	}
	if values.Get("grant_type") != "client_credentials" {
		return "", errBadGrant
	}
	if strings.Contains(values.Encode()+r.URL.RawQuery, "secret") {
		return "", errSecretSent
	}
	id, stamp := values.Get("client_id"), r.Header.Get("TimeStamp")
	millis, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.UnixMilli(millis)).Abs() > signedAge {
		return "", errTooOld
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(id + stamp))
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("Authorization"))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return "", errBadSignature
	}
	return id, nil
}
