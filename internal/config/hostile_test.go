package config

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/configs"
)

// within runs f, which ends by itself long before the limit on any machine, or not at all.
func within(t *testing.T, f func()) {
	t.Helper()
	began, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		t.Logf("%v", time.Since(began).Round(time.Millisecond))
	case <-time.After(2 * time.Minute):
		t.Fatal("it does not end")
	}
}

// An endless reader counts what is taken from it.
type endless struct{ taken int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.taken += int64(len(p))
	return len(p), nil
}

func TestNoMoreIsReadThanIsBounded(t *testing.T) {
	source := &endless{}
	_, err := readUpTo(source, maxFile)
	require.ErrorIs(t, err, errTooMuch)
	require.Equal(t, int64(maxFile+1), source.taken)
	out := &flood{stop: func() error { return nil }}
	n, err := io.Copy(out, source)
	require.ErrorIs(t, err, errTooMuch)
	require.LessOrEqual(t, n, int64(maxValue))
}

// What a file or a command yields is a value and no more: a reference in it is text, so that no circle can come about.
func TestAReferenceInAFileIsText(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "self"), []byte("${file:self}${exec:echo canary}\n"), 0o600))
	w := &walk{dir: dir, world: machine(), references: map[string]reference{}}
	got, used := w.expand("${file:self}", func(ref, problem string) { t.Errorf("%s: %s", ref, problem) })
	require.True(t, used)
	require.Equal(t, "${file:self}${exec:echo canary}", got)
}

// TestHostileFiles: whatever a path of the configuration leads to, the answer comes soon, costs little and says what to do.
func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	large, err := os.Create(filepath.Join(dir, "large"))
	require.NoError(t, err)
	require.NoError(t, large.Truncate(1<<30)) // a file of holes: large to read, not on the disk
	require.NoError(t, large.Close())
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "zero")))
	for path, want := range map[string]string{
		"pipe": "is a folder, a pipe or a device", "zero": "is a folder, a pipe or a device", ".": "is a folder, a pipe or a device",
		"large": "is larger than 16777216 bytes", "/dev/stdin": "is a folder, a pipe or a device", "large/x": "cannot be read",
	} {
		t.Run(strings.ReplaceAll(path, "/", "_"), func(t *testing.T) {
			within(t, func() {
				w := &walk{dir: dir, world: machine(), references: map[string]reference{}}
				if got := w.resolve("${file:" + path + "}").problem; !strings.Contains(got, want) {
					t.Errorf("%q does not say %q", got, want)
				}
			})
		})
	}
	t.Run("the configuration itself", func(t *testing.T) {
		within(t, func() {
			if _, err := Load(filepath.Join(dir, "large")); err == nil || !strings.Contains(err.Error(), "larger than") {
				t.Errorf("%v", err)
			}
		})
	})
}

// TestHostileCommands: a command that prints without end, that hangs, or that leaves a child behind holding the pipe, ends.
func TestHostileCommands(t *testing.T) {
	w := &walk{dir: t.TempDir(), world: machine(), references: map[string]reference{}}
	for command, want := range map[string]string{
		"yes canary":                        "prints more than 1048576 bytes",
		"cat /dev/zero":                     "prints more than 1048576 bytes",
		"yes canary & wait":                 "prints more than 1048576 bytes",
		"head -c 1048577 /dev/zero; exit 3": "prints more than 1048576 bytes",
		"kill -9 $$":                        "ended with status -1",
	} {
		t.Run(command, func(t *testing.T) {
			within(t, func() {
				got := w.resolve("${exec:" + command + "}")
				if !strings.Contains(got.problem, want) || got.value != "" || strings.Contains(got.problem, "canary") {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestHostileYAML: documents that were made to take long or much to read.
func TestHostileYAML(t *testing.T) {
	merges := "a0: &a0 {x: 1}\n"
	for i := range 200 {
		n, last := strconv.Itoa(i+1), strconv.Itoa(i)
		merges += "a" + n + ": &a" + n + " {<<: [" + strings.Repeat("*a"+last+", ", 20) + "], k" + n + ": 1}\n"
	}
	for name, src := range map[string]string{
		"merge keys in a tower":   merges,
		"an anchor in itself":     "a: &a [*a]\n",
		"a merge of itself":       "a: &a {<<: *a}\n",
		"deep lists":              strings.Repeat("[", 100_000),
		"deep mappings":           strings.Repeat("{a: ", 50_000),
		"deep blocks":             deepBlocks(1200),
		"a long line":             "a: " + strings.Repeat("x", 1<<20-10),
		"many keys":               strings.Repeat("a: 1\n", 100_000),
		"as many keys as may be":  strings.Repeat("a: 1\n", maxKeys),
		"many keys in one line":   "{" + strings.Repeat("a: 1, ", 40_000) + "a: 1}",
		"lists in a line":         strings.Repeat("- ", 40_000) + "x",
		"keys in a line":          strings.Repeat("? ", 40_000) + "x",
		"mappings in a line":      strings.Repeat("a: ", 40_000) + "x",
		"anchors in a line":       strings.Repeat("&a ", 40_000) + "x",
		"many documents":          strings.Repeat("---\na: 1\n", 50_000),
		"many anchors":            strings.Repeat("- &a a\n", 50_000),
		"many quotes":             "a: \"" + strings.Repeat("\\\"", 50_000),
		"many references":         "a: " + strings.Repeat("${env:X}", 20_000),
		"braces without end":      "source: {addr: \"" + strings.Repeat("${", 200_000) + "\"}\n",
		"a folded text":           "a: >\n" + strings.Repeat("  x\n", 100_000),
		"NULs":                    strings.Repeat("\x00", 100_000),
		"a tag in a tag":          strings.Repeat("!!str ", 20_000) + "x",
		"comments":                strings.Repeat("#", 500_000) + "\n" + strings.Repeat("# x\n", 50_000),
		"a number of many digits": "source: {server_id: " + strings.Repeat("9", 200_000) + "}\n",
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func() {
				_, err := parse("h.yaml", []byte(src), "/etc", still())
				if problems, ok := err.(Problems); !ok || len(problems) == 0 || problems[0].Line < 1 || problems[0].Column < 1 { //nolint:errorlint // exactly this type is promised
					t.Errorf("%T without a place", err)
				}
			})
		})
	}
}

func deepBlocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// Regular expressions that are cheap to write and dear to run are a problem of their setting; what is left runs in linear time (RE2).
func TestHostileRegularExpressions(t *testing.T) {
	text, err := configs.Files.ReadFile("talkbridge.yaml")
	require.NoError(t, err)
	const setting = `message: "token.*(过期|失效|无效|expired|invalid)"`
	require.Contains(t, string(text), setting)
	for _, bomb := range []string{"((a{1000}){1000}){1000}", strings.Repeat("(", 2000) + strings.Repeat(")", 2000), "(?=a)"} {
		within(t, func() {
			_, err := parse("h.yaml", []byte(strings.Replace(string(text), setting, `message: "`+bomb+`"`, 1)), t.TempDir(), still())
			require.ErrorContains(t, err, "platform.response.reauth.message: is not a regular expression")
		})
	}
}
