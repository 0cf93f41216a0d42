package main

import (
	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/config"
)

func runCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the bridge until it is told to stop",
		Long: "Run the bridge. What a configuration can get wrong ends it at once with exit code 1 and a message that names it.\n" +
			"SIGINT and SIGTERM stop it: calls in flight are finished, the position is saved, the rest waits in the store.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			logger, err := app.NewLogger(c.Log, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer logger.Sync() //nolint:errcheck // standard error of a terminal cannot be synced
			return app.Run(cmd.Context(), app.Options{Config: c, Version: version, Logger: logger})
		},
	}
}
