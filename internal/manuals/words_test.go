package manuals

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"talkbridge/configs"
	"talkbridge/internal/acceptance"
	"talkbridge/internal/app"
)

func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// keys gives the settings of the annotated example as dotted names.
func keys(t *testing.T) map[string]any {
	t.Helper()
	text, err := configs.Files.ReadFile("talkbridge.yaml")
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(text, &tree))
	out := map[string]any{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		out[prefix] = v
		if m, ok := v.(map[string]any); ok {
			for k, sub := range m {
				walk(strings.TrimPrefix(prefix+"."+k, "."), sub)
			}
		}
	}
	walk("", tree)
	return out
}

// The table of settings names each one that there is, and no other.
func TestTheTableOfSettingsIsComplete(t *testing.T) {
	_, table, ok := strings.Cut(manual(t, "部署手册.md"), "<!-- 逐项 -->")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n## ")
	known, named := keys(t), map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z_.]+) \|`).FindAllStringSubmatch(table, -1) {
		require.Contains(t, known, m[1])
		named[m[1]] = true
	}
	for key := range known {
		section, _, _ := strings.Cut(key, ".")
		switch {
		case key == "" || strings.Count(key, ".") != 1 && section != "routes" && section != "dicts":
		case section == "routes" || section == "dicts":
			require.True(t, named[section], section)
		default:
			require.True(t, named[key], "the manual does not explain %s", key)
		}
	}
}

// Whatever a manual names in code marks is there: settings, commands, files and tests.
func TestWhatTheManualsNameIsThere(t *testing.T) {
	known, help := keys(t), commands(t)
	pages, err := filepath.Glob("../../docs/zh/*.md")
	require.NoError(t, err)
	require.Greater(t, len(pages), 8)
	tests := testNames(t)
	for _, page := range pages {
		name := filepath.Base(page)
		text := manual(t, name)
		for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
			requireNamed(t, name, m[1], help, tests)
		}
		for _, m := range regexp.MustCompile(`\b(?:source|state|platform|admin|log)\.[a-z_]+(?:\.[a-z_]+)*\b`).FindAllString(fence.ReplaceAllString(text, ""), -1) {
			if !strings.HasSuffix(m, ".log") && !strings.HasSuffix(m, ".go") && !strings.Contains(m, "platform.tls.") {
				require.Contains(t, known, m, name)
			}
		}
	}
}

// requireNamed looks at one piece of code in a text.
func requireNamed(t *testing.T, page, code string, help map[string]bool, tests map[string]bool) {
	t.Helper()
	word, rest, _ := strings.Cut(code, " ")
	switch {
	case strings.HasPrefix(code, "Test"):
		require.True(t, tests[code], "%s names the test %s", page, code)
	case (word == "talkbridge" || word == "talkbridge-admin") && rest != "":
		require.True(t, isCommand(rest, help), "%s names the command %s", page, code)
	case word == "make":
		out, err := os.ReadFile("../../Makefile")
		require.NoError(t, err)
		require.Contains(t, string(out), "\n"+strings.Fields(rest)[0]+":", "%s names %s", page, code)
	case regexp.MustCompile(`^(docs|configs|internal|cmd|canal|mapper|pusher|state)/`).MatchString(code):
		_, err := os.Stat("../../" + code)
		if code == "configs/systemd/talkbridge.service" && err != nil {
			code = "internal/release/files/talkbridge.service"
			_, err = os.Stat("../../" + code)
		}
		require.NoError(t, err, "%s names %s", page, code)
	}
}

func isCommand(words string, help map[string]bool) bool {
	f := strings.Fields(words)
	return len(f) > 0 && (help[f[0]] && (len(f) < 2 || !hasSub(f[0], help) || help[f[0]+" "+f[1]]))
}

func hasSub(command string, help map[string]bool) bool {
	for name := range help {
		if strings.HasPrefix(name, command+" ") {
			return true
		}
	}
	return false
}

// commands asks the program which it has.
func commands(t *testing.T) map[string]bool {
	t.Helper()
	program := filepath.Join(t.TempDir(), "talkbridge")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "talkbridge/cmd/talkbridge").CombinedOutput()
	require.NoError(t, err, "%s", out)
	found := map[string]bool{}
	var ask func(prefix ...string)
	ask = func(prefix ...string) {
		out, err := exec.CommandContext(t.Context(), program, append(prefix, "--help")...).Output()
		require.NoError(t, err)
		_, list, ok := strings.Cut(string(out), "Available Commands:\n")
		if !ok {
			return
		}
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.Lines(list) {
			name := strings.Fields(line)[0]
			if name == "help" || name == "completion" {
				continue
			}
			found[strings.Join(append(prefix, name), " ")] = true
			ask(append(append([]string{}, prefix...), name)...)
		}
	}
	ask()
	return found
}

// The list of commands in the operator's manual names none that is not there.
func TestTheListedCommandsAreThere(t *testing.T) {
	help := commands(t)
	_, list, ok := strings.Cut(manual(t, "运维手册.md"), "<!-- 命令速查 -->")
	require.True(t, ok)
	listed := regexp.MustCompile("(?m)^\\| `([a-z ]+)` \\|").FindAllStringSubmatch(list, -1)
	require.Greater(t, len(listed), 20)
	for _, m := range listed {
		require.True(t, help[m[1]], "there is no command %s", m[1])
	}
}

func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "grep", "-rhoE", "--include=*_test.go", `^func (Test|Fuzz|Benchmark)\w+`, "../..").Output()
	require.NoError(t, err)
	names := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		names[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	return names
}

// The settings that a manual shows as a piece of YAML load together with the example.
func TestTheSettingsOfTheManualsLoad(t *testing.T) {
	example, err := configs.Files.ReadFile("talkbridge.yaml")
	require.NoError(t, err)
	n := 0
	for _, page := range []string{"部署手册.md"} {
		for _, b := range blocks(t, page) {
			if b.kind != "yaml" {
				continue
			}
			n++
			var piece map[string]map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(b.text), &piece), "%s, line %d", page, b.line)
			text := string(example)
			for _, settings := range piece {
				for key := range settings {
					line := regexp.MustCompile(`(?m)^  ` + key + `: .*$`)
					require.Len(t, line.FindAllString(text, -1), 3, "the example has %s in source, platform and admin", key)
				}
			}
			shown := regexp.MustCompile(`(?m)^  tls: \{ca: .*$`).FindString(b.text)
			require.NotEmpty(t, shown)
			text = regexp.MustCompile(`(?m)^  tls: \{ca: .*$`).ReplaceAllLiteralString(text, shown)
			_, err := app.LoadWithoutSecrets("../../configs/talkbridge.yaml", []byte(text))
			require.NoError(t, err, "%s, line %d", page, b.line)
		}
	}
	require.Positive(t, n)
}

// The plan of tests lists the cases that the program has.
func TestThePlanListsTheCases(t *testing.T) {
	_, list, ok := strings.Cut(manual(t, "验收测试方案.md"), "<!-- 用例 -->")
	require.True(t, ok)
	var want strings.Builder
	for _, c := range acceptance.Plan() {
		here := "否"
		if acceptance.Harmless(c.ID) {
			here = "是"
		}
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", c.ID, c.Title, c.Group, here)
	}
	require.Contains(t, list, want.String())
}
