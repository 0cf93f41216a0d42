package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// section is what a translation of a part of a page may not change.
type section struct {
	level    int      // of its heading
	items    int      // of its lists
	commands []string // of its code blocks, without what is said beside them
	links    []string
	code     []string // in code marks, sorted: the order of words in a sentence is the language's
	numbers  []string // sorted
}

// sections reads a page. In a code block, what follows two blanks is said to people.
func sections(text string) (all []section) {
	code, link := regexp.MustCompile("`([^`]+)`"), regexp.MustCompile(`\]\(([^)]+)\)`)
	item, number := regexp.MustCompile(`^(?:- |\d+\. )`), regexp.MustCompile(`\d+(?:\.\d+)*`)
	aside := regexp.MustCompile(` {2,}.*$`)
	for part := range strings.SplitSeq("\n"+text, "\n#") {
		heading, rest, _ := strings.Cut(part, "\n")
		s := section{level: len(heading) - len(strings.TrimLeft(heading, "#")) + 1}
		var prose strings.Builder
		for line := range strings.Lines(rest) {
			if command, ok := strings.CutPrefix(line, "    "); ok {
				s.commands = append(s.commands, aside.ReplaceAllString(strings.TrimSpace(command), ""))
				continue
			}
			if item.MatchString(line) {
				s.items++
			}
			prose.WriteString(item.ReplaceAllString(line, ""))
		}
		for _, m := range link.FindAllStringSubmatch(prose.String(), -1) {
			s.links = append(s.links, m[1])
		}
		for _, m := range code.FindAllStringSubmatch(prose.String(), -1) {
			s.code = append(s.code, m[1])
		}
		s.numbers = number.FindAllString(code.ReplaceAllString(link.ReplaceAllString(prose.String(), ""), ""), -1)
		slices.Sort(s.code)
		slices.Sort(s.numbers)
		all = append(all, s)
	}
	return all[1:] // nothing stands before the first heading
}

// README.zh-CN.md says what README.md says: the same parts with as many points each, the same commands, settings, links and figures. It
// may lead to manuals that there are in Chinese only.
func TestTheChineseReadmeMirrorsTheEnglishOne(t *testing.T) {
	read := func(name string) []section {
		text, err := os.ReadFile(filepath.Join("../..", name))
		require.NoError(t, err)
		return sections(string(text))
	}
	english, chinese := read("README.md"), read("README.zh-CN.md")
	require.Len(t, chinese, len(english), "headings")
	require.Greater(t, len(english), 6)
	require.Equal(t, []string{"README.zh-CN.md"}, english[0].links, "each leads to the other")
	require.Equal(t, []string{"README.md"}, chinese[0].links)
	english[0].links, chinese[0].links = nil, nil
	for i, want := range english {
		chinese[i].links = slices.DeleteFunc(chinese[i].links, func(l string) bool {
			return strings.HasPrefix(l, "docs/zh/") && !slices.Contains(want.links, l)
		})
		require.Equal(t, want, chinese[i], "heading %d", i+1)
	}
	links := 0
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		for _, s := range read(name) {
			for _, l := range s.links {
				links++
				_, err := os.Stat(filepath.Join("../..", l))
				require.NoError(t, err, "%s leads nowhere", name)
			}
		}
	}
	require.Greater(t, links, 30)
}
