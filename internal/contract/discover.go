package contract

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A Group is one of the documents that a server has.
type Group struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// GroupsError says that a server has several documents and none was named.
type GroupsError struct {
	Wanted string
	Groups []Group
}

func (e *GroupsError) Error() string {
	names := make([]string, len(e.Groups))
	for i, g := range e.Groups {
		names[i] = g.Name
	}
	if e.Wanted != "" {
		return fmt.Sprintf("the server has no group %s; it has %s", e.Wanted, strings.Join(names, ", "))
	}
	return "the server has several documents; choose one with --group: " + strings.Join(names, ", ")
}

// discover finds the document behind an address: the address itself, what a configuration there points to, or one of the places where
// springdoc and springfox keep theirs.
//
// springdoc: {context}/v3/api-docs, {context}/v3/api-docs/{group}, listed by {context}/v3/api-docs/swagger-config, which its page
// names in {context}/swagger-ui/swagger-initializer.js. springfox: {context}/v2/api-docs?group={name}, listed by
// {context}/swagger-resources. knife4j's doc.html stands in front of either.
func (r Reader) discover(ctx context.Context, c *webClient, address *url.URL) (*Document, error) {
	data, err := c.get(ctx, address)
	if err == nil {
		d, pointErr := r.look(ctx, c, address, data)
		if pointErr == nil || !errors.Is(pointErr, errNoDocument) {
			return d, pointErr
		}
	} else if !errors.Is(err, errMissing) {
		return nil, err
	}
	var last error
	for _, place := range places() {
		at := *address
		at.Path, at.RawPath, at.RawQuery, at.Fragment = contextOf(address.Path)+place, "", "", ""
		data, err := c.get(ctx, &at)
		if err != nil {
			if !errors.Is(err, errMissing) {
				last = err
			}
			continue
		}
		d, err := r.look(ctx, c, &at, data)
		if err == nil || !errors.Is(err, errNoDocument) {
			return d, err
		}
	}
	if last != nil {
		return nil, last
	}
	return nil, fmt.Errorf("no OpenAPI document was found at %s, nor where springdoc and springfox keep theirs (%s); save it to a file from a "+
		"browser and name the file", address.Redacted(), strings.Join(places(), ", "))
}

// places are tried below the application's own path, the lists before the documents.
func places() []string {
	return []string{
		"/v3/api-docs/swagger-config", "/swagger-ui/swagger-initializer.js", "/swagger-resources", "/v3/api-docs", "/v2/api-docs",
		"/openapi.json", "/swagger.json", "/v3/api-docs.yaml", "/openapi.yaml",
	}
}

// contextOf is the application's own path: an address of one of its documentation pages, without that page.
func contextOf(path string) string {
	for _, page := range []string{
		"/swagger-ui/", "/swagger-ui.html", "/swagger-ui", "/doc.html", "/v3/api-docs", "/v2/api-docs", "/swagger-resources", "/webjars/",
	} {
		if before, _, found := strings.Cut(path, page); found {
			return before
		}
	}
	return strings.TrimRight(path, "/")
}

// look reads what an address gave: a document, a list of documents, or a script that names either. errNoDocument means none of them.
func (r Reader) look(ctx context.Context, c *webClient, at *url.URL, data []byte) (*Document, error) {
	for range 4 { // a script names a list, a list names a document
		groups, ok := listed(data)
		if !ok {
			return r.document(ctx, c, at, data)
		}
		chosen, err := r.choose(groups)
		if err != nil {
			return nil, err
		}
		next, err := at.Parse(chosen.URL)
		if err != nil {
			return nil, fmt.Errorf("the server names %q as its document, which is no address", chosen.URL)
		}
		at = next
		if data, err = c.get(ctx, at); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the server's lists of documents refer to each other")
}

func (r Reader) document(ctx context.Context, c *webClient, at *url.URL, data []byte) (*Document, error) {
	var outside readFunc
	if r.ExternalRefs {
		outside = counted(func(location *url.URL) ([]byte, error) { return c.get(ctx, at.ResolveReference(location)) })
	}
	name := *at
	name.User, name.RawQuery, name.Fragment = nil, "", ""
	if group := at.Query().Get("group"); group != "" {
		name.RawQuery = url.Values{"group": {group}}.Encode()
	}
	return parse(ctx, name.String(), at, data, outside)
}

func (r Reader) choose(groups []Group) (Group, error) {
	if r.Group == "" && len(groups) == 1 {
		return groups[0], nil
	}
	for _, g := range groups {
		if r.Group != "" && g.Name == r.Group {
			return g, nil
		}
	}
	if r.Group != "" && len(groups) == 1 && groups[0].Name == "" { // a script that names the list
		return groups[0], nil
	}
	return Group{}, &GroupsError{Wanted: r.Group, Groups: groups}
}

var (
	scriptURL  = regexp.MustCompile(`["']?\b(configUrl|url)["']?\s*:\s*["']([^"']+)["']`)
	scriptList = regexp.MustCompile(`\{\s*["']?(url|name)["']?\s*:\s*["']([^"']*)["']\s*,\s*["']?(url|name)["']?\s*:\s*["']([^"']*)["']\s*\}`)
)

// listed reads a list of documents in any of its forms: springdoc's swagger-config, springfox's swagger-resources, and Swagger UI's
// own initializer script.
func listed(data []byte) ([]Group, bool) {
	if len(data) > 1<<20 {
		return nil, false
	}
	if list, err := readObject([]byte(`{"list":` + string(data) + `}`)); err == nil {
		return listedJSON(list.get("list"))
	}
	script := string(data)
	if !strings.Contains(script, "SwaggerUIBundle") {
		return nil, false
	}
	var groups []Group
	for _, m := range scriptList.FindAllStringSubmatch(script, -1) {
		switch {
		case m[1] == "url" && m[3] == "name":
			groups = append(groups, Group{Name: m[4], URL: m[2]})
		case m[1] == "name" && m[3] == "url":
			groups = append(groups, Group{Name: m[2], URL: m[4]})
		}
	}
	if len(groups) > 0 {
		return groups, true
	}
	found := scriptURL.FindAllStringSubmatch(script, -1)
	if i := slices.IndexFunc(found, func(m []string) bool { return m[1] == "configUrl" }); i >= 0 {
		return []Group{{URL: found[i][2]}}, true
	}
	for _, m := range found {
		if !strings.Contains(m[2], "petstore.swagger.io") { // the script's default, which nobody removed
			return []Group{{URL: m[2]}}, true
		}
	}
	return nil, false
}

func listedJSON(value any) ([]Group, bool) {
	var groups []Group
	add := func(item any) {
		o, _ := item.(object)
		g := Group{Name: o.text("name"), URL: o.text("url")}
		if g.URL == "" {
			g.URL = o.text("location")
		}
		if g.URL != "" {
			groups = append(groups, g)
		}
	}
	switch v := value.(type) {
	case []any: // swagger-resources
		for _, item := range v {
			add(item)
		}
	case object: // swagger-config
		if v.get("openapi") != nil || v.get("swagger") != nil {
			return nil, false
		}
		urls, _ := v.get("urls").([]any)
		for _, item := range urls {
			add(item)
		}
		if len(groups) == 0 {
			add(v)
		}
	}
	return groups, len(groups) > 0
}
