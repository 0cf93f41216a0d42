package app_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a configuration can get wrong ends run at once, with exit code 1 and a message that names it and says what to do.
func TestRunEndsAtOnceOnWhatTheConfigurationGetsWrong(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	for _, test := range []struct {
		name     string
		from, to string            // in the configuration
		env      map[string]string // instead of what is right
		says     []string
	}{
		{
			name: "missing table", from: "  - name: one                                        # 一对一\n    table: xgxt_demo.xl_gzth",
			to: "  - name: one                                        # 一对一\n    table: xgxt_demo.xl_gzzth", says: []string{"one", "xgxt_demo.xl_gzzth"},
		},
		{
			name: "missing column in a field", from: "talkPlace: {from: dd, optional: true}", to: "talkPlace: {from: ddd, optional: true}",
			says: []string{"one", "xl_gzth", "ddd"},
		},
		{
			name: "missing table in a look-up", from: "FROM xgxt_demo.xg_jtcy WHERE", to: "FROM xgxt_demo.xg_jjtcy WHERE",
			says: []string{"patriarch", "parent", "xg_jjtcy"},
		},
		{
			name: "missing column in where", from: `th_lx == "3" && scbz == "0"`, to: `th_lx == "3" && scbzz == "0"`,
			says: []string{"patriarch", "scbzz"},
		},
		{
			name: "unreachable server", from: "addr: " + c.mariadb.Addr, to: "addr: " + freeAddr(t),
			says: []string{"source", "connection refused"},
		},
		{
			name: "wrong password", env: map[string]string{"TALKBRIDGE_MYSQL_PASSWORD": "wrong"},
			says: []string{"talkbridge", "denied", "password"},
		},
		{
			name: "wrong client_secret", env: map[string]string{"TALKBRIDGE_CLIENT_SECRET": "Q5v/nsxmaCdFiWJxIz+TCQ=="},
			says: []string{"platform", "client_secret"},
		},
		{
			name: "client_secret of 9 bytes", env: map[string]string{"TALKBRIDGE_CLIENT_SECRET": "c2hvcnQta2V5"},
			says: []string{"client_secret", "16 bytes", "9"},
		},
		{
			name: "state key of 9 bytes", env: map[string]string{"TALKBRIDGE_STATE_KEY": "c2hvcnQta2V5"},
			says: []string{"state.key", "16 bytes", "head -c 16 /dev/urandom | base64"},
		},
		{
			name: "unset variable", env: map[string]string{"TALKBRIDGE_CLIENT_ID": ""},
			says: []string{"talkbridge.yaml", "TALKBRIDGE_CLIENT_ID", "^"},
		},
		{
			name: "unknown key", from: "flavor: auto", to: "flavour: auto",
			says: []string{"talkbridge.yaml", "flavour", `"flavor"`, "^^^^^^^"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			if test.from != "" {
				c.edit(t, test.from, test.to)
				defer c.edit(t, test.to, test.from)
			}
			code, stderr := c.runToItsEnd(t)
			t.Log(stderr)
			require.Equal(t, 1, code)
			for _, piece := range test.says {
				require.Contains(t, stderr, piece)
			}
			for _, secret := range []string{clientSecret, stateKey, password} {
				require.NotContains(t, stderr, secret)
			}
		})
	}
}

// runToItsEnd runs the program, which has to end by itself, and gives its exit code and what it said.
func (c *college) runToItsEnd(t *testing.T) (code int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), "run", "-c", c.config)
	var out bytes.Buffer
	cmd.Stderr = &out
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "it ran on:\n%s", out.String())
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String()
	}
	require.NoError(t, err)
	return 0, out.String()
}
