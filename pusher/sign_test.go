package pusher

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The vectors are those that everybody quotes for key "key" and the pangram; that of HMAC-SM3 was made with OpenSSL 3.
func TestSignaturesAgreeWithPublishedVectors(t *testing.T) {
	for algorithm, want := range map[string]string{
		"hmac-sha1":   "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9",
		"hmac-sha256": "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
		"hmac-sm3":    "bd4a34077888162b210645b8ebf74b9af357303789357a27c7fc457244ebd398",
	} {
		s := Sign{Algorithm: algorithm, Message: "The quick brown fox jumps over the lazy dog", Encoding: "hex"}.withDefaults()
		header := http.Header{}
		s.sign(header, "id", []byte("key"), time.Now())
		assert.Equal(t, want, header.Get("Authorization"), algorithm)
	}
}

func TestSignedRequest(t *testing.T) {
	now := time.Date(2026, 3, 5, 6, 0, 0, 0, time.UTC)
	for format, want := range map[string]string{
		"epoch_s": "1772690400", "epoch_ms": "1772690400000", "datetime": "2026-03-05 14:00:00", "compact": "20260305140000",
		"rfc3339": "2026-03-05T14:00:00+08:00",
	} {
		header := http.Header{}
		s := Sign{
			Algorithm: "hmac-sha256", Message: "{client_id}\n{timestamp}\n{nonce}", Header: "X-Signature",
			Format: "id={client_id},sig={signature}", TimestampHeader: "X-Time", TimestampFormat: format, NonceHeader: "X-Nonce",
		}.withDefaults()
		s.sign(header, "a{nonce}b", []byte("k"), now)
		assert.Equal(t, want, header["X-Time"][0])
		assert.NotEmpty(t, header["X-Nonce"][0])
		id, signature, ok := strings.Cut(header.Get("X-Signature"), ",sig=")
		require.True(t, ok)
		assert.Equal(t, "id=a{nonce}b", id, "an id that reads like a place is none")
		raw, err := base64.StdEncoding.DecodeString(signature)
		require.NoError(t, err)
		assert.Len(t, raw, 32)
	}
}

// The secret is the key and travels in no part of the request, whichever way the parameters go.
func TestASignedRequestDoesNotHoldTheSecret(t *testing.T) {
	for _, d := range []Dialect{{}, {Method: "GET", Send: "query"}, {Send: "json"}, {Send: "multipart"}, {Credentials: "header"}} {
		server, seen := tokenServer(t, 200, rfcAnswer)
		o := testOptions(server.URL)
		d.Sign = &Sign{Algorithm: "hmac-sm3", Message: "{client_id}{timestamp}", TimestampHeader: "TimeStamp"}
		o.Token = d
		_, err := newTestClient(t, o).Tokens().Token(t.Context())
		require.NoError(t, err)
		all := seen.query + seen.fields.Encode() + strings.Join(slices.Concat(seen.header["Client_id"], seen.header["Client_secret"]), "")
		for _, secret := range []string{testSecret, url.QueryEscape(testSecret)} {
			assert.NotContains(t, all, secret)
		}
		assert.NotContains(t, seen.json, "client_secret")
		millis, err := strconv.ParseInt(seen.header.Get("Timestamp"), 10, 64)
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), time.UnixMilli(millis), time.Minute)
	}
}

// Each request is signed anew: the signature of a token that is fetched an hour later holds that hour's time.
func TestEachTokenRequestIsSignedAnew(t *testing.T) {
	var nonces []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nonces = append(nonces, r.Header.Get("X-Nonce"))
		_, _ = w.Write([]byte(rfcAnswer))
	}))
	t.Cleanup(server.Close)
	o := testOptions(server.URL)
	o.Token.Sign = &Sign{Algorithm: "hmac-sha1", Message: "{nonce}", NonceHeader: "X-Nonce"}
	client := newTestClient(t, o)
	for range 2 {
		_, err := client.Tokens().Refresh(t.Context())
		require.NoError(t, err)
	}
	require.Len(t, nonces, 2)
	assert.NotEqual(t, nonces[0], nonces[1])
}

// A secret in Base64 holds + / =, and an id may: whatever way they travel, the server reads what was issued. The server here is
// net/http, which decodes forms, queries and multipart by the book.
func TestCredentialsArriveWholeByEveryTransport(t *testing.T) {
	for _, method := range []string{"POST", "GET"} {
		for _, send := range []string{SendForm, SendQuery, SendJSON, SendMultipart} {
			if method == "GET" && send != SendQuery {
				continue
			}
			for _, credentials := range []string{CredentialsBody, CredentialsBasic, CredentialsBasicURLEncoded, CredentialsHeader} {
				t.Run(method+" "+send+" "+credentials, func(t *testing.T) {
					server, seen := tokenServer(t, 200, rfcAnswer)
					o := testOptions(server.URL)
					o.Token = Dialect{Method: method, Send: send, Credentials: credentials}
					if credentials == CredentialsHeader {
						o.Token.Fields = map[string]string{"client_id": "X-App", "client_secret": "X-Key"}
					}
					_, err := newTestClient(t, o).Tokens().Token(t.Context())
					require.NoError(t, err)
					id, secret := credentialsIn(t, seen, credentials)
					assert.Equal(t, testID, id)
					assert.Equal(t, testSecret, secret)
					assert.Equal(t, method, seen.method)
					grant := seen.fields.Get("grant_type")
					if send == SendJSON {
						grant, _ = seen.json["grant_type"].(string)
					}
					assert.Equal(t, "client_credentials", grant)
				})
			}
		}
	}
}

// credentialsIn reads them from where the mode puts them, and sees that they are nowhere else.
func credentialsIn(t *testing.T, seen *asked, credentials string) (id, secret string) {
	t.Helper()
	switch credentials {
	case CredentialsHeader:
		return seen.header.Get("X-App"), seen.header.Get("X-Key")
	case CredentialsBasic, CredentialsBasicURLEncoded:
		assert.NotContains(t, seen.query+seen.fields.Encode(), "client_secret")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(seen.authorization, "Basic "))
		require.NoError(t, err)
		id, secret, _ = strings.Cut(string(raw), ":")
		if credentials == CredentialsBasicURLEncoded {
			id, _ = url.QueryUnescape(id)
			secret, _ = url.QueryUnescape(secret)
		}
		return id, secret
	default:
		if seen.json != nil {
			id, _ = seen.json["client_id"].(string)
			secret, _ = seen.json["client_secret"].(string)
			return id, secret
		}
		return seen.fields.Get("client_id"), seen.fields.Get("client_secret")
	}
}
