package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/term"
)

func usersCommand() *cobra.Command {
	return group("users", "Users of the console", usersHashCommand())
}

// leastPassword is the shortest password that is hashed. bcrypt itself takes no more than 72 bytes.
const leastPassword = 10

func usersHashCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "Make a bcrypt hash for admin.users, of a password from the terminal or the standard input",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			switch n := len([]rune(password)); {
			case n < leastPassword:
				return fmt.Errorf("the password has %d characters; take %d or more", n, leastPassword)
			case len(password) > 72:
				return errors.New("the password is longer than 72 bytes, and bcrypt looks at no more")
			}
			hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost+2)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(hash))
			return err
		},
	}
}

// readPassword asks at a terminal, without showing what is typed, twice; elsewhere it reads one line.
func readPassword(cmd *cobra.Command) (string, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", fmt.Errorf("there is no password on the standard input: %w", err)
		}
		return line, nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(cmd.ErrOrStderr(), what)
		text, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(text), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("Again: ")
	if err == nil && first != again {
		err = errors.New("these are two different passwords")
	}
	return first, err
}
