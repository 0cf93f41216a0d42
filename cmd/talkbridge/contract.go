package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/config"
	"talkbridge/internal/contract"
)

func contractCommand(s *settings) *cobra.Command {
	return group("contract", "Contracts made from the platform's OpenAPI document",
		contractImportCommand(s), contractDiffCommand(s), contractShowCommand(s))
}

// contractFlags are what import, diff and show share: where the document is, and which schema is whose.
type contractFlags struct {
	group    string
	headers  []string
	ca       string
	external bool
	schemas  map[string]string
	routes   map[string]string
	closed   bool
	out      string
}

func (f *contractFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.group, "group", "", "the `GROUP` of a server with several documents")
	flags.StringArrayVar(&f.headers, "header", nil, "`'NAME: VALUE'` to send with every request, where the platform wants a login")
	flags.StringVar(&f.ca, "ca", "", "PEM `FILE` of the authority behind the server's certificate")
	flags.BoolVar(&f.external, "external-refs", false, "follow references to files beside the document, or elsewhere on its host")
	flags.StringToStringVar(&f.schemas, "schema", nil, "`ROUTE=SCHEMA`: the record's own schema, where the document shows only the envelope")
	flags.StringToStringVar(&f.routes, "route", nil, "`ROUTE=ENDPOINT` instead of the configuration's routes")
	flags.BoolVar(&f.closed, "closed", true, "refuse members that the document does not list; false: as the document says")
	flags.StringVar(&f.out, "out", "", "`FOLDER` of the contracts instead of where the configuration has them")
}

func (f *contractFlags) reader() (contract.Reader, error) {
	r := contract.Reader{Group: f.group, CA: f.ca, ExternalRefs: f.external, Headers: http.Header{}}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.ContainsAny(h, "\r\n") {
			return r, usageError{errors.New("a header is written 'NAME: VALUE'")}
		}
		r.Headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return r, nil
}

// A target is a route with the file that holds its contract.
type target struct {
	contract.Want

	file string
}

// targets are the routes in question: those of the flags, or else those of the configuration, which is nil where there is none.
func (f *contractFlags) targets(s *settings) ([]target, *config.Config, error) {
	c, err := config.LoadMapping(s.config)
	if err != nil && len(f.routes) == 0 {
		return nil, nil, fmt.Errorf("%w\nwithout a configuration say which routes are meant: --route one=/talk-record/one", err)
	}
	var out []target
	if err == nil {
		for _, r := range c.Routes {
			t := target{Want: contract.Want{Route: r.Name, Endpoint: r.Endpoint, DataField: c.Platform.Request.DataField}, file: r.Contract.Path}
			for _, field := range r.Fields {
				t.Fields = append(t.Fields, field.Name)
			}
			if endpoint, given := f.routes[r.Name]; given {
				t.Endpoint = endpoint
			}
			if _, given := f.routes[r.Name]; given || len(f.routes) == 0 {
				out = append(out, t)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.routes)) {
		if !slices.ContainsFunc(out, func(t target) bool { return t.Route == name }) {
			out = append(out, target{Want: contract.Want{Route: name, Endpoint: f.routes[name]}})
		}
	}
	return out, c, f.complete(out, s)
}

// complete fills in the schema that was chosen and the file.
func (f *contractFlags) complete(targets []target, s *settings) error {
	for name := range f.schemas {
		if !slices.ContainsFunc(targets, func(t target) bool { return t.Route == name }) {
			return usageError{fmt.Errorf("--schema %s=…: there is no such route", name)}
		}
	}
	for i := range targets {
		t := &targets[i]
		t.Schema = f.schemas[t.Route]
		name := t.Route + ".schema.json"
		switch {
		case f.out != "":
			t.file = filepath.Join(f.out, cmp.Or(filepath.Base(cmp.Or(t.file, name)), name))
		case t.file == "":
			t.file = filepath.Join(filepath.Dir(s.config), "contracts", name)
		}
		if old, err := os.ReadFile(t.file); err == nil && t.Schema == "" {
			t.Schema = contract.SchemaOf(old) // what was chosen the last time
		}
	}
	return nil
}

// make makes the contracts of all targets. Where people have to choose, all of the questions come at once.
func (f *contractFlags) make(d *contract.Document, targets []target, style func(target) contract.Style) ([]contract.Contract, error) {
	var errs []error
	made := make([]contract.Contract, len(targets))
	for i, t := range targets {
		if _, chosen := f.schemas[t.Route]; !chosen && !slices.Contains(d.Schemas(), t.Schema) {
			t.Schema = "" // the document of last time is another one
		}
		var err error
		made[i], err = d.Contract(t.Want, style(t))
		errs = append(errs, err)
	}
	return made, errors.Join(errs...)
}

func contractImportCommand(s *settings) *cobra.Command {
	f := &contractFlags{}
	var replace bool
	cmd := &cobra.Command{
		Use:   "import FILE|ADDRESS",
		Short: "Write the contracts of all routes from the platform's document; an address may be its Swagger page",
		Args:  oneArg("document: a file, or an address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			targets, _, err := f.targets(s)
			if err != nil {
				return err
			}
			d, err := f.read(cmd, args[0])
			if err != nil {
				return err
			}
			made, err := f.make(d, targets, func(target) contract.Style { return contract.Style{Closed: f.closed} })
			if err != nil {
				return err
			}
			return importContracts(cmd, s, targets, made, replace)
		},
	}
	f.bind(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "overwrite contracts that say something else")
	return cmd
}

func (f *contractFlags) read(cmd *cobra.Command, source string) (*contract.Document, error) {
	reader, err := f.reader()
	if err != nil {
		return nil, err
	}
	d, err := reader.Read(cmd.Context(), source)
	if err != nil {
		return nil, err
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "talkbridge: %s: %s\n", d.Name, w)
	}
	return d, nil
}

// imported is what import prints for one route.
type imported struct {
	Route  string   `json:"route"`
	Schema string   `json:"schema"`
	File   string   `json:"file"`
	State  string   `json:"state"` // written | unchanged | differs
	Notes  []string `json:"notes"`
}

// importContracts writes what is new, and what is different only where that was asked for: a contract is what refuses records.
func importContracts(cmd *cobra.Command, s *settings, targets []target, made []contract.Contract, replace bool) error {
	var list []imported
	differs := false
	for i, t := range targets {
		one := imported{Route: t.Route, Schema: made[i].From, File: t.file, State: "written", Notes: made[i].Notes}
		old, err := os.ReadFile(t.file)
		if err == nil {
			changes, err := contract.Diff(old, made[i].Schema)
			switch {
			case err == nil && len(changes) == 0 && bytes.Equal(old, made[i].Schema):
				one.State = "unchanged"
			case !replace:
				one.State, differs = "differs", true
			}
		}
		if one.State == "written" {
			if err := os.MkdirAll(filepath.Dir(t.file), 0o750); err != nil {
				return fmt.Errorf("write contract: %w", err)
			}
			if err := os.WriteFile(t.file, made[i].Schema, 0o644); err != nil { //nolint:gosec // a contract is no secret
				return fmt.Errorf("write contract: %w", err)
			}
		}
		list = append(list, one)
	}
	if err := printImported(cmd.OutOrStdout(), s, list); err != nil {
		return err
	}
	if differs {
		return errors.New("a contract is there already and says something else: see what with contract diff, and overwrite it with --replace")
	}
	return nil
}

func printImported(out io.Writer, s *settings, list []imported) error {
	if s.json {
		for i := range list {
			if list[i].Notes == nil {
				list[i].Notes = []string{}
			}
		}
		return printJSON(out, list)
	}
	for _, one := range list {
		fmt.Fprintf(out, "%s: %s %s (schema %s)\n", one.Route, one.State, one.File, one.Schema)
		for _, note := range one.Notes {
			fmt.Fprintf(out, "  note: %s\n", note)
		}
	}
	return nil
}

// differing is what diff prints for one route.
type differing struct {
	Route   string            `json:"route"`
	Schema  string            `json:"schema"`
	Changes []contract.Change `json:"changes"`
	Breaks  []string          `json:"breaks"` // what of the mapping the change breaks
}

func contractDiffCommand(s *settings) *cobra.Command {
	f := &contractFlags{}
	cmd := &cobra.Command{
		Use:   "diff FILE|ADDRESS",
		Short: "Show what the platform's document changes in the contracts, and what that breaks in the mapping",
		Args:  oneArg("document: a file, or an address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			targets, c, err := f.targets(s)
			if err != nil {
				return err
			}
			d, err := f.read(cmd, args[0])
			if err != nil {
				return err
			}
			made, err := f.make(d, targets, func(t target) contract.Style { return contract.Style{Closed: f.closedLike(cmd, t)} })
			if err != nil {
				return err
			}
			list, err := diffContracts(targets, made, c)
			if err != nil {
				return err
			}
			return printDiff(cmd.OutOrStdout(), s, list)
		},
	}
	f.bind(cmd)
	return cmd
}

// closedLike compares like with like: a contract that is open is compared with an open one, unless the flag says otherwise.
func (f *contractFlags) closedLike(cmd *cobra.Command, t target) bool {
	old, err := os.ReadFile(t.file)
	if err != nil || cmd.Flags().Changed("closed") {
		return f.closed
	}
	return contract.IsClosed(old)
}

func diffContracts(targets []target, made []contract.Contract, c *config.Config) ([]differing, error) {
	now := map[string][]byte{}
	var list []differing
	for i, t := range targets {
		old, err := os.ReadFile(t.file)
		if err != nil {
			return nil, fmt.Errorf("route %s has no contract yet (%w): make one with contract import", t.Route, err)
		}
		changes, err := contract.Diff(old, made[i].Schema)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", t.Route, err)
		}
		now[t.Route] = made[i].Schema
		list = append(list, differing{Route: t.Route, Schema: made[i].From, Changes: changes, Breaks: []string{}})
	}
	if c == nil {
		return list, nil
	}
	faults := app.MappingFaults(c, now)
	for i := range list {
		prefix := "route " + list[i].Route + ": "
		for _, fault := range faults {
			if rest, ok := strings.CutPrefix(fault, prefix); ok {
				list[i].Breaks = append(list[i].Breaks, rest)
			}
		}
		list[i].Breaks = append(list[i].Breaks, contract.Impacts(list[i].Changes, limitsOf(c, list[i].Route))...)
	}
	return list, nil
}

// limitsOf lists the fields that a route sends with the length that the mapping allows them.
func limitsOf(c *config.Config, route string) map[string]int {
	limits := map[string]int{}
	var walk func(fields []config.Field, prefix string)
	walk = func(fields []config.Field, prefix string) {
		for _, f := range fields {
			limits[prefix+f.Name] = f.Max
			walk(f.Fields, prefix+f.Name+"[].")
			walk(f.Object, prefix+f.Name+".")
		}
	}
	for _, r := range c.Routes {
		if r.Name == route {
			walk(r.Fields, "")
		}
	}
	return limits
}

func printDiff(out io.Writer, s *settings, list []differing) error {
	broken := false
	for _, one := range list {
		broken = broken || len(one.Breaks) > 0
	}
	if s.json {
		for i := range list {
			if list[i].Changes == nil {
				list[i].Changes = []contract.Change{}
			}
		}
		if err := printJSON(out, list); err != nil {
			return err
		}
	} else {
		printDiffText(out, list)
	}
	if broken {
		return errSaid
	}
	return nil
}

func printDiffText(out io.Writer, list []differing) {
	for _, one := range list {
		if len(one.Changes) == 0 {
			fmt.Fprintf(out, "%s: no change (schema %s)\n", one.Route, one.Schema)
			continue
		}
		fmt.Fprintf(out, "%s: %d changes (schema %s)\n", one.Route, len(one.Changes), one.Schema)
		for _, c := range one.Changes {
			mark := " "
			if c.Tighter {
				mark = "!"
			}
			fmt.Fprintf(out, "  %s %-24s %-9s %s\n", mark, cmp.Or(c.Path, "(record)"), c.Kind, wasNow(c))
		}
		for _, b := range one.Breaks {
			fmt.Fprintf(out, "  breaks the mapping: %s\n", b)
		}
	}
}

func wasNow(c contract.Change) string {
	switch {
	case c.Kind == "added":
		return c.Now
	case c.Kind == "removed":
		return c.Was
	case c.Kind == "enum" && strings.HasPrefix(c.Was+c.Now, "with"):
		return strings.Trim(c.Was+", "+c.Now, ", ")
	default:
		return cmp.Or(c.Was, "none") + " → " + cmp.Or(c.Now, "none")
	}
}
