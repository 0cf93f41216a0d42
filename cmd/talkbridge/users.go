package main

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"
)

// What a password has to be. bcrypt reads no more than its first 72 bytes, so a longer one is refused rather than cut.
const (
	passwordShortest = 10 // characters
	passwordLongest  = 72 // bytes
	passwordCost     = 12 // a quarter of a second or so for each guess
)

func usersCommand() *cobra.Command {
	return group("users", "Who may log in to the console", usersHashCommand())
}

func usersHashCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "Make the hash of a password for admin.users; asks at a terminal, else reads one line",
		Long: "Prints the bcrypt hash of a password, for admin.users in the configuration. The password is asked for twice at a terminal, unseen; " +
			"elsewhere it is one line of standard input. It is never an argument: those are seen by everybody on the machine, and kept by the shell.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := newPassword(newAsker(cmd.InOrStdin(), cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			hash, err := bcrypt.GenerateFromPassword([]byte(password), passwordCost)
			if err != nil {
				return fmt.Errorf("make the hash: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(hash))
			return err
		},
	}
}

// newPassword asks for a password, and at a terminal for the same once more.
func newPassword(a *asker) (string, error) {
	var question string
	if a.asks {
		question = "password"
	}
	password, err := a.hidden(question)
	if err != nil {
		return "", err
	}
	switch n := utf8.RuneCountInString(password); {
	case n < passwordShortest:
		return "", fmt.Errorf("a password has at least %d characters, this one has %d", passwordShortest, n)
	case len(password) > passwordLongest:
		return "", fmt.Errorf("a password has at most %d bytes, since bcrypt reads no more; this one has %d", passwordLongest, len(password))
	}
	if !a.asks {
		return password, nil
	}
	again, err := a.hidden("once more")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two are not the same: nothing was made")
	}
	return password, nil
}
