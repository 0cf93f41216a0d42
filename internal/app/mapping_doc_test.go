package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
	"talkbridge/mapper"
)

const mappingPage = "../../docs/mapping.md"

// An example of docs/mapping.md: what goes in, and what comes out.
type example struct {
	Row      map[string]any
	Contract any
	Payload  any
	Problems []string
	Error    string
}

var (
	fence   = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")
	section = regexp.MustCompile(`(?m)^([a-z_]+):`)
)

// TestEveryExampleOfTheMappingPage runs what the page shows.
func TestEveryExampleOfTheMappingPage(t *testing.T) {
	page, err := os.ReadFile(mappingPage)
	require.NoError(t, err)
	server := testserver.StartMariaDB(t)
	require.NoError(t, server.Exec(fixture.Database))
	db := server.DB("xgxt_demo")
	t.Cleanup(func() { db.Close() })
	found := fence.FindAllSubmatchIndex(page, -1)
	require.Greater(t, len(found), 25)
	for _, at := range found {
		text := string(page[at[2]:at[3]])
		t.Run(fmt.Sprintf("line %d", 1+strings.Count(string(page[:at[0]]), "\n")), func(t *testing.T) {
			var e example
			require.NoError(t, yaml.Unmarshal([]byte(text), &e))
			c, err := config.Load(writeExample(t, text, e))
			require.NoError(t, err)
			o := mapperOptions(c)
			o.DB = db
			o.Now = func() time.Time { return time.Date(2026, 3, 10, 1, 0, 0, 0, time.UTC) }
			if o.Routes[0].Contract != nil {
				o.Routes[0].ContractName = "contract.json"
			}
			m, err := mapper.New(o)
			if e.Error != "" {
				require.ErrorContains(t, err, e.Error)
				return
			}
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, m.Close()) })
			require.NoError(t, m.Preflight(t.Context()))
			e.run(t, m)
		})
	}
}

func (e example) run(t *testing.T, m *mapper.Mapper) {
	t.Helper()
	change := bridge.Change{Route: "r", Columns: map[string]bridge.Value{}}
	for _, column := range m.Columns("r") {
		require.Contains(t, e.Row, column)
		change.Columns[column] = cell(t, e.Row[column])
	}
	payload, problems, err := m.Map(t.Context(), change)
	require.NoError(t, err)
	var said []string
	for _, p := range problems {
		said = append(said, fmt.Sprintf("%s [%s] %s: %s", p.Field, p.Column, p.Rule, p.Message))
	}
	require.Equal(t, e.Problems, said)
	if e.Problems != nil {
		return
	}
	want, err := json.Marshal(e.Payload)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(payload))
}

// cell makes a column's value of what an example writes.
func cell(t *testing.T, v any) bridge.Value {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return bridge.Value{}
	case string:
		return bridge.Value{Kind: bridge.KindText, Text: v}
	case bool:
		return bridge.Value{Kind: bridge.KindBool, Text: map[bool]string{true: "1", false: "0"}[v]}
	case uint64, int64, int:
		return bridge.Value{Kind: bridge.KindInt, Text: fmt.Sprint(v)}
	case map[string]any:
		for kind, text := range v {
			return bridge.Value{Kind: bridge.Kind(kind), Text: fmt.Sprint(text)}
		}
	}
	t.Fatalf("%T in a row", v)
	return bridge.Value{}
}

// writeExample puts an example's sections where they belong in a whole configuration.
func writeExample(t *testing.T, text string, e example) (path string) {
	t.Helper()
	dir := t.TempDir()
	route, top := "", ""
	marks := section.FindAllStringIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		part := text[m[0]:end]
		switch strings.TrimSuffix(text[m[0]:m[1]], ":") {
		case "lookups", "fields", "rules":
			route += "    " + strings.ReplaceAll(strings.TrimRight(part, "\n"), "\n", "\n    ") + "\n"
		case "dicts", "deny_columns", "allow_columns":
			top += part
		case "row", "contract", "payload", "problems", "error":
		default:
			t.Fatalf("an example has no section %s", part)
		}
	}
	if e.Contract != nil {
		schema, err := json.Marshal(e.Contract)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "contract.json"), schema, 0o600))
		route += "    contract: contract.json\n"
	}
	path = filepath.Join(dir, "talkbridge.yaml")
	require.NoError(t, os.WriteFile(path, []byte("source: {addr: \"127.0.0.1:1\", user: u, password: p}\nstate: {key: MDEyMzQ1Njc4OWFiY2RlZg==}\n"+
		"platform: {base_url: \"http://127.0.0.1:1\", client_id: i, client_secret: s}\nroutes:\n  - name: r\n    table: s.t\n"+
		"    submit: {column: flag, becomes: [\"1\"]}\n    endpoint: /e\n"+route+top), 0o600))
	return path
}

// TestTheMappingPageLeavesNothingOut: every key and word of the language is in an example.
func TestTheMappingPageLeavesNothingOut(t *testing.T) {
	page, err := os.ReadFile(mappingPage)
	require.NoError(t, err)
	var examples strings.Builder
	for _, m := range fence.FindAllSubmatch(page, -1) {
		examples.Write(m[1])
	}
	for _, key := range []string{
		"from", "value", "expr", "each", "fields", "object", "list", "when", "default", "optional", "text", "clean", "trim", "split", "dict",
		"time", "date_order", "not_before", "not_after", "type", "check", "by", "kinds", "otherwise", "min", "max", "overflow",
		"query", "many", "label", "refresh", "assert", "message", "deny_columns", "allow_columns",
	} {
		require.Regexp(t, `\b`+key+`: `, examples.String(), "key %s", key)
	}
	for _, word := range []string{
		"html", "control", "zero_width", "halfwidth", "phone", "no_spaces", "spaces", "trim", "string", "integer", "decimal", "boolean", "dmy", "mdy",
		"reject", "truncate", "id_card", "id_card_15", "residence_permit", "permanent_residence", "passport", "hk_macau_permit", "taiwan_permit",
		"mobile", "none",
	} {
		require.Regexp(t, `\b`+word+`\b`, examples.String(), "word %s", word)
	}
}
