package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/config"
	"talkbridge/state"
)

func restoreCommand(s *settings) *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into the store; delivery stays paused until resume",
		Long: "Put a backup into the store that the configuration names, Redis or embedded, whichever it came from.\n" +
			"Stop every bridge of the namespace first. Then: start a bridge, which reads on from the restored position,\n" +
			"wait until it has caught up, and let delivery go on with talkbridge resume.",
		Args: oneArg("backup file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			bar := progressOf(cmd.ErrOrStderr(), "restore")
			sum, err := app.Restore(cmd.Context(), c, args[0], state.RestoreOptions{Replace: replace, Progress: bar.tell})
			bar.end()
			if err = errors.Join(err, app.NoteAudit(cmd.Context(), c, "restore", osUser(), args[0], err)); err != nil {
				return err
			}
			if err := printSummary(cmd.OutOrStdout(), s, args[0], sum); err != nil || s.json {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(),
				"\ndelivery is paused: start the bridge, wait until it has caught up with the source, then run talkbridge resume")
			return err
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "put it in the place of everything that is in the store")
	return cmd
}
