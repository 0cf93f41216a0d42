package config

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

// still is a world in which nothing outside the test has a say.
func still() world {
	files := map[string]string{"secret.txt": "from-file\n", "contract.json": `{"type":"object"}`, "bad.json": "{", "ca.pem": "PEM"}
	variables := map[string]string{
		"PASSWORD": "canary-password", "SECRET": "canary-secret", "ID": "canary-id", "KEY": goodKey, "EMPTY": "", "N": "12", "URL": "canary-url",
	}
	return world{
		lookupEnv: func(name string) (string, bool) { v, ok := variables[name]; return v, ok },
		readFile: func(path string) ([]byte, error) {
			if content, ok := files[filepath.Base(path)]; ok {
				return []byte(content), nil
			}
			return nil, os.ErrNotExist
		},
		run: func(_ context.Context, _, command string) ([]byte, error) {
			return []byte("ran " + command + "\n"), nil
		},
	}
}

// minimal is the shortest configuration there is; each part can be replaced.
const minimal = `
source: {addr: "db:3306", user: u, password: "${env:PASSWORD}"}
state: {key: "${env:KEY}"}
platform: {base_url: https://p.example.cn/api/, client_id: "${env:ID}", client_secret: "${env:SECRET}"}
routes:
  - name: r
    table: s.t
    submit: {column: flag, becomes: ["1"]}
    endpoint: /e
    contract: contract.json
    lookups: {l: {query: SELECT a FROM b WHERE c = :d}, m: {query: SELECT a FROM b, many: true}}
    fields:
      id: id
dicts: {d: {a: b}}
`

func parseStill(t *testing.T, src string) *Config {
	t.Helper()
	cfg, err := parse("t.yaml", []byte(src), "/etc/talkbridge", still())
	require.NoError(t, err)
	return cfg
}

// with replaces one part of the minimal configuration.
func with(t *testing.T, old, replacement string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(minimal, old), "part to replace")
	return strings.Replace(minimal, old, replacement, 1)
}

func TestAbsentBlocksTakeTheirDefaults(t *testing.T) {
	cfg := parseStill(t, minimal)
	defaulted := loadSpec(t)
	require.Equal(t, bridge.Secret("file:/etc/talkbridge/talkbridge.db"), cfg.State.URL)
	require.Equal(t, "talkbridge", cfg.State.Namespace)
	require.Equal(t, "https://p.example.cn/api", cfg.Platform.BaseURL)
	require.Equal(t, "/etc/talkbridge/audit.log", cfg.Admin.AuditLog)

	// The example spells out every default of these.
	defaulted.Platform.BaseURL, defaulted.Platform.ClientID, defaulted.Platform.ClientSecret = cfg.Platform.BaseURL, cfg.Platform.ClientID, cfg.Platform.ClientSecret
	defaulted.Platform.Response.Retry.Code = nil
	require.Equal(t, defaulted.Platform, cfg.Platform)
	require.Equal(t, defaulted.Log, cfg.Log)
	require.Equal(t, defaulted.State.Retention, cfg.State.Retention)
	require.Equal(t, defaulted.Admin.Listen, cfg.Admin.Listen)
	require.Equal(t, defaulted.Source.Start, cfg.Source.Start)
	require.Equal(t, defaulted.Source.TLS, cfg.Source.TLS)
	require.Equal(t, defaulted.Source.OnPurged, cfg.Source.OnPurged)
	require.Equal(t, "Asia/Shanghai", cfg.Source.Location.String())
}

func TestABlockWithNothingInItIsAnAbsentOne(t *testing.T) {
	require.Equal(t, parseStill(t, minimal).Admin, parseStill(t, minimal+"admin:\n  # listen: x\nlog:\n").Admin)
}

func TestFormsOfTheSource(t *testing.T) {
	source := func(more string) Source {
		return parseStill(t, with(t, `password: "${env:PASSWORD}"}`, `password: "${env:PASSWORD}", `+more+`}`)).Source
	}
	require.Equal(t, Start{Mode: "latest"}, source(`start: latest`).Start)
	require.Equal(t, Start{Mode: "gtid", GTID: "0-1-100"}, source(`start: {gtid: 0-1-100}`).Start)
	require.Equal(t, Start{Mode: "file", File: "binlog.000003", Pos: 5_000_000_000}, source(`start: {file: binlog.000003, pos: 5000000000}`).Start)
	require.Equal(t, uint32(0), source(`server_id: auto`).ServerID)
	require.Equal(t, uint32(4294967295), source(`server_id: 4294967295`).ServerID)
	require.Equal(t, uint32(12), source(`server_id: "${env:N}"`).ServerID)
	require.Equal(t, SourceTLS{Mode: "off"}, source(`tls: off`).TLS)
	require.Equal(t, SourceTLS{Mode: "required", CA: "/etc/talkbridge/ca.pem", ServerName: "db"}, source(`tls: required, ca: ca.pem, server_name: db`).TLS)
	require.Equal(t, SourceTLS{Mode: "verify", CA: "/abs/ca.pem", ServerName: "db"}, source(`tls: {mode: verify, ca: /abs/../abs/ca.pem, server_name: db}`).TLS)
	require.Equal(t, SourceTLS{Mode: "verify", CA: "/etc/talkbridge/ca.pem"}, source(`ca: ca.pem`).TLS, "a CA is given to be used")
	_, offset := time.Now().In(source(`timezone: "-09:30"`).Location).Zone()
	require.Equal(t, -34200, offset)
}

func TestFormsOfAField(t *testing.T) {
	for text, want := range map[string]Field{
		`id`:                               {From: "id"},
		`l.a`:                              {From: "l.a"},
		`{from: id, trim: true}`:           {From: "id", Trim: true},
		`{value: "01"}`:                    {Value: "01", HasValue: true},
		`{value: 01}`:                      {Value: "01", HasValue: true},
		`{value: 7}`:                       {Value: json.Number("7"), HasValue: true},
		`{value: 12345678901234567890.50}`: {Value: json.Number("12345678901234567890.50"), HasValue: true},
		`{value: 0x1F}`:                    {Value: "0x1F", HasValue: true},
		`{value: true}`:                    {Value: true, HasValue: true},
		`{value: null}`:                    {HasValue: true},
		`{value: ""}`:                      {Value: "", HasValue: true},
		`{value: [1, {a: "b"}]}`:           {Value: []any{json.Number("1"), map[string]any{"a": "b"}}, HasValue: true},
		`{expr: 'sc * 60'}`:                {Expr: "sc * 60"},
		`{from: a, type: decimal, max: 3}`: {From: "a", Type: "decimal", Max: 3},
		`{each: m, fields: {n: a, k: {from: b, dict: d}}}`: {
			Each: "m", Fields: []Field{{Name: "n", From: "a"}, {Name: "k", From: "b", Dict: "d"}},
		},
	} {
		t.Run(text, func(t *testing.T) {
			want.Name = "id"
			cfg := parseStill(t, with(t, "      id: id", "      id: "+text))
			require.Equal(t, []Field{want}, cfg.Routes[0].Fields)
		})
	}
}

func TestFormsOfSubmit(t *testing.T) {
	for text, want := range map[string]Submit{
		`{column: c, becomes: ["1", 2, 03]}`: {Column: "c", Mode: "becomes", Values: []string{"1", "2", "03"}},
		`{column: c, while: [true]}`:         {Column: "c", Mode: "while", Values: []string{"true"}},
		`{changes: true, column: c}`:         {Column: "c", Mode: "changes"},
	} {
		require.Equal(t, want, parseStill(t, with(t, `{column: flag, becomes: ["1"]}`, text)).Routes[0].Submit)
	}
}

func TestScalarsOfAMapAreTheTextThatIsWritten(t *testing.T) {
	cfg := parseStill(t, with(t, "{d: {a: b}}", `
  d: {MT: 01, 02: 1_000, on: true, "x": 1.50, 'y': 0x10}
  q: {query: "SELECT a, b FROM c"}
  odd: {query: a, other: b}`))
	require.Equal(t, []Dict{
		{Name: "d", Entries: map[string]string{"MT": "01", "02": "1_000", "on": "true", "x": "1.50", "y": "0x10"}},
		{Name: "q", Entries: map[string]string{}, Query: "SELECT a, b FROM c"},
		{Name: "odd", Entries: map[string]string{"query": "a", "other": "b"}},
	}, cfg.Dicts)
}

func TestMoreForms(t *testing.T) {
	cfg := parseStill(t, with(t, "client_secret: \"${env:SECRET}\"}", `client_secret: "${env:SECRET}",
  token: {extra: {scope: all, n: 5}, headers: {tenant-id: 1}, fields: {grant_type: ""}, method: GET, send: query},
  request: {extra: {v: 1, deep: {list: [a, 0.50]}}},
  response: {success: [0, "200", OK], reauth: {message: ""}, retry: {http: [], code: [9, busy]}}}`)+`
admin:
  listen: 0.0.0.0:443
  tls: {cert: ca.pem, key: ca.pem}
  users:
    - {name: ops, password: "$2a$10$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz1", role: operator}
`)
	p := cfg.Platform
	require.Equal(t, map[string]any{"scope": "all", "n": json.Number("5")}, p.Token.Extra)
	require.Equal(t, map[string]bridge.Secret{"tenant-id": "1"}, p.Token.Headers)
	require.Equal(t, TokenFields{ClientID: "client_id", ClientSecret: "client_secret"}, p.Token.Fields)
	require.Equal(t, map[string]any{"v": json.Number("1"), "deep": map[string]any{"list": []any{"a", json.Number("0.50")}}}, p.Request.Extra)
	require.Equal(t, []string{"0", "200", "OK"}, p.Response.Success)
	require.Equal(t, Match{HTTP: []int{401, 424}, Code: []string{"401"}}, p.Response.Reauth)
	require.Equal(t, Match{HTTP: []int{}, Code: []string{"9", "busy"}}, p.Response.Retry)
	require.Equal(t, "operator", cfg.Admin.Users[0].Role)
	require.Equal(t, AdminTLS{Cert: "/etc/talkbridge/ca.pem", Key: "/etc/talkbridge/ca.pem"}, cfg.Admin.TLS)
	require.Empty(t, cfg.Warnings)
}

func TestAnchorsAliasesAndMergeKeys(t *testing.T) {
	cfg := parseStill(t, with(t, "    fields:\n      id: id\n", `    fields: &common
      id: id
      name: &n {from: name, trim: true}
  - name: r2
    table: s.t
    submit: {column: flag, becomes: ["1"]}
    endpoint: /e
    contract: contract.json
    fields:
      first: a
      <<: *common
      id: other
      again: *n
      text: !!str 007
`))
	require.Equal(t, []Field{
		{Name: "first", From: "a"},
		{Name: "name", From: "name", Trim: true},
		{Name: "id", From: "other"},
		{Name: "again", From: "name", Trim: true},
		{Name: "text", From: "007"},
	}, cfg.Routes[1].Fields)
}

func TestWindowsLineEndsAndByteOrderMark(t *testing.T) {
	cfg := parseStill(t, "\ufeff"+strings.ReplaceAll(minimal, "\n", "\r\n"))
	require.Equal(t, parseStill(t, minimal).Routes, cfg.Routes)
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"400d": 400 * day, "1d12h": 36 * time.Hour, "0d": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond, "0": 0,
	} {
		d, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, d)
		again, err := parseDuration(formatDuration(d))
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
	for _, text := range []string{"", "d", "5", "-1d", "1.5d", "1d-2h", "1dd", "999999999d", "106751d24h", "ten", "1 d", "1d2"} {
		_, err := parseDuration(text)
		require.Error(t, err, text)
	}
}

func TestSuggestions(t *testing.T) {
	known := []string{"addr", "user", "password", "flavor", "server_id", "base_url", "ca"}
	for word, want := range map[string]string{
		"flavour": "flavor", "pasword": "password", "adr": "addr", "serverId": "server_id", "base-url": "base_url", "Password": "password",
		"usre": "user", "xyz": "", "retention": "", "q": "",
	} {
		require.Equal(t, want, nearest(word, known), word)
	}
}
