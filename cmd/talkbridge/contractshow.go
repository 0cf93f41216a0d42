package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"talkbridge/internal/contract"
)

// shown is what show prints for one contract.
type shown struct {
	Route  string           `json:"route,omitempty"`
	Schema string           `json:"schema,omitempty"`
	Fields []contract.Field `json:"fields"`
}

func contractShowCommand(s *settings) *cobra.Command {
	f := &contractFlags{}
	var name string
	cmd := &cobra.Command{
		Use:   "show [FILE|ADDRESS]",
		Short: "Show the fields of the configuration's contracts, of a contract file, or what is in a platform's document",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("name one document, or none for the configuration's contracts")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && name != "":
				return usageError{errors.New("--name picks a schema of a document: name the document")}
			case len(args) == 0:
				return f.showOwn(cmd, s)
			case isContract(args[0]):
				return showFile(cmd, s, args[0])
			default:
				return f.showDocument(cmd, s, args[0], name)
			}
		},
	}
	f.bind(cmd)
	cmd.Flags().StringVar(&name, "name", "", "the `SCHEMA` of the document to show")
	return cmd
}

// isContract tells a contract file from a platform's document.
func isContract(path string) bool {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	return err == nil && bytes.Contains(data, []byte("json-schema.org/"))
}

func (f *contractFlags) showOwn(cmd *cobra.Command, s *settings) error {
	targets, _, err := f.targets(s)
	if err != nil {
		return err
	}
	var list []shown
	for _, t := range targets {
		text, err := os.ReadFile(t.file)
		if err != nil {
			return fmt.Errorf("route %s has no contract yet (%w): make one with contract import", t.Route, err)
		}
		fields, err := contract.Fields(text)
		if err != nil {
			return fmt.Errorf("route %s: %w", t.Route, err)
		}
		list = append(list, shown{Route: t.Route, Schema: contract.SchemaOf(text), Fields: fields})
	}
	return printShown(cmd.OutOrStdout(), s, list)
}

func showFile(cmd *cobra.Command, s *settings, path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("read contract: %w", err)
	}
	fields, err := contract.Fields(text)
	if err != nil {
		return err
	}
	return printShown(cmd.OutOrStdout(), s, []shown{{Schema: contract.SchemaOf(text), Fields: fields}})
}

func (f *contractFlags) showDocument(cmd *cobra.Command, s *settings, source, name string) error {
	d, err := f.read(cmd, source)
	if err != nil {
		return err
	}
	if name == "" {
		return printDocument(cmd.OutOrStdout(), s, d)
	}
	made, err := d.Convert(name, contract.Style{Closed: f.closed})
	if err != nil {
		return err
	}
	fields, err := contract.Fields(made.Schema)
	if err != nil {
		return err
	}
	return printShown(cmd.OutOrStdout(), s, []shown{{Schema: name, Fields: fields}})
}

// documentJSON is the stable shape of show --json for a platform's document.
type documentJSON struct {
	Name       string               `json:"name"`
	Version    string               `json:"version"`
	Title      string               `json:"title"`
	Operations []contract.Operation `json:"operations"`
	Schemas    []string             `json:"schemas"`
}

func printDocument(out io.Writer, s *settings, d *contract.Document) error {
	if s.json {
		return printJSON(out, documentJSON{d.Name, d.Version, d.Title, d.Operations(), d.Schemas()})
	}
	fmt.Fprintf(out, "%s: %s (version %s of its format)\n\n", d.Name, d.Title, d.Version)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tBODY\tSUMMARY")
	for _, o := range d.Operations() {
		fmt.Fprintf(w, "%s %s\t%s\t%s\n", o.Method, o.Path, o.Body, o.Summary)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nSchemas: %s\n", strings.Join(d.Schemas(), ", "))
	return nil
}

func printShown(out io.Writer, s *settings, list []shown) error {
	if s.json {
		return printJSON(out, list)
	}
	for i, one := range list {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s\n", strings.TrimSpace(one.Route+" "+one.Schema))
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "FIELD\tTYPE\tREQUIRED\tLENGTH\tVALUES\tTITLE")
		for _, f := range one.Fields {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Path, f.Type, map[bool]string{true: "yes"}[f.Required], lengthOf(f), valuesOf(f), f.Title)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func lengthOf(f contract.Field) string {
	if f.MinLength+f.MaxLength == "" {
		return f.Range
	}
	return strings.TrimPrefix(f.MinLength+".."+f.MaxLength, "..")
}

func valuesOf(f contract.Field) string {
	switch {
	case len(f.Enum) > 0:
		return strings.Join(f.Enum, " ")
	case f.Format != "":
		return f.Format
	default:
		return f.Pattern
	}
}
