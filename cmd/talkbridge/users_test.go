package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"talkbridge/configs"
	"talkbridge/internal/config"
)

// hashOf runs users hash with a text on its standard input.
func hashOf(t *testing.T, text string) (hash string, err error) {
	t.Helper()
	root := rootCommand()
	var out, said bytes.Buffer
	root.SetArgs([]string{"users", "hash"})
	root.SetIn(strings.NewReader(text))
	root.SetOut(&out)
	root.SetErr(&said)
	err = root.ExecuteContext(t.Context())
	if secret := strings.TrimSpace(text); secret != "" {
		require.NotContains(t, out.String()+said.String()+fmt.Sprint(err), secret, "the password is not shown")
	}
	return strings.TrimSpace(out.String()), err
}

// A password becomes a hash that the configuration takes; spaces and Chinese belong to it, the end of the line does not.
func TestAHashForAdminUsers(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n"} {
		hash, err := hashOf(t, " 口令 with spaces "+end)
		require.NoError(t, err)
		require.NoError(t, bcrypt.CompareHashAndPassword([]byte(hash), []byte(" 口令 with spaces ")))
	}
	hash, err := hashOf(t, "correct horse battery\n")
	require.NoError(t, err)
	t.Setenv("TALKBRIDGE_MYSQL_PASSWORD", "x")
	t.Setenv("TALKBRIDGE_STATE_KEY", "MDEyMzQ1Njc4OWFiY2RlZg==")
	t.Setenv("TALKBRIDGE_CLIENT_ID", "x")
	t.Setenv("TALKBRIDGE_CLIENT_SECRET", "ASNFZ4mrze/+3LqYdlQyEA==")
	file, err := configs.Write(filepath.Join(t.TempDir(), "bridge"), configs.Settings{
		SourceAddr: "127.0.0.1:1", StateURL: "file:talkbridge.db", BaseURL: "http://127.0.0.1:1/api", Listen: "127.0.0.1:1",
	})
	require.NoError(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	with := strings.Replace(string(text), "users: []", "users: [{name: ops, password: '"+hash+"', role: operator}]", 1)
	require.NotEqual(t, string(text), with)
	require.NoError(t, os.WriteFile(file, []byte(with), 0o600))
	c, err := config.Load(file)
	require.NoError(t, err)
	require.Equal(t, hash, c.Admin.Users[0].Password.Reveal())
}

func TestAPasswordThatIsNoneIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"123456789\n":                  "at least 10",
		"一二三四五六七八九\n":                  "at least 10", // characters, not bytes
		strings.Repeat("x", 73) + "\n": "at most 72",
		"":                             "read the password",
	} {
		hash, err := hashOf(t, text)
		require.ErrorContains(t, err, want)
		require.Empty(t, hash)
	}
	code, _, _ := line(t, "users", "hash", "a password as an argument")
	require.Equal(t, exitUsage, code)
}
