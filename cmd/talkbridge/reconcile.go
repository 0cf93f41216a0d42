package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
)

func reconcileCommand(s *settings) *cobra.Command {
	var a app.ReconcileArgs
	cmd := &cobra.Command{
		Use:   "reconcile [--fix] [--route R]",
		Short: "Prove that nothing is missing: every flagged row against the ledger",
		Long: "Compare every row that is flagged as submitted with what the ledger knows of its record, by a keyed digest. Nothing is changed\n" +
			"unless --fix is given, which submits what is missing or differs. Safe beside running bridges: nothing that is read here takes the\n" +
			"place of a newer event. Exit code 1 if something is missing or differs and was not submitted. See docs/reconcile.md.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := operate[app.Reconciliation](cmd, s, "reconcile", a)
			if err != nil {
				return err
			}
			if s.json {
				err = printJSON(cmd.OutOrStdout(), answer)
			} else {
				err = printReconciliation(cmd.OutOrStdout(), answer)
			}
			if err == nil && !answer.Agrees() {
				return errSaid
			}
			return err
		},
	}
	cmd.Flags().StringVar(&a.Route, "route", "", "only `ROUTE`")
	cmd.Flags().BoolVar(&a.Fix, "fix", false, "submit what is missing or differs")
	return cmd
}

func printReconciliation(out io.Writer, r app.Reconciliation) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ROUTE\tSCANNED\tIN SYNC\tMISSING\tDIFFERING\tREJECTED\tDISCARDED\tQUEUED\t")
	for _, t := range r.Routes {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", t.Route, t.Scanned, t.InSync, t.Missing, t.Differing, t.Rejected, t.Discarded, t.Queued)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, t := range r.Routes {
		for _, list := range []struct {
			what string
			ids  []string
		}{{"missing", t.MissingIDs}, {"differing", t.DifferingIDs}} {
			for _, id := range list.ids {
				fmt.Fprintf(out, "%s: %s\n", list.what, id)
			}
		}
	}
	if r.Behind {
		fmt.Fprintln(out, "THE LISTENER HAS NOT READ THE LOG UP TO NOW, and stands still: what it has yet to read counts as missing or differing")
	}
	if !r.Agrees() {
		fmt.Fprintln(out, "not in sync: talkbridge reconcile --fix submits what is missing or differs")
	}
	return nil
}

func backfillCommand(s *settings) *cobra.Command {
	var a app.BackfillArgs
	cmd := &cobra.Command{
		Use:   "backfill --route R [--again [--discarded]]",
		Short: "Queue every row of a route that is flagged already",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case a.Route == "":
				return usageError{errors.New("backfill needs --route")}
			case a.Discarded && !a.Again:
				return usageError{errors.New("--discarded goes with --again")}
			}
			answer, err := operate[app.Backfilled](cmd, s, "backfill", a)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), answer)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "route %s: %d rows are flagged, %d are queued%s\n", answer.Route, answer.Scanned, answer.Queued,
				leftDiscarded(answer.Discarded))
			return err
		},
	}
	cmd.Flags().StringVar(&a.Route, "route", "", "the `ROUTE`")
	cmd.Flags().BoolVar(&a.Again, "again", false, "also what the ledger has as it is: it is sent once more")
	cmd.Flags().BoolVar(&a.Discarded, "discarded", false, "with --again: also what was discarded by hand as it is")
	return cmd
}

// leftDiscarded says that some stay given up, and how to have them too.
func leftDiscarded(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d stay discarded (--discarded sends them too)", n)
}

func replayCommand(s *settings) *cobra.Command {
	var a app.ReplayArgs
	cmd := &cobra.Command{
		Use:   "replay --from PLACE [--to PLACE] [--route R] [--dry-run]",
		Short: "Read a stretch of the source's log again, and send what was submitted in it once more",
		Long: "Read the source's log from one place to another, as the listener would, and make pending again what was submitted in between, unless\n" +
			"the ledger or the log has something newer of its record. PLACE is FILE:POS, a moment by source.timezone (2026-03-01T08:00), or a GTID\n" +
			"set: what is in it is done before --from, and is the last that is read for --to. Without --to it ends where the log ends now. The log is\n" +
			"read twice, and nothing is queued before the first reading is through. The saved position stays as it is; bridges may run.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.From == "" {
				return usageError{errors.New("replay needs --from")}
			}
			answer, err := operate[app.Replayed](cmd, s, "replay", a)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), answer)
			}
			what := fmt.Sprintf("%d are queued", answer.Queued) + leftDiscarded(answer.Discarded)
			if answer.Dry {
				what = "nothing was queued"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d submissions of %d records were read up to %s:%d; %s\n", answer.Submissions, answer.Records, answer.File,
				answer.Pos, what)
			return err
		},
	}
	cmd.Flags().StringVar(&a.From, "from", "", "where to begin: `PLACE`")
	cmd.Flags().StringVar(&a.To, "to", "", "where to end: `PLACE`")
	cmd.Flags().StringVar(&a.Route, "route", "", "only `ROUTE`")
	cmd.Flags().BoolVar(&a.Discarded, "discarded", false, "also what was discarded by hand as it is")
	cmd.Flags().BoolVar(&a.Dry, "dry-run", false, "only count")
	return cmd
}
