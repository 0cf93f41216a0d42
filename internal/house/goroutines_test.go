package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who starts a goroutine also ends it. Each package that starts one, in its code or in its tests, lets goleak look at what is left
// when its tests have run.
func TestEveryPackageThatStartsAGoroutineLooksForLeaks(t *testing.T) {
	packages := packagesOf(t, "../..")
	packages["state/storetest"].verified = packages["state"].verified // it is what state's tests are made of, and has none of its own
	require.False(t, packages["state/storetest"].tests)
	var starters []string
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		p := packages[dir]
		if p.starts == "" || p.tool() {
			continue
		}
		starters = append(starters, dir)
		require.True(t, p.verified, "%s starts a goroutine (%s) and nothing looks whether it ends: "+
			"write func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }", dir, p.starts)
	}
	require.GreaterOrEqual(t, len(starters), 15, "the reader finds too few: %v", starters)
}

// The reader of the source sees each way in which a goroutine starts, and a check that is only mentioned is none.
func TestTheReaderSeesEachWay(t *testing.T) {
	for name, c := range map[string]struct {
		text             string
		starts, verified bool
	}{
		"a statement":    {`package p; func f() { go f() }`, true, false},
		"a wait group":   {`package p; import "sync"; func f() { var g sync.WaitGroup; g.Go(f) }`, true, false},
		"an error group": {`package p; import "golang.org/x/sync/errgroup"; var g errgroup.Group`, true, false},
		"a word":         {`package p; // go f(), g.Go(f)`, false, false},
		"nothing":        {`package p; func f() { f() }`, false, false},
		"checked":        {`package p; import ("go.uber.org/goleak"; "testing"); func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }`, false, true},
		"checked later":  {`package p; import ("go.uber.org/goleak"; "testing"); func TestMain(m *testing.M) { if m.Run() == 0 { _ = goleak.Find() } }`, false, true},
		"elsewhere":      {`package p; import ("go.uber.org/goleak"; "testing"); func TestX(t *testing.T) { goleak.VerifyNone(t) }`, false, false},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", c.text, parser.SkipObjectResolution)
		require.NoError(t, err, name)
		var p pkg
		p.read(file, "p.go")
		require.Equal(t, c.starts, p.starts != "", name)
		require.Equal(t, c.verified, p.verified, name)
	}
}

// pkg is what the rule wants to know of a package.
type pkg struct {
	main, tests bool
	starts      string // where it starts a goroutine, "" for nowhere
	verified    bool   // its TestMain looks for leaks
}

// tool says whether this is a program without tests: what demonstrates, loads or measures. Its goroutines end with its process.
func (p pkg) tool() bool { return p.main && !p.tests }

func (p *pkg) read(file *ast.File, name string) {
	p.main = p.main || file.Name.Name == "main"
	p.tests = p.tests || strings.HasSuffix(name, "_test.go")
	for _, i := range file.Imports {
		if i.Path.Value == `"golang.org/x/sync/errgroup"` {
			p.starts = name
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			p.starts = name
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" {
				p.starts = name
			}
		case *ast.FuncDecl:
			p.verified = p.verified || n.Name.Name == "TestMain" && mentions(n, "goleak")
		}
		return true
	})
}

// mentions says whether a function calls something of a package.
func mentions(f *ast.FuncDecl, of string) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				found = found || x.Name == of && (s.Sel.Name == "VerifyTestMain" || s.Sel.Name == "Find")
			}
		}
		return true
	})
	return found
}

// packagesOf reads the source of all packages below a folder, by folder.
func packagesOf(t *testing.T, root string) map[string]*pkg {
	t.Helper()
	packages := map[string]*pkg{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "testdata" || name == "tools" || len(name) > 2 && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), root+string(filepath.Separator)))
		if packages[dir] == nil {
			packages[dir] = &pkg{}
		}
		packages[dir].read(file, name)
		return nil
	}))
	return packages
}
