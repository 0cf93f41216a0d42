package control_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
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

// serve is a bridge's side over a store of its own. seen keeps the requests that came.
func serve(t *testing.T, store control.Store) (addr string, seen *[]*http.Request) {
	t.Helper()
	signer, err := control.NewSigner(key, "test")
	require.NoError(t, err)
	seen = &[]*http.Request{}
	handler := control.Handler(store, signer, zap.NewNop())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r.Clone(context.Background()))
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
	c, err := control.NewClient(addr, key, namespace)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestPauseResumeAndBackupAreAskedOfTheBridge(t *testing.T) {
	s := open(t)
	addr, _ := serve(t, s)
	c := client(t, addr, key, "test")
	p, changed, err := c.Pause(t.Context(), "因为 & why")
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, "因为 & why", p.Reason)
	_, paused, err := s.Paused(t.Context())
	require.NoError(t, err)
	require.True(t, paused)
	_, changed, err = c.Resume(t.Context(), false)
	require.NoError(t, err)
	require.True(t, changed)

	var file bytes.Buffer
	sum, err := c.Backup(t.Context(), &file, nil)
	require.NoError(t, err)
	verified, err := state.Verify(t.Context(), bytes.NewReader(file.Bytes()), key, nil)
	require.NoError(t, err)
	require.Equal(t, verified.Digest, sum.Digest)
}

func TestWhoHasNotTheKeyIsRefused(t *testing.T) {
	s := open(t)
	addr, seen := serve(t, s)
	for _, c := range []*control.Client{client(t, addr, otherKey, "test"), client(t, addr, key, "other")} {
		_, _, err := c.Pause(t.Context(), "")
		require.ErrorContains(t, err, "does not prove that it comes from who has this bridge's state.key")
		_, err = c.Backup(t.Context(), io.Discard, nil)
		require.ErrorContains(t, err, "403")
	}
	c := client(t, addr, key, "test")
	_, _, err := c.Pause(t.Context(), "")
	require.NoError(t, err)
	overheard := (*seen)[len(*seen)-1]
	_, _, err = c.Resume(t.Context(), false)
	require.NoError(t, err)

	send := func(change func(r *http.Request)) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+overheard.URL.RequestURI(), http.NoBody)
		require.NoError(t, err)
		req.Header = overheard.Header.Clone()
		change(req)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, send(func(*http.Request) {}), "sent again")
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request) { r.Header.Set("Talkbridge-Nonce", "another") }))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request) { r.URL.RawQuery = "reason=another" }))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request) { r.Header.Del("Talkbridge-Proof") }))
	_, paused, err := s.Paused(t.Context())
	require.NoError(t, err)
	require.False(t, paused)
}

func TestARequestOfAnotherMachineIsRefused(t *testing.T) {
	signer, err := control.NewSigner(key, "test")
	require.NoError(t, err)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, control.Path+"pause", http.NoBody)
	r.RemoteAddr = "192.0.2.7:4711"
	control.Handler(open(t), signer, zap.NewNop()).ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "only asked from the bridge's own machine")
}

// What listens on the bridge's port but is not the bridge cannot make the command line believe that delivery is paused.
func TestAnAnswerProvesItself(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"changed":true}`)
	}))
	defer server.Close()
	_, _, err := client(t, strings.TrimPrefix(server.URL, "http://"), key, "test").Pause(t.Context(), "")
	require.ErrorContains(t, err, "is not the bridge of this configuration")
}

// A backup that breaks off at the bridge is no backup at the other end.
func TestABackupThatBreaksOff(t *testing.T) {
	addr, _ := serve(t, breaking{open(t)})
	_, err := client(t, addr, key, "test").Backup(t.Context(), io.Discard, nil)
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
	for _, want := range []error{state.ErrNotCaughtUp, state.ErrHalfRestored} {
		addr, _ := serve(t, refusing{Store: open(t), err: want})
		_, _, err := client(t, addr, key, "test").Resume(t.Context(), false)
		require.ErrorIs(t, err, want)
	}
	addr, _ := serve(t, refusing{Store: open(t), err: errors.New("something else")})
	_, _, err := client(t, addr, key, "test").Resume(t.Context(), false)
	require.EqualError(t, err, "something else")
}

type refusing struct {
	*state.Store
	err error
}

func (r refusing) Resume(context.Context, bool) (state.Pause, bool, error) {
	return state.Pause{Since: time.Now()}, false, r.err
}
