package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/configs"
)

const samples = "../../internal/contract/testdata/"

// workplace is a folder with the example configuration and its contracts; no secret is set.
func workplace(t *testing.T) (config string) {
	t.Helper()
	path, err := configs.Write(t.TempDir(), configs.Settings{SourceAddr: "127.0.0.1:1", StateURL: "file:x.db", BaseURL: "http://127.0.0.1:1", Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	return path
}

func talkbridge(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = execute(t.Context(), args, &out, &errOut)
	return code, out.String(), errOut.String()
}

// changed is the sample document with pieces replaced, each of which is there at least once.
func changed(t *testing.T, replacements ...string) string {
	t.Helper()
	text, err := os.ReadFile(samples + "assumed-openapi3-plain.json")
	require.NoError(t, err)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, text))
	doc := compact.String()
	for i := 0; i < len(replacements); i += 2 {
		require.Contains(t, doc, replacements[i])
		doc = strings.ReplaceAll(doc, replacements[i], replacements[i+1])
	}
	path := filepath.Join(t.TempDir(), "new.json")
	require.NoError(t, os.WriteFile(path, []byte(doc), 0o600))
	return path
}

func TestContractDiffSaysWhatAPlatformsChangeBreaks(t *testing.T) {
	config := workplace(t)
	code, out, stderr := talkbridge(t, "contract", "diff", samples+"assumed-openapi3-plain.json", "-c", config)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "one: no change (schema TalkOneDTO)")

	document := changed(t,
		`"talkPlace":{`, `"talkSpot":{`,
		`"required":["recordId","counselorNo","counselorName","talkType","talkMode","talkTime","talkTitle","talkContent","studentNo","studentName"]`,
		`"required":["recordId","counselorNo","counselorName","talkType","talkMode","talkTime","talkTitle","talkContent","studentNo","studentName","grade"]`,
		`"maxLength":2000`, `"maxLength":500`,
		`"enum":["01","02","03","04","99"]`, `"enum":["01","02","03","99"]`)
	code, out, stderr = talkbridge(t, "contract", "diff", document, "-c", config)
	require.Equal(t, 1, code)
	require.Empty(t, stderr)
	for _, want := range []string{
		"! talkPlace ", "  talkSpot ", "! grade                    required  no → yes", "talkContent              length    1..2000 → 1..500",
		"talkMode                 enum      without 04",
		"breaks the mapping: field talkPlace: contract", "does not know it, and allows nothing else",
		"breaks the mapping: field grade: contract", "requires it, and no field fills it",
		`breaks the mapping: field talkMode: dict talk_mode gives "04" for "WX"`, "it wants one of 01, 02, 03, 99",
		"breaks the mapping: field talkContent: max is 2000 and the platform takes 500",
	} {
		require.Contains(t, out, want)
	}
	code, out, _ = talkbridge(t, "contract", "diff", document, "-c", config, "--json")
	require.Equal(t, 1, code)
	var list []differing
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Len(t, list, 3)
	require.NotEmpty(t, list[0].Breaks)
}

func TestContractImportAsksWhereTheDocumentShowsTheEnvelope(t *testing.T) {
	config := workplace(t)
	code, _, stderr := talkbridge(t, "contract", "import", samples+"assumed-openapi3-envelope.json", "-c", config)
	require.Equal(t, 1, code)
	require.Equal(t, 3, strings.Count(stderr, "as the encrypted envelope"), "all questions at once")
	chosen := "one=TalkOneDTO,multi=TalkMultiDTO,patriarch=TalkPatriarchDTO"
	code, out, stderr := talkbridge(t, "contract", "import", samples+"assumed-openapi3-envelope.json", "-c", config, "--schema", chosen)
	require.Equal(t, 1, code)
	require.Contains(t, out, "one: differs")
	require.Contains(t, stderr, "--replace")
	code, out, stderr = talkbridge(t, "contract", "import", samples+"assumed-openapi3-envelope.json", "-c", config, "--schema", chosen, "--replace")
	require.Zero(t, code, stderr)
	require.Contains(t, out, "one: written")
	// The choice is remembered in the contract.
	code, out, stderr = talkbridge(t, "contract", "import", samples+"assumed-openapi3-envelope.json", "-c", config)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "one: unchanged")
}

func TestContractImportFromAServerWithoutAConfiguration(t *testing.T) {
	document, err := os.ReadFile(samples + "assumed-swagger2.json")
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case "/api/swagger-resources":
			_, _ = w.Write([]byte(`[{"name": "a", "url": "/api/v2/api-docs?group=a"}, {"name": "talk", "url": "/api/v2/api-docs?group=talk"}]`))
		case "/api/v2/api-docs?group=talk":
			_, _ = w.Write(document)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	none := filepath.Join(dir, "talkbridge.yaml")
	code, _, stderr := talkbridge(t, "contract", "import", server.URL+"/api/swagger-ui.html", "-c", none)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "--route one=/talk-record/one")
	args := []string{"contract", "import", server.URL + "/api/swagger-ui.html", "-c", none, "--route", "one=/talk-record/one", "--closed=false"}
	code, _, stderr = talkbridge(t, args...)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "choose one with --group: a, talk")
	code, out, stderr := talkbridge(t, append(args, "--group", "talk", "--json")...)
	require.Zero(t, code, stderr)
	var list []imported
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, "written", list[0].State)
	text, err := os.ReadFile(filepath.Join(dir, "contracts", "one.schema.json"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "additionalProperties")
}

func TestContractShow(t *testing.T) {
	code, out, stderr := talkbridge(t, "contract", "show", "-c", workplace(t))
	require.Zero(t, code, stderr)
	require.Regexp(t, `(?m)^students\[\]\.studentNo +string +yes +1\.\.32 +学号$`, out)
	code, out, _ = talkbridge(t, "contract", "show", samples+"assumed-openapi3-plain.json")
	require.Zero(t, code)
	require.Regexp(t, `POST /talk-record/one +TalkOneDTO +一对一谈话`, out)
	code, out, _ = talkbridge(t, "contract", "show", samples+"assumed-swagger2.json", "--name", "TalkStudentDTO", "--json")
	require.Zero(t, code)
	var list []shown
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, "studentNo", list[0].Fields[0].Path)
	code, out, _ = talkbridge(t, "contract", "show", "../../configs/contracts/one.schema.json")
	require.Zero(t, code)
	require.Contains(t, out, "attentionLevel")
	for _, args := range [][]string{{"contract", "show", "a", "b"}, {"contract", "import"}, {"contract", "fly"}, {"contract", "show", "--name", "x"}} {
		code, _, _ = talkbridge(t, args...)
		require.Equal(t, 2, code, args)
	}
}
