package bridge

import "fmt"

// Secret is a text that no log, error or page may show: whichever way it is printed it reads <secret>.
type Secret string

const hidden = "<secret>"

// Reveal gives the text itself. Call it only where the text leaves for the one place it is meant for.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string { return hidden }

// Format implements fmt.Formatter for every verb: %d of a Secret, a slip that fmt would answer with the text, hides it too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText keeps a Secret out of JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
