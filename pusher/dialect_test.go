package pusher

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"talkbridge/internal/platformsim"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asked is what a token endpoint saw, read by net/http itself.
type asked struct {
	method, query, contentType, authorization string
	header                                    http.Header
	fields                                    url.Values
	json                                      map[string]any
}

// tokenServer answers every token request alike and remembers the last one.
func tokenServer(t *testing.T, status int, body string) (*httptest.Server, *asked) {
	t.Helper()
	seen := &asked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = asked{
			method: r.Method, query: r.URL.RawQuery, contentType: r.Header.Get("Content-Type"), authorization: r.Header.Get("Authorization"),
			header: r.Header,
		}
		if seen.contentType == "application/json" {
			raw, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(raw, &seen.json)
		} else {
			_ = r.ParseMultipartForm(1 << 20)
			seen.fields = r.Form
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server, seen
}

const rfcAnswer = `{"access_token":"tok-1","token_type":"bearer","expires_in":3600}`

func TestTokenRequestInEveryForm(t *testing.T) {
	basic := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	all := url.Values{"grant_type": {"client_credentials"}, "client_id": {testID}, "client_secret": {testSecret}}
	tests := []struct {
		name    string
		dialect Dialect
		check   func(t *testing.T, seen *asked)
	}{
		{"form", Dialect{}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, "POST", seen.method)
			assert.Empty(t, seen.query)
			assert.Equal(t, all, seen.fields)
		}},
		{"query by GET", Dialect{Method: "GET", Send: "query"}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, "GET", seen.method)
			assert.Equal(t, all, seen.fields)
		}},
		{"query by POST beside a query of the path", Dialect{Path: "/token?tenant=7", Send: "query"}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, "POST", seen.method)
			assert.Equal(t, "7", seen.fields.Get("tenant"))
			assert.Equal(t, testSecret, seen.fields.Get("client_secret"))
		}},
		{"json", Dialect{Send: "json", Extra: map[string]any{"tenant": 7, "scope": "talk"}}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, map[string]any{
				"grant_type": "client_credentials", "client_id": testID, "client_secret": testSecret, "tenant": 7.0, "scope": "talk",
			}, seen.json)
		}},
		{"multipart", Dialect{Send: "multipart"}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Contains(t, seen.contentType, "multipart/form-data; boundary=")
			assert.Equal(t, all, seen.fields)
		}},
		{"basic, as it is", Dialect{Credentials: "basic"}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, basic(testID, testSecret), seen.authorization)
			assert.Equal(t, url.Values{"grant_type": {"client_credentials"}}, seen.fields)
		}},
		{"basic, form-encoded", Dialect{Credentials: "basic-urlencoded"}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, basic("college%2B1%2Fa%3Db", "ASNFZ4mrze%2F%2B3LqYdlQyEA%3D%3D"), seen.authorization)
		}},
		{
			"headers",
			Dialect{Credentials: "header", Fields: map[string]string{"client_id": "X-App", "client_secret": "X-Key"}},
			func(t *testing.T, seen *asked) {
				t.Helper()
				assert.Equal(t, testID, seen.header.Get("X-App"))
				assert.Equal(t, testSecret, seen.header.Get("X-Key"))
				assert.Equal(t, url.Values{"grant_type": {"client_credentials"}}, seen.fields)
			},
		},
		{"renamed, one left out, extra, headers", Dialect{
			Fields: map[string]string{"grant_type": "", "client_id": "clientId", "client_secret": "secret"},
			Extra:  map[string]any{"scope": "talk"}, Headers: map[string]string{"tenant-id": "1"},
		}, func(t *testing.T, seen *asked) {
			t.Helper()
			assert.Equal(t, url.Values{"clientId": {testID}, "secret": {testSecret}, "scope": {"talk"}}, seen.fields)
			assert.Equal(t, "1", seen.header.Get("tenant-id"))
		}},
		{"decoded secret", Dialect{SecretForm: "decoded"}, func(t *testing.T, seen *asked) {
			t.Helper()
			raw, _ := base64.StdEncoding.DecodeString(testSecret)
			assert.Equal(t, string(raw), seen.fields.Get("client_secret"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, seen := tokenServer(t, 200, rfcAnswer)
			o := testOptions(server.URL)
			o.Token = tt.dialect
			token, err := newTestClient(t, o).Tokens().Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "tok-1", token.Value.Reveal())
			tt.check(t, seen)
		})
	}
}

func TestTokenAnswers(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		body    string
		token   string
		refused bool
		reason  string
	}{
		{"RFC", 200, rfcAnswer, "tok-1", false, ""},
		{"wrapped", 200, `{"code":0,"msg":"","data":{"accessToken":"t2","expiresIn":"7200"}}`, "t2", false, ""},
		{"flat, code 200 as a string", 200, `{"code":"200","msg":"ok","client_token":"t3"}`, "t3", false, ""},
		{"null error", 200, `{"error":null,"access_token":"t4"}`, "t4", false, ""},
		{"OAuth error", 401, `{"error":"invalid_client","error_description":"Bad client credentials"}`, "", true, "invalid_client Bad client"},
		{"OAuth error under 200", 200, `{"error":"invalid_client","access_token":"x"}`, "", true, "invalid_client"},
		{"a code under 200", 200, `{"code":401,"msg":"账号未登录"}`, "", true, "code 401 账号未登录"},
		{"success false", 200, `{"success":false,"message":"密钥错误"}`, "", true, "密钥错误"},
		{"a personal number in the reason", 200, `{"code":1,"msg":"账号13812345678已停用"}`, "", true, "账号***已停用"},
		{"no token", 200, `{"code":0,"msg":"ok","data":{"id":1}}`, "", true, "data.id"},
		{"400 in HTML", 400, `<html>`, "", true, "HTTP 400"},
		{"login page", 200, `<html>login</html>`, "", false, "not a JSON object"},
		{"gateway", 502, `<html>`, "", false, "HTTP 502"},
		{"too many", 429, `{"error":"slow_down"}`, "", false, "HTTP 429"},
		{"a token that no header carries", 200, `{"access_token":"a\nb"}`, "", true, "no header can carry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, _ := tokenServer(t, tt.status, tt.body)
			token, err := newTestClient(t, testOptions(server.URL)).Tokens().Token(t.Context())
			if tt.token != "" {
				require.NoError(t, err)
				assert.Equal(t, tt.token, token.Value.Reveal())
				return
			}
			var failure *TokenError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, tt.refused, failure.Refused)
			assert.Equal(t, tt.status, failure.Status)
			assert.ErrorContains(t, err, tt.reason)
		})
	}
}

func TestTokenLifetimes(t *testing.T) {
	now := time.Date(2026, 3, 5, 6, 0, 0, 0, time.UTC) // 14:00 in China
	tests := []struct {
		name, unit, body string
		want             time.Duration
	}{
		{"seconds", "auto", `{"expires_in":7199}`, 7199 * time.Second},
		{"seconds as a string", "auto", `{"expires_in":"7200"}`, 2 * time.Hour},
		{"fractional", "s", `{"expires_in":1.5}`, 1500 * time.Millisecond},
		{"milliseconds", "ms", `{"expires_in":7200000}`, 2 * time.Hour},
		{"epoch", "auto", `{"data":{"expiration":1772694000}}`, time.Hour},
		{"epoch, said", "epoch_s", `{"expire":1772694000}`, time.Hour},
		{"epoch in milliseconds", "auto", `{"expire":1772694000000}`, time.Hour},
		{"epoch in milliseconds, said", "epoch_ms", `{"expire":"1772694000000"}`, time.Hour},
		{"date and time of China", "auto", `{"expire":"2026-03-05 15:00:00"}`, time.Hour},
		{"date and time with zone", "datetime", `{"expire":"2026-03-05T07:30:00Z"}`, 90 * time.Minute},
		{"compact date and time", "datetime", `{"expire":"20260305150000"}`, time.Hour},
		{"none", "auto", `{}`, 5 * time.Minute},
		{"never", "auto", `{"expires_in":-1}`, 5 * time.Minute},
		{"zero", "auto", `{"expires_in":0}`, 5 * time.Minute},
		{"past", "auto", `{"expire":"2026-03-05 13:00:00"}`, 5 * time.Minute},
		{"nonsense", "auto", `{"expires_in":"soon"}`, 5 * time.Minute},
		{"a word where seconds are", "s", `{"expires_in":"2026-03-05 15:00:00"}`, 5 * time.Minute},
		{"beyond reason", "s", `{"expires_in":1e14}`, longestLifetime},
		{"first hit wins", "auto", `{"expires_in":60,"expire":7200}`, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Dialect{ExpiresUnit: tt.unit}.withDefaults()
			root, ok := object([]byte(tt.body))
			require.True(t, ok)
			assert.Equal(t, tt.want, d.lifetime(root, now))
		})
	}
}

func TestTokensAreRenewedAhead(t *testing.T) {
	assert.Equal(t, 30*time.Second, ahead(4*time.Minute, 30*time.Second))
	assert.Equal(t, 12*time.Minute, ahead(2*time.Hour, 30*time.Second), "a tenth, when that is more")
	assert.Equal(t, 5*time.Second, ahead(10*time.Second, 30*time.Second), "but never more than half a life")
}

func TestDialectsThatCannotWork(t *testing.T) {
	tests := []struct {
		name    string
		dialect Dialect
		message string
	}{
		{"method", Dialect{Method: "PUT"}, "token.method"},
		{"send", Dialect{Send: "xml"}, "token.send"},
		{"credentials", Dialect{Credentials: "digest"}, "token.credentials"},
		{"secret form", Dialect{SecretForm: "raw"}, "token.secret_form"},
		{"unit", Dialect{ExpiresUnit: "h"}, "token.expires_unit"},
		{"GET with a body", Dialect{Method: "GET", Send: "form"}, "send: query"},
		{"format", Dialect{Format: "Bearer"}, "token.format"},
		{"address", Dialect{Path: "ftp://host/token"}, "token.path"},
		{"signature", Dialect{Sign: &Sign{Algorithm: "md5", Message: "x"}}, "token.sign.algorithm"},
		{"signature of nothing", Dialect{Sign: &Sign{Algorithm: "hmac-sha1"}}, "token.sign.message"},
		{"signature nowhere", Dialect{Sign: &Sign{Algorithm: "hmac-sha1", Message: "x", Format: "HMAC"}}, "{signature}"},
		{"signature with a hidden nonce", Dialect{Sign: &Sign{Algorithm: "hmac-sha1", Message: "{nonce}"}}, "nonce_header"},
		{"signature and the secret", Dialect{Credentials: "basic", Sign: &Sign{Algorithm: "hmac-sha1", Message: "x"}}, "use body or header"},
		{"bytes in JSON", Dialect{Send: "json", SecretForm: "decoded"}, "secret_form: issued"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions("https://platform.invalid/api")
			o.Token = tt.dialect
			_, err := New(o)
			require.ErrorContains(t, err, tt.message)
			assert.NotContains(t, err.Error(), testSecret)
		})
	}
}

// TestDialectsOfTheField gets a token and delivers a record on a stand-in for each family of the survey, by configuration alone.
func TestDialectsOfTheField(t *testing.T) {
	camel := map[string]string{"grant_type": "", "client_id": "clientId", "client_secret": "clientSecret"}
	dialects := map[string][]Dialect{
		"A": {{}, {Credentials: "basic-urlencoded"}},
		"B": {{Path: "/oauth/token"}, {Path: "/oauth/token", Credentials: "basic"}},
		"C": {
			{Path: "/oauth2/client_token", Method: "GET", Send: "query"},
			{Path: "/oauth2/client_token"},
			{Path: "/oauth2/client_token", Credentials: "basic"},
		},
		"D": {
			{Path: "/system/oauth2/token", Credentials: "basic", Headers: map[string]string{"tenant-id": "1"}},
			{Path: "/system/oauth2/token", Send: "query"},
		},
		"E": {{Path: "/admin/oauth2/token", Credentials: "basic-urlencoded"}},
		"F": {{Path: "/sys/login", Send: "json", Header: "token", Format: "{token}"}},
		"G": {{Path: "/login", Send: "json"}, {Path: "/login", Send: "json", Format: "{token}"}},
		"H": {{
			Path: "/open/token", Method: "GET", Send: "query", TokenAt: []string{"result"}, DefaultTTL: 2 * time.Hour,
			Fields: map[string]string{"grant_type": "", "client_id": "clientId", "client_secret": "secret"}, Header: "X-Access-Token", Format: "{token}",
		}},
		"I": {{Path: "/v1/oauth/token", Send: "json"}},
		"J": {{Path: "/auth/token", Method: "GET", Send: "query"}},
		"K": {{
			Path: "/oauth/token/signed",
			Sign: &Sign{Algorithm: "hmac-sha1", Message: "{client_id}{timestamp}", TimestampHeader: "TimeStamp"},
		}},
		"L": {
			{Path: "/oauth/accessToken", Send: "multipart", Fields: camel, ExpiresAt: []string{"data.expire_time"}},
			{Path: "/oauth/accessToken", Fields: camel, ExpiresAt: []string{"data.expire_time"}},
		},
	}
	require.Len(t, platformsim.Dialects(), len(dialects))
	for letter, list := range dialects {
		for _, dialect := range list {
			t.Run(letter+" "+dialect.Send+" "+dialect.Credentials, func(t *testing.T) {
				sim, server := startSim(t, platformsim.Options{Dialect: letter})
				o := testOptions(server.URL + "/api")
				o.Token = dialect
				client := newTestClient(t, o)
				require.Equal(t, Delivered, client.Push(t.Context(), "/talk-record/one", talk("r1")).Outcome)
				token, err := client.Tokens().Token(t.Context())
				require.NoError(t, err)
				assert.Greater(t, time.Until(token.ExpiresAt), 4*time.Minute)

				sim.VoidTokens()
				again := client.Push(t.Context(), "/talk-record/one", talk("r2"))
				assert.Equal(t, Delivered, again.Outcome, again.Message)
				assert.True(t, again.Refetched)

				o.ClientSecret, o.Cache = "Q5v/nsxmaCdFiWJxIz+TCQ==", &memoryCache{}
				_, err = newTestClient(t, o).Tokens().Token(t.Context())
				var failure *TokenError
				require.ErrorAs(t, err, &failure)
				assert.True(t, failure.Refused)
			})
		}
	}
}

// startSim starts a stand-in platform that knows the credentials of testOptions.
func startSim(t *testing.T, o platformsim.Options) (*platformsim.Sim, *httptest.Server) {
	t.Helper()
	o.ClientID, o.ClientSecret = testID, testSecret
	sim, err := platformsim.New(o)
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		sim.Close()
		server.Close()
	})
	return sim, server
}

// talk is a payload that the contract of the first endpoint accepts.
func talk(id string) []byte {
	payload, err := json.Marshal(map[string]any{
		"recordId": id, "counselorNo": "20150012", "counselorName": "王芳", "talkType": "05", "talkMode": "01",
		"talkTime": "2026-03-05 14:30:00", "talkTitle": "学业压力与睡眠", "talkContent": "近两周失眠，情绪低落；已建议预约心理咨询。",
		"studentNo": "2024010203", "studentName": "李明", "studentIdCard": "11010519491231002X",
	})
	if err != nil {
		panic(err)
	}
	return payload
}

var _ TokenCache = (*memoryCache)(nil)
