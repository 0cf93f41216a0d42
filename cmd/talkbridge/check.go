package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/check"
	"talkbridge/internal/config"
)

func checkCommand(s *settings) *cobra.Command {
	var o app.CheckOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check everything that a bridge needs, each with the statement or setting that mends it",
		Long: "Check the source, the store, the platform, the crypto and the mapping. Each line is PASS, WARN or FAIL; what is not PASS comes with\n" +
			"the statement or setting that mends it. Nothing is written, and no business endpoint is called; the platform is asked for a token\n" +
			"where none is stored. Exit code 1 if anything is a FAIL.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Sample < 1 {
				return usageError{fmt.Errorf("--sample %d: a number above 0", o.Sample)}
			}
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			progress, done := progressLine(cmd.ErrOrStderr())
			o.Progress = progress
			items, err := app.Check(cmd.Context(), c, o)
			done()
			if err != nil {
				return err
			}
			if s.json {
				if err := printJSON(cmd.OutOrStdout(), items); err != nil {
					return err
				}
			} else {
				check.Print(cmd.OutOrStdout(), items)
			}
			if check.Failed(items) {
				return errSaid
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&o.Sample, "sample", 200, "map `N` real rows of each route")
	cmd.Flags().BoolVar(&o.TryDialects, "try-dialects", false,
		"where the platform refuses a token, try other ways to ask for one, at most 39; on some platforms a new token voids the one in use")
	return cmd
}

// progressLine writes what is being done on one line of a terminal, over and over; elsewhere it writes nothing.
func progressLine(out io.Writer) (progress func(string), done func()) {
	f, ok := out.(*os.File)
	if !ok || !isTerminal(f) {
		return func(string) {}, func() {}
	}
	return func(text string) { fmt.Fprintf(f, "\r\x1b[K%s …", text) }, func() { fmt.Fprint(f, "\r\x1b[K") }
}
