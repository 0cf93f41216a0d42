package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
)

func mapCommand(s *settings) *cobra.Command {
	var route, key string
	cmd := &cobra.Command{
		Use:   "map --route R --key K",
		Short: "Show what one row becomes, or why it is refused; nothing is sent",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if route == "" || key == "" {
				return usageError{errors.New("map needs --route and --key")}
			}
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			p, err := app.PreviewRow(cmd.Context(), c, route, key)
			if err != nil {
				return err
			}
			return printPreview(cmd.OutOrStdout(), s, p)
		},
	}
	cmd.Flags().StringVar(&route, "route", "", "the `ROUTE` to map by")
	cmd.Flags().StringVar(&key, "key", "", "the row's primary `KEY`; several columns joined by commas")
	return cmd
}

// previewJSON is the stable shape of map --json.
type previewJSON struct {
	Payload  json.RawMessage  `json:"payload"`
	Problems []bridge.Problem `json:"problems"`
	Why      string           `json:"why,omitempty"` // why the row would not be submitted as it is
}

func printPreview(out io.Writer, s *settings, p app.Preview) error {
	if s.json {
		shape := previewJSON{Payload: json.RawMessage("null"), Problems: p.Problems, Why: p.Why}
		if len(p.Payload) > 0 && len(p.Problems) == 0 {
			shape.Payload = p.Payload
		}
		if shape.Problems == nil {
			shape.Problems = []bridge.Problem{}
		}
		if err := printJSON(out, shape); err != nil {
			return err
		}
	} else {
		printPreviewText(out, p)
	}
	if len(p.Problems) > 0 || len(p.Payload) == 0 {
		return errSaid
	}
	return nil
}

func printPreviewText(out io.Writer, p app.Preview) {
	if p.Why != "" {
		fmt.Fprintf(out, "这一行现在不会上报:%s\n", p.Why)
	}
	if len(p.Problems) > 0 {
		fmt.Fprintf(out, "不能上报,共 %d 个原因:\n", len(p.Problems))
		for _, problem := range p.Problems {
			fmt.Fprintf(out, "  - %s\n", problemLine(problem))
		}
		return
	}
	if len(p.Payload) == 0 {
		return
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, p.Payload, "", "  "); err != nil {
		pretty.Write(p.Payload)
	}
	fmt.Fprintln(out, pretty.String())
	fmt.Fprintln(out, "\n来源:")
	for _, f := range p.Fields {
		fmt.Fprintf(out, "  %-20s %-10s %s\n", f.Field, f.Kind, f.Source)
	}
}
