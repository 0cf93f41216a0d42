// List prints the names of the source servers that this machine has, one a line, for make test-matrix.
package main

import (
	"fmt"
	"os"

	"talkbridge/internal/testserver"
)

func main() {
	for _, s := range testserver.AllSources() {
		fmt.Fprintln(os.Stdout, s.Name)
	}
}
