package control_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

const key, otherKey bridge.Secret = "MDEyMzQ1Njc4OWFiY2RlZg==", "QUJDREVGR0hJSktMTU5PUA=="

// heard is what came to a bridge: requests with their bodies.
type heard struct {
	request *http.Request
	body    []byte
}

// serve is a bridge's side.
func serve(t *testing.T, asker control.Asker, backer control.Backer) (addr string, seen *[]heard) {
	t.Helper()
	signer, err := control.NewSigner(key, "test")
	require.NoError(t, err)
	seen = &[]heard{}
	handler := control.Handler(asker, backer, signer, zap.NewNop())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		*seen = append(*seen, heard{r.Clone(context.Background()), body})
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), seen
}

func open(t *testing.T) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), state.Options{URL: "file:" + filepath.Join(t.TempDir(), "s.db"), Namespace: "test", Key: key})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func client(t *testing.T, addr string, key bridge.Secret, namespace string) *control.Client {
	t.Helper()
	c, err := control.NewClient(addr, key, namespace, "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

type greeting struct {
	Whom  string `json:"whom"`
	Times int    `json:"times"`
}

type greeted struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// greet is an operation that tells how far it is.
func greet(_ context.Context, by string, g greeting, tell func(control.Progress)) (greeted, error) {
	for i := range g.Times {
		tell(control.Progress{What: "greeting", Done: i + 1, Total: g.Times})
	}
	if g.Whom == "" {
		return greeted{By: by, Text: "half"}, errors.New("nobody to greet")
	}
	return greeted{by, strings.Repeat("你好 "+g.Whom+"\n", max(g.Times, 1))}, nil
}

func greetings() control.Operations { return control.Operations{"greet": control.Do(greet)} }

// What is asked of a running bridge and what this process does itself are the same.
func TestAnOperationHereAndInABridge(t *testing.T) {
	addr, _ := serve(t, greetings(), open(t))
	for name, asker := range map[string]control.Asker{"here": greetings(), "in a bridge": client(t, addr, key, "test")} {
		t.Run(name, func(t *testing.T) {
			var told []control.Progress
			answer, err := control.Ask[greeted](t.Context(), asker, "greet", "ops", greeting{"李老师 & <co>", 3}, func(p control.Progress) { told = append(told, p) })
			require.NoError(t, err)
			require.Equal(t, greeted{"ops", strings.Repeat("你好 李老师 & <co>\n", 3)}, answer)

			answer, err = control.Ask[greeted](t.Context(), asker, "greet", "ops", greeting{}, nil)
			require.EqualError(t, err, "nobody to greet")
			require.Equal(t, "half", answer.Text, "what was done before it failed")

			_, err = control.Ask[greeted](t.Context(), asker, "fly", "ops", nil, nil)
			require.ErrorIs(t, err, control.ErrUnknown)
			_, err = control.Ask[greeted](t.Context(), asker, "greet", "ops", map[string]any{"loudly": true}, nil)
			require.ErrorContains(t, err, "loudly")
			if name == "here" {
				require.Len(t, told, 3)
			}
		})
	}
}

// An answer longer than any buffer arrives whole.
func TestALongAnswer(t *testing.T) {
	addr, _ := serve(t, greetings(), open(t))
	answer, err := control.Ask[greeted](t.Context(), client(t, addr, key, "test"), "greet", "ops", greeting{"x", 200_000}, nil)
	require.NoError(t, err)
	require.Len(t, answer.Text, 200_000*len("你好 x\n"))
}

// Progress arrives while the operation is at work, and who goes away ends it.
func TestProgressArrivesAndGoingAwayEndsTheOperation(t *testing.T) {
	ended := make(chan struct{})
	ops := control.Operations{"wait": control.Do(func(ctx context.Context, _ string, _ struct{}, tell func(control.Progress)) (int, error) {
		defer close(ended)
		for ctx.Err() == nil {
			tell(control.Progress{What: "waiting", Done: 1})
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		return 0, ctx.Err()
	})}
	addr, _ := serve(t, ops, open(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := control.Ask[int](ctx, client(t, addr, key, "test"), "wait", "ops", nil, func(control.Progress) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the operation goes on though nobody waits for it")
	}
}

func TestWhoHasNotTheKeyIsRefused(t *testing.T) {
	done := 0
	ops := control.Operations{"do": control.Do(func(context.Context, string, map[string]string, func(control.Progress)) (int, error) {
		done++
		return done, nil
	})}
	addr, seen := serve(t, ops, open(t))
	for _, c := range []*control.Client{client(t, addr, otherKey, "test"), client(t, addr, key, "other")} {
		_, err := control.Ask[int](t.Context(), c, "do", "", nil, nil)
		require.ErrorContains(t, err, "does not prove that it comes from who has this bridge's state.key")
		_, err = c.Backup(t.Context(), io.Discard, nil)
		require.ErrorContains(t, err, "403")
	}
	_, err := control.Ask[int](t.Context(), client(t, addr, key, "test"), "do", "ops", map[string]string{"id": "one/1"}, nil)
	require.NoError(t, err)
	overheard := (*seen)[len(*seen)-1]

	send := func(change func(r *http.Request, body string) string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+overheard.request.URL.RequestURI(), http.NoBody)
		require.NoError(t, err)
		req.Header = overheard.request.Header.Clone()
		body := change(req, string(overheard.body))
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	fresh := func(r *http.Request) { r.Header.Set("Talkbridge-Nonce", "another") }
	require.Equal(t, http.StatusForbidden, send(func(_ *http.Request, body string) string { return body }), "sent again")
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request, body string) string { fresh(r); return body }))
	require.Equal(t, http.StatusForbidden, send(func(_ *http.Request, body string) string { return strings.Replace(body, "one/1", "one/2", 1) }))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request, body string) string { r.URL.Path += "x"; return body }))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request, body string) string { r.Header.Del("Talkbridge-Proof"); return body }))
	require.Equal(t, 1, done)
}

func TestARequestOfAnotherMachineIsRefused(t *testing.T) {
	signer, err := control.NewSigner(key, "test")
	require.NoError(t, err)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, control.Path+"ask/pause", http.NoBody)
	r.RemoteAddr = "192.0.2.7:4711"
	control.Handler(greetings(), open(t), signer, zap.NewNop()).ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "only asked from the bridge's own machine")
}

// What listens on the bridge's port but is not the bridge cannot make the command line believe that something was done; nor can who
// cuts an answer short, or leaves a line out.
func TestAnAnswerProvesItself(t *testing.T) {
	var whole string
	through := func(change func(string) string) error {
		behind, _ := serve(t, greetings(), open(t))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+behind+r.URL.RequestURI(), r.Body)
			if err != nil {
				return
			}
			req.Header = r.Header
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return
			}
			whole = string(body)
			_, _ = io.WriteString(w, change(whole))
		}))
		defer server.Close()
		_, err := control.Ask[greeted](t.Context(), client(t, strings.TrimPrefix(server.URL, "http://"), key, "test"), "greet", "ops", greeting{"x", 1}, nil)
		return err
	}
	require.NoError(t, through(func(s string) string { return s }))
	require.Contains(t, whole, `"last":true`)
	for name, change := range map[string]func(string) string{
		"invented":    func(string) string { return `{"last":true,"answer":{}}` + "\n" },
		"altered":     func(s string) string { return strings.Replace(s, "你好 x", "你好 y", 1) },
		"another one": func(s string) string { return s + s },
	} {
		err := through(change)
		if name == "another one" { // what comes after the last line is not read
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "is not the bridge of this configuration", name)
	}
	require.ErrorContains(t, through(func(s string) string { return s[:len(s)-5] }), "broke off")
	require.ErrorContains(t, through(func(string) string { return "" }), "broke off")
}

// A backup that breaks off at the bridge is no backup at the other end.
func TestBackup(t *testing.T) {
	s := open(t)
	addr, _ := serve(t, greetings(), s)
	var file bytes.Buffer
	sum, err := client(t, addr, key, "test").Backup(t.Context(), &file, nil)
	require.NoError(t, err)
	verified, err := state.Verify(t.Context(), bytes.NewReader(file.Bytes()), key, nil)
	require.NoError(t, err)
	require.Equal(t, verified.Digest, sum.Digest)

	addr, _ = serve(t, greetings(), breaking{s})
	_, err = client(t, addr, key, "test").Backup(t.Context(), io.Discard, nil)
	require.Error(t, err)
}

type breaking struct{ *state.Store }

func (b breaking) Backup(ctx context.Context, w io.Writer, p state.Progress) (state.Summary, error) {
	var whole bytes.Buffer
	if _, err := b.Store.Backup(ctx, &whole, p); err != nil {
		return state.Summary{}, err
	}
	_, _ = w.Write(whole.Bytes()[:whole.Len()-5])
	return state.Summary{}, errors.New("the disk is gone")
}

func TestRefusalsKeepTheirMeaning(t *testing.T) {
	for _, want := range []error{state.ErrNotCaughtUp, state.ErrHalfRestored, state.ErrSending, control.ErrBridgeRuns} {
		ops := control.Operations{"fail": func(context.Context, control.Request, func(control.Progress)) (any, error) {
			return json.RawMessage(`1`), errors.Join(errors.New("so"), want)
		}}
		addr, _ := serve(t, ops, open(t))
		n, err := control.Ask[int](t.Context(), client(t, addr, key, "test"), "fail", "", nil, nil)
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, "so")
		require.Equal(t, 1, n)
	}
}

func TestNoBridgeAnswers(t *testing.T) {
	_, err := control.Ask[int](t.Context(), client(t, "127.0.0.1:1", key, "test"), "pause", "", nil, nil)
	require.ErrorIs(t, err, control.ErrNoAnswer)
}

// A bridge that listens with TLS is known by its certificate, and another one is not talked to.
func TestOverTLSTheCertificateIsTheOneInTheFile(t *testing.T) {
	signer, err := control.NewSigner(key, "test")
	require.NoError(t, err)
	server := httptest.NewTLSServer(control.Handler(greetings(), open(t), signer, zap.NewNop()))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "cert.pem")
	write := func(der []byte) {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	}
	ask := func() error {
		c, err := control.NewClient(strings.TrimPrefix(server.URL, "https://"), key, "test", file)
		require.NoError(t, err)
		defer c.Close()
		_, err = control.Ask[greeted](t.Context(), c, "greet", "ops", greeting{"x", 1}, nil)
		return err
	}
	write(server.Certificate().Raw)
	require.NoError(t, ask())
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	other, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	write(other)
	require.ErrorContains(t, ask(), "does not serve the certificate of admin.tls.cert")
}
