package pusher

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// The ways a token request carries its parameters.
const (
	SendForm      = "form"
	SendQuery     = "query"
	SendJSON      = "json"
	SendMultipart = "multipart"
)

// The ways a token request carries the credentials.
const (
	CredentialsBody            = "body"             // among the parameters, wherever these are
	CredentialsBasic           = "basic"            // HTTP Basic, as they are: old Spring Security OAuth does not decode them
	CredentialsBasicURLEncoded = "basic-urlencoded" //nolint:gosec // a mode's name, not a credential
	CredentialsHeader          = "header"           // two headers named by Fields
)

// The forms in which a token request carries the client_secret.
const (
	secretIssued  = "issued"
	secretDecoded = "decoded" // after one Base64 decoding
)

// A Dialect says how this platform gives out tokens and wants to see them (platform.token of the configuration). OAuth 2.0
// (RFC 6749, section 4.4) is one of many; x/oauth2 reads that one only, which is why it is not used.
type Dialect struct {
	Path        string // relative to the base URL, or absolute
	Method      string
	Send        string
	Credentials string
	SecretForm  string            // issued | decoded
	Fields      map[string]string // what grant_type, client_id, client_secret are called here; an empty name leaves one out
	Extra       map[string]any    // more parameters: strings, numbers, booleans
	Headers     map[string]string // more headers
	TokenAt     []string          // dotted paths, the first that holds a text wins
	ExpiresAt   []string          // likewise
	ExpiresUnit string            // auto | s | ms | epoch_s | epoch_ms | datetime
	DefaultTTL  time.Duration     // lifetime where the answer names none
	Skew        time.Duration     // renew this long ahead, or a tenth of the lifetime: the larger
	Header      string            // of a call, that carries the token
	Format      string            // of that header; {token} is the token
	Sign        *Sign             // the request is signed with the secret, which is then not sent; nil: it is sent
}

// tokenRequest is a Dialect made ready: what to send, worked out once.
type tokenRequest struct {
	url     string
	dialect Dialect
	params  [][2]string // with the credentials, where these go among the parameters
	json    map[string]any
	headers http.Header
	sign    func(http.Header) // nil: the request is not signed
}

// prepare checks a dialect and works out its request. Every problem is reported, not only the first.
func (d Dialect) prepare(baseURL string, id, secret bridge.Secret, keyEncoding string) (*tokenRequest, error) {
	d = d.withDefaults()
	address, err := join(baseURL, d.Path)
	problems := []error{prefixed("token.path", err), d.check()}
	secretText := trimSecret(secret)
	if d.SecretForm == secretDecoded {
		secretText, err = decodedSecret(secret, keyEncoding)
		problems = append(problems, prefixed("token.secret_form: decoded", err))
	}
	if d.Send == SendJSON && !utf8.ValidString(secretText) {
		problems = append(problems, errors.New("token: the decoded client_secret is not text and cannot go into JSON: set secret_form: issued"))
	}
	r := &tokenRequest{url: address, dialect: d, json: map[string]any{}, headers: http.Header{}}
	for name, value := range d.Headers {
		r.headers.Set(name, value)
	}
	r.param(d.field("grant_type"), "client_credentials")
	r.identify(strings.TrimSpace(id.Reveal()), secretText)
	for _, name := range slices.Sorted(maps.Keys(d.Extra)) {
		r.param(name, d.Extra[name])
	}
	return r, errors.Join(problems...)
}

func (d Dialect) withDefaults() Dialect {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&d.Path, "/oauth2/token")
	set(&d.Method, http.MethodPost)
	set(&d.Send, SendForm)
	set(&d.Credentials, CredentialsBody)
	set(&d.SecretForm, secretIssued)
	set(&d.ExpiresUnit, UnitAuto)
	set(&d.Header, "Authorization")
	set(&d.Format, "Bearer "+tokenPlace)
	if d.TokenAt == nil {
		d.TokenAt = []string{"access_token", "data.access_token", "data.accessToken", "data.token", "client_token", "token"}
	}
	if d.ExpiresAt == nil {
		d.ExpiresAt = []string{"expires_in", "data.expires_in", "data.expiresIn", "data.expire", "data.expiration", "expire"}
	}
	if d.Sign != nil {
		sign := d.Sign.withDefaults()
		d.Sign = &sign
	}
	if d.DefaultTTL <= 0 {
		d.DefaultTTL = 5 * time.Minute // the shortest default in the field (Spring Authorization Server)
	}
	return d
}

// tokenPlace stands for the token in Format.
const tokenPlace = "{token}"

func (d Dialect) check() error {
	var problems []error
	oneOf := func(name, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			problems = append(problems, fmt.Errorf("token.%s: %q is unknown: use %s", name, value, strings.Join(allowed, ", ")))
		}
	}
	oneOf("method", d.Method, http.MethodPost, http.MethodGet)
	oneOf("send", d.Send, SendForm, SendQuery, SendJSON, SendMultipart)
	oneOf("credentials", d.Credentials, CredentialsBody, CredentialsBasic, CredentialsBasicURLEncoded, CredentialsHeader)
	oneOf("secret_form", d.SecretForm, secretIssued, secretDecoded)
	oneOf("expires_unit", d.ExpiresUnit, units()...)
	if d.Method == http.MethodGet && d.Send != SendQuery {
		problems = append(problems, fmt.Errorf("token: a GET has no body: set send: query, not %s", d.Send))
	}
	if d.Sign != nil {
		problems = append(problems, d.Sign.check())
		if d.Credentials != CredentialsBody && d.Credentials != CredentialsHeader {
			problems = append(problems, fmt.Errorf("token: a signed request does not send the secret, which credentials: %s would: use body or header",
				d.Credentials))
		}
	}
	if !strings.Contains(d.Format, tokenPlace) {
		problems = append(problems, fmt.Errorf("token.format: %q has no {token} in it", d.Format))
	}
	return errors.Join(problems...)
}

// field is what a parameter is called on this platform.
func (d Dialect) field(name string) string {
	if renamed, ok := d.Fields[name]; ok {
		return renamed
	}
	return name
}

func (r *tokenRequest) param(name string, value any) {
	if name == "" {
		return
	}
	r.params = append(r.params, [2]string{name, fmt.Sprint(value)})
	r.json[name] = value
}

// identify says who asks: by the secret itself, or by a signature made with it.
func (r *tokenRequest) identify(id, secret string) {
	sign := r.dialect.Sign
	if sign == nil {
		r.credentials(id, secret)
		return
	}
	if r.dialect.Credentials == CredentialsHeader {
		r.headers.Set(r.dialect.field("client_id"), id)
	} else {
		r.param(r.dialect.field("client_id"), id)
	}
	r.sign = func(header http.Header) { sign.sign(header, id, []byte(secret), time.Now()) }
}

// credentials puts the id and the secret where the dialect wants them. RFC 6749, section 2.3.1, form-encodes both before Basic, and
// Spring Authorization Server decodes them so; older servers take them as they are. A secret in Base64 has + / = in it, so the
// difference shows.
func (r *tokenRequest) credentials(id, secret string) {
	basic := func(id, secret string) {
		r.headers.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
	}
	switch r.dialect.Credentials {
	case CredentialsBasic:
		basic(id, secret)
	case CredentialsBasicURLEncoded:
		basic(url.QueryEscape(id), url.QueryEscape(secret))
	case CredentialsHeader:
		r.headers.Set(r.dialect.field("client_id"), id)
		r.headers.Set(r.dialect.field("client_secret"), secret)
	default:
		r.param(r.dialect.field("client_id"), id)
		r.param(r.dialect.field("client_secret"), secret)
	}
}

// build makes the request. Errors name the address without its query.
func (r *tokenRequest) build(ctx context.Context) (*http.Request, error) {
	address, body, contentType, err := r.encode()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.dialect.Method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make the token request: the address %s cannot be used", bareURL(r.url))
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	maps.Copy(req.Header, r.headers.Clone())
	if r.sign != nil {
		r.sign(req.Header)
	}
	return req, nil
}

func (r *tokenRequest) encode() (address string, body io.Reader, contentType string, err error) {
	switch r.dialect.Send {
	case SendQuery:
		separator := "?"
		if strings.Contains(r.url, "?") {
			separator = "&"
		}
		return r.url + separator + r.values().Encode(), nil, "", nil
	case SendJSON:
		text, err := json.Marshal(r.json)
		if err != nil {
			return "", nil, "", errors.New("make the token request: a value of token.extra cannot be written as JSON")
		}
		return r.url, bytes.NewReader(text), "application/json", nil
	case SendMultipart:
		return r.multipart()
	default:
		return r.url, strings.NewReader(r.values().Encode()), "application/x-www-form-urlencoded", nil
	}
}

func (r *tokenRequest) values() url.Values {
	values := url.Values{}
	for _, p := range r.params {
		values.Set(p[0], p[1])
	}
	return values
}

func (r *tokenRequest) multipart() (address string, body io.Reader, contentType string, err error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range r.params {
		if err := w.WriteField(p[0], p[1]); err != nil {
			return "", nil, "", fmt.Errorf("make the token request: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, "", fmt.Errorf("make the token request: %w", err)
	}
	return r.url, &buf, w.FormDataContentType(), nil
}

// join makes an address of the base URL and a path; an absolute one stands for itself.
func join(baseURL, path string) (string, error) {
	address := path
	if !strings.Contains(path, "://") {
		address = strings.TrimRight(baseURL, "/") + "/" + strings.TrimLeft(path, "/")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is not an address: write https://host/path in base_url, and /path here", bareURL(address))
	}
	return address, nil
}

// bareURL is an address fit for a message: no query, no user.
func bareURL(address string) string {
	address, _, _ = strings.Cut(address, "?")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		if host, path, _ := strings.Cut(rest, "/"); strings.Contains(host, "@") {
			_, host, _ = strings.Cut(host, "@")
			return scheme + "://" + host + "/" + path
		}
	}
	return address
}

func prefixed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
