package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", os.Getenv("UPDATE_GOLDEN") != "", "write the golden files")

func TestBrokenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	around := still()
	run := around.run
	around.run = nil
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			around.run = run
			if strings.Contains(path, "references") {
				around.run = runCommand
			}
			_, err = parse("talkbridge.yaml", src, "testdata", around)
			var problems Problems
			require.ErrorAs(t, err, &problems)
			got := problems.Error() + "\n"
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), got))
			for _, secret := range []string{"hunter2", "in-clear", "canary"} {
				require.NotContains(t, got, secret)
			}
			requireOrder(t, problems)
		})
	}
}

func requireOrder(t *testing.T, problems Problems) {
	t.Helper()
	for i := 1; i < len(problems); i++ {
		a, b := problems[i-1], problems[i]
		require.True(t, a.Line < b.Line || a.Line == b.Line && a.Column <= b.Column, "%v is before %v", a, b)
	}
}

func TestProblemsIsWhatCallersCanTakeApart(t *testing.T) {
	_, err := Parse("a.yaml", []byte("source: 1\n"), ".")
	var problems Problems
	require.ErrorAs(t, err, &problems)
	require.Equal(t, "a.yaml", problems[0].File)
	require.Equal(t, 1, problems[0].Line)
}
