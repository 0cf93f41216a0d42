package platformsim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A dialect is how one family of platforms gives out tokens and takes them. The letters are those of the project's survey.
type dialect struct {
	path           string
	ttl            time.Duration
	voids          bool // a new token voids the old ones
	header         string
	scheme         string // before the token in the header; empty: none
	schemeOptional bool
	credentials    func(*http.Request) (id, secret string, err error)
	signed         func(r *http.Request, secret string) (id string, err error) // in place of credentials: the secret is not sent
	answer         func(token string, ttl time.Duration, until time.Time) any
	refuse         func(http.ResponseWriter, error)
	expired        func(http.ResponseWriter) // to a call whose token is no good
}

// Dialects lists their letters.
func Dialects() []string { return slices.Sorted(maps.Keys(dialects())) }

func dialects() map[string]dialect {
	return map[string]dialect{
		"A": { // RFC 6749 as Spring Authorization Server has it: Basic is form-decoded, parameters are read from the body alone
			path: "/oauth2/token", ttl: 5 * time.Minute, header: "Authorization", scheme: "Bearer",
			credentials: bodyOrBasic(true, true), answer: bare("Bearer"), refuse: refuseRFC, expired: expired401,
		},
		"B": { // the older Spring Security OAuth: Basic as it is
			path: "/oauth/token", ttl: 12 * time.Hour, header: "Authorization", scheme: "Bearer",
			credentials: bodyOrBasic(false, true), answer: bare("bearer"), refuse: refuseRFC, expired: expiredRFC,
		},
		"C": { // Sa-Token
			path: "/oauth2/client_token", ttl: 2 * time.Hour, header: "Authorization", scheme: "Bearer",
			credentials: anywhere("client_id", "client_secret", true), refuse: refuse200(http.StatusInternalServerError), expired: expired200,
			answer: func(token string, ttl time.Duration, _ time.Time) any {
				return map[string]any{"code": 200, "msg": "ok", "client_token": token, "expires_in": whole(ttl)}
			},
		},
		"D": { // yudao: wrapped; no is HTTP 200
			path: "/system/oauth2/token", ttl: 30 * time.Minute, header: "Authorization", scheme: "Bearer",
			credentials: bodyOrBasic(false, false), refuse: refuse200(http.StatusUnauthorized), expired: expired200,
			answer: func(token string, ttl time.Duration, _ time.Time) any {
				return map[string]any{"code": 0, "msg": "", "data": map[string]any{
					"access_token": token, "refresh_token": newTokenValue(), "token_type": "bearer", "expires_in": whole(ttl),
				}}
			},
		},
		"E": { // pig: an ended token is HTTP 424
			path: "/admin/oauth2/token", ttl: 12 * time.Hour, header: "Authorization", scheme: "Bearer",
			credentials: bodyOrBasic(true, true), answer: bare("Bearer"), refuse: refuseRFC,
			expired: func(w http.ResponseWriter) {
				writeJSON(w, http.StatusFailedDependency, Answer{Code: 1, Msg: "请求令牌已过期"})
			},
		},
		"F": { // renren-fast: the header token, without a scheme
			path: "/sys/login", ttl: 12 * time.Hour, header: "token",
			credentials: jsonBody("client_id", "client_secret", false), refuse: refuse200(http.StatusInternalServerError), expired: expired200,
			answer: func(token string, ttl time.Duration, _ time.Time) any {
				return map[string]any{"code": 0, "msg": "success", "token": token, "expire": whole(ttl)}
			},
		},
		"G": { // RuoYi: no lifetime; the scheme may be left out
			path: "/login", ttl: 30 * time.Minute, header: "Authorization", scheme: "Bearer", schemeOptional: true,
			credentials: jsonBody("client_id", "client_secret", false), refuse: refuse200(http.StatusInternalServerError), expired: expired200,
			answer: func(token string, _ time.Duration, _ time.Time) any {
				return map[string]any{"code": 200, "msg": "操作成功", "token": token}
			},
		},
		"H": { // home-grown: a GET in camel case, no lifetime, and each fetch voids the token before it
			path: "/open/token", ttl: 2 * time.Hour, voids: true, header: "X-Access-Token",
			credentials: anywhere("clientId", "secret", false), expired: expired200,
			refuse: func(w http.ResponseWriter, _ error) {
				writeJSON(w, http.StatusOK, map[string]any{"success": false, "code": -100, "message": "应用标识或密钥错误"})
			},
			answer: func(token string, _ time.Duration, _ time.Time) any {
				return map[string]any{"success": true, "result": token}
			},
		},
		"I": { // JSON in, RFC out
			path: "/v1/oauth/token", ttl: time.Hour, header: "Authorization", scheme: "Bearer",
			credentials: jsonBody("client_id", "client_secret", true), answer: bare("Bearer"), refuse: refuseRFC, expired: expired401,
		},
		"J": { // GET; an absolute end
			path: "/auth/token", ttl: time.Hour, header: "Authorization", scheme: "Bearer",
			credentials: anywhere("client_id", "client_secret", false), refuse: refuse200(http.StatusUnauthorized), expired: expired200,
			answer: func(token string, _ time.Duration, until time.Time) any {
				return map[string]any{"code": 200, "data": map[string]any{"token": token, "token_type": "Bearer", "expiration": until.Unix()}}
			},
		},
		"K": { // a gateway: the request is signed, the secret never sent. See signed.go for what is our assumption
			path: "/oauth/token/signed", ttl: 24 * time.Hour, header: "Authorization", scheme: "Bearer", signed: signedHMAC,
			refuse: func(w http.ResponseWriter, err error) {
				writeJSON(w, http.StatusOK, map[string]any{"status": http.StatusUnauthorized, "msg": "签名校验失败：" + err.Error()})
			},
			expired: func(w http.ResponseWriter) {
				writeJSON(w, http.StatusUnauthorized, map[string]any{"status": http.StatusUnauthorized, "msg": "token invalid"})
			},
			answer: func(token string, ttl time.Duration, _ time.Time) any {
				return map[string]any{"access_token": token, "expires_in": whole(ttl)}
			},
		},
		"L": { // camel case in a form or in multipart; an end in words
			path: "/oauth/accessToken", ttl: 2 * time.Hour, header: "Authorization", scheme: "Bearer",
			credentials: multipartBody("clientId", "clientSecret"), refuse: refuse200(http.StatusUnauthorized), expired: expired401,
			answer: func(token string, _ time.Duration, until time.Time) any {
				return map[string]any{"status": true, "code": 200, "message": "ok", "data": map[string]any{
					"token": token, "expire_time": until.In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateTime),
				}}
			},
		},
	}
}

// whole is a lifetime in whole seconds, at least one.
func whole(ttl time.Duration) int { return max(int(ttl.Seconds()), 1) }

func bare(tokenType string) func(string, time.Duration, time.Time) any {
	return func(token string, ttl time.Duration, _ time.Time) any {
		return map[string]any{"access_token": token, "token_type": tokenType, "expires_in": whole(ttl), "scope": "talk"}
	}
}

func refuseRFC(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, errBadClient) {
		status = http.StatusUnauthorized
	}
	writeJSON(w, status, map[string]any{"error": err.Error()})
}

func refuse200(code int) func(http.ResponseWriter, error) {
	return func(w http.ResponseWriter, err error) {
		writeJSON(w, http.StatusOK, Answer{Code: code, Msg: "获取令牌失败：" + err.Error()})
	}
}

func expired401(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	writeJSON(w, http.StatusUnauthorized, Answer{Code: http.StatusUnauthorized, Msg: "令牌无效或已过期"})
}

func expiredRFC(w http.ResponseWriter) {
	writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "Access token expired"})
}

func expired200(w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, Answer{Code: http.StatusUnauthorized, Msg: "账号未登录"})
}

// bodyOrBasic reads HTTP Basic, form-decoded or as it is, or else the form in the body; bodyOnly leaves the query out of account.
func bodyOrBasic(decodeBasic, bodyOnly bool) func(*http.Request) (string, string, error) {
	return func(r *http.Request) (string, string, error) {
		if r.Method != http.MethodPost {
			return "", "", errBadForm
		}
		values, err := formBody(r)
		if err != nil {
			return "", "", err
		}
		if !bodyOnly {
			for name, value := range r.URL.Query() {
				values[name] = append(values[name], value...)
			}
		}
		if values.Get("grant_type") != "client_credentials" {
			return "", "", errBadGrant
		}
		if id, secret, ok := basicOf(r, decodeBasic); ok {
			return id, secret, nil
		}
		return values.Get("client_id"), values.Get("client_secret"), nil
	}
}

func basicOf(r *http.Request, decode bool) (id, secret string, ok bool) {
	encoded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	if !ok {
		return "", "", false
	}
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	id, secret, _ = strings.Cut(string(pair), ":")
	if decode {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	}
	return id, secret, true
}

// anywhere reads the query and a form in the body, whatever the method.
func anywhere(idName, secretName string, grant bool) func(*http.Request) (string, string, error) {
	return func(r *http.Request) (string, string, error) {
		if r.ParseForm() != nil {
			return "", "", errBadForm
		}
		if grant && r.Form.Get("grant_type") != "client_credentials" {
			return "", "", errBadGrant
		}
		if id, secret, ok := basicOf(r, false); ok {
			return id, secret, nil
		}
		return r.Form.Get(idName), r.Form.Get(secretName), nil
	}
}

func jsonBody(idName, secretName string, grant bool) func(*http.Request) (string, string, error) {
	return func(r *http.Request) (string, string, error) {
		var members map[string]any
		if json.NewDecoder(r.Body).Decode(&members) != nil {
			return "", "", errBadForm
		}
		if grant && members["grant_type"] != "client_credentials" {
			return "", "", errBadGrant
		}
		id, _ := members[idName].(string)
		secret, _ := members[secretName].(string)
		return id, secret, nil
	}
}

// multipartBody reads multipart/form-data or a form.
func multipartBody(idName, secretName string) func(*http.Request) (string, string, error) {
	return func(r *http.Request) (string, string, error) {
		if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) { //nolint:gosec // bounded by MaxBytesReader
			return "", "", errBadForm
		}
		return r.PostForm.Get(idName), r.PostForm.Get(secretName), nil
	}
}
