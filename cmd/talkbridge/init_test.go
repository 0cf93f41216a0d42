package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
)

// At a terminal init config asks for what no flag says, proposes the likely table, and asks again where an answer means nothing.
func TestInitConfigAsks(t *testing.T) {
	m := testserver.StartMariaDB(t)
	require.NoError(t, m.Exec(fixture.Database+"CREATE DATABASE another"))
	file := filepath.Join(t.TempDir(), "talkbridge.yaml")
	n := &newConfig{login: login{passwordEnv: "NOT_SET", tls: "off"}}
	n.draft.User = "talkbridge"
	answers := []string{m.Addr, "root", testserver.RootPassword, "9", "xgxt_demo", "", "-", "xl_nothing", "xl_gzth", "", "13001"}
	var asked, said bytes.Buffer
	a := &asker{in: bufio.NewReader(strings.NewReader(strings.Join(answers, "\n") + "\n")), out: &asked, asks: true}
	require.NoError(t, n.run(t.Context(), a, file, &said), asked.String())
	require.Contains(t, asked.String(), "xl_gzth", "the tables are listed")
	require.Contains(t, asked.String(), "学生基本信息")
	require.Contains(t, asked.String(), `there is no "9"`)
	require.Contains(t, asked.String(), `there is no "xl_nothing"`)
	require.Contains(t, said.String(), "2 routes", "multi was declined")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "addr: "+m.Addr)
	require.Contains(t, string(text), `schoolCode: {value: "13001"}`)
	require.NotContains(t, string(text), testserver.RootPassword)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAPayloadIsPrintedWithItsSourcesInAColumn(t *testing.T) {
	lines, err := payloadLines([]byte(`{"a":"中<&","n":9007199254740993,"l":[{"x":1},{"x":2}],"e":[],"o":{"y":null}}`))
	require.NoError(t, err)
	want := []payloadLine{
		{"{", ""},
		{`  "a": "中<&",`, "a"},
		{`  "n": 9007199254740993,`, "n"},
		{`  "l": [`, "l"},
		{`    {`, "l[]"},
		{`      "x": 1`, "l[].x"},
		{`    },`, ""},
		{`    {`, ""},
		{`      "x": 2`, ""},
		{`    }`, ""},
		{`  ],`, ""},
		{`  "e": [`, "e"},
		{`  ],`, ""},
		{`  "o": {`, "o"},
		{`    "y": null`, "o.y"},
		{`  }`, ""},
		{`}`, ""},
	}
	require.Equal(t, want, lines)
	require.Equal(t, 6, displayWidth("中文ab"))
	_, err = payloadLines([]byte(`{"a":`))
	require.Error(t, err)
}
