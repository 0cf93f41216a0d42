package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/acceptance"
)

func acceptCommand(s *settings) *cobra.Command {
	var o acceptance.Options
	var demo bool
	var out string
	cmd := &cobra.Command{
		Use:   "accept --out report.html",
		Short: "Run the acceptance plan and write the report that is signed, as a page and as JSON",
		Long: "Run the acceptance plan and write a report: a page that prints on A4, and the same as JSON beside it.\n\n" +
			"With --demo everything is private and invented: a MariaDB that this machine has installed, a stand-in platform, a bridge.\n" +
			"Every function and every process is tried, with the platform down and the bridge killed.\n\n" +
			"Without it the plan runs against the configuration, and does no harm there: it checks, maps rows without sending them, asks for a\n" +
			"token at most, and takes a backup into a temporary folder. What would change rows or disturb anybody is reported as not run, never\n" +
			"as passed. --row names test records which somebody submits in the student-affairs system while the plan waits; no other is touched.\n\n" +
			"Exit code 1 if a case fails.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fault := acceptFault(cmd, o, demo, out); fault != "" {
				return usageError{errors.New(fault)}
			}
			if !demo {
				o.Config = s.config
			}
			return accept(cmd, s, o, out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "write the report to this `FILE`.html, and FILE.json beside it")
	f.BoolVar(&demo, "demo", false, "on private servers with invented people instead of the configuration")
	f.StringArrayVar(&o.Rows, "row", nil, "`ROUTE/KEY` of a test record that somebody submits while the plan waits; may be repeated")
	f.DurationVar(&o.Wait, "wait", 10*time.Minute, "how long to wait for each --row")
	f.IntVar(&o.Sample, "sample", 200, "map `N` rows of each route")
	return cmd
}

func acceptFault(cmd *cobra.Command, o acceptance.Options, demo bool, out string) string {
	switch {
	case out == "":
		return "accept needs --out"
	case filepath.Ext(out) != ".html":
		return "--out " + out + ": name the page .html; the JSON is written beside it"
	case demo && len(o.Rows) > 0:
		return "--row names records of a real system: it goes without --demo"
	case demo && cmd.Flags().Changed("config"):
		return "--demo makes its own configuration: it goes without -c"
	case o.Sample < 1:
		return fmt.Sprintf("--sample %d: a number above 0", o.Sample)
	}
	for _, row := range o.Rows {
		if route, key, ok := strings.Cut(row, "/"); !ok || route == "" || key == "" {
			return "--row " + row + ": write ROUTE/KEY, as talkbridge records list does"
		}
	}
	return ""
}

func accept(cmd *cobra.Command, s *settings, o acceptance.Options, out string) error {
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	o.Version = version
	progress, done := progressLine(cmd.ErrOrStderr())
	o.Tell = func(n, of int, doing string) { progress(fmt.Sprintf("%d of %d: %s", n+1, of, doing)) }
	o.Ask = func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), "\n"+format+"\n", args...) }
	report, err := acceptance.Run(cmd.Context(), o)
	done()
	if err != nil {
		return err
	}
	beside, err := report.Write(out)
	if err != nil {
		return err
	}
	if s.json {
		if err := printJSON(cmd.OutOrStdout(), report); err != nil {
			return err
		}
	} else {
		printAcceptance(cmd, report, out, beside)
	}
	if report.Result != acceptance.Passed {
		return errSaid
	}
	return nil
}

func printAcceptance(cmd *cobra.Command, r acceptance.Report, page, beside string) {
	w := cmd.OutOrStdout()
	for _, c := range r.Cases {
		word := map[acceptance.Result]string{acceptance.Passed: "通过", acceptance.Failed: "不通过", acceptance.NotRun: "未执行"}[c.Result]
		fmt.Fprintf(w, "%s  %s  %s\n", c.ID, word, c.Title)
		if c.Why != "" {
			fmt.Fprintf(w, "       %s\n", c.Why)
		}
		for _, step := range c.Steps {
			if !step.OK {
				fmt.Fprintf(w, "       %s：预期 %s，实测 %s\n", step.What, step.Expected, step.Observed)
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n报告：%s、%s\n", r.Conclusion(), page, beside)
}
