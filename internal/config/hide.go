package config

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// hideSecrets finds the secrets that are written in clear below n and keeps them out of the excerpts. It goes by the names of
// the keys alone, because a misspelt or misplaced secret is one all the same. parent is the key that n is the value of.
func (w *walk) hideSecrets(n *node, parent string) {
	for _, item := range n.items {
		w.hideSecrets(item, parent)
	}
	for _, e := range n.entries {
		block := e.key.text == "token" && e.value.kind == mapping // platform.token; a header may be called token too
		if holdsSecret(parent, e.key.text) && !block || passwordAt.MatchString(e.value.text) {
			w.file.hide(e.value)
		}
		w.hideSecrets(e.value, e.key.text)
	}
}

// holdsSecret guesses from a key, and from the key above it, whether its value is a secret.
func holdsSecret(parent, key string) bool {
	switch parent {
	case "fields", "submit", "writeback", "delivered", "rejected", "lookups", "dicts":
		return false // names of members, and of things in the school's database
	case "tls", "routes":
		if key == "key" { // a file, and columns
			return false
		}
	}
	return secretWord.MatchString(key) && key != "key_encoding" && key != "secret_form"
}

var (
	secretWord  = regexp.MustCompile(`(?i)pass|pasw|secret|pwd|^key$|api.?key|state.?key|token$|authorization|cookie|credential$`)
	passwordAt  = regexp.MustCompile(`:[^\s@]*@`) // user:password@host
	secretInRow = regexp.MustCompile(`(?i)[\w-]*(?:pass|pasw|secret|pwd|key|token|authorization|cookie)[\w-]*["']?\s*:(?:\s+["']?|$)`)
)

// isOnlyReference tells whether text is a ${…}, be it without its closing brace, and so shows nothing.
func isOnlyReference(text string) bool {
	return strings.HasPrefix(text, "${") && referenceLength(text) == len(text)
}

// hideByText hides secrets in a file that is not YAML: whatever follows a key that sounds like one, to the end of the line, and
// the lines below that are indented deeper.
func (w *walk) hideByText() {
	for i, line := range w.file.lines {
		for _, found := range secretInRow.FindAllStringIndex(line, -1) {
			value := line[found[1]:]
			if strings.HasPrefix(value, "${") {
				if rest := value[referenceLength(value):]; strings.IndexAny(rest+"\n", "\"',}] \n") == 0 {
					continue
				}
			}
			before := utf8.RuneCountInString(line[:found[1]])
			w.file.mask(span{i + 1, before + 1, utf8.RuneCountInString(value)})
			w.hideBelow(i)
			break
		}
	}
}

// hideBelow hides the lines after line i (from 0) that belong to it by their indentation.
func (w *walk) hideBelow(i int) {
	indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
	for j := i + 1; j < len(w.file.lines); j++ {
		line := w.file.lines[j]
		if strings.TrimSpace(line) != "" && indent(line) <= indent(w.file.lines[i]) {
			return
		}
		w.file.mask(span{j + 1, 1, utf8.RuneCountInString(line)})
	}
}
