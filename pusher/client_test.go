package pusher

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"talkbridge/internal/platformsim"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func inject(t *testing.T, sim *platformsim.Sim, f platformsim.Fault) {
	t.Helper()
	_, err := sim.Inject(f)
	require.NoError(t, err)
}

func TestPushDelivers(t *testing.T) {
	sim, server := startSim(t, platformsim.Options{})
	client := newTestClient(t, testOptions(server.URL+"/api/"))
	result := client.Push(t.Context(), "/talk-record/one", talk("r1"))
	assert.Equal(t, Result{Outcome: Delivered, Code: "0", Message: "成功", HTTPStatus: 200}, result)
	record, ok := sim.Record("one", "r1")
	require.True(t, ok)
	assert.JSONEq(t, string(talk("r1")), string(record.Payload))
	assert.Empty(t, client.Warnings())
}

func TestPushAgainstAPlatformInTrouble(t *testing.T) {
	tests := []struct {
		name    string
		fault   platformsim.Fault
		want    Result // Message: a part of it
		applied bool
	}{
		{
			"the platform's no",
			platformsim.Fault{Kind: "reject", Code: 20001, Msg: "学生[李明]11010519491231002X不存在"},
			Result{Outcome: Rejected, Code: "20001", Message: "学生[***]***不存在", HTTPStatus: 200},
			false,
		},
		{"HTML 502", platformsim.Fault{Kind: "html"}, Result{Outcome: Retry, Code: "502", Message: "not a JSON object", HTTPStatus: 502}, false},
		{
			"HTML under 200",
			platformsim.Fault{Kind: "html", Status: 200},
			Result{Outcome: Retry, Code: "200", Message: "not a JSON object", HTTPStatus: 200},
			false,
		},
		{
			"503",
			platformsim.Fault{Kind: "status", Status: 503, RetryAfter: "7"},
			Result{Outcome: Retry, Code: "503", Message: "not a JSON object", HTTPStatus: 503, RetryAfter: 7 * time.Second},
			false,
		},
		{
			"500 with a code",
			platformsim.Fault{Kind: "status", Status: 500, Code: 500, Msg: "系统异常"},
			Result{Outcome: Retry, Code: "500", Message: "系统异常", HTTPStatus: 500},
			false,
		},
		{
			"429",
			platformsim.Fault{Kind: "throttle", RetryAfter: "120"},
			Result{Outcome: Retry, Code: "429", Message: "频繁", HTTPStatus: 429, RetryAfter: 2 * time.Minute},
			false,
		},
		{"hang", platformsim.Fault{Kind: "hang"}, Result{Outcome: Unknown, Code: "timeout", Message: "no answer within"}, false},
		{"hang after it was taken", platformsim.Fault{Kind: "hang", Apply: true}, Result{Outcome: Unknown, Code: "timeout", Message: "no answer"}, true},
		{"reset", platformsim.Fault{Kind: "reset"}, Result{Outcome: Unknown, Code: "network"}, false},
		{"reset after it was taken", platformsim.Fault{Kind: "reset", Apply: true}, Result{Outcome: Unknown, Code: "network"}, true},
		{
			"slow",
			platformsim.Fault{Kind: "delay", Delay: platformsim.Duration(30 * time.Millisecond)},
			Result{Outcome: Delivered, Code: "0", Message: "成功", HTTPStatus: 200},
			true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sim, server := startSim(t, platformsim.Options{})
			o := testOptions(server.URL + "/api")
			if o.Timeout = 30 * time.Second; tt.fault.Kind == "hang" {
				o.Timeout = 2 * time.Second
			}
			client := newTestClient(t, o)
			inject(t, sim, tt.fault)
			got := client.Push(t.Context(), "/talk-record/one", talk("r1"))
			assert.Contains(t, got.Message, tt.want.Message)
			got.Message = tt.want.Message
			assert.Equal(t, tt.want, got)
			_, applied := sim.Record("one", "r1")
			assert.Equal(t, tt.applied, applied)
		})
	}
}

func TestPushFetchesOneTokenAndSendsOnceMore(t *testing.T) {
	sim, server := startSim(t, platformsim.Options{})
	client := newTestClient(t, testOptions(server.URL+"/api"))
	require.Equal(t, Delivered, client.Push(t.Context(), "/talk-record/one", talk("r1")).Outcome)
	sim.VoidTokens()
	result := client.Push(t.Context(), "/talk-record/one", talk("r2"))
	assert.Equal(t, Delivered, result.Outcome)
	assert.True(t, result.Refetched)
	assert.Equal(t, 2, sim.Stats().TokensIssued)

	inject(t, sim, platformsim.Fault{Kind: "void_tokens"}) // from now on no token is good
	before := sim.Stats()
	result = client.Push(t.Context(), "/talk-record/one", talk("r3"))
	assert.Equal(t, Retry, result.Outcome, "our credentials are never a reason to reject a record")
	assert.Contains(t, result.Message, "令牌无效或已过期")
	after := sim.Stats()
	assert.Equal(t, 2, after.Calls-before.Calls, "sent twice, not more")
	assert.Equal(t, 1, after.TokensIssued-before.TokensIssued)
}

func TestPushWithoutATokenIsARetry(t *testing.T) {
	sim, server := startSim(t, platformsim.Options{})
	o := testOptions(server.URL + "/api")
	o.ClientID = "stranger"
	result := newTestClient(t, o).Push(t.Context(), "/talk-record/one", talk("r1"))
	assert.Equal(t, Retry, result.Outcome)
	assert.Equal(t, "token", result.Code)
	assert.Contains(t, result.Message, "invalid_client")
	assert.Zero(t, sim.Stats().Calls)
}

func TestPushThatFindsNobodyIsARetry(t *testing.T) {
	o := testOptions("http://" + closedPort(t))
	result := signedIn(t, o).Push(t.Context(), "/talk-record/one", talk("r1"))
	assert.Equal(t, Retry, result.Outcome, "no connection: nothing can have arrived")
	assert.Equal(t, "network", result.Code)
	assert.Contains(t, result.Message, "refused")
}

func TestEveryEnvelope(t *testing.T) {
	tests := []struct {
		name     string
		envelope Envelope
		data     func(t *testing.T, r *http.Request, body []byte) string
	}{
		{
			"json",
			Envelope{DataField: "payload", Extra: map[string]any{"v": 2, "app": "学工"}, Headers: map[string]string{"X-School": "13001"}},
			func(t *testing.T, r *http.Request, body []byte) string {
				t.Helper()
				var got map[string]any
				_ = json.Unmarshal(body, &got)
				assert.InDelta(t, 2, got["v"], 0)
				assert.Equal(t, "学工", got["app"])
				assert.Equal(t, "13001", r.Header.Get("X-School"))
				assert.Equal(t, "application/json; charset=utf-8", r.Header.Get("Content-Type"))
				return got["payload"].(string)
			},
		},
		{"form", Envelope{Shape: "form", Extra: map[string]any{"v": 2}}, func(t *testing.T, _ *http.Request, body []byte) string {
			t.Helper()
			values, _ := url.ParseQuery(string(body))
			assert.Equal(t, "2", values.Get("v"))
			return values.Get("data")
		}},
		{"raw", Envelope{Shape: "raw"}, func(_ *testing.T, _ *http.Request, body []byte) string { return string(body) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions("")
			var sealed string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				assert.Equal(t, "Bearer fresh", r.Header.Get("Authorization"))
				sealed = tt.data(t, r, body)
				_, _ = io.WriteString(w, `{"code":"0","msg":"成功"}`)
			}))
			defer server.Close()
			o.BaseURL, o.Request = server.URL, tt.envelope
			client := signedIn(t, o)
			payload := talk("r1")
			require.Equal(t, Delivered, client.Push(t.Context(), "x", payload).Outcome)
			opened, err := client.Sealer().Open(sealed)
			require.NoError(t, err)
			assert.Equal(t, payload, opened)
		})
	}
}

// pushTo pushes one record to a handler, under a token that is there already.
func pushTo(t *testing.T, handler http.HandlerFunc) Result {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o := testOptions(server.URL)
	return signedIn(t, o).Push(t.Context(), "/one", talk("r1"))
}

func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	var written atomic.Int64
	result := pushTo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"code":0,"msg":"`)
		chunk := []byte(strings.Repeat("x", 64<<10))
		for r.Context().Err() == nil && written.Load() < 1<<30 {
			n, err := w.Write(chunk)
			if err != nil {
				return
			}
			written.Add(int64(n))
		}
	})
	assert.Equal(t, Retry, result.Outcome)
	assert.Contains(t, result.Message, "more than 1048576 bytes")
	assert.Less(t, written.Load(), int64(64<<20), "the rest is not read")
}

func TestAYesInAFloodIsNotBelieved(t *testing.T) {
	result := pushTo(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code":0}`+strings.Repeat(" ", maxBody))
	})
	assert.Equal(t, Retry, result.Outcome)
}

func TestAnAnswerThatBreaksOffIsUnknown(t *testing.T) {
	result := pushTo(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"code":0`)
	})
	assert.Equal(t, Unknown, result.Outcome)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{other.URL + "/login?data=13812345678", "/elsewhere"} {
			result := pushTo(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					followed.Store(true)
				}
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			})
			assert.Equal(t, Retry, result.Outcome)
			assert.Equal(t, "redirect", result.Code)
			assert.Contains(t, result.Message, "base_url")
			assert.NotContains(t, result.Message, "1381234")
		}
	}
	assert.False(t, followed.Load())
}

func TestTokenRedirectsAreNotFollowed(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer server.Close()
	o := testOptions(server.URL)
	o.Token = Dialect{Method: "GET", Send: "query"}
	_, err := newTestClient(t, o).Tokens().Token(t.Context())
	require.ErrorContains(t, err, "redirects")
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 5, 6, 0, 0, 0, time.UTC)
	tests := []struct {
		text string
		want time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"120", 2 * time.Minute},
		{" 5 ", 5 * time.Second},
		{"Thu, 05 Mar 2026 06:01:00 GMT", time.Minute},
		{"Thu, 05 Mar 2026 05:00:00 GMT", 0},
		{"99999999", 24 * time.Hour},
		{"99999999999999999999", 0},
		{"-1", 0},
		{"soon", 0},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, retryAfter(http.Header{"Retry-After": {tt.text}}, now), tt.text)
	}
}

func TestThePlatformsCertificateIsAlwaysVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code":0}`)
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	o := testOptions(server.URL)
	result := signedIn(t, o).Push(t.Context(), "/one", talk("r1"))
	assert.Equal(t, Retry, result.Outcome)
	assert.Contains(t, result.Message, "certificate")

	o.TLS.CA = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(o.TLS.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	assert.Equal(t, Delivered, signedIn(t, o).Push(t.Context(), "/one", talk("r1")).Outcome)
}

func TestCallsGoThroughTheProxy(t *testing.T) {
	var seen string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.RequestURI
		_, _ = io.WriteString(w, `{"code":0}`)
	}))
	defer proxy.Close()
	o := testOptions("http://platform.invalid/api")
	o.Proxy = proxy.URL
	assert.Equal(t, Delivered, signedIn(t, o).Push(t.Context(), "/one", talk("r1")).Outcome)
	assert.Equal(t, "http://platform.invalid/api/one", seen)
}

func TestOptionsThatCannotWork(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Options)
		message string
	}{
		{"no address", func(o *Options) { o.BaseURL = "" }, "base_url"},
		{"a key of 9 bytes", func(o *Options) { o.ClientSecret = "c2hvcnQta2V5" }, "key length 9"},
		{"no id", func(o *Options) { o.ClientID = " " }, "client_id"},
		{"a CA that is not there", func(o *Options) { o.TLS.CA = "/nowhere/ca.pem" }, "tls.ca"},
		{"a CA that is none", func(o *Options) { o.TLS.CA = "client_test.go" }, "no PEM certificate"},
		{"an old TLS", func(o *Options) { o.TLS.MinVersion = "1.0" }, "min_version"},
		{"a proxy of a strange kind", func(o *Options) { o.Proxy = "ftp://user:pass@proxy" }, "proxy"},
		{"an unknown envelope", func(o *Options) { o.Request.Shape = "xml" }, "envelope"},
		{"an extra member over the data", func(o *Options) { o.Request.Extra = map[string]any{"data": 1} }, "extra"},
		{"no cache", func(o *Options) { o.Cache = nil }, "cache"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions("https://platform.invalid/api")
			tt.change(&o)
			_, err := New(o)
			require.ErrorContains(t, err, tt.message)
			assert.NotContains(t, err.Error(), "pass")
		})
	}
	o := testOptions("")
	o.ClientSecret, o.Request.Shape = "x", "xml"
	_, err := New(o)
	for _, part := range []string{"base_url", "client_secret", "envelope"} {
		require.ErrorContains(t, err, part, "all problems at once")
	}
}

func TestWarnings(t *testing.T) {
	o := testOptions("http://platform.invalid/api")
	o.ClientSecret = "AAAAAAAAAAAAAAAAAAAAAA=="
	warnings := newTestClient(t, o).Warnings()
	require.Len(t, warnings, 2)
	assert.Contains(t, warnings[0], "SM4 key")
	assert.Contains(t, warnings[1], "https")
}

func closedPort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
