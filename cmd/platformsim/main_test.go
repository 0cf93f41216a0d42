package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// buffer is written by the program while the test reads it.
type buffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs buffer
	journal := filepath.Join(t.TempDir(), "journal.jsonl")
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"-listen", "127.0.0.1:0", "-journal", journal, "-verbose"}, &out, &errs)
	}()
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "client_secret: ") }, 5*time.Second, 5*time.Millisecond)
	base := address.FindString(out.String())
	resp, err := http.Post(base+"/api/talk-record/one", "application/json", strings.NewReader(`{}`))
	require.NoError(t, err)
	resp.Body.Close()
	resp, err = http.Get(base + "/_sim/stats")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Contains(t, string(body), `"calls":1`)
	stop()
	assert.Equal(t, 0, <-code)
	assert.Contains(t, out.String(), "code=401")
	lines, err := os.ReadFile(journal)
	require.NoError(t, err)
	assert.True(t, json.Valid(lines))
	http.DefaultClient.CloseIdleConnections()
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		args []string
		code int
		said string
	}{
		{[]string{"-help"}, 0, "-token-ttl"},
		{[]string{"-nonsense"}, 2, "nonsense"},
		{[]string{"extra"}, 2, "extra"},
		{[]string{"-client-secret", "c2hvcnQ="}, 1, "client_secret"},
		{[]string{"-dialect", "Z"}, 1, "dialect"},
		{[]string{"-listen", "256.0.0.1:0"}, 1, "listen on"},
		{[]string{"-contracts", "/nowhere"}, 1, "contract"},
		{[]string{"-journal", "/nowhere/journal"}, 1, "journal"},
	}
	for _, tt := range tests {
		var out, errs bytes.Buffer
		assert.Equal(t, tt.code, run(t.Context(), tt.args, &out, &errs), tt.args)
		assert.Contains(t, errs.String(), tt.said)
	}
}
