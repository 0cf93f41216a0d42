package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/audit"
	"talkbridge/internal/config"
)

func auditCommand(s *settings) *cobra.Command {
	return group("audit", "Who did what: the audit log", auditVerifyCommand(s), auditShowCommand(s))
}

func openAudit(cmd *cobra.Command, s *settings, args []string) (*audit.Log, bool, func() error, error) {
	c, err := config.Load(s.config)
	if err != nil {
		return nil, false, nil, err
	}
	if len(args) == 1 {
		c.Admin.AuditLog = args[0]
	}
	return app.OpenAudit(cmd.Context(), c)
}

// auditJSON is the stable shape of audit verify --json.
type auditJSON struct {
	audit.Report

	Whole         bool `json:"whole"`
	AnchorChecked bool `json:"anchor_checked"` // false: the store was out of reach, so a tail that was cut off is not seen
}

func auditVerifyCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Prove that no line of the audit log was changed, taken out or cut off",
		Long: "Holds the audit log (admin.audit_log, or FILE) against its chain and against the last line that the store knows. Exit code 1 if " +
			"anything does not fit. While a running bridge holds an embedded store its anchor cannot be read: stop the bridge to have that checked too.",
		Args: atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			log, anchored, closeIt, err := openAudit(cmd, s, args)
			if err != nil {
				return err
			}
			defer closeIt() //nolint:errcheck // only read
			r, err := log.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if s.json {
				if err := printJSON(cmd.OutOrStdout(), auditJSON{r, r.Whole(), anchored}); err != nil {
					return err
				}
			} else {
				printReport(cmd, r, anchored)
			}
			if !r.Whole() {
				return errSaid
			}
			return nil
		},
	}
}

func printReport(cmd *cobra.Command, r audit.Report, anchored bool) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s: %d events", r.Path, r.Events)
	if r.Events > 0 {
		fmt.Fprintf(out, ", %s to %s", clock(r.First), clock(r.Last))
	}
	fmt.Fprintln(out)
	for _, n := range r.Torn {
		fmt.Fprintf(out, "line %d was cut off while it was written (a crash); no event behind it is missing\n", n)
	}
	for _, f := range r.Faults {
		if f.Line > 0 {
			fmt.Fprintf(out, "line %d: %s\n", f.Line, f.Fault)
		} else {
			fmt.Fprintln(out, f.Fault)
		}
	}
	switch {
	case !r.Whole():
		fmt.Fprintln(out, "NOT WHOLE: keep the file as it is, and find out who could write it")
	case anchored:
		fmt.Fprintf(out, "whole: every line is as it was written, and the store knows event %d\n", r.Anchored)
	default:
		fmt.Fprintln(out, "whole as far as it goes; whether its tail was cut off is known only when the store can be read (stop the bridge, or use Redis)")
	}
}

func auditShowCommand(s *settings) *cobra.Command {
	var since string
	var limit int
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show the audit log, the newest event first",
		Args:  atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := sinceTime(since)
			if err != nil {
				return usageError{err}
			}
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				c.Admin.AuditLog = args[0]
			}
			log, err := audit.New(c.Admin.AuditLog, c.State.Key, nil)
			if err != nil {
				return err
			}
			events, err := log.Read(audit.Query{Since: from, Limit: limit})
			if err != nil {
				return err
			}
			if s.json {
				if events == nil {
					events = []audit.Event{}
				}
				return printJSON(cmd.OutOrStdout(), events)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "EVENT\tAT\tWHO\tFROM\tACTION\tOBJECT\tRESULT\tREASON")
			for _, e := range events {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.N, clock(e.At), e.Actor, e.From, e.Action, e.Object, e.Result, e.Reason)
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only events since `TIME`: 2026-03-01, 2026-03-01T08:00, or a duration such as 24h")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most `N` events; 0: all")
	return cmd
}

// sinceTime reads a moment of the local clock, or how long ago it was.
func sinceTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.DateTime, time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %s: write 2026-03-01, 2026-03-01T08:00, or a duration such as 24h", text)
}
