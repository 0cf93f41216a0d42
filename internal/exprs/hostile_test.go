package exprs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/exprs"
)

// What is cheap to write and dear to compile or to run is an error, soon: an expression is as long as a configuration lets it be, a megabyte.
func TestHostileExpressions(t *testing.T) {
	// Depths and parts that are within the bound may be right; they only have to end.
	for name, text := range map[string]string{
		"depths":                  strings.Repeat("(", 500_000) + "x" + strings.Repeat(")", 500_000),
		"depths of not":           strings.Repeat("!", 900_000) + "x",
		"depths of list":          strings.Repeat("[", 500_000) + "x" + strings.Repeat("]", 500_000),
		"parts":                   "x" + strings.Repeat(" || x", 150_000),
		"depths within the bound": strings.Repeat("!", 9_000) + "y",
		"lists within the bound":  strings.Repeat("[", 4_900) + "x" + strings.Repeat("]", 4_900),
		"a long range":            `len(1..1000000000) > 1`,
		"a long text":             `repeat("a", 1000000000) == x`,
		"nested loops":            `all(1..100000, all(1..100000, all(1..100000, true)))`,
		"a regular expression of a billion states": `x matches "((a{1000}){1000}){1000}"`,
	} {
		t.Run(name, func(t *testing.T) {
			program, err := exprs.CompileCondition(text)
			if err == nil {
				_, err = program.Holds(map[string]any{"x": true})
			}
			t.Logf("%.100v", err)
			require.Error(t, err)
			require.Less(t, len(err.Error()), 50_000)
		})
	}
}
