package admin_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/admin"
)

// guarded is the HTTP side of a bridge with one user, who has no password that fits.
func guarded(t *testing.T, overTLS bool) http.Handler {
	t.Helper()
	guard, err := access.New([]access.User{{Name: "ops", Hash: "$2a$04$x", Role: access.Operator}}, overTLS)
	require.NoError(t, err)
	return admin.Handler(admin.Options{
		Version: "test", Ledger: ledger{}, Leader: func() bool { return true }, Source: func() any { return nil },
		Ready: func(context.Context) error { return nil }, Gatherer: prometheus.NewRegistry(), Guard: guard, TLS: overTLS, Logger: zap.NewNop(),
		Console: func(mux *http.ServeMux) {
			mux.HandleFunc("POST /pause", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		},
	})
}

// Who may ask what without a password, from this machine and from elsewhere.
func TestWhatIsReachedWithoutALogin(t *testing.T) {
	h := guarded(t, false)
	for path, want := range map[string][2]int{ // on this machine, elsewhere
		"/healthz": {200, 200}, "/readyz": {200, 200}, "/metrics": {200, 401},
		"/api/v1/status": {401, 401}, "/api/v1/records": {401, 401}, "/api/v1/records/one/1": {401, 401}, "/api/v1/position": {401, 401},
	} {
		for i, from := range []string{"127.0.0.1:1", "10.0.0.9:1"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.RemoteAddr = from
			r.Header.Set("X-Forwarded-For", "127.0.0.1") // anybody can write that
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, want[i], w.Code, "%s from %s", path, from)
		}
	}
}

// A form of another site is refused before anybody looks at who sent it.
func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	h := guarded(t, false)
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Sec-Fetch-Site", "same-site", 403},
		{"Origin", "https://elsewhere.example", 403},
		{"Origin", "null", 403},
		{"Sec-Fetch-Site", "same-origin", 204},
		{"Origin", "http://example.com", 204},
		{"X-None", "a program", 204},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/pause", strings.NewReader("reason=x"))
		r.Header.Set(c.header, c.value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, c.want, w.Code, "%s: %s", c.header, c.value)
	}
}

// With a certificate the listener speaks TLS 1.2 or later, and its answers tell the browser to keep to it and to run nothing foreign.
func TestTheListenerOverTLS(t *testing.T) {
	other := httptest.NewTLSServer(http.NotFoundHandler()) // has a certificate and a client that knows it
	defer other.Close()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended, handler := make(chan error, 1), guarded(t, true)
	go func() { ended <- admin.Serve(ctx, listener, handler, &other.TLS.Certificates[0]) }()
	defer func() {
		cancel()
		require.NoError(t, <-ended)
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+listener.Addr().String()+"/healthz", nil)
	require.NoError(t, err)
	resp, err := other.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	other.Client().CloseIdleConnections()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Strict-Transport-Security"), "max-age=")
	policy := resp.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "frame-ancestors 'none'")
	require.NotContains(t, policy, "unsafe")
	_, err = (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.ErrorContains(t, err, "protocol version")
}
