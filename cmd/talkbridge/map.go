package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/check"
	"talkbridge/internal/config"
)

// A mapping is what the command line asks to be mapped.
type mapping struct {
	route, key string
	all, diff  bool
	limit      int
}

func (m mapping) fault() string {
	switch {
	case m.route == "":
		return "map needs --route"
	case m.key == "" && !m.all:
		return "map needs --key, or --all for the whole table"
	case m.key != "" && m.all:
		return "map takes --key or --all, not both"
	case m.diff && m.all:
		return "--diff looks at one row: it goes with --key"
	case m.limit < 0 || m.limit > 0 && !m.all:
		return "--limit goes with --all, and is a number above 0"
	default:
		return ""
	}
}

func mapCommand(s *settings) *cobra.Command {
	var m mapping
	cmd := &cobra.Command{
		Use:   "map --route R (--key K | --all)",
		Short: "Show what one row or a whole table becomes, or why it is refused; nothing is sent",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fault := m.fault(); fault != "" {
				return usageError{errors.New(fault)}
			}
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			if m.all {
				return mapTable(cmd, s, c, m)
			}
			if m.diff {
				return mapDiff(cmd, s, m)
			}
			p, err := app.PreviewRow(cmd.Context(), c, m.route, m.key)
			if err != nil {
				return err
			}
			return printPreview(cmd.OutOrStdout(), s, p)
		},
	}
	cmd.Flags().StringVar(&m.route, "route", "", "the `ROUTE` to map by")
	cmd.Flags().StringVar(&m.key, "key", "", "the row's primary `KEY`; several columns joined by commas")
	cmd.Flags().BoolVar(&m.all, "all", false, "map every row for which the route's where holds, submitted or not")
	cmd.Flags().BoolVar(&m.diff, "diff", false, "say instead whether the row is as it was last delivered; by digest only, no content is shown")
	cmd.Flags().IntVar(&m.limit, "limit", 0, "with --all: at most `N` rows; 0: all")
	return cmd
}

// mapDiff says how the row stands to what was last delivered. Exit code 1 where it differs.
func mapDiff(cmd *cobra.Command, s *settings, m mapping) error {
	d, err := operate[app.Difference](cmd, s, "row.compare", app.PushArgs{Route: m.route, Key: m.key})
	if err != nil {
		return err
	}
	if s.json {
		err = printJSON(cmd.OutOrStdout(), d)
	} else {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), differenceText(d))
	}
	if err == nil && (!d.Known || !d.Same) {
		return errSaid
	}
	return err
}

func differenceText(d app.Difference) string {
	r := d.Status
	switch {
	case !d.Known && d.Why != "":
		return d.ID + " 从未递交：" + d.Why
	case !d.Known:
		return d.ID + " 从未递交，或送达已久、已过保留期"
	case d.Same && r.Status == bridge.StatusDelivered:
		return fmt.Sprintf("%s 与 %s 送达的内容相同", d.ID, clock(r.DeliveredAt))
	case d.Same:
		return fmt.Sprintf("%s 与台账中的内容相同，状态：%s", d.ID, r.Status)
	case r.Status == bridge.StatusDelivered:
		return fmt.Sprintf("%s 在 %s 送达之后已被修改，尚未再次递交", d.ID, clock(r.DeliveredAt))
	default:
		return fmt.Sprintf("%s 与台账中的内容不同，状态：%s", d.ID, r.Status)
	}
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
	} else if err := printPreviewText(out, p); err != nil {
		return err
	}
	if len(p.Problems) > 0 || len(p.Payload) == 0 {
		return errSaid
	}
	return nil
}

func printPreviewText(out io.Writer, p app.Preview) error {
	if p.Why != "" {
		fmt.Fprintf(out, "这一行现在不会上报：%s\n", p.Why)
	}
	if len(p.Problems) > 0 {
		fmt.Fprintf(out, "不能上报，共 %d 个原因：\n", len(p.Problems))
		for _, problem := range p.Problems {
			fmt.Fprintf(out, "  - %s\n", problemLine(problem))
		}
		return nil
	}
	if len(p.Payload) == 0 {
		return nil
	}
	return printPayload(out, p.Payload, p.Fields)
}

func mapTable(cmd *cobra.Command, s *settings, c *config.Config, m mapping) error {
	progress, done := progressLine(cmd.ErrOrStderr())
	t, err := app.PreviewTable(cmd.Context(), c, m.route, m.limit, func(rows int) {
		if rows%100 == 0 {
			progress(fmt.Sprintf("%d rows", rows))
		}
	})
	done()
	if err != nil {
		return err
	}
	if s.json {
		return printJSON(cmd.OutOrStdout(), t)
	}
	printTally(cmd.OutOrStdout(), t)
	return nil
}

func printTally(out io.Writer, t *check.Tally) {
	fmt.Fprintf(out, "route %s: %d rows, %d of them submitted; %d would be refused (%.1f %%), %d of the submitted ones\n",
		t.Route, t.Rows, t.Submitted, t.Refused, 100*t.Share, t.SubmittedRefused)
	if t.Refused == 0 {
		return
	}
	fmt.Fprintf(out, "\n原因，按出现次数：\n")
	for _, r := range t.Reasons {
		fmt.Fprintf(out, "%6d × %s  例如 %s\n", r.Count, problemLine(r.Problem), r.Example)
	}
	fmt.Fprintf(out, "\n不能上报的记录：\n")
	for _, refusal := range t.Refusals {
		fmt.Fprintf(out, "  %s\n", refusal.Key)
		for _, p := range refusal.Problems {
			fmt.Fprintf(out, "    - %s\n", problemLine(p))
		}
	}
}
