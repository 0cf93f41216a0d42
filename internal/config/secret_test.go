package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// full has a secret, by reference or in clear, wherever there can be one. Each holds the word canary.
const full = `
source: {addr: "db:3306", user: "user-${env:ID}", password: "${env:PASSWORD}", server_name: "${env:URL}", tls: {server_name: "${env:ID}", mode: verify}}
state: {url: "redis://:canary-clear@h:1/0", key: "${env:KEY}", namespace: "${env:ID}"}
platform:
  base_url: https://${env:ID}.example.cn
  client_id: ${env:ID}
  client_secret: canary-in-clear
  proxy: http://u:canary-clear@proxy:1
  token: {path: "/t/${env:SECRET}", headers: {X: "${env:SECRET}", api-key: canary-clear}, extra: {a: "${env:SECRET}"}, fields: {client_id: "${env:ID}"}, token_at: ["${env:ID}"]}
  request: {extra: {deep: [{x: "pre ${env:SECRET}"}]}, headers: {Authorization: canary-clear}}
  response: {success: ["${env:ID}"], reauth: {code: ["${env:ID}"], message: "${env:ID}"}}
routes:
  - name: r
    table: s.t
    submit: {column: flag, becomes: ["${env:ID}"]}
    where: a == "x" # ${env:ID}
    endpoint: /e/${env:ID}
    contract: contract.json
    lookups: {l: {query: "SELECT '${env:ID}'"}}
    fields: {id: {value: "${env:ID}"}, other: {value: {deep: ["${env:ID}"]}}}
    writeback: {delivered: {x: "${env:ID}"}}
dicts: {d: {a: "${env:ID}"}}
admin: {users: [{name: ops, password: "$2a$10$canaryghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz1", role: viewer}]}
`

func fullConfig(t *testing.T) *Config {
	t.Helper()
	src := strings.Replace(full, "server_name: \"${env:URL}\", ", "", 1)
	cfg, err := parse("t.yaml", []byte(src), "/etc", still())
	require.NoError(t, err)
	return cfg
}

func TestAConfigNeverPrintsASecret(t *testing.T) {
	cfg := fullConfig(t)
	outputs := map[string]string{"redacted": cfg.Redacted()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		outputs["pointer "+verb] = fmt.Sprintf(verb, cfg)
		outputs["value "+verb] = fmt.Sprintf(verb, *cfg)
		outputs["inside "+verb] = fmt.Sprintf(verb, struct{ C *Config }{cfg}.C)
	}
	asJSON, err := json.Marshal(map[string]any{"c": cfg, "v": *cfg})
	require.NoError(t, err)
	require.True(t, json.Valid(asJSON))
	outputs["json"] = string(asJSON)
	asYAML, err := yaml.Marshal(cfg)
	require.NoError(t, err)
	outputs["yaml"] = string(asYAML)
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("loaded", "config", cfg)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("loaded", "config", cfg)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&logged), zap.InfoLevel)
	zap.New(core).Info("loaded", zap.Any("config", cfg), zap.Reflect("value", *cfg))
	outputs["logs"] = logged.String()
	outputs["warnings"] = fmt.Sprintf("%v %+v", cfg.Warnings, cfg.Warnings)
	for name, out := range outputs {
		require.NotContains(t, out, "canary", name)
		require.NotContains(t, out, goodKey, name)
		require.NotEmpty(t, out, name)
	}
	require.Contains(t, cfg.Redacted(), "password: <secret>")
	require.Contains(t, cfg.Redacted(), "user: <secret>")
	require.Contains(t, outputs["logs"], "<secret>")
}

func TestSecretsInClearAreWarnedOf(t *testing.T) {
	cfg := fullConfig(t)
	paths := make([]string, len(cfg.Warnings))
	for i, w := range cfg.Warnings {
		require.Contains(t, w.Message, "${env:NAME}")
		paths[i] = w.Path
	}
	require.Equal(t, []string{
		"state.url", "platform.client_secret", "platform.proxy", "platform.token.headers.api-key", "platform.request.headers.Authorization",
	}, paths)
}

func TestUnwiseSettingsAreWarnedOf(t *testing.T) {
	src := strings.Replace(strings.Replace(minimal, "https://p", "http://p", 1), "    contract: contract.json\n", "", 1) + `
admin: {listen: "10.0.0.1:1", users: [{name: a, password: "$2a$10$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz1", role: viewer}]}`
	var paths []string
	for _, w := range parseStill(t, src).Warnings {
		paths = append(paths, w.Path)
	}
	require.Equal(t, []string{"platform.base_url", "routes.r.contract", "admin.listen"}, paths)
}

// A file with mistakes everywhere shows none of the secrets that are in it, wherever the caret points.
func TestProblemsNeverPrintASecret(t *testing.T) {
	for name, src := range map[string]string{
		"wrong": `
source: {addr: 1, password: canary-1, pasword: canary-2, flavor: "${env:SECRET}", tls: {password: canary-3}}
state: {url: "http://u:canary-4@h/", key: canary-5, namespace: "${env:SECRET} {}"}
platform: {base_url: "https://u:canary-6@h", retry: {initial: "${env:T}", max: "${env:T}x"}, timeout: "${env:SECRET}", rate: "${env:SECRET}", client_secret: [canary-a, {x: canary-b}], client_secret: canary-7, proxy: "u:canary-8@h",
  token: {path: "${env:SECRET}", header: "${env:SECRET} x", headers: {Authorization: "canary-9\n"}, format: "${env:SECRET}"},
  response: {reauth: {message: "${env:SECRET}("}}}
routes: [{name: "${env:SECRET}/", table: "${env:SECRET}", where: "${env:SECRET} ==", submit: {column: c, becomes: ["${env:SECRET}"]},
  lookups: {a: {query: "SELECT :${env:SECRET}.x"}, m: {query: "${env:SECRET}", many: true}},
  fields: {a: "${env:SECRET}.x", b: {from: "${env:SECRET}.x", dict: "${env:SECRET}", type: "${env:SECRET}", max: "${env:SECRET}", trim: "${env:SECRET}"},
    c: {each: "${env:SECRET}", fields: {a: b}}, d: {expr: "${env:SECRET} +"}},
  rules: [{assert: "${env:SECRET}x == 1", message: m}],
  writeback: {delivered: {c: "${env:SECRET}"}}}, {name: "${env:SECRET}/"}]
admin: {listen: "${env:SECRET}", users: [{name: a, password: canary-10, role: "${env:SECRET}"}]}
`,
		"block of text":        "source:\n  addr: 1\n  password: |\n    canary\n\n    canary more\nclient_secret:\n  canary\nlog: {level: x}\n",
		"not yaml, in a block": "source:\n  password:\n    canary: canary: x\n",
		"header called token":  "platform: {token: {headers: {token: canary, x: [1]}}}\n",
		"not yaml":             "source:\n  password: canary\n state: {key: 'canary', client_secret: \"canary\nx: redis://u:canary@h",
	} {
		t.Run(name, func(t *testing.T) {
			around := still()
			around.lookupEnv = func(name string) (string, bool) {
				return map[string]string{"SECRET": "canary", "T": "1111s"}[name], true
			}
			_, err := parse("t.yaml", []byte(src), "/etc", around)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), "1111")
			require.NotContains(t, fmt.Sprintf("%+v", err), "canary")
		})
	}
}

func TestRedactedIsTheConfigurationInForce(t *testing.T) {
	for name, cfg := range map[string]*Config{"example": loadSpec(t), "minimal": parseStill(t, minimal)} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KEY", goodKey)
			text := strings.ReplaceAll(cfg.Redacted(), "<secret>", `"${env:KEY}"`)
			again, err := Parse("again", []byte(text), "../../configs")
			if name == "minimal" {
				again, err = parse("again", []byte(text), "/etc/talkbridge", still())
			}
			require.NoError(t, err)
			require.Equal(t, cfg.Redacted(), again.Redacted())
			require.Equal(t, cfg.Routes, again.Routes)
			require.Equal(t, cfg.Dicts, again.Dicts)
			require.Equal(t, cfg.Admin, again.Admin)
			require.Equal(t, cfg.Platform.Token, again.Platform.Token)
			require.Equal(t, cfg.Platform.Response, again.Platform.Response)
			require.Equal(t, cfg.State.URL, again.State.URL)
		})
	}
	require.Equal(t, "{}\n", Config{}.Redacted())
}

func TestReferences(t *testing.T) {
	t.Setenv("TB_TEST", "from the environment")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("from a file\r\n"), 0o600))
	w := &walk{dir: dir, world: machine(), references: map[string]reference{}}
	for text, want := range map[string]string{
		"plain":                               "plain",
		"${env:TB_TEST}":                      "from the environment",
		"a ${env:TB_TEST} b ${env:TB_TEST}":   "a from the environment b from the environment",
		"${file:secret}!":                     "from a file!",
		"${file:" + dir + "/secret}":          "from a file",
		"${exec:echo hello}":                  "hello",
		`${exec:printf '%s' '{"a":{"b":1}}'}`: `{"a":{"b":1}}`,
		"${exec:echo seen; echo unseen >&2}":  "seen",
		"${exec:printf 'two\n\n'}":            "two\n",
		"${exec:pwd}":                         dir,
		"$${env:TB_TEST} $${":                 "${env:TB_TEST} ${",
		"$$${env:TB_TEST}":                    "$${env:TB_TEST}",
		"$ { } $x":                            "$ { } $x",
		"${env:TB_TEST}$${x}${env:TB_TEST}":   "from the environment${x}from the environment",
	} {
		got, _ := w.expand(text, func(ref, problem string) { t.Errorf("%s: %s", ref, problem) })
		require.Equal(t, want, got, text)
	}
}

func TestReferencesThatYieldNothing(t *testing.T) {
	w := &walk{dir: t.TempDir(), world: machine(), references: map[string]reference{}}
	for text, want := range map[string]string{
		"${env:TB_UNSET}":                 "environment variable TB_UNSET is not set: export it, or put the value in a file and write ${file:PATH}",
		"${file:nowhere}":                 "file nowhere does not exist",
		"${file:.}":                       "is a folder, a pipe or a device",
		"${exec:echo canary >&2; exit 7}": "the command ended with status 7",
		"${env}":                          "a reference is ${env:NAME}",
		"${TB}":                           "a reference is ${env:NAME}",
		"${}":                             "a reference is ${env:NAME}",
		"${vault:x}":                      "a reference is ${env:NAME}",
		"${env:X":                         "no closing brace",
	} {
		var problems []string
		_, used := w.expand(text, func(_, problem string) { problems = append(problems, problem) })
		require.True(t, used)
		require.Len(t, problems, 1, text)
		require.Contains(t, problems[0], want)
		require.NotContains(t, problems[0], "canary")
	}
}

func TestACommandHasALimit(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := runCommand(ctx, ".", "sleep 60")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 20*time.Second)

	around := still()
	around.run = func(ctx context.Context, _, _ string) ([]byte, error) {
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, time.Now().Add(10*time.Second), deadline, 2*time.Second)
		return nil, context.DeadlineExceeded
	}
	w := &walk{world: around, references: map[string]reference{}}
	require.Contains(t, w.resolve("${exec:x}").problem, "did not end within 10s")
	around.run = func(context.Context, string, string) ([]byte, error) { return nil, errors.New("no sh") }
	w = &walk{world: around, references: map[string]reference{}}
	require.Contains(t, w.resolve("${exec:x}").problem, "could not be started")
}

func TestACommandRunsOnce(t *testing.T) {
	runs := 0
	around := still()
	around.run = func(context.Context, string, string) ([]byte, error) {
		runs++
		return []byte("same"), nil
	}
	src := strings.NewReplacer("${env:PASSWORD}", "${exec:x}", "${env:SECRET}", "${exec:x}").Replace(minimal)
	_, err := parse("t.yaml", []byte(src), "/etc", around)
	require.NoError(t, err)
	require.Equal(t, 1, runs)
}
