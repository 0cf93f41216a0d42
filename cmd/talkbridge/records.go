package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/writeback"
	"talkbridge/state"
)

func recordsCommand(s *settings) *cobra.Command {
	return group("records", "What became of the records",
		recordsListCommand(s), recordsShowCommand(s), recordsRetryCommand(s), recordsDiscardCommand(s))
}

func recordsListCommand(s *settings) *cobra.Command {
	var f state.Filter
	var status string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List records, with the reason where one was refused",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.Status = bridge.Status(status)
			if status != "" && !slices.Contains(bridge.Statuses(), f.Status) {
				return usageError{fmt.Errorf("--status %s: there is %v", status, bridge.Statuses())}
			}
			if f.Limit < 1 {
				return usageError{fmt.Errorf("--limit %d: a number above 0", f.Limit)}
			}
			return listRecords(cmd, s, f)
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "only `STATUS`: pending, sending, delivered, rejected or discarded")
	cmd.Flags().StringVar(&f.Route, "route", "", "only `ROUTE`")
	cmd.Flags().IntVar(&f.Limit, "limit", 1000, "at most `N` records")
	return cmd
}

func listRecords(cmd *cobra.Command, s *settings, f state.Filter) error {
	ledger, closeIt, err := openLedger(cmd, s)
	if err != nil {
		return err
	}
	defer closeIt() //nolint:errcheck // only read
	records := []bridge.Record{}
	for limit := f.Limit; len(records) < limit; {
		f.Limit = min(limit-len(records), 1000)
		page, next, err := ledger.Records(cmd.Context(), f)
		if err != nil {
			return err
		}
		records = append(records, page...)
		if next == "" {
			break
		}
		f.After = next
	}
	if s.json {
		return printJSON(cmd.OutOrStdout(), records)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RECORD\tSTATUS\tATTEMPTS\tCAPTURED\tDELIVERED\tREASON")
	for _, r := range records {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", r.ID, r.Status, r.Attempts, clock(r.CapturedAt), clock(r.DeliveredAt), reason(r))
	}
	return w.Flush()
}

func recordsShowCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "show ROUTE/KEY",
		Short: "Show one record",
		Args:  oneArg("record, as ROUTE/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ledger, closeIt, err := openLedger(cmd, s)
			if err != nil {
				return err
			}
			defer closeIt() //nolint:errcheck // only read
			record, ok, err := ledger.Record(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("no record %s: it was never submitted, or it was delivered so long ago that the ledger forgot it (state.retention)", args[0])
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), record)
			}
			return showRecord(cmd.OutOrStdout(), record)
		},
	}
}

func showRecord(out io.Writer, r bridge.Record) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("record", r.ID)
	line("status", string(r.Status))
	line("stage", string(r.Stage))
	line("attempts", fmt.Sprint(r.Attempts))
	line("code", r.Code)
	line("message", r.Message)
	line("committed", clock(r.CommittedAt))
	line("captured", clock(r.CapturedAt))
	line("due", clock(r.DueAt))
	line("delivered", clock(r.DeliveredAt))
	for _, p := range r.Problems {
		line("problem", problemLine(p))
	}
	return w.Flush()
}

func problemLine(p bridge.Problem) string {
	from := p.Field
	if p.Column != "" {
		from += " ← " + p.Column
	}
	return fmt.Sprintf("%s  [%s, %s]", p.Message, from, p.Rule)
}

// reason is why a record is where it is, on one line.
func reason(r bridge.Record) string {
	if r.Status == bridge.StatusDelivered {
		return ""
	}
	text := writeback.Reason(bridge.Settlement{Message: r.Message, Problems: r.Problems})
	if r.Code != "" && r.Stage == bridge.StagePlatform {
		text = "[" + r.Code + "] " + text
	}
	return strings.ReplaceAll(text, "\n", " ")
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

func openLedger(cmd *cobra.Command, s *settings) (app.Ledger, func() error, error) {
	c, err := config.Load(s.config)
	if err != nil {
		return nil, nil, err
	}
	return app.OpenLedger(cmd.Context(), c)
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
