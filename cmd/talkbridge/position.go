package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func positionCommand(s *settings) *cobra.Command {
	return group("position", "The saved position in the source's log", positionShowCommand(s), positionSetCommand(s), positionClearCommand(s))
}

func positionShowCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show where reading resumes",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ledger, closeIt, err := openLedger(cmd, s)
			if err != nil {
				return err
			}
			defer closeIt() //nolint:errcheck // only read
			p, ok, err := ledger.Position(cmd.Context())
			if err != nil {
				return err
			}
			if !ok {
				return errors.New("no position is saved yet: the first run starts as source.start says")
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), p)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "file\t%s\npos\t%d\ngtid\t%s\nserver\t%s\ncommitted\t%s\nsaved\t%s\n",
				p.File, p.Pos, p.GTID, p.ServerUUID, clock(p.CommittedAt), clock(p.SavedAt))
			return w.Flush()
		},
	}
}
