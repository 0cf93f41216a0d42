package manuals

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/acceptance"
)

// requirement is a row of the table of requirements.
type requirement struct{ number, clause, sentence, met, cases, shown string }

func requirements(t *testing.T, table string) (rows []requirement) {
	t.Helper()
	_, table, ok := strings.Cut(table, "| 序 | 条款 | 原文 | 落实 | 用例 | 测试与命令 |\n|---:|---|---|---|---|---|\n")
	require.True(t, ok, "the table has its columns")
	table, _, ok = strings.Cut(table, "\n\n")
	require.True(t, ok)
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSpace(line), " | ")
		require.Len(t, f, 6, line)
		rows = append(rows, requirement{strings.TrimPrefix(f[0], "| "), f[1], f[2], f[3], f[4], strings.TrimSuffix(f[5], " |")})
	}
	return rows
}

// sentences are the specification's, one a line of the file; a line that begins with # is a heading.
func sentences(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/需求原文.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

// A line of the file is one sentence. Two in a line would be one row that says where only one of them is met.
func TestTheSpecificationIsKeptBySentence(t *testing.T) {
	list := sentences(t)
	require.Len(t, list, 49)
	seen := map[string]bool{}
	for _, s := range list {
		require.NotContains(t, strings.TrimRight(s, "。；"), "。", s)
		require.NotContains(t, strings.TrimRight(s, "。；"), "；", s)
		require.NotContains(t, s, "[image", s)
		require.False(t, seen[s], s)
		seen[s] = true
	}
}

// Every sentence of the specification has its one row in the table, in the order of the text, word for word; no row says what the text
// does not. The acceptance report knows the same sentences under the same numbers, with the same cases.
func TestEverySentenceOfTheSpecificationHasItsRow(t *testing.T) {
	rows, clauses, text := requirements(t, manual(t, "需求跟踪表.md")), acceptance.Clauses(), sentences(t)
	var quoted, reported []string
	for _, r := range rows {
		quoted = append(quoted, r.sentence)
	}
	for _, c := range clauses {
		reported = append(reported, c.Text)
	}
	require.Equal(t, text, quoted)
	require.Equal(t, text, reported)
	ids := map[string]bool{}
	for i, r := range rows {
		require.Equal(t, strconv.Itoa(i+1), r.number)
		require.Equal(t, clauses[i].ID, r.clause)
		require.False(t, ids[r.clause], "two rows %s", r.clause)
		ids[r.clause] = true
		cases := strings.Join(clauses[i].Cases, " ")
		if cases == "" {
			cases = "—"
		}
		require.Equal(t, cases, r.cases, r.clause)
	}
}

// A row says where its sentence is met, and names a case, a test or a command that shows it; or it says that no program meets it.
func TestEveryRequirementIsShownOrSaysWhyNot(t *testing.T) {
	tests := testNames(t)
	for _, r := range requirements(t, manual(t, "需求跟踪表.md")) {
		files := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(r.met, -1)
		for _, m := range files {
			_, err := os.Stat("../../" + m[1])
			require.NoError(t, err, r.clause)
		}
		shown := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(r.shown, -1)
		for _, m := range shown {
			require.True(t, tests[m[1]] || regexp.MustCompile(`^(talkbridge|make) [a-z]`).MatchString(m[1]), "%s: %s", r.clause, m[1])
		}
		if len(shown) == 0 {
			require.Equal(t, "—", r.shown, r.clause)
			require.Equal(t, "—", r.cases, "%s has cases and names no test or command", r.clause)
			require.Regexp(t, `^(由合同约定，)?不由程序落实`, r.met, r.clause)
		}
		if len(files) == 0 {
			require.Regexp(t, `不由程序落实|由学校`, r.met, r.clause)
		}
	}
}

// No case is without a requirement, and none is named that there is not.
func TestEveryCaseIsAskedFor(t *testing.T) {
	table := manual(t, "需求跟踪表.md")
	ids := map[string]bool{}
	for _, c := range acceptance.Plan() {
		ids[c.ID] = true
		require.NotEmpty(t, c.Clauses, "no sentence asks for case %s", c.ID)
		require.Regexp(t, `\b`+c.ID+`\b`, table, "no requirement asks for case %s", c.ID)
	}
	for _, id := range regexp.MustCompile(`\b[FPSBR]\d\d\b`).FindAllString(table, -1) {
		require.True(t, ids[id], "there is no case %s", id)
	}
	clauses := map[string]bool{}
	for _, c := range acceptance.Clauses() {
		clauses[c.ID] = true
	}
	_, after, _ := strings.Cut(table, "## 不由软件落实的条款")
	named := regexp.MustCompile(`(?m)^\| ([1-6][^ |]*(?:[、 至]+[1-6][^ |]*)*) \|`).FindAllStringSubmatch(after, -1)
	require.GreaterOrEqual(t, len(named), 8)
	for _, m := range named {
		for _, id := range regexp.MustCompile(`[、 至]+`).Split(m[1], -1) {
			require.True(t, clauses[id], "there is no clause %s", id)
		}
	}
}
