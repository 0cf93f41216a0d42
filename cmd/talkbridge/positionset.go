package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"talkbridge/internal/admin"
	"talkbridge/internal/app"
)

func positionSetCommand(s *settings) *cobra.Command {
	var a app.PositionArgs
	var yes bool
	cmd := &cobra.Command{
		Use:   "set (--gtid SET | --file FILE --pos N)",
		Short: "Save another place to read from; every bridge has to be stopped",
		Long: "Save another place of the source's log to read from. Every bridge of the namespace has to be stopped. The server must still have\n" +
			"the place, and it must be the end of a transaction: the log is read from there to its end to make sure, and to find out whether\n" +
			"the tables looked there as they do now.\n\n" +
			"Going back does no harm: what was captured already is known and not taken twice, but for records that were delivered so long ago\n" +
			"that the ledger forgot them. Going forward skips what lies between for good; talkbridge backfill or reconcile finds what is still\n" +
			"flagged of it.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case a.GTID != "" && (a.File != "" || a.Pos != 0):
				return usageError{errors.New("--gtid, or --file and --pos; not both")}
			case a.GTID == "" && a.File == "":
				return usageError{errors.New("name the place: --gtid SET, or --file FILE --pos N (4 is a file's beginning)")}
			case a.File != "" && a.Pos < 4:
				return usageError{errors.New("--pos N goes with --file; 4 is a file's beginning")}
			}
			return setPosition(cmd, s, a, yes)
		},
	}
	cmd.Flags().StringVar(&a.GTID, "gtid", "", "MySQL: the `SET` of all transactions that are done; MariaDB: the last GTID of each domain")
	cmd.Flags().StringVar(&a.File, "file", "", "binlog `FILE`, as SHOW BINARY LOGS lists it")
	cmd.Flags().Uint64Var(&a.Pos, "pos", 0, "offset in it, `N` bytes: the end of a transaction")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&a.DryRun, "dry-run", false, "look at the place and say what it means, also while a bridge runs; save nothing")
	return cmd
}

func setPosition(cmd *cobra.Command, s *settings, a app.PositionArgs, yes bool) error {
	if !a.DryRun && !yes {
		look := a
		look.DryRun = true
		answer, err := operate[app.PositionAnswer](cmd, s, "position.set", look)
		if err != nil {
			return err
		}
		if err := sure(cmd, yes, meaning(answer)+"Save it?"); err != nil {
			return err
		}
	}
	answer, err := operate[app.PositionAnswer](cmd, s, "position.set", a)
	if err != nil {
		return err
	}
	return printPosition(cmd.OutOrStdout(), s, answer)
}

func positionClearCommand(s *settings) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "clear",
		Short: "Forget the saved position: the next start begins as source.start says; every bridge has to be stopped",
		Long: "Forget the saved position. The next bridge that listens begins as source.start says: with reconcile it queues every row that is\n" +
			"flagged and not known yet, and reads on from there. What is in the outbox and the ledger stays.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := sure(cmd, yes, "Forget the position? The next start begins as source.start says."); err != nil {
				return err
			}
			answer, err := operate[app.PositionAnswer](cmd, s, "position.clear", nil)
			if err != nil {
				return err
			}
			return printPosition(cmd.OutOrStdout(), s, answer)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func printPosition(out io.Writer, s *settings, a app.PositionAnswer) error {
	if s.json {
		return printJSON(out, a)
	}
	text := meaning(a)
	switch {
	case a.Saved && a.After == nil:
		text = "The position is forgotten; the next bridge that listens begins as source.start says. It was " + placeText(a.Before) + ".\n"
	case a.Saved:
		text += "It is saved: the next bridge that listens begins there.\n"
	default:
		text += "Nothing was saved.\n"
	}
	_, err := io.WriteString(out, text)
	return err
}

// meaning says what a position means.
func meaning(a app.PositionAnswer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Place: %s. The server has it, and it is the end of a transaction.\n", placeText(a.After))
	switch a.Move {
	case app.MoveFirst:
		b.WriteString("No position is saved so far. What was submitted before the place is not read; talkbridge backfill queues what is flagged.\n")
	case app.MoveBack:
		fmt.Fprintf(&b, "That is before the saved one, %s: what lies between is read again, and what is known already is not taken twice.\n", placeText(a.Before))
	case app.MoveForward:
		fmt.Fprintf(&b, "That is behind the saved one, %s: WHAT LIES BETWEEN IS NEVER READ. talkbridge reconcile finds what is still flagged of it.\n", placeText(a.Before))
	case app.MoveUnordered:
		fmt.Fprintf(&b, "The saved one is %s; which of the two is earlier cannot be told from them. If it skips something, talkbridge reconcile finds what is "+
			"still flagged of it.\n", placeText(a.Before))
	case app.MoveSame:
		b.WriteString("That is the saved one.\n")
	}
	if a.Behind > 0 {
		fmt.Fprintf(&b, "From there to the log's end it is %s.\n", sizeText(a.Behind))
	}
	if a.Unknown != "" {
		fmt.Fprintf(&b, "What the tables looked like there is not known (%s); the log names its columns, and reading stops where it does not.\n", a.Unknown)
	}
	return b.String()
}

func sizeText(bytes uint64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%.1f KB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
}

func placeText(p *admin.Position) string {
	switch {
	case p == nil:
		return "none"
	case p.File == "":
		return "GTID " + p.GTID
	case p.GTID == "":
		return fmt.Sprintf("%s:%d", p.File, p.Pos)
	default:
		return fmt.Sprintf("%s:%d (GTID %s)", p.File, p.Pos, p.GTID)
	}
}
