package main

import (
	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/config"
)

func verifyCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Read a backup to its end and say what it holds",
		Args:  oneArg("backup file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			bar := progressOf(cmd.ErrOrStderr(), "verify")
			sum, err := app.Verify(cmd.Context(), c, args[0], bar.tell)
			bar.end()
			if err != nil {
				return err
			}
			return printSummary(cmd.OutOrStdout(), s, args[0], sum)
		},
	}
}
