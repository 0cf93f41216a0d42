package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
)

func recordsRetryCommand(s *settings) *cobra.Command {
	var status, route string
	cmd := &cobra.Command{
		Use:   "retry (ROUTE/KEY… | --status rejected [--route R])",
		Short: "Send rejected records again as they are, or ones that wait at once",
		Long: "Send records again. A rejected one becomes pending, with the content that was submitted: correct what the reason names first\n" +
			"(a row of a lookup, a dictionary, the configuration); where the row itself is wrong, only submitting it again helps.\n" +
			"One that waits after a failure becomes due at once. Exit code 1 if any of the records could not be retried.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && status == "":
				return usageError{errors.New("name records as ROUTE/KEY, or give --status rejected")}
			case len(args) > 0 && (status != "" || route != ""):
				return usageError{errors.New("records by name, or --status and --route; not both")}
			case status != "" && status != string(bridge.StatusRejected) && status != string(bridge.StatusPending):
				return usageError{fmt.Errorf("--status %s: rejected or pending", status)}
			}
			return changeRecords(cmd, s, "records.retry", "retried", app.RecordsArgs{IDs: args, Status: bridge.Status(status), Route: route})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "all records in `STATUS`: rejected or pending")
	cmd.Flags().StringVar(&route, "route", "", "with --status: only `ROUTE`")
	return cmd
}

func recordsDiscardCommand(s *settings) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "discard ROUTE/KEY…",
		Short: "Give records up: their content is gone at once, and only a new submission sends them",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("name records as ROUTE/KEY")}
			}
			if err := namesOfRecords(args); err != nil {
				return err
			}
			if err := sure(cmd, yes, fmt.Sprintf("Discard %s? What was submitted is lost; it is sent only when it is submitted again.", counted(len(args)))); err != nil {
				return err
			}
			return changeRecords(cmd, s, "records.discard", "discarded", app.RecordsArgs{IDs: args})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// namesOfRecords refuses what cannot be a record's name.
func namesOfRecords(args []string) error {
	for _, arg := range args {
		if route, key, ok := bridge.SplitRecordID(arg); !ok || route == "" || key == "" {
			return usageError{fmt.Errorf("%q is no record: write ROUTE/KEY, as in one/1001", arg)}
		}
	}
	return nil
}

// chunk is how many records are named in one request: the answer of a running bridge tells about each.
const chunk = 5000

func changeRecords(cmd *cobra.Command, s *settings, operation, what string, a app.RecordsArgs) error {
	if err := namesOfRecords(a.IDs); err != nil {
		return err
	}
	c, err := config.Load(s.config)
	if err != nil {
		return err
	}
	answer := app.RecordsAnswer{Records: []app.RecordDone{}}
	ids := a.IDs
	for {
		a.IDs = ids[:min(len(ids), chunk)]
		ids = ids[len(a.IDs):]
		part, err := operateWith[app.RecordsAnswer](cmd, c, operation, a)
		answer.Changed, answer.Failed = answer.Changed+part.Changed, answer.Failed+part.Failed
		answer.Records = append(answer.Records, part.Records...)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
	}
	if s.json {
		err = printJSON(cmd.OutOrStdout(), answer)
	} else {
		err = printChanged(cmd.OutOrStdout(), what, answer)
	}
	if err == nil && answer.Failed > 0 {
		return errSaid
	}
	return err
}

func printChanged(out io.Writer, what string, answer app.RecordsAnswer) error {
	var text strings.Builder
	for _, r := range answer.Records {
		if !r.Done {
			fmt.Fprintf(&text, "%s: %s\n", r.ID, r.Message)
		}
	}
	fmt.Fprintf(&text, "%s: %s", what, counted(answer.Changed))
	if answer.Failed > 0 {
		fmt.Fprintf(&text, "; not: %s", counted(answer.Failed))
	}
	_, err := fmt.Fprintln(out, text.String())
	return err
}
