package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"talkbridge/configs"
	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/setup"
	"talkbridge/internal/sourcedb"
)

func initCommand(s *settings) *cobra.Command {
	return group("init", "Bring a new college live: a proposed configuration, and the SQL for its DBA", initConfigCommand(s), initSQLCommand(s))
}

// A login is the account with which init looks at the server. It is not the bridge's own, which need not be there yet.
type login struct{ addr, user, passwordEnv, tls string }

func (l *login) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.addr, "addr", "", "the server, `HOST:PORT`")
	cmd.Flags().StringVar(&l.user, "user", "", "the `ACCOUNT` to look with; it only reads")
	cmd.Flags().StringVar(&l.passwordEnv, "password-env", "TALKBRIDGE_MYSQL_PASSWORD", "the environment `VARIABLE` with its password")
	cmd.Flags().StringVar(&l.tls, "tls", "preferred", "off, preferred, required or verify")
}

func (l *login) open(ctx context.Context, a *asker) (*sql.DB, error) {
	if err := a.need(&l.addr, "--addr", "Server of the student-affairs system, host:port", "127.0.0.1:3306"); err != nil {
		return nil, err
	}
	if err := a.need(&l.user, "--user", "Account to look with (it only reads)", "root"); err != nil {
		return nil, err
	}
	password, there := os.LookupEnv(l.passwordEnv)
	switch {
	case there:
	case !a.asks:
		return nil, usageError{fmt.Errorf("the environment variable %s is missing (--password-env), and there is no terminal to ask for the password at", l.passwordEnv)}
	default:
		var err error
		if password, err = a.secret("Password of " + l.user); err != nil {
			return nil, err
		}
	}
	db, err := sourcedb.Open(sourcedb.Options{Addr: l.addr, User: l.user, Password: bridge.Secret(password), TLSMode: l.tls, MaxConns: 2})
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s as %s: %w: check address, account and the password in %s", l.addr, l.user, err, l.passwordEnv), db.Close())
	}
	return db, nil
}

// A newConfig is what init config is told.
type newConfig struct {
	login
	draft     setup.Draft
	database  string
	routes    []string
	contracts string
	force     bool
}

func initConfigCommand(s *settings) *cobra.Command {
	n := &newConfig{}
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the tables and write a proposed configuration, annotated",
		Long: "Look at the tables of the student-affairs system and write a proposed configuration to the file that -c names. Every guess says why\n" +
			"it was made; what is marked DECIDE needs a person. At a terminal it asks for what no flag says. Nothing is written to the server,\n" +
			"and of its rows only the table of codes is read.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return n.run(cmd.Context(), newAsker(cmd.InOrStdin(), cmd.ErrOrStderr()), s.config, cmd.OutOrStdout())
		},
	}
	n.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&n.database, "database", "", "the `DATABASE` of the student-affairs system")
	f.StringArrayVar(&n.routes, "route", nil, "a route, as `CONTRACT=TABLE`; again for each, such as --route one=xl_gzth")
	f.StringVar(&n.contracts, "contracts", "", "the `FOLDER` with the contracts, NAME.schema.json; default: contracts beside the configuration, or the built-in ones")
	f.StringVar(&n.draft.User, "bridge-user", "talkbridge", "the `ACCOUNT` that the bridge will use")
	f.StringVar(&n.draft.BaseURL, "base-url", "", "the platform's `URL`")
	f.StringVar(&n.draft.School, "school-code", "", "the school's `CODE` at the platform")
	f.StringVar(&n.draft.StateURL, "state-url", "", "the store's `URL`; default a file beside the configuration")
	f.StringVar(&n.draft.Listen, "listen", "", "admin.listen, `HOST:PORT`")
	f.BoolVar(&n.force, "force", false, "overwrite the configuration if it is there")
	return cmd
}

func (n *newConfig) run(ctx context.Context, a *asker, file string, out io.Writer) error {
	if _, err := os.Stat(file); err == nil && !n.force {
		return fmt.Errorf("%s is there already: name another file with -c, or overwrite it with --force", file)
	}
	db, err := n.open(ctx, a)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := n.chooseDatabase(ctx, a, db); err != nil {
		return err
	}
	tables, err := setup.ReadTables(ctx, db, n.database)
	if err != nil {
		return err
	}
	contracts, files, err := n.readContracts(file)
	if err != nil {
		return err
	}
	if err := n.chooseTables(a, tables, contracts); err != nil {
		return err
	}
	if err := errors.Join(a.may(&n.draft.BaseURL, "The platform's address, https://…"), a.may(&n.draft.School, "The school's code at the platform")); err != nil {
		return err
	}
	n.draft.Addr, n.draft.TLS, n.draft.PasswordEnv, n.draft.Namespace = n.addr, n.tls, "TALKBRIDGE_MYSQL_PASSWORD", n.database
	result, err := n.draft.Write(ctx, db, tables)
	if err != nil {
		return err
	}
	if err := writeContracts(filepath.Dir(file), files); err != nil {
		return err
	}
	if err := app.CheckDraft(file, []byte(result.YAML)); err != nil {
		return fmt.Errorf("the proposal does not load, which is a fault of talkbridge; please report it with the table's SHOW CREATE TABLE: %w", err)
	}
	if err := os.WriteFile(file, []byte(result.YAML), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	n.say(out, file, result)
	return nil
}

func (n *newConfig) say(out io.Writer, file string, r *setup.Result) {
	fmt.Fprintf(out, "%s: %d routes, %d fields proposed (%d of them to be looked at), %d required fields without a column.\n",
		file, len(r.Proposal), r.Fields, r.Unsure, r.Missing)
	for _, p := range r.Proposal {
		fmt.Fprintf(out, "  %-10s %s, a submission is %s (%s)\n", p.Contract.Name, p.Table, p.Submit.Column, p.Submit.Mode)
	}
	fmt.Fprintf(out, "%d places are marked DECIDE: search for them, and read the rest too.\n"+
		"Next: talkbridge init sql -c %s > prepare.sql, for the DBA\n", r.Decide, file)
}

func (n *newConfig) chooseDatabase(ctx context.Context, a *asker, db *sql.DB) error {
	for _, r := range n.routes { // --route one=DATABASE.TABLE says it too
		_, table, _ := strings.Cut(r, "=")
		if schema, _, dotted := strings.Cut(table, "."); dotted && n.database == "" {
			n.database = schema
		}
	}
	names, err := setup.Databases(ctx, db)
	if err != nil {
		return err
	}
	if n.database == "" && a.asks {
		fmt.Fprintln(a.out, "\nDatabases:")
		for i, name := range names {
			fmt.Fprintf(a.out, "  %2d  %s\n", i+1, name)
		}
		usual := ""
		if len(names) == 1 {
			usual = "1"
		}
		if n.database, err = a.choose("Which is the student-affairs system's? Number or name", names, usual); err != nil {
			return err
		}
	}
	if n.database == "" {
		return usageError{fmt.Errorf("--database is missing: the account sees %s", strings.Join(names, ", "))}
	}
	if !slices.Contains(names, n.database) {
		return fmt.Errorf("there is no database %s that %s may see; there is %s", n.database, n.user, strings.Join(names, ", "))
	}
	return nil
}

// readContracts reads the contracts, and says which files are to be written beside the configuration: none where they are there.
func (n *newConfig) readContracts(file string) (contracts []setup.Contract, write fs.FS, err error) {
	dir := n.contracts
	beside := filepath.Join(filepath.Dir(file), "contracts")
	if dir == "" {
		if _, err := os.Stat(beside); err == nil {
			dir = beside
		}
	}
	var from fs.FS
	shown := "contracts"
	if dir == "" {
		if from, err = fs.Sub(configs.Files, "contracts"); err != nil {
			return nil, nil, fmt.Errorf("find the built-in contracts: %w", err)
		}
		write = from
	} else {
		from = os.DirFS(dir)
		if shown, err = relative(filepath.Dir(file), dir); err != nil {
			return nil, nil, err
		}
	}
	found, err := fs.Glob(from, "*.schema.json")
	if err != nil || len(found) == 0 {
		return nil, nil, fmt.Errorf("no contract in %s: a contract is a file NAME.schema.json; see talkbridge contract import", dir)
	}
	for _, name := range found {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, nil, fmt.Errorf("read the contract: %w", err)
		}
		c, err := setup.ParseContract(strings.TrimSuffix(name, ".schema.json"), filepath.ToSlash(filepath.Join(shown, name)), text)
		if err != nil {
			return nil, nil, err
		}
		contracts = append(contracts, c)
	}
	return contracts, write, nil
}

func relative(from, to string) (string, error) {
	a, err1 := filepath.Abs(from)
	b, err2 := filepath.Abs(to)
	if err := errors.Join(err1, err2); err != nil {
		return "", fmt.Errorf("find the contracts: %w", err)
	}
	path, err := filepath.Rel(a, b)
	if err != nil {
		return b, nil //nolint:nilerr // on another drive: the whole path will do
	}
	return path, nil
}

// writeContracts puts the built-in contracts beside the configuration. A file that is there stays as it is.
func writeContracts(dir string, from fs.FS) error {
	if from == nil {
		return nil
	}
	if err := os.CopyFS(filepath.Join(dir, "contracts"), from); err != nil {
		return fmt.Errorf("write the contracts: %w", err)
	}
	return nil
}

// chooseTables settles which table is for which contract.
func (n *newConfig) chooseTables(a *asker, tables []*setup.Table, contracts []setup.Contract) error {
	if len(tables) == 0 {
		return fmt.Errorf("the database %s has no table that %s may see", n.database, n.user)
	}
	if len(n.routes) > 0 {
		return n.namedTables(tables, contracts)
	}
	if !a.asks {
		return usageError{fmt.Errorf("--route is missing, as CONTRACT=TABLE; the contracts are %s, the tables of %s are %s",
			strings.Join(contractNames(contracts), ", "), n.database, strings.Join(tableNames(tables), ", "))}
	}
	fmt.Fprintf(a.out, "\nTables of %s:\n", n.database)
	for i, t := range tables {
		fmt.Fprintf(a.out, "  %2d  %-28s %8d rows  %-9s %s\n", i+1, t.Name, t.Rows, setup.Role(t), t.Comment)
	}
	for _, c := range contracts {
		usual := ""
		if t := setup.Likely(tables, c); t != nil {
			usual = t.Name
		}
		name, err := a.choose(fmt.Sprintf("Table of %s (%s)? Number or name, - for none", c.Name, c.Title), tableNames(tables), usual)
		if err != nil {
			return err
		}
		if name != "" {
			n.draft.Chosen = append(n.draft.Chosen, setup.Choice{Contract: c, Table: setup.Find(tables, name)})
		}
	}
	if len(n.draft.Chosen) == 0 {
		return errors.New("no table was chosen, so there is nothing to write")
	}
	return nil
}

func (n *newConfig) namedTables(tables []*setup.Table, contracts []setup.Contract) error {
	for _, r := range n.routes {
		name, table, ok := strings.Cut(r, "=")
		i := slices.IndexFunc(contracts, func(c setup.Contract) bool { return c.Name == name })
		t := setup.Find(tables, table)
		switch {
		case !ok:
			return usageError{fmt.Errorf("--route %s: write CONTRACT=TABLE", r)}
		case i < 0:
			return usageError{fmt.Errorf("--route %s: there is no contract %s; there is %s", r, name, strings.Join(contractNames(contracts), ", "))}
		case t == nil:
			return usageError{fmt.Errorf("--route %s: there is no table %s in %s; there is %s", r, table, n.database, strings.Join(tableNames(tables), ", "))}
		}
		n.draft.Chosen = append(n.draft.Chosen, setup.Choice{Contract: contracts[i], Table: t})
	}
	return nil
}

func contractNames(contracts []setup.Contract) []string {
	out := make([]string, len(contracts))
	for i, c := range contracts {
		out[i] = c.Name
	}
	return out
}

func tableNames(tables []*setup.Table) []string {
	out := make([]string, len(tables))
	for i, t := range tables {
		out[i] = t.Name
	}
	return out
}
