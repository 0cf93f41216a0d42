package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
	"talkbridge/internal/config"
	"talkbridge/internal/control"
)

// operate has an operation done by the bridge that holds the store, or over the store that this process opens, with a line at a terminal
// that tells how far it is.
func operate[R any](cmd *cobra.Command, s *settings, name string, args any) (answer R, err error) {
	c, err := config.Load(s.config)
	if err != nil {
		return answer, err
	}
	return operateWith[R](cmd, c, name, args)
}

func operateWith[R any](cmd *cobra.Command, c *config.Config, name string, args any) (answer R, err error) {
	bridge, closeIt, err := app.OpenControl(cmd.Context(), c)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, closeIt()) }()
	tell, done := toldOn(cmd.ErrOrStderr())
	defer done()
	return control.Ask[R](cmd.Context(), bridge, name, osUser(), args, tell)
}

// toldOn makes a progress line; see progressLine.
func toldOn(out io.Writer) (tell func(control.Progress), done func()) {
	show, done := progressLine(out)
	var last time.Time
	var shown string
	return func(p control.Progress) {
		text := progressText(p)
		if text == shown || time.Since(last) < 200*time.Millisecond && (p.Total == 0 || p.Done < p.Total) {
			return
		}
		last, shown = time.Now(), text
		show(text)
	}, done
}

func progressText(p control.Progress) string {
	text := p.What
	if p.Done == 0 && p.Total == 0 {
		return text
	}
	if text != "" {
		text += ": "
	}
	if p.Total > 0 {
		return text + fmt.Sprintf("%d of %d (%d%%)", p.Done, p.Total, 100*p.Done/p.Total)
	}
	return text + fmt.Sprint(p.Done)
}

// counted is a number of records in words.
func counted(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprint(n, " records")
}

// osUser is the account that runs the command: the actor in the audit trail.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return "cli:" + u.Username
	}
	return fmt.Sprint("cli:uid ", os.Getuid())
}

// sure asks before something that cannot be undone. Without a terminal it wants --yes.
func sure(cmd *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	a := newAsker(cmd.InOrStdin(), cmd.ErrOrStderr())
	if !a.asks {
		return usageError{errors.New("this cannot be undone: say --yes, for there is no terminal to ask at")}
	}
	answer, err := a.line(question+" Type yes", "no")
	if err != nil {
		return err
	}
	if answer != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}
