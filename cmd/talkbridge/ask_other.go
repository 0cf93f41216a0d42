//go:build !linux

package main

import (
	"errors"
	"os"
)

// hideTyping is not written for this system: a secret comes from the environment there.
func hideTyping(*os.File) (show func(), err error) {
	return nil, errors.New("a password cannot be typed unseen on this system: put it into the variable that --password-env names")
}

// isTerminal tells whether somebody sits at the other end.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
