package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"talkbridge/configs"
)

// everyCommand calls f with every command that does something.
func everyCommand(f func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() && !c.HasSubCommands() {
			f(c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(rootCommand())
}

// docs/commands.md has every command with its flags and what it prints, and nothing that is not there.
func TestThePageOfCommandsIsTheProgram(t *testing.T) {
	const file = "../../docs/commands.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	sections := map[string]string{}
	for _, s := range strings.Split(string(page), "\n## ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[name] = text
	}
	everyCommand(func(c *cobra.Command) {
		path := c.CommandPath()
		text, ok := sections[path]
		delete(sections, path)
		if !ok {
			t.Errorf("%s has no section ## %s", file, path)
			return
		}
		if !strings.Contains(text, "`"+c.UseLine()+"`") && !strings.Contains(text, "`"+strings.TrimSuffix(c.UseLine(), " [flags]")+"`") {
			t.Errorf("%s: %s does not say how it is used: %s", file, path, c.UseLine())
		}
		if !regexp.MustCompile(`(?m)^(JSON|No JSON|No data): `).MatchString(text) {
			t.Errorf("%s: %s does not say what it prints with --json: a line that begins with JSON:, No JSON: or No data:", file, path)
		}
		documented := map[string]bool{}
		for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)").FindAllStringSubmatch(text, -1) {
			documented[m[1]] = true
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !documented[f.Name] {
				t.Errorf("%s: %s lacks --%s: %s", file, path, f.Name, f.Usage)
			}
			delete(documented, f.Name)
		})
		for name := range documented {
			t.Errorf("%s: %s has no --%s (any more)", file, path, name)
		}
	})
	for name := range sections {
		t.Errorf("%s has a section %s, and there is no such command", file, name)
	}
}

// line runs one command line.
func line(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = execute(t.Context(), args, &out, &errOut)
	return code, out.String(), errOut.String()
}

// A command line that cannot be meant ends with 2 before anything is opened.
func TestWhatCannotBeMeantIsAUsageError(t *testing.T) {
	for _, args := range [][]string{
		{"records", "retry"},
		{"records", "retry", "one/1", "--status", "rejected"},
		{"records", "retry", "--status", "delivered"},
		{"records", "retry", "1001"},
		{"records", "discard"},
		{"records", "discard", "one/"},
		{"push", "--route", "one"},
		{"position", "set"},
		{"position", "set", "--gtid", "0-1-1", "--file", "f"},
		{"position", "set", "--file", "binlog.000001"},
		{"position", "set", "--file", "binlog.000001", "--pos", "x"},
		{"position", "clear", "now"},
		{"token", "shw"},
	} {
		code, _, stderr := line(t, append(args, "-c", "/nowhere.yaml")...)
		require.Equal(t, exitUsage, code, "%v: %s", args, stderr)
	}
}

func TestCompletion(t *testing.T) {
	for name, value := range map[string]string{
		"TALKBRIDGE_MYSQL_PASSWORD": "x", "TALKBRIDGE_STATE_KEY": "MDEyMzQ1Njc4OWFiY2RlZg==", "TALKBRIDGE_CLIENT_ID": "x",
		"TALKBRIDGE_CLIENT_SECRET": "ASNFZ4mrze/+3LqYdlQyEA==",
	} {
		t.Setenv(name, value)
	}
	file, err := configs.Write(filepath.Join(t.TempDir(), "bridge"), configs.Settings{
		SourceAddr: "127.0.0.1:1", StateURL: "file:talkbridge.db", BaseURL: "http://127.0.0.1:1/api", Listen: "127.0.0.1:1",
	})
	require.NoError(t, err)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-c", file, "push", "--route", ""}, []string{"one\t", "multi\t", "patriarch\t"}},
		{[]string{"-c", file, "records", "list", "--status", ""}, []string{"rejected"}},
		{[]string{"-c", file, "records", "re"}, []string{"retry\t"}},
		{[]string{"-c", file, "position", "set", "--"}, []string{"--gtid", "--file"}},
	} {
		code, out, _ := line(t, append([]string{"__complete"}, c.args...)...)
		require.Zero(t, code)
		for _, want := range c.want {
			require.Contains(t, out, want, "%v", c.args)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, _ := line(t, "completion", shell)
		require.Zero(t, code)
		require.Contains(t, out, "talkbridge", shell)
	}
}
