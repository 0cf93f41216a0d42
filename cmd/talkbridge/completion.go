package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/state"
)

// What a shell completes beside the names of commands and flags: routes, statuses and records. talkbridge completion bash (zsh, fish)
// prints the script for the shell.

// completeLimit is how long a person waits after the Tab key at most.
const completeLimit = 2 * time.Second

// addCompletions gives every flag that names a route or a status, and every argument that names records, what there is to complete.
func addCompletions(root *cobra.Command, s *settings) {
	for _, cmd := range root.Commands() {
		addCompletions(cmd, s)
		for flag, complete := range map[string]cobra.CompletionFunc{"route": routesOf(s), "status": statuses} {
			if cmd.Flags().Lookup(flag) != nil {
				_ = cmd.RegisterFlagCompletionFunc(flag, complete) // an error says that the flag is not there, or was given one
			}
		}
		if strings.Contains(cmd.Use, "ROUTE/KEY") {
			cmd.ValidArgsFunction = recordsOf(s)
		}
		if cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, "FILE") {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

func statuses(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, status := range bridge.Statuses() {
		out = append(out, string(status))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func routesOf(s *settings) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		c, err := config.Load(s.config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, r := range c.Routes {
			out = append(out, cobra.CompletionWithDesc(r.Name, r.Table.String()))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// recordsOf completes the latest records, the rejected ones first where records are to be changed.
func recordsOf(s *settings) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		c, err := config.Load(s.config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeLimit)
		defer cancel()
		ledger, closeIt, err := app.OpenLedger(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer closeIt() //nolint:errcheck // only read
		f := state.Filter{Limit: 1000}
		if route, _, ok := bridge.SplitRecordID(begun); ok {
			f.Route = route
		}
		if cmd.Name() != "show" {
			f.Status = bridge.StatusRejected
		}
		records, _, err := ledger.Records(ctx, f)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, r := range records {
			if strings.HasPrefix(r.ID, begun) && !slices.Contains(args, r.ID) {
				out = append(out, cobra.CompletionWithDesc(r.ID, string(r.Status)))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
