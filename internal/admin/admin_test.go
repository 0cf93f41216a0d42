package admin_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// ledger holds two records and fails when told to.
type ledger struct{ err error }

func (l ledger) Checkpoint(context.Context) (bridge.Checkpoint, bool, error) {
	return bridge.Checkpoint{File: "binlog.000001", Pos: 4, Schema: []byte("not shown")}, true, l.err
}

func (l ledger) Record(_ context.Context, id string) (bridge.Record, bool, error) {
	return bridge.Record{ID: id, Status: bridge.StatusDelivered}, id == "one/a,b%2Fc/d", l.err
}

func (l ledger) Records(_ context.Context, f state.Filter) ([]bridge.Record, string, error) {
	return []bridge.Record{{ID: "one/1", Status: f.Status}}, "next", l.err
}

func (l ledger) Counts(context.Context) (map[bridge.Status]int, time.Time, error) {
	return map[bridge.Status]int{bridge.StatusPending: 2}, time.Now().Add(-time.Minute), l.err
}

func (l ledger) Reconciled(context.Context, []string) ([]state.Reconciled, error) {
	return []state.Reconciled{}, l.err
}

// serve starts the pages on loopback.
func serve(t *testing.T, l ledger) (addr string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	guard, err := access.New(nil, false)
	require.NoError(t, err)
	handler := admin.Handler(admin.Options{
		Guard:   guard,
		Version: "test", Ledger: l, Leader: func() bool { return true }, Source: func() any { return nil },
		Ready: func(context.Context) error { return l.err }, Gatherer: prometheus.NewRegistry(), Logger: zap.NewNop(),
	})
	go func() { ended <- admin.Serve(ctx, listener, handler, nil) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return listener.Addr().String()
}

func TestTheClientReadsWhatTheHandlerWrites(t *testing.T) {
	client := admin.NewClient(serve(t, ledger{}))
	r, ok, err := client.Record(t.Context(), "one/a,b%2Fc/d") // a key may hold anything
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "one/a,b%2Fc/d", r.ID)
	_, ok, err = client.Record(t.Context(), "one/2")
	require.NoError(t, err)
	require.False(t, ok)
	records, next, err := client.Records(t.Context(), state.Filter{Status: bridge.StatusRejected})
	require.NoError(t, err)
	require.Equal(t, "next", next)
	require.Equal(t, bridge.StatusRejected, records[0].Status)
	p, ok, err := client.Position(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, admin.Position{File: "binlog.000001", Pos: 4}, p)
}

func TestAStoreThatIsAwayIsSaid(t *testing.T) {
	addr := serve(t, ledger{err: errors.New("redis is away")})
	_, _, err := admin.NewClient(addr).Position(t.Context())
	require.ErrorContains(t, err, "redis is away")
	require.Equal(t, http.StatusServiceUnavailable, status(t, "http://"+addr+"/readyz", ""))
	require.Equal(t, http.StatusOK, status(t, "http://"+addr+"/healthz", ""))
}

// A page of another site that makes its own name resolve to 127.0.0.1 must not read the ledger through a browser.
func TestAForeignHostNameOnLoopbackIsRefused(t *testing.T) {
	addr := serve(t, ledger{})
	require.Equal(t, http.StatusMisdirectedRequest, status(t, "http://"+addr+"/api/v1/records", "evil.example"))
	require.Equal(t, http.StatusOK, status(t, "http://"+addr+"/api/v1/records", "localhost"))
	require.Equal(t, http.StatusBadRequest, status(t, "http://"+addr+"/api/v1/records?limit=0", ""))
	require.Equal(t, http.StatusMethodNotAllowed, method(t, http.MethodPost, "http://"+addr+"/api/v1/records", ""))
}

func status(t *testing.T, url, host string) int {
	t.Helper()
	return method(t, http.MethodGet, url, host)
}

func method(t *testing.T, verb, url, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), verb, url, nil)
	require.NoError(t, err)
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}
