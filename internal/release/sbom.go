package release

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A bill is a software bill of materials: CycloneDX 1.5, https://cyclonedx.org/docs/1.5/json/.
type bill struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   billSubject `json:"metadata"`
	Components []component `json:"components"`
}

type billSubject struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type     string          `json:"type"`
	Ref      string          `json:"bom-ref"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Purl     string          `json:"purl,omitempty"`
	Licenses []licenseChoice `json:"licenses,omitempty"`
}

type licenseChoice struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

// Bill makes the bill of materials of the programs alone.
func Bill(ctx context.Context, o Options) ([]byte, error) {
	modules, err := modulesOf(ctx, o.Source, o.Archs)
	if err != nil {
		return nil, err
	}
	kinds, err := addLicences(map[string][]byte{}, modules)
	if err != nil {
		return nil, err
	}
	return billOf(o, modules, kinds)
}

// billOf lists the modules whose code is in the programs. It bears the commit's time and no serial number, so that the same commit gives
// the same bytes.
func billOf(o Options, modules map[string]module, kinds map[string][]string) ([]byte, error) {
	b := bill{Format: "CycloneDX", Spec: "1.5", Version: 1, Components: []component{}}
	b.Metadata = billSubject{
		Timestamp: o.Time.UTC().Format("2006-01-02T15:04:05Z"),
		Component: component{Type: "application", Ref: "talkbridge", Name: "talkbridge", Version: o.Version},
	}
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		purl := "pkg:golang/" + m.Path + "@" + strings.TrimPrefix(m.Version, "go") // pkg:golang/std@1.26.8, by which scanners know it
		c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, Purl: purl}
		for _, kind := range kinds[path] {
			var choice licenseChoice
			choice.License.ID = kind
			c.Licenses = append(c.Licenses, choice)
		}
		b.Components = append(b.Components, c)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return out.Bytes(), nil
}
