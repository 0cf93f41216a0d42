package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"talkbridge/configs"
	"talkbridge/internal/app"
	"talkbridge/internal/config"
	"talkbridge/internal/fixture"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

const (
	clientID     = "college"
	clientSecret = "ASNFZ4mrze/+3LqYdlQyEA==" // holds + and /
	stateKey     = "MDEyMzQ1Njc4OWFiY2RlZg=="
	password     = "demo-bridge" // of configs/demo-account.sql
)

// A college is a real MariaDB with the fixture, the stand-in platform, and a configuration for them.
type college struct {
	mariadb *testserver.MariaDB
	db      *sql.DB
	sim     *platformsim.Sim
	simURL  string
	dir     string
	config  string // file
}

// newCollege starts everything but the bridge. Nobody has pressed 递交 yet.
func newCollege(t *testing.T, stateURL string) *college {
	t.Helper()
	account, err := configs.Files.ReadFile("demo-account.sql")
	require.NoError(t, err)
	c := &college{mariadb: testserver.StartSource(t), dir: t.TempDir()}
	if c.mariadb.Flavor == "mysql" { // where the same privilege has its old name
		account = bytes.ReplaceAll(account, []byte("BINLOG MONITOR"), []byte("REPLICATION CLIENT"))
	}
	require.NoError(t, c.mariadb.Exec(fixture.Database+string(account)))
	c.db = c.mariadb.DB("xgxt_demo")
	t.Cleanup(func() { c.db.Close() })
	c.exec(t, "UPDATE xl_gzth SET tj_zt = '0'")
	c.startPlatform(t)
	c.config, err = configs.Write(filepath.Join(c.dir, "bridge"), configs.Settings{
		SourceAddr: c.mariadb.Addr, StateURL: stateURL, BaseURL: c.simURL + "/api", Listen: freeAddr(t),
	})
	require.NoError(t, err)
	secrets(t)
	return c
}

// secrets puts into the environment what the configuration refers to. It is the same for every college, so it is put there once and
// stays: tests that run side by side could not take it away again.
func secrets(t *testing.T) {
	t.Helper()
	for _, pair := range [][2]string{
		{"TALKBRIDGE_MYSQL_PASSWORD", password},
		{"TALKBRIDGE_STATE_KEY", stateKey},
		{"TALKBRIDGE_CLIENT_ID", clientID},
		{"TALKBRIDGE_CLIENT_SECRET", clientSecret},
	} {
		require.NoError(t, os.Setenv(pair[0], pair[1])) //nolint:usetesting // see above
	}
}

func (c *college) startPlatform(t *testing.T) {
	t.Helper()
	var err error
	c.sim, err = platformsim.New(platformsim.Options{ClientID: clientID, ClientSecret: clientSecret})
	require.NoError(t, err)
	server := httptest.NewServer(c.sim)
	t.Cleanup(server.Close)
	c.simURL = server.URL
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := testserver.FreePort()
	require.NoError(t, err)
	return "127.0.0.1:" + strconv.Itoa(port)
}

// edit replaces a piece of the configuration, which has to be there once.
func (c *college) edit(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(c.config)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), from), "the configuration says %q once", from)
	require.NoError(t, os.WriteFile(c.config, []byte(strings.Replace(string(text), from, to, 1)), 0o600))
}

func (c *college) load(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.Load(c.config)
	require.NoError(t, err)
	return cfg
}

// run runs a bridge in this process until the test ends or stop is called.
func (c *college) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan string, 1), make(chan error, 1)
	options := app.Options{
		Config: c.load(t), Version: "test", Logger: zaptest.NewLogger(t, zaptest.Level(zap.InfoLevel)), Ready: func(addr string) { ready <- addr },
	}
	go func() { ended <- app.Run(ctx, options) }()
	select {
	case <-ready:
	case err := <-ended:
		require.NoError(t, err)
		t.Fatal("the bridge ended")
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-ended)
	}
	t.Cleanup(stop)
	return stop
}

func (c *college) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := c.db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// press presses 递交.
func (c *college) press(t *testing.T, id string) {
	t.Helper()
	c.exec(t, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = "+id)
}

// eventually polls until what gives nil. It never waits longer than it has to.
func eventually(t *testing.T, limit time.Duration, what func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := what()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", limit, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// taken waits until the platform has taken a record n times and gives its latest payload.
func (c *college) taken(t *testing.T, endpoint, id string, n int) string {
	t.Helper()
	var payload string
	eventually(t, 20*time.Second, func() error {
		r, ok := c.sim.Record(endpoint, id)
		if !ok || r.Count < n {
			return fmt.Errorf("%s/%s was taken %d times, not %d", endpoint, id, r.Count, n)
		}
		payload = string(r.Payload)
		return nil
	})
	return payload
}
