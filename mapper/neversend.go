package mapper

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// NeverSend lists the names of columns that no mapping may read unless it says so: scores of psychological scales, diagnoses and
// treatment, self-harm, and the traits that 个人信息保护法, article 28, calls sensitive and that a talk record has no use for. Each
// is a word or several, see denial.matches; a star stands for the rest of a word.
func NeverSend() []string {
	return []string{
		// scales
		"phq*", "gad7", "gad2", "gad_score", "sds", "sas", "scl90", "hamd*", "hama", "mmpi*", "epq*", "16pf", "upi", "bdi", "bai", "dass*",
		"pcl5", "psqi", "ces_d", "cesd*", "mht", "liangbiao*", "lbdf", "xlcp*", "xinliceping*", "scale_score", "scale_result", "量表",
		"心理测评", "心理测验", "测评分", "测评结果",
		// diagnoses and treatment
		"diagnos*", "zhenduan*", "zdjg", "诊断", "确诊", "icd", "bingli*", "病历", "bingshi*", "病史", "yongyao*", "用药",
		"medication*", "prescription*", "psychiatr*", "处方", "就诊",
		// self-harm
		"suicid*", "self_harm", "zisha*", "自杀", "zishang*", "自伤", "自残",
		// what has nothing to do with a talk
		"hiv", "艾滋", "sexual_orientation", "xingquxiang*", "性取向", "religio*", "zongjiao*", "zjxy", "宗教",
	}
}

// A denial is the list in force: which names may not be read.
type denial struct {
	patterns []denied
	allow    map[string]bool // lower case
}

type denied struct {
	text  string
	words []string // lower case; a word may end with a star
	han   string   // instead of words: a text of Chinese characters, found anywhere in a name
}

func newDenial(more, allow []string) (*denial, error) {
	d := &denial{allow: map[string]bool{}}
	for _, text := range append(NeverSend(), more...) {
		p := denied{text: text}
		if strings.ContainsFunc(text, isHan) {
			p.han = text
		} else {
			p.words = wordsOf(text)
		}
		if p.han == "" && (len(p.words) == 0 || slices.Contains(p.words, "*")) {
			return nil, fmt.Errorf("deny_columns: %q names no column; write a name, a part of one between underscores, or the beginning of a "+
				"word and a star", text)
		}
		d.patterns = append(d.patterns, p)
	}
	for _, name := range allow {
		d.allow[strings.ToLower(name)] = true
	}
	return d, nil
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// matches finds the entry that forbids a name. Names are compared by words, so that phq9 finds phq9, PHQ9_total and totalPhq9 and
// sds does not find jsds: a name is cut at everything that is no letter or digit, where small letters end and capitals begin, and
// between letters and digits.
func (d *denial) matches(name string) (entry string, denied bool) {
	if d == nil || d.allow[strings.ToLower(name)] {
		return "", false
	}
	var words []string
	for _, p := range d.patterns {
		if p.han != "" {
			if strings.Contains(name, p.han) {
				return p.text, true
			}
			continue
		}
		if words == nil {
			words = wordsOf(name)
		}
		if p.within(words) {
			return p.text, true
		}
	}
	return "", false
}

func (p denied) within(words []string) bool {
	for at := 0; at+len(p.words) <= len(words); at++ {
		if slices.EqualFunc(p.words, words[at:at+len(p.words)], sameWord) {
			return true
		}
	}
	return false
}

func sameWord(pattern, word string) bool {
	if start, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(word, start)
	}
	return pattern == word
}

// wordsOf cuts a name into words of one kind: small letters, digits.
func wordsOf(name string) []string {
	const other, letter, capital, digit = 0, 1, 2, 3
	kindOf := func(r rune) int {
		switch {
		case unicode.IsDigit(r):
			return digit
		case unicode.IsUpper(r):
			return capital
		case unicode.IsLetter(r) || r == '*':
			return letter
		default:
			return other
		}
	}
	var words []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			words = append(words, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	last := other
	for _, r := range name {
		kind := kindOf(r)
		switch {
		case kind == other:
			flush()
		case last == letter && kind == capital, last == digit && kind != digit, last != digit && kind == digit && word.Len() > 0:
			flush()
			word.WriteRune(r)
		default:
			word.WriteRune(r)
		}
		last = kind
	}
	flush()
	return words
}

// refuse is the error for a name that must not be read; nil for any other.
func (d *denial) refuse(names ...string) error {
	for _, name := range names {
		if entry, is := d.matches(name); is {
			return fmt.Errorf("%s must never be sent (%s is on the list): leave it out; where it is something harmless, or there is a legal "+
				"ground for sending it, name it under allow_columns", name, entry)
		}
	}
	return nil
}

// refuseIn looks at every name in a query: what is selected under another name was read all the same.
func (d *denial) refuseIn(q query) error { return d.refuse(q.names...) }

// holdsDenied tells whether a nested value has a member whose name must never be sent: the columns of a JSON document.
func (d *denial) holdsDenied(tree any) bool {
	switch v := tree.(type) {
	case []any:
		return slices.ContainsFunc(v, d.holdsDenied)
	case map[string]any:
		for name, item := range v {
			if _, is := d.matches(name); is || d.holdsDenied(item) {
				return true
			}
		}
	}
	return false
}
