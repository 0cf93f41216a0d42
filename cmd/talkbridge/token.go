package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
)

func tokenCommand(s *settings) *cobra.Command {
	return group("token", "The platform's token, which is never shown itself", tokenShowCommand(s), tokenRefreshCommand(s))
}

func tokenShowCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show when the token was fetched, until when it is good and whose it is",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := operate[app.TokenState](cmd, s, "token.show", nil)
			if err != nil {
				return err
			}
			return printToken(cmd.OutOrStdout(), s, t)
		},
	}
}

func tokenRefreshCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh",
		Short: "Drop the token and fetch another; some platforms void the one in use, whose calls are then repeated",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := operate[app.TokenState](cmd, s, "token.refresh", nil)
			if err != nil {
				return err
			}
			return printToken(cmd.OutOrStdout(), s, t)
		},
	}
}

func printToken(out io.Writer, s *settings, t app.TokenState) error {
	switch {
	case s.json:
		return printJSON(out, t)
	case !t.Present:
		_, err := fmt.Fprintln(out, "no token is kept: the next call fetches one")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	expires := clock(t.ExpiresAt)
	if t.Expired {
		expires += ", which is over: the next call fetches another"
	}
	account := t.Account
	if !t.Current {
		account += ", not the credentials of this configuration: the next call fetches another"
	}
	fmt.Fprintf(w, "fetched\t%s\ngood until\t%s\naccount\t%s\n", clock(t.FetchedAt), expires, account)
	return w.Flush()
}
