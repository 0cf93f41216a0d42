package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"talkbridge/internal/access"
	"talkbridge/internal/admin"
)

// Invariant 8: a page that panics ends its connection and no other, and its value is printed nowhere.
func TestAPageThatPanicsSaysNothingOfItsValue(t *testing.T) {
	guard, err := access.New(nil, false)
	require.NoError(t, err)
	core, logs := observer.New(zap.DebugLevel)
	handler := admin.Handler(admin.Options{
		Guard: guard, Ledger: ledger{}, Gatherer: prometheus.NewRegistry(), Logger: zap.New(core),
		Leader: func() bool { panic(errors.New("李明 33000020060718003X")) }, Source: func() any { return nil },
	})
	var printed bytes.Buffer
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(&printed, "", 0)
	server.Start()
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/status", nil)
	require.NoError(t, err)
	_, err = server.Client().Do(req) //nolint:bodyclose // there is none
	require.Error(t, err)
	require.Equal(t, http.StatusOK, status(t, server.URL+"/healthz", "localhost"))
	require.Equal(t, 1, logs.FilterMessageSnippet("fault of the program").Len())
	said := printed.String()
	for _, entry := range logs.All() {
		said += fmt.Sprintln(entry.Message, entry.ContextMap())
	}
	require.Contains(t, said, "fault_test.go:")
	for _, canary := range []string{"李明", "33000020060718003X"} {
		require.NotContains(t, said, canary)
	}
}
