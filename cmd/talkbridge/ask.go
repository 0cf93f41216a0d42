package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// An asker asks a person, where there is one.
type asker struct {
	in       *bufio.Reader
	out      io.Writer
	terminal *os.File // nil: answers come from in as they are
	asks     bool     // somebody is there to answer
}

func newAsker(in io.Reader, out io.Writer) *asker {
	f, ok := in.(*os.File)
	a := &asker{in: bufio.NewReader(in), out: out}
	if ok && isTerminal(f) {
		a.terminal, a.asks = f, true
	}
	return a
}

// need fills a value that has to be there: from its flag, or by asking. Without a terminal a missing flag is a usage error that
// names it.
func (a *asker) need(value *string, flag, question, usual string) error {
	if *value != "" {
		return nil
	}
	if !a.asks {
		return usageError{fmt.Errorf("%s is missing, and there is no terminal to ask at", flag)}
	}
	var err error
	if *value, err = a.line(question, usual); err != nil {
		return err
	}
	if *value == "" {
		return usageError{fmt.Errorf("%s: nothing was answered", flag)}
	}
	return nil
}

// may asks for a value that can be left open.
func (a *asker) may(value *string, question string) (err error) {
	if *value != "" || !a.asks {
		return nil
	}
	*value, err = a.line(question+" (Enter: decide later)", "")
	return err
}

func (a *asker) line(question, usual string) (string, error) {
	if usual != "" {
		question += " [" + usual + "]"
	}
	fmt.Fprintf(a.out, "%s: ", question)
	text, err := a.in.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || text == "") {
		return "", fmt.Errorf("read an answer: %w", err)
	}
	if text = strings.TrimSpace(text); text == "" {
		return usual, nil
	}
	return text, nil
}

// secret asks without showing what is typed.
func (a *asker) secret(question string) (string, error) {
	if a.terminal == nil {
		return a.line(question, "")
	}
	show, err := hideTyping(a.terminal)
	if err != nil {
		return "", err
	}
	defer show()
	text, err := a.line(question, "")
	fmt.Fprintln(a.out)
	return text, err
}

// hidden is secret for a password: asked for where there is somebody to ask, else one line as it is, spaces and all.
func (a *asker) hidden(question string) (string, error) {
	if a.terminal != nil {
		show, err := hideTyping(a.terminal)
		if err != nil {
			return "", err
		}
		defer show()
		defer fmt.Fprintln(a.out)
	}
	if question != "" {
		fmt.Fprintf(a.out, "%s: ", question)
	}
	text, err := a.in.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || text == "") {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// choose asks for one of several, by number or by name; empty: none.
func (a *asker) choose(question string, names []string, usual string) (string, error) {
	for {
		text, err := a.line(question, usual)
		if err != nil || text == "" || text == "-" {
			return "", err
		}
		if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(names) {
			return names[n-1], nil
		}
		for _, name := range names {
			if strings.EqualFold(name, text) {
				return name, nil
			}
		}
		fmt.Fprintf(a.out, "  there is no %q: a number from 1 to %d, a name, or - for none\n", text, len(names))
	}
}
