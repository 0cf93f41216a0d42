package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFormsOfTheMappingLanguage(t *testing.T) {
	for text, want := range map[string]Field{
		`{from: a, default: 0}`:                    {From: "a", Default: json.Number("0"), HasDefault: true},
		`{from: a, when: 'x == 1 && y != nil'}`:    {From: "a", When: "x == 1 && y != nil"},
		`{from: a, clean: halfwidth}`:              {From: "a", Clean: []string{"halfwidth"}},
		`{from: a, clean: [trim, zero_width]}`:     {From: "a", Clean: []string{"trim", "zero_width"}},
		`{from: a, split: ",", min: 2}`:            {From: "a", Split: ",", Min: 2},
		`{from: a, time: yyyy, date_order: dmy}`:   {From: "a", Time: "yyyy", DateOrder: "dmy"},
		`{from: a, not_before: b, not_after: now}`: {From: "a", NotBefore: "b", NotAfter: "now"},
		`{object: {x: a, y: {from: b}}}`:           {Object: []Field{{Name: "x", From: "a"}, {Name: "y", From: "b"}}},
		`{list: [a, {value: 1}]}`:                  {List: []Field{{From: "a"}, {Value: json.Number("1"), HasValue: true}}},
		`{from: a, check: {by: b, kinds: {"1": id_card, A: passport}, otherwise: none}}`: {
			From: "a", CheckBy: &CheckBy{By: "b", Kinds: map[string]string{"1": "id_card", "A": "passport"}, Otherwise: "none"},
		},
		`{each: m, fields: {n: m.a, k: {each: m2, fields: {x: m.a}}}}`: {
			Each: "m", Fields: []Field{{Name: "n", From: "m.a"}, {Name: "k", Each: "m2", Fields: []Field{{Name: "x", From: "m.a"}}}},
		},
	} {
		t.Run(text, func(t *testing.T) {
			want.Name = "id"
			src := strings.Replace(minimal, "m: {query: SELECT a FROM b, many: true}}", "m: {query: SELECT a FROM b, many: true}, m2: {query: 'SELECT a FROM b WHERE c = :m.a', many: true}}", 1)
			cfg := parseStill(t, strings.Replace(src, "      id: id", "      id: "+text, 1))
			require.Equal(t, []Field{want}, cfg.Routes[0].Fields)
		})
	}
}

func TestFaultsOfTheMappingLanguage(t *testing.T) {
	for text, want := range map[string]string{
		`{from: a, default: 1, optional: true}`:               "take optional away",
		`{from: a, clean: wash}`:                              "must be one of control, zero_width",
		`{from: a, clean: [trimm]}`:                           `did you mean "trim"?`,
		`{from: a, split: ""}`:                                "must not be empty",
		`{object: {}}`:                                        "at least one field",
		`{list: []}`:                                          "at least one element",
		`{object: {x: {}}}`:                                   "one of from, value, expr, each, object, list is missing",
		`{from: a, object: {x: a}}`:                           "only one of from, object",
		`{from: a, check: {by: b, kinds: {}}}`:                "must name a check for each value",
		`{from: a, check: {by: l2.b, kinds: {"1": id_card}}}`: "there is no such lookup above",
		`{from: a, check: {by: b, kinds: {"1": visa}}}`:       "must be one of id_card",
		`{from: a, when: "1 +"}`:                              "is not an expression",
		`{from: a, date_order: ydm}`:                          "must be one of ymd, dmy, mdy",
		`{from: m.a}`:                                         "many rows",
	} {
		_, err := parse("t.yaml", []byte(with(t, "      id: id", "      id: "+text)), "/etc/talkbridge", still())
		require.ErrorContains(t, err, want, text)
	}
}

func TestNeverSendListAndRefresh(t *testing.T) {
	cfg := parseStill(t, with(t, "{d: {a: b}}", "{d: {query: 'SELECT a, b FROM c', refresh: 10m}}")+"deny_columns: [jtqk, \"ylbx*\"]\nallow_columns: [sds]\n")
	require.Equal(t, []Dict{{Name: "d", Entries: map[string]string{}, Query: "SELECT a, b FROM c", Refresh: 10 * time.Minute}}, cfg.Dicts)
	require.Equal(t, []string{"jtqk", "ylbx*"}, cfg.DenyColumns)
	require.Equal(t, []string{"sds"}, cfg.AllowColumns)
	require.Len(t, cfg.Warnings, 1)
	require.Contains(t, cfg.Warnings[0].Message, "never-send list")
}

// TestAMappingLoadsWithoutSecretsAndContracts: whoever imports the first contract has neither.
func TestAMappingLoadsWithoutSecretsAndContracts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talkbridge.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write(minimal)
	_, err := Load(path)
	require.Error(t, err)
	cfg, err := LoadMapping(path)
	require.NoError(t, err)
	require.Equal(t, "/e", cfg.Routes[0].Endpoint)
	require.Empty(t, cfg.Routes[0].Contract.Schema)
	require.Equal(t, filepath.Join(filepath.Dir(path), "contract.json"), cfg.Routes[0].Contract.Path)
	write(strings.Replace(minimal, "${env:PASSWORD}", "${exec:touch "+path+".ran}", 1))
	_, err = LoadMapping(path)
	require.NoError(t, err)
	require.NoFileExists(t, path+".ran", "no command is run")
	write(strings.Replace(minimal, "id: id", "id: {}", 1))
	_, err = LoadMapping(path)
	require.ErrorContains(t, err, "routes.r.fields.id: one of from")
	_, err = LoadMapping(path + ".gone")
	require.ErrorContains(t, err, "name one with -c")
}
