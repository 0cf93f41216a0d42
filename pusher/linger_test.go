package pusher

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A call that is given up takes back what was not delivered: its connection ends with a reset. An orderly end would leave it to the
// kernel, which delivers it when the line works again, maybe after newer content of the same record.
func TestACallThatIsGivenUpIsTakenBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	client, err := newHTTPClient(TLSOptions{}, "", 1)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listener.Addr().String(), strings.NewReader("content"))
	require.NoError(t, err)
	_, fault, err := exchange(ctx, client, req)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, faultSent, fault)

	conn, err := listener.Accept() // the platform comes to it only now
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = io.ReadAll(conn)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}
