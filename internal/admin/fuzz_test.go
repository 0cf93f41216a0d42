package admin_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/crypto/bcrypt"

	"talkbridge/internal/access"
	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/internal/console"
	"talkbridge/internal/control"
	"talkbridge/internal/fuzzed"
	"talkbridge/state"
)

// script is what an attacker would have a browser run.
const script = `<script>alert(1)</script>`

// hostile is a ledger whose one record has script wherever a record has text.
type hostile struct{ ledger }

func (hostile) record() bridge.Record {
	return bridge.Record{
		ID: "one/" + script, Route: "one", Key: script, Status: bridge.StatusRejected, Stage: bridge.StagePlatform, Code: script, Message: script,
		Problems: []bridge.Problem{{Field: script, Column: script, Rule: script, Message: script}},
	}
}

func (h hostile) Record(_ context.Context, id string) (bridge.Record, bool, error) {
	return h.record(), strings.HasPrefix(id, "one/"), nil
}

func (h hostile) Records(context.Context, state.Filter) ([]bridge.Record, string, error) {
	return []bridge.Record{h.record()}, script, nil
}

// asked counts what somebody made the bridge do.
type asked struct{ times int }

func (a *asked) Ask(context.Context, control.Request, func(control.Progress)) (json.RawMessage, error) {
	a.times++
	return json.RawMessage(`{}`), nil
}

func (a *asked) Backup(context.Context, io.Writer, state.Progress) (state.Summary, error) {
	a.times++
	return state.Summary{}, nil
}

// house is the whole HTTP side, with the console and the operations; log gets what it says.
func house(tb testing.TB, did *asked, log *zap.Logger, users ...access.User) http.Handler {
	tb.Helper()
	guard, err := access.New(users, false)
	require.NoError(tb, err)
	signer, err := control.NewSigner("MDEyMzQ1Njc4OWFiY2RlZg==", "fuzz")
	require.NoError(tb, err)
	pages, err := console.New(console.Options{
		Version: "fuzz", Namespace: script, Platform: script, Routes: []string{"one"}, Guard: guard, Ledger: hostile{}, Actions: did, Logger: log,
		Live: func(context.Context) console.Live { return console.Live{LastError: script, Source: script} },
		Preview: func(context.Context, string, string) (console.Preview, error) {
			return console.Preview{Payload: script, Why: script}, nil
		},
	})
	require.NoError(tb, err)
	return admin.Handler(admin.Options{
		Version: "fuzz", Ledger: hostile{}, Routes: []string{"one"}, Leader: func() bool { return true }, Source: func() any { return nil }, Guard: guard,
		Ready: func(context.Context) error { return nil }, Gatherer: prometheus.NewRegistry(), Logger: log, Console: pages.Register,
		Control: control.Handler(did, did, signer, log),
	})
}

// answerTo gives the answer to a request as it came over the wire; ok is false where net/http itself would refuse it.
func answerTo(h http.Handler, raw []byte, from string) (r *http.Request, w *httptest.ResponseRecorder, ok bool) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9100}))
	defer cancel()
	if strings.Contains(r.URL.Path, "/events") {
		cancel() // it goes on until its reader leaves
	}
	r.RemoteAddr = from
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(ctx))
	return r, w, true
}

// logTo is a logger that writes everything to w.
func logTo(w io.Writer) *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(w), zap.DebugLevel))
}

// posted is a form as a browser sends it.
func posted(path, origin, form string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, origin, len(form), form)
}

// FuzzHTTP holds the HTTP side to what it promises for any request: no fault, a status that is one of its own, nothing that a browser
// would run, no operation without a login, a proof or from another site, and no record for who is not logged in.
func FuzzHTTP(f *testing.F) {
	for _, head := range []string{
		"GET / HTTP/1.1", "GET /healthz HTTP/1.1", "GET /readyz HTTP/1.1", "GET /metrics HTTP/1.1", "GET /api/v1/status HTTP/1.1", "GET /api/v1/position HTTP/1.1",
		"GET /api/v1/records?status=rejected&limit=1000&route=one&after=%00 HTTP/1.1", "GET /api/v1/records?key=1001&limit=99999999999999999999 HTTP/1.1",
		"GET /api/v1/records/one/a%2Cb%252F HTTP/1.1", "GET /records?q=" + "%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1", "GET /records/one/1 HTTP/1.1", "GET /login?next=//evil.example HTTP/1.1",
		"GET /preview?route=one&key=%3Cscript%3E HTTP/1.1", "GET /audit?since=x HTTP/1.1", "GET /history HTTP/1.1", "GET /events HTTP/1.1", "GET /assets/../console.go HTTP/1.1",
		"GET /language?to=en&next=https://evil.example HTTP/1.1", "HEAD http://127.0.0.1/records HTTP/1.0", "GET /position HTTP/1.1",
	} {
		f.Add([]byte(head+"\r\nHost: 127.0.0.1:9100\r\nAuthorization: Basic eng6eg==\r\nCookie: talkbridge=x; language=en\r\n\r\n"), false)
		f.Add([]byte(head+"\r\nHost: evil.example\r\n\r\n"), true)
	}
	form := "ids=one/1&id=one%2F1&reason=x&csrf=x&name=zhang&password=" + fuzzed.Secret
	for _, path := range []string{"/login", "/logout", "/records/retry", "/records/discard", "/pause", "/resume", "/preview", "/control/v1/ask/position.set", "/control/v1/backup"} {
		for _, origin := range []string{"", "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n"} {
			f.Add(posted(path, origin, form), false)
		}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("never-guessed-9f2c"), bcrypt.MinCost)
	require.NoError(f, err)
	var said bytes.Buffer
	log := logTo(&said)
	open, closed := &asked{}, &asked{}
	withoutUsers := house(f, open, log)
	withUsers := house(f, closed, log, access.User{Name: "zhang", Hash: bridge.Secret(hash), Role: access.Operator})
	_, w, _ := answerTo(withoutUsers, []byte("GET /records/one/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"), "127.0.0.1:4711")
	require.Equal(f, http.StatusOK, w.Code, "the fuzzer would begin at a door that is closed")
	require.Contains(f, w.Body.String(), "&lt;script&gt;")
	_, w, _ = answerTo(withUsers, posted("/login", "", form), "127.0.0.1:4711")
	require.Equal(f, http.StatusUnauthorized, w.Code, "the form's password is to be read, and refused")
	said.Reset()
	f.Fuzz(func(t *testing.T, raw []byte, far bool) {
		from := "127.0.0.1:4711"
		if far {
			from = "10.0.0.9:4711"
		}
		said.Reset()
		open.times = 0
		fuzzed.Within(t, 16<<20, 500, len(raw), func() {
			for guarded, h := range []http.Handler{withoutUsers, withUsers} {
				r, w, ok := answerTo(h, raw, from)
				if !ok {
					return
				}
				requireHarmless(t, r, w)
				if guarded == 1 && w.Code == http.StatusOK && strings.HasPrefix(r.URL.Path, "/api/") {
					t.Fatalf("%s was answered without a login: %s", r.URL, w.Body)
				}
			}
		})
		require.Zero(t, closed.times, "an operation without a login or a proof")
		if bytes.Contains(raw, []byte("cross-site")) {
			if r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw))); err == nil && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
				require.Zero(t, open.times, "an operation from another site")
			}
		}
		fuzzed.Silent(t, strings.ToValidUTF8(said.String(), "?"))
		require.NotContains(t, said.String(), "fault of the program")
	})
}

// requireHarmless looks at one answer.
func requireHarmless(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	body, kind := w.Body.String(), w.Header().Get("Content-Type")
	require.NotEqual(t, http.StatusInternalServerError, w.Code, "%s: %s", r.URL, body)
	require.NotContains(t, body, fuzzed.Secret, "a password came back")
	if strings.Contains(kind, "html") {
		require.NotContains(t, body, script, "%s", r.URL)
	}
	if strings.Contains(kind, "json") && w.Code == http.StatusOK && r.Method == http.MethodGet {
		require.True(t, json.Valid([]byte(body)), "%s: %s", r.URL, body)
	}
	if !strings.HasPrefix(kind, "text/event-stream") && body != "" && r.Method != http.MethodHead {
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), "%s", r.URL)
	}
	if to := w.Header().Get("Location"); to != "" {
		require.True(t, strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.HasPrefix(to, `/\`) || strings.HasPrefix(to, "?"), "%s leads to %s", r.URL, to)
	}
	for name := range w.Header() {
		require.False(t, strings.ContainsAny(strings.Join(w.Header()[name], ""), "\r\n"), "%s: a header of several lines", r.URL)
	}
}
