package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/config"
	"talkbridge/internal/setup"
)

// A newSQL is what init sql is told.
type newSQL struct {
	login
	server, account, host, accountPassword string
	trigger                                bool
}

func initSQLCommand(s *settings) *cobra.Command {
	n := &newSQL{}
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "Print the SQL for the DBA: settings, flag column, the statement behind 递交, the account, a trigger",
		Long: "Print, for the configuration that -c names, the SQL that the school's DBA has to read and run: the server's settings, the flag\n" +
			"column, the statement behind the button 递交 with its pitfalls, an account with the least privileges, and a trigger. With --user it\n" +
			"asks the server what it is and which columns are missing; with --server it asks nobody. Secrets of the configuration need not be\n" +
			"set yet. Nothing is changed anywhere.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			kit, err := n.kit(cmd, s)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), kit.SQL())
			return err
		},
	}
	n.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&n.server, "server", "", "write for this `SERVER` without asking it: "+fmt.Sprint(setup.Servers()))
	f.StringVar(&n.account, "account", "", "the `ACCOUNT` to make; default source.user")
	f.StringVar(&n.host, "host", "%", "the `HOST` it comes from")
	f.StringVar(&n.accountPassword, "account-password-env", "", "the environment `VARIABLE` with its password; default a place holder")
	f.BoolVar(&n.trigger, "trigger", false, "write the trigger that takes the flag back when the content changes")
	return cmd
}

func (n *newSQL) kit(cmd *cobra.Command, s *settings) (setup.Kit, error) {
	c, err := loadDraft(s.config)
	if err != nil {
		return setup.Kit{}, err
	}
	kit, err := app.SQLKit(c)
	if err != nil {
		return kit, err
	}
	kit.Host, kit.Trigger = n.host, n.trigger
	if n.account != "" {
		kit.User = n.account
	}
	if n.accountPassword != "" {
		if kit.Password = os.Getenv(n.accountPassword); kit.Password == "" {
			return kit, usageError{fmt.Errorf("--account-password-env: the environment variable %s is not set", n.accountPassword)}
		}
	}
	if n.server != "" {
		if kit.Server, err = setup.ParseServer(n.server); err != nil {
			return kit, usageError{err}
		}
		return kit, nil
	}
	a := newAsker(cmd.InOrStdin(), cmd.ErrOrStderr())
	if n.user == "" && !a.asks {
		return kit, usageError{errors.New("--server is missing (or --user, to ask the server itself), and there is no terminal to ask at")}
	}
	if n.addr == "" {
		n.addr = c.Source.Addr
	}
	db, err := n.open(cmd.Context(), a)
	if err != nil {
		return kit, err
	}
	defer db.Close()
	return kit, kit.Inspect(cmd.Context(), db)
}

// loadDraft reads a configuration whose secrets need not be set: the account that they are for may not be there yet.
func loadDraft(file string) (*config.Config, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration %s: name one with -c, or make one with talkbridge init config", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return app.LoadWithoutSecrets(file, text)
}
