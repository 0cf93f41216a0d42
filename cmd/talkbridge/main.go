// Command talkbridge carries talk records from a college's student-affairs database to the province's platform.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when a release is built.
var version = "dev"

// Exit codes: what scripts and service managers see.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and gives its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "talkbridge: %v\nRun talkbridge --help for what there is.\n", err)
		return exitUsage
	case errors.Is(err, errSaid):
		return exitFailed
	default:
		fmt.Fprintf(stderr, "talkbridge: %v\n", err)
		return exitFailed
	}
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

// errSaid ends a command whose output has already said what is wrong.
var errSaid = errors.New("refused")

// A settings value carries the flags that every command shares.
type settings struct {
	config string
	json   bool
}

func rootCommand() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:   "talkbridge",
		Short: "Carries submitted talk records from a MySQL or MariaDB binlog to the government platform",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVarP(&s.config, "config", "c", "talkbridge.yaml", "configuration `FILE`")
	root.PersistentFlags().BoolVar(&s.json, "json", false, "print data as JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(pauseCommand(s), resumeCommand(s), backupCommand(s), restoreCommand(s), verifyCommand(s))
	root.AddCommand(runCommand(s), initCommand(s), checkCommand(s), mapCommand(s), recordsCommand(s), positionCommand(s), versionCommand(s))
	root.AddCommand(cryptoCommand(s), acceptCommand(s))
	root.AddCommand(contractCommand(s), auditCommand(s), usersCommand(), reconcileCommand(s), backfillCommand(s), replayCommand(s))
	root.AddCommand(tokenCommand(s), pushCommand(s))
	addCompletions(root, s)
	return root
}

// noArgs refuses arguments, as a usage error.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}

// oneArg asks for exactly one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("name one %s", what)}
		}
		return nil
	}
}

// group is a command that only has others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("unknown command %q of %s", args[0], use)}
		}
		return nil
	}, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(commands...)
	return g
}
