package app

import (
	"errors"
	"slices"
)

// closers are clean-ups, registered on the line after what they clean up, and run last in, first out.
type closers struct {
	list []func() error
}

func (c *closers) add(f func() error) { c.list = append(c.list, f) }

func (c *closers) close() error {
	var problems []error
	for _, f := range slices.Backward(c.list) {
		problems = append(problems, f())
	}
	c.list = nil
	return errors.Join(problems...)
}
