package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A message is what an operator may read in the log or at the end of a bridge: a warning, an error, or the reason of a stop.
type message struct{ text, where string }

// ofABridge lists the folders of the packages that a bridge and its commands are made of: all that there are, but for the stand-ins, the
// judges, what is only built with, and what is run beside a person who reads its whole answer: check,
// contract, init, the problems of a configuration.
func ofABridge(t *testing.T) (dirs []string) {
	t.Helper()
	others := map[string]bool{
		"check": true, "config": true, "contract": true, "setup": true, "acceptance": true, "chaos": true, "fixture": true, "manuals": true, "platformsim": true, "release": true, "rig": true, "testserver": true,
	}
	dirs = []string{"canal", "state", "pusher", "mapper", "cmd/talkbridge"}
	list, err := os.ReadDir("..")
	require.NoError(t, err)
	for _, d := range list {
		if d.IsDir() && !others[d.Name()] {
			dirs = append(dirs, "internal/"+d.Name())
		}
	}
	return dirs
}

// messages collects the literals of every Warn and Error of a logger, of every error that ends the reading, of the sentinels, and of the
// warnings at the start.
func messages(t *testing.T) (list []message) {
	t.Helper()
	files := token.NewFileSet()
	for _, dir := range ofABridge(t) {
		paths, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, path, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				for _, e := range said(n) {
					if text := literal(e); text != "" {
						list = append(list, message{text, files.Position(e.Pos()).String()})
					}
				}
				return true
			})
		}
	}
	require.Greater(t, len(list), 80)
	return list
}

// said finds what a piece of code says to an operator.
func said(n ast.Node) (texts []ast.Expr) {
	first := func(e ast.Expr) {
		if call, ok := e.(*ast.CallExpr); ok && len(call.Args) > 0 {
			texts = append(texts, call.Args[0])
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Warn" || f.Sel.Name == "Error") {
			first(n)
		}
	case *ast.CompositeLit: // &stopError{fmt.Errorf("…")}, and what says that a position is lost
		if name, ok := n.Type.(*ast.Ident); ok && len(n.Elts) > 0 && (name.Name == "stopError" || name.Name == "lostError" || name.Name == "clashError") {
			first(n.Elts[0])
		}
	case *ast.ValueSpec: // var errX = errors.New("…"): sentinels of the stages
		for i, v := range n.Values {
			if strings.HasPrefix(strings.ToLower(n.Names[i].Name), "err") {
				first(v)
			}
		}
	case *ast.FuncDecl: // what Warnings gives
		if name := strings.ToLower(n.Name.Name); strings.Contains(name, "warning") || name == "unchecked" {
			ast.Inspect(n.Body, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if ok && strings.Count(literal(e), " ") > 5 {
					texts = append(texts, e)
					return false
				}
				return true
			})
		}
	}
	return texts
}

// literal joins "a" + "b"; empty for what is no text.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}

// inner are signals between parts of the program, and frames around a message that is listed itself. Nobody reads them alone.
func inner() map[string]bool {
	return map[string]bool{
		// frames
		"source.start: %w": true, "at %s:%d%s: %w": true, "event %s that ends at %d: %w": true, "column %s: %w (%s, as the route's charsets say)": true,
		// ends of loops
		"the connection is to end": true, "the end is reached": true, "stopped": true, "the bridge stops": true,
		"not understood": true, "not JSON": true, // turned into other words where they are met
		"too many rows":                true, // likewise
		"this process does not listen": true, // keeps push from appending on its own
		"refused":                      true, // an exit code: what is said was printed before
	}
}

// Every message that an operator may meet has its way out in the runbook, and the runbook quotes nothing that the program does not say.
// An entry begins a paragraph with the message in a code span: **`the store does not answer`**.
func TestEveryMessageHasItsWayOut(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook.md")
	require.NoError(t, err)
	var entries []string
	for _, m := range regexp.MustCompile("(?m)^\\*\\*`([^`]+)`\\*\\* \\S").FindAllStringSubmatch(string(text), -1) {
		require.GreaterOrEqual(t, len(m[1]), 10, "too short to be found in one message only: %s", m[1])
		require.NotContains(t, m[1], "%", "nobody can search for that")
		entries = append(entries, m[1])
	}
	for _, m := range messages(t) {
		if !inner()[m.text] && !slices.ContainsFunc(entries, func(e string) bool { return strings.Contains(m.text, e) }) {
			t.Errorf("%s: no entry in docs/runbook.md for %q: what does an operator do who reads this at night? Where nobody can read it, say so in inner",
				m.where, m.text)
		}
	}
	code := wholeCode(t)
	for _, e := range entries {
		if !strings.Contains(code, e) {
			t.Errorf("docs/runbook.md: the program does not say %q", e)
		}
	}
}

// wholeCode is the source of the program, with texts that go over several lines joined.
func wholeCode(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	for _, dir := range ofABridge(t) {
		paths, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				source, err := os.ReadFile(path)
				require.NoError(t, err)
				code.Write(source)
			}
		}
	}
	return regexp.MustCompile(`"\s*\+\s*"`).ReplaceAllString(code.String(), "")
}

// What the runbook quotes elsewhere, in a code span that reads like a sentence, stands in the code too.
func TestTheRunbookQuotesWhatTheProgramSays(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook.md")
	require.NoError(t, err)
	code, n := wholeCode(t), 0
	for _, quoted := range regexp.MustCompile("`(the [a-z' ]+)`").FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, code, quoted[1])
		n++
	}
	require.Greater(t, n, 12)
}

// Every command that the runbook tells an operator to type exists, with the flags that it is given.
func TestTheRunbooksCommandsExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook.md")
	require.NoError(t, err)
	list, err := os.ReadFile("../../docs/commands.md") // which a test holds against the program
	require.NoError(t, err)
	n := 0
	for _, m := range regexp.MustCompile("(?m)(?:`|^    )talkbridge-admin ([a-z][^`#\n]*)").FindAllStringSubmatch(string(text), -1) {
		words := strings.Fields(m[1])
		section, known := "", false
		for i := len(words); i > 0 && !known; i-- {
			_, section, known = strings.Cut(string(list), "\n## talkbridge "+strings.Join(words[:i], " ")+"\n")
		}
		require.True(t, known, m[1])
		section, _, _ = strings.Cut(section, "\n## ")
		for _, word := range words {
			if strings.HasPrefix(word, "--") {
				require.Contains(t, section, word, m[1])
			}
		}
		n++
	}
	require.Greater(t, n, 30)
}
