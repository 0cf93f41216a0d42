package contract

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// initializer is springdoc's swagger-ui/swagger-initializer.js, cut to what matters.
const initializer = `window.onload = function() {
  window.ui = SwaggerUIBundle({ url: "https://petstore.swagger.io/v2/swagger.json", dom_id: '#swagger-ui',
  "configUrl" : "/api/v3/api-docs/swagger-config", "validatorUrl" : "" });
};`

// platform serves pages; {doc} in one stands for a document with one schema of that name.
func platform(t *testing.T, pages map[string]string) string {
	t.Helper()
	plain, err := os.ReadFile("testdata/assumed-openapi3-plain.json")
	require.NoError(t, err)
	old, err := os.ReadFile("testdata/assumed-swagger2.json")
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.RequestURI()]
		switch {
		case !ok:
			http.NotFound(w, r)
		case strings.HasPrefix(page, "LOGIN ") && r.Header.Get("Cookie") == "":
			w.WriteHeader(http.StatusForbidden)
		case strings.HasPrefix(page, "TO "):
			http.Redirect(w, r, page[3:], http.StatusFound)
		case strings.HasSuffix(page, "OPENAPI"):
			_, _ = w.Write(plain)
		case page == "SWAGGER":
			_, _ = w.Write(old)
		default:
			_, _ = w.Write([]byte(page))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestDocumentsAreFound goes the ways that springdoc, springfox and knife4j lead.
func TestDocumentsAreFound(t *testing.T) {
	config, err := os.ReadFile("testdata/sample-swagger-config.json")
	require.NoError(t, err)
	springdoc := map[string]string{
		"/api/swagger-ui/index.html": "<html>", "/api/doc.html": "<html>", "/api": "", "/api/swagger-ui/swagger-initializer.js": initializer,
		"/api/v3/api-docs/swagger-config": string(config), "/api/v3/api-docs/all": "{}", "/api/v3/api-docs/talk": "OPENAPI", "/api/v3/api-docs": "OPENAPI",
	}
	springfox := map[string]string{
		"/api/swagger-ui.html": "<html>", "/api/v2/api-docs": "SWAGGER", "/api/v2/api-docs?group=talk": "SWAGGER",
		"/api/swagger-resources": `[{"name": "talk", "url": "/api/v2/api-docs?group=talk", "swaggerVersion": "2.0", "location": "/api/v2/api-docs?group=talk"}]`,
	}
	for name, c := range map[string]struct {
		pages       map[string]string
		path, group string
		want        string
	}{
		"the document itself":          {springdoc, "/api/v3/api-docs/talk", "", "/api/v3/api-docs/talk"},
		"springdoc's page":             {springdoc, "/api/swagger-ui/index.html", "talk", "/api/v3/api-docs/talk"},
		"springdoc's configuration":    {springdoc, "/api/v3/api-docs/swagger-config", "talk", "/api/v3/api-docs/talk"},
		"springdoc's script":           {springdoc, "/api/swagger-ui/swagger-initializer.js", "talk", "/api/v3/api-docs/talk"},
		"the application":              {springdoc, "/api", "talk", "/api/v3/api-docs/talk"},
		"knife4j's page":               {springdoc, "/api/doc.html#/home", "talk", "/api/v3/api-docs/talk"},
		"springfox's page":             {springfox, "/api/swagger-ui.html", "", "/api/v2/api-docs?group=talk"},
		"springfox's list, its group":  {springfox, "/api/swagger-resources", "talk", "/api/v2/api-docs?group=talk"},
		"springfox's document":         {springfox, "/api/v2/api-docs", "", "/api/v2/api-docs"},
		"a redirect on the same host":  {map[string]string{"/docs": "TO /x.json", "/x.json": "OPENAPI"}, "/docs", "", "/docs"},
		"a script with a list of URLs": {map[string]string{"/swagger-ui/swagger-initializer.js": `SwaggerUIBundle({urls: [{url: "/a.json", name: "a"}, {url: "/b.json", name: "b"}]})`, "/b.json": "OPENAPI"}, "/", "b", "/b.json"},
		"openapi.json at the root":     {map[string]string{"/openapi.json": "OPENAPI"}, "", "", "/openapi.json"},
	} {
		t.Run(name, func(t *testing.T) {
			base := platform(t, c.pages)
			d, err := Reader{Group: c.group, Timeout: 5 * time.Second}.Read(t.Context(), base+c.path)
			require.NoError(t, err)
			require.Equal(t, base+c.want, d.Name)
			require.Len(t, d.Operations(), 3)
		})
	}
}

func TestWhatAServerCanAnswerInstead(t *testing.T) {
	config, err := os.ReadFile("testdata/sample-swagger-config.json")
	require.NoError(t, err)
	other := platform(t, map[string]string{"/x.json": "OPENAPI"})
	for name, c := range map[string]struct {
		pages map[string]string
		path  string
		want  string
	}{
		"several groups":       {map[string]string{"/v3/api-docs/swagger-config": string(config)}, "", "choose one with --group: all, talk"},
		"nothing":              {nil, "/api", "no OpenAPI document was found at"},
		"a login":              {map[string]string{"/api": "LOGIN OPENAPI"}, "/api", "answers 403: log in with a browser"},
		"another host":         {map[string]string{"/docs": "TO " + other + "/x.json"}, "/docs", "another host; name that address"},
		"a list elsewhere":     {map[string]string{"/v3/api-docs/swagger-config": `{"url": "` + other + `/x.json"}`}, "", "is on another host than"},
		"lists in a circle":    {map[string]string{"/v3/api-docs/swagger-config": `{"url": "/v3/api-docs/swagger-config"}`}, "", "refer to each other"},
		"a huge answer":        {map[string]string{"/x": `{"openapi": "3.0.1", "x": "` + strings.Repeat("a", maxBytes) + `"}`}, "/x", "larger than 16 MiB"},
		"references elsewhere": {map[string]string{"/x": string(document(`"A": {"$ref": "` + other + `/x.json#/components/schemas/TalkOneDTO"}`))}, "/x", "--external-refs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Reader{Timeout: 5 * time.Second}.Read(t.Context(), platform(t, c.pages)+c.path)
			require.ErrorContains(t, err, c.want)
		})
	}
	base := platform(t, map[string]string{"/api": "LOGIN OPENAPI"})
	d, err := Reader{Headers: http.Header{"Cookie": {"canary"}}}.Read(t.Context(), base+"/api")
	require.NoError(t, err)
	require.NotContains(t, d.Name, "canary")
	_, err = Reader{Group: "x"}.Read(t.Context(), platform(t, map[string]string{"/v3/api-docs/swagger-config": string(config)}))
	require.ErrorContains(t, err, "the server has no group x; it has all, talk")
}

func TestReferencesElsewhereStayOnTheHostEvenWhenAskedFor(t *testing.T) {
	other := platform(t, map[string]string{"/x.json": "OPENAPI"})
	base := platform(t, map[string]string{
		"/near": string(document(`"A": {"$ref": "/beside.json#/components/schemas/B"}`)), "/beside.json": string(document(`"A": {}, "B": {"type": "object", "properties": {"b": {}}}`)),
		"/far": string(document(`"A": {"$ref": "` + other + `/x.json#/components/schemas/TalkOneDTO"}`)),
	})
	d, err := Reader{ExternalRefs: true}.Read(t.Context(), base+"/near")
	require.NoError(t, err)
	c, err := d.Convert("A", Style{})
	require.NoError(t, err)
	require.Contains(t, string(c.Schema), `"b"`)
	_, err = Reader{ExternalRefs: true}.Read(t.Context(), base+"/far")
	require.ErrorContains(t, err, "another host")
}

func TestAContractDoesNotRepeatCredentials(t *testing.T) {
	base := platform(t, map[string]string{"/x.json?token=canary": "OPENAPI"})
	address, err := url.Parse(base + "/x.json?token=canary")
	require.NoError(t, err)
	address.User = url.UserPassword("user", "canary")
	d, err := Reader{}.Read(t.Context(), address.String())
	require.NoError(t, err)
	c, err := d.Contract(Want{Route: "one", Endpoint: "/talk-record/one"}, Style{})
	require.NoError(t, err)
	require.NotContains(t, string(c.Schema), "canary")
}
