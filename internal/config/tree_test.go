package config

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func treeOf(t *testing.T, src string) (*node, *walk) {
	t.Helper()
	w := &walk{file: newFile("t.yaml", []byte(src)), references: map[string]reference{}}
	root := w.readTree([]byte(src))
	require.NotNil(t, root, "%v", w.problems)
	return root, w
}

// Whatever the parser says of places, a caret has to stand below the text that is meant.
func TestEveryScalarOfTheExampleIsWhereItIsSaidToBe(t *testing.T) {
	src, err := os.ReadFile(specFile)
	require.NoError(t, err)
	root, w := treeOf(t, string(src))
	seen := 0
	var visit func(n *node)
	check := func(n *node) {
		line := w.file.line(n.at.line)
		require.LessOrEqual(t, n.at.column+n.at.width-1, len(line))
		text := string(line[n.at.column-1 : n.at.column-1+n.at.width])
		if strings.HasPrefix(text, ">-") {
			return
		}
		if text[0] == '"' || text[0] == '\'' {
			text = text[1 : len(text)-1]
		}
		require.Equal(t, n.text, text, "line %d", n.at.line)
		seen++
	}
	visit = func(n *node) {
		if n.kind != mapping && n.kind != sequence {
			check(n)
		}
		for _, e := range n.entries {
			check(e.key)
			visit(e.value)
		}
		for _, item := range n.items {
			visit(item)
		}
	}
	visit(root)
	require.Greater(t, seen, 300)
}

func TestDisplayWidth(t *testing.T) {
	f := newFile("t", []byte("姓名:\tabc\u200b \x1b[31m é全角ｱ"))
	require.Equal(t, "\n    1 | 姓名:\tabc· ·[31m é全角ｱ\n      |      \t^^^", f.excerpt(span{1, 5, 3}))
	require.Equal(t, "\n    1 | 姓名:\tabc· ·[31m é全角ｱ\n      | ^^^^", f.excerpt(span{1, 1, 2}))
	require.True(t, strings.HasSuffix(f.excerpt(span{1, 17, 3}), " ^^^^^"), "e with accent 1, 全角 2 each")
	require.Empty(t, f.excerpt(span{9, 1, 1}))
	require.Equal(t, 1, strings.Count(f.excerpt(span{1, 99, 9}), "^"))
}

func TestAliasesThatUnfoldWithoutEndAreRefused(t *testing.T) {
	var src strings.Builder
	src.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		n := string(rune('0' + i))
		last := "*a" + string(rune('0'+i-1))
		src.WriteString("a" + n + ": &a" + n + " [" + strings.Repeat(last+", ", 10) + "]\n")
	}
	_, err := Parse("bomb.yaml", []byte(src.String()), ".")
	require.ErrorContains(t, err, "use fewer aliases")
}

func TestFilesThatAreTooMuch(t *testing.T) {
	_, err := Parse("t.yaml", bytes.Repeat([]byte("# long\n"), 1<<18), ".")
	require.ErrorContains(t, err, "larger than")
	_, err = Parse("t.yaml", []byte("a: "+strings.Repeat("[", 500)+strings.Repeat("]", 500)), ".")
	require.ErrorContains(t, err, "nested more than")
}

// yielded is what every reference of the fuzzer's configurations yields.
const yielded = "geheim-7Q4"

// FuzzParse: whatever the text, it is a configuration or a list of problems, each with a place in the file; never a panic. The
// world of the fuzzer runs no command.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../../configs/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, path := range files {
			src, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(src)
		}
	}
	f.Add([]byte(minimal))
	f.Add([]byte(full))
	around := still()
	around.run = func(context.Context, string, string) ([]byte, error) { return []byte(yielded), nil }
	around.lookupEnv = func(string) (string, bool) { return yielded, true }
	f.Fuzz(func(t *testing.T, src []byte) {
		cfg, err := parse("f.yaml", src, "/etc", around)
		if err == nil {
			shown, err := cfg.MarshalJSON()
			require.NoError(t, err)
			if !bytes.Contains(src, []byte(yielded)) {
				require.NotContains(t, cfg.Redacted()+string(shown), yielded, "what a reference yielded")
			}
			return
		}
		problems, ok := err.(Problems) //nolint:errorlint // exactly this type is promised
		if !ok || len(problems) == 0 {
			t.Fatalf("%T: %v", err, err)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		if !bytes.Contains(src, []byte(yielded)) {
			require.NotContains(t, err.Error(), yielded, "what a reference yielded")
		}
	})
}
