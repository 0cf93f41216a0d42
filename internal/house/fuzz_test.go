package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// make fuzz runs every target that there is, by name.
func TestMakeFuzzRunsEveryTarget(t *testing.T) {
	var targets []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				targets = append(targets, filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../../"))+"/"+f.Name.Name)
			}
		}
		return nil
	}))
	text, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	list := regexp.MustCompile(`(?m)^FUZZ := ((?:.*\\\n)*.*)$`).FindSubmatch(text)
	require.NotNil(t, list)
	named := strings.Fields(strings.ReplaceAll(string(list[1]), "\\\n", " "))
	slices.Sort(named)
	slices.Sort(targets)
	require.Equal(t, targets, named)
}
