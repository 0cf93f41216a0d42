package contract

import (
	"fmt"
	"strings"
)

// maxChain bounds how many references may hang on one another. The library takes time with the third power of that: 1.5 s for a
// thousand, 15 s for four thousand. The longest chain of a real document that was found is below two hundred.
const maxChain = 1000

// chains follows every reference of a document once and measures the longest way it goes.
type chains struct {
	root  object
	seen  map[string]bool
	depth int
}

func checkChains(root object) error {
	c := &chains{root: root, seen: map[string]bool{}}
	return c.walk(root)
}

func (c *chains) walk(value any) error {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if err := c.walk(item); err != nil {
				return err
			}
		}
	case object:
		if ref := v.text("$ref"); strings.HasPrefix(ref, "#/") && !c.seen[ref] {
			if err := c.follow(ref); err != nil {
				return err
			}
		}
		for _, m := range v {
			if err := c.walk(m.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *chains) follow(ref string) error {
	c.seen[ref] = true
	if c.depth++; c.depth > maxChain {
		return fmt.Errorf("more than %d references hang on one another", maxChain)
	}
	parts := strings.Split(ref[2:], "/")
	for i := range parts {
		parts[i] = unescape(parts[i])
	}
	err := c.walk(c.root.at(parts...))
	c.depth--
	return err
}
