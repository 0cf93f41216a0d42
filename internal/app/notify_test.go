package app_test

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a service manager hears of the real process: that it runs, that it makes progress, that it stops.
func TestTheServiceManagerIsTold(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	socket, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "unixgram", filepath.Join(t.TempDir(), "notify"))
	require.NoError(t, err)
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", socket.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "600000")
	hear := func() string {
		t.Helper()
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(30*time.Second)))
		buffer := make([]byte, 4096)
		n, _, err := socket.ReadFrom(buffer)
		require.NoError(t, err)
		return string(buffer[:n])
	}
	process := c.spawn(t)
	var all string
	for !strings.Contains(all, "READY=1") || strings.Count(all, "WATCHDOG=1") < 3 {
		all += hear() + "\n"
	}
	require.NoError(t, process.Process.Signal(syscall.SIGTERM))
	for !strings.Contains(all, "STOPPING=1") {
		all += hear() + "\n"
	}
	require.NoError(t, process.Wait())
}

func TestARunningBridgeIsHealthy(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.run(t)
	require.Equal(t, "ok\n", c.page(t, "/healthz"))
}
