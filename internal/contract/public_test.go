package contract

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// library is where the documents of other systems are that come with kin-openapi: SendGrid's, petstores, and those that its users sent
// in because something went wrong with them.
func library(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/getkin/kin-openapi").Output()
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	require.DirExists(t, dir)
	return dir
}

// noMembers begins the reason why a body that is a list, or anything at all, becomes no contract.
const noMembers = "the document names no members for the body of POST "

// A publicDocument is what one of them has.
type publicDocument struct {
	version string
	calls   int      // POSTs that take a body
	refused []string // their paths, for noMembers
}

func publicDocuments() map[string]publicDocument {
	return map[string]publicDocument{
		"openapi3/testdata/oai_v3_stoplight.json": {
			version: "3.1.0", calls: 60, refused: []string{"/contactdb/lists/{list_id}/recipients", "/contactdb/recipients", "/designs"},
		},
		"openapi2/testdata/swagger.json": {version: "2.0", calls: 7, refused: []string{"/user/createWithArray", "/user/createWithList"}},
		"openapi3filter/testdata/fixtures/petstore.json": {
			version: "3.0.0", calls: 8, refused: []string{"/pet/{petId}/uploadImage", "/user/createWithArray", "/user/createWithList"},
		},
		"openapi3/testdata/issue570.json": {version: "2.0", calls: 1},
		"openapi3/testdata/issue796.yml":  {version: "3.0.1", calls: 2},
		"openapi3/testdata/lxkns.yaml":    {version: "3.0.2"}, // nothing but GET
	}
}

// Nobody wrote these documents for talkbridge. Of every POST that takes a body a contract is made that holds the members which the
// document names there, or it is refused with the reason.
func TestPublicDocuments(t *testing.T) {
	root := library(t)
	for name, want := range publicDocuments() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(root, filepath.FromSlash(name))
			d, err := Reader{ExternalRefs: true}.Read(t.Context(), file)
			require.NoError(t, err)
			require.Equal(t, want.version, d.Version)
			plain := readPlainly(t, file)
			calls, refused := 0, []string{}
			for _, o := range d.Operations() {
				if o.Method != http.MethodPost || o.schema == nil {
					continue
				}
				calls++
				c, err := d.Contract(Want{Route: "r", Endpoint: o.Path}, Style{Closed: true})
				if slices.Contains(want.refused, o.Path) {
					require.ErrorContains(t, err, noMembers+o.Path, o.Path)
					require.ErrorContains(t, err, "--schema r=NAME")
					refused = append(refused, o.Path)
					continue
				}
				require.NoError(t, err, o.Path)
				requireContract(t, c)
				requireMembers(t, plain.body(o.Path), c.Schema, o.Path)
			}
			require.Equal(t, want.calls, calls)
			require.Len(t, refused, len(want.refused))
		})
	}
}

// What else lies there, broken on purpose or only a part of something: each file is read, and what it has becomes contracts, or the
// reason is one that tells what to do or what is wrong.
func TestEveryFileOfTheLibraryIsReadOrRefused(t *testing.T) {
	var n tried
	root := library(t)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, "testdata") || !slices.Contains([]string{".json", ".yml", ".yaml"}, filepath.Ext(path)) {
			return err
		}
		if _, known := publicDocuments()[filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))]; !known {
			n.file(t, path)
		}
		return nil
	}))
	t.Logf("%d documents with %d bodies and %d schemas, %d parts of documents, %d refused", n.documents, n.calls, n.schemas, n.parts, n.refused)
	require.Greater(t, n.documents, 50)
	require.Greater(t, n.calls, 15)
	require.Greater(t, n.schemas, 100)
}

// tried counts what was read.
type tried struct{ documents, parts, refused, calls, schemas int }

func (n *tried) file(t *testing.T, path string) {
	t.Helper()
	d, err := Reader{ExternalRefs: true}.Read(t.Context(), path)
	switch {
	case errors.Is(err, errNoDocument):
		n.parts++
		return
	case err != nil:
		n.refused++
		require.Less(t, len(err.Error()), 500, path)
		require.True(t, slices.ContainsFunc([]string{
			"it uses YAML aliases, which are not read: take the JSON form of the document",
			"the document refers to a file outside of its folder; put the files side by side",
			"no such file or directory", "not found",
		}, func(why string) bool { return strings.Contains(err.Error(), why) }), "%s: %v", path, err)
		return
	}
	n.documents++
	for _, o := range d.Operations() {
		if o.schema == nil {
			continue
		}
		n.calls++
		c, err := d.Contract(Want{Route: "r", Endpoint: o.Path}, Style{Closed: true})
		if err != nil {
			var undecided *UndecidedError
			require.ErrorAs(t, err, &undecided, path)
			continue
		}
		requireContract(t, c)
	}
	for _, name := range d.Schemas() {
		n.schemas++
		c, err := d.Convert(name, Style{Closed: true})
		require.NoError(t, err, "%s: %s", path, name)
		requireContract(t, c)
	}
}

// A body that stands in another file is that body, also where the document has a schema of the same name.
func TestABodyOfAnotherFileIsNotTheOneOfItsName(t *testing.T) {
	d, err := Reader{ExternalRefs: true}.Read(t.Context(), filepath.Join(library(t), "openapi3", "testdata", "refInRef", "openapi.json"))
	require.NoError(t, err)
	c, err := d.Contract(Want{Route: "r", Endpoint: "/api/test/ref/in/ref"}, Style{})
	require.NoError(t, err)
	require.Contains(t, string(c.Schema), `"definition_reference"`)

	dir := t.TempDir()
	own := string(document(`"A": {"type": "object", "properties": {"own": {"type": "string"}}}`))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "api.json"), []byte(strings.Replace(own, "#/components", "other.json#/components", 1)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.json"), document(`"A": {"type": "object", "properties": {"other": {"type": "string"}}}`), 0o600))
	d, err = Reader{ExternalRefs: true}.Read(t.Context(), filepath.Join(dir, "api.json"))
	require.NoError(t, err)
	c, err = d.Contract(Want{Route: "r", Endpoint: "/a"}, Style{})
	require.NoError(t, err)
	require.Contains(t, string(c.Schema), `"other"`)
	require.NotContains(t, string(c.Schema), `"own"`)
	require.Empty(t, SchemaOf(c.Schema), "the next import and diff look at the call again, not at a schema of that name")
}

// requireMembers holds a contract's outermost members against what the document names, read without any of this package.
func requireMembers(t *testing.T, want map[string]bool, schema []byte, path string) {
	t.Helper()
	fields, err := Fields(schema)
	require.NoError(t, err)
	got := map[string]bool{}
	var properties struct{ Properties map[string]json.RawMessage }
	require.NoError(t, json.Unmarshal(schema, &properties))
	for _, f := range fields {
		if _, outermost := properties.Properties[f.Path]; outermost {
			got[f.Path] = f.Required
		}
	}
	require.NotEmpty(t, want, path)
	require.Equal(t, want, got, path)
}

// plainly is a document as the libraries for JSON and YAML give it.
type plainly map[string]any

func readPlainly(t *testing.T, file string) plainly {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	if !strings.HasSuffix(file, ".json") {
		text, err = yaml.YAMLToJSON(text)
		require.NoError(t, err)
	}
	var p plainly
	require.NoError(t, json.Unmarshal(text, &p))
	return p
}

// body lists the members of a POST's body, and whether each is required.
func (p plainly) body(path string) map[string]bool {
	post := dig(map[string]any(p), "paths", path, "post")
	out, required := map[string]bool{}, map[any]bool{}
	content, _ := dig(p.target(dig(post, "requestBody")), "content").(map[string]any)
	for _, media := range content { // one kind, or the same schema for all of them
		p.members(dig(media, "schema"), out, required)
	}
	parameters, _ := dig(post, "parameters").([]any)
	for _, parameter := range parameters {
		switch name, _ := dig(parameter, "name").(string); dig(parameter, "in") {
		case "body":
			p.members(dig(parameter, "schema"), out, required)
		case "formData":
			out[name], required[name] = true, dig(parameter, "required") == true
		}
	}
	for name := range out {
		out[name] = required[name]
	}
	return out
}

// members collects what a schema lists and what it requires: the parts of an allOf may require what others list.
func (p plainly) members(schema any, into map[string]bool, required map[any]bool) {
	schema = p.target(schema)
	properties, _ := dig(schema, "properties").(map[string]any)
	for name, property := range properties {
		if dig(p.target(property), "readOnly") != true {
			into[name] = true
		}
	}
	names, _ := dig(schema, "required").([]any)
	for _, name := range names {
		required[name] = true
	}
	all, _ := dig(schema, "allOf").([]any)
	for _, part := range all {
		p.members(part, into, required)
	}
}

func (p plainly) target(value any) any {
	for {
		ref, _ := dig(value, "$ref").(string)
		if !strings.HasPrefix(ref, "#/") {
			return value
		}
		value = dig(map[string]any(p), strings.Split(ref[2:], "/")...)
	}
}

func dig(value any, path ...string) any {
	for _, step := range path {
		m, _ := value.(map[string]any)
		value = m[step]
	}
	return value
}
