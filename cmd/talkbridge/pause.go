package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/state"
)

// pauseJSON is the stable shape of pause --json and resume --json.
type pauseJSON struct {
	Paused  bool            `json:"paused"`  // after the command
	Changed bool            `json:"changed"` // by the command
	Since   time.Time       `json:"since,omitzero"`
	Kind    state.PauseKind `json:"kind,omitempty"`
	Reason  string          `json:"reason,omitempty"`
}

func pauseCommand(s *settings) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Stop delivery on every machine until resume; reading goes on",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := operate[app.Paused](cmd, s, "pause", app.PauseArgs{Reason: reason})
			if err != nil {
				return err
			}
			p, changed := answer.Pause, answer.Changed
			if s.json {
				return printJSON(cmd.OutOrStdout(), pauseJSON{Paused: true, Changed: changed, Since: p.Since, Kind: p.Kind, Reason: p.Reason})
			}
			what := "delivery is paused now; calls in flight end, and what is submitted waits"
			if !changed {
				what = "delivery was paused already, since " + clock(p.Since)
				if p.Reason != "" {
					what += ": " + p.Reason
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), what)
			return err
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that status shows beside the pause")
	return cmd
}

func resumeCommand(s *settings) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Deliver again after a pause or a restore",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := operate[app.Paused](cmd, s, "resume", app.ResumeArgs{Force: force})
			if err != nil {
				return err
			}
			p, changed := answer.Pause, answer.Changed
			if s.json {
				return printJSON(cmd.OutOrStdout(), pauseJSON{Changed: changed, Since: p.Since, Kind: p.Kind, Reason: p.Reason})
			}
			what := "delivery was not paused"
			if changed {
				what = "delivery goes on; it was paused since " + clock(p.Since)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), what)
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "after a restore: also where nothing was read from the source since")
	return cmd
}
