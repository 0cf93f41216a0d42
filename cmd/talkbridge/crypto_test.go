package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/configs"
)

func TestSealAndOpenAreThePublishedVectors(t *testing.T) {
	config, err := configs.Write(t.TempDir(), configs.Settings{
		SourceAddr: "127.0.0.1:1", StateURL: "file:x.db", BaseURL: "http://127.0.0.1:1/api", Listen: "127.0.0.1:0",
	})
	require.NoError(t, err)
	for name, value := range map[string]string{
		"TALKBRIDGE_MYSQL_PASSWORD": "x", "TALKBRIDGE_STATE_KEY": "MDEyMzQ1Njc4OWFiY2RlZg==", "TALKBRIDGE_CLIENT_ID": "x",
		"TALKBRIDGE_CLIENT_SECRET": "ASNFZ4mrze/+3LqYdlQyEA==",
	} {
		t.Setenv(name, value)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte(`{"name":"张三"}`), 0o600))
	const sealed = "x6m0KLtkh4lKq7V5mhtaUdV6rHnNFZxscBhNqD5YSLg=" // vector k1/p04_cn_short
	require.Equal(t, sealed+"\n", output(t, "", "crypto", "seal", plain, "-c", config))
	require.JSONEq(t, `{"name":"张三"}`, output(t, sealed+"\n", "crypto", "open", "-c", config))
}

func TestKeygenMakesAKeyOf16Bytes(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(output(t, "", "crypto", "keygen")))
	require.NoError(t, err)
	require.Len(t, key, 16)
}

func output(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetArgs(args)
	require.NoError(t, root.ExecuteContext(t.Context()))
	return out.String()
}
