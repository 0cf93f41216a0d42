package setup

import (
	"fmt"
	"slices"
	"strings"
)

// submitOf finds the column that the button 递交 changes.
func submitOf(t *Table) SubmitProposal {
	var found *Column
	top := 0
	for i := range t.Columns {
		if points := submitPoints(&t.Columns[i]); points > top {
			found, top = &t.Columns[i], points
		}
	}
	if found == nil {
		return SubmitProposal{Column: "submit_count", Mode: "changes", Note: Note{
			Decide: "no column looks like the flag of 递交; talkbridge init sql has the statement that adds submit_count",
		}}
	}
	s := SubmitProposal{Column: found.Name, Note: Note{Why: describeColumn(found)}}
	if counterLike(found) {
		s.Mode = "changes"
		return s
	}
	s.Mode, s.Values = "becomes", []string{"1"}
	codes := codesIn(found.Comment)
	for _, c := range codes {
		if slices.ContainsFunc([]string{"待上报", "待报送", "已递交", "已提交", "提交"}, func(word string) bool { return strings.HasPrefix(c.label, word) }) {
			s.Values = []string{c.value}
			s.Why += fmt.Sprintf("; %s is “%s”", c.value, c.label)
			return s
		}
	}
	s.Decide = "which value does the button write?"
	return s
}

func submitPoints(c *Column) int {
	if c.ChangesByItself {
		return 0
	}
	name := plain(c.Name)
	points := 0
	for i, n := range []string{"submitcount", "tjcs", "dijiaocount", "tjzt", "submitstatus", "submitflag", "submitstate", "issubmit", "sfdj", "sftj", "djzt", "reportflag", "reportstatus", "sbzt"} {
		if name == n {
			points = 40 - i
		}
	}
	switch head := commentHead(c.Comment); {
	case strings.Contains(head, "递交次数"), strings.Contains(head, "提交次数"):
		points += 20
	case strings.Contains(head, "递交状态"), strings.Contains(head, "提交状态"), strings.Contains(head, "递交标志"), strings.Contains(head, "提交标志"):
		points += 15
	case points == 0 && (strings.Contains(head, "递交") || strings.Contains(head, "提交")) && !c.time() && c.Kind != "varchar" && !c.long():
		points = 10
	}
	return points
}

func counterLike(c *Column) bool {
	name := plain(c.Name)
	return c.number() && (strings.HasSuffix(name, "count") || strings.HasSuffix(name, "cs") || strings.Contains(c.Comment, "次数"))
}

func describeColumn(c *Column) string {
	if c.Comment == "" {
		return "by its name"
	}
	return "“" + c.Comment + "”"
}

// where proposes the condition: which kind of talk, and not deleted.
func (p *planner) where() {
	if term := p.kind(); term.Text != "" {
		p.out.Where = append(p.out.Where, term)
	}
	if c, there := softDelete(p.out.Table); c != nil {
		p.out.Where = append(p.out.Where, Term{c.Name + " == " + literal(c, there), Note{Why: "deleted records are not sent"}})
	}
}

// kindWords are what schools call the three kinds of talk.
func kindWords(contract Contract) []string {
	switch {
	case strings.Contains(contract.Title, "一对一") || contract.Name == "one":
		return []string{"一对一", "个别", "单独"}
	case strings.Contains(contract.Title, "一对多") || contract.Name == "multi":
		return []string{"一对多", "集体", "群体", "小组", "多人"}
	case strings.Contains(contract.Title, "家校") || contract.Name == "patriarch":
		return []string{"家校", "家长", "家访"}
	default:
		return []string{contract.Title}
	}
}

// kind finds the column whose codes tell the kinds of talk apart.
func (p *planner) kind() Term {
	words := kindWords(p.out.Contract)
	for i := range p.out.Table.Columns {
		c := &p.out.Table.Columns[i]
		codes := codesIn(c.Comment)
		if _, rows := p.dict.of(c); len(rows) > 0 {
			codes = nil
			for _, r := range rows {
				codes = append(codes, code{r.value, r.label})
			}
		}
		for _, label := range c.Labels {
			codes = append(codes, code{label, label})
		}
		for _, code := range codes {
			if slices.ContainsFunc(words, func(word string) bool { return word != "" && strings.HasPrefix(code.label, word) }) {
				return Term{c.Name + " == " + literal(c, code.value), Note{Why: fmt.Sprintf("%s is “%s”", code.value, code.label)}}
			}
		}
	}
	return Term{Note: Note{Decide: fmt.Sprintf("if the table holds other records than “%s”, write the condition here", p.out.Contract.Title)}}
}

// literal writes a value as an expression compares it with the column.
func literal(c *Column, value string) string {
	if c.number() && c.Full != "bit(1)" {
		return value
	}
	return `"` + value + `"`
}

// marks proposes what to write back, as comments: the source is written only where a person asks for it.
func marks(t *Table, s SubmitProposal) []string {
	var delivered, rejected []string
	if s.Mode == "becomes" {
		for _, c := range codesIn(t.column(s.Column).Comment) {
			switch {
			case strings.Contains(c.label, "成功"), strings.HasPrefix(c.label, "已上报"):
				delivered = append(delivered, fmt.Sprintf("%s: %q", s.Column, c.value))
			case strings.Contains(c.label, "失败"), strings.Contains(c.label, "退回"):
				rejected = append(rejected, fmt.Sprintf("%s: %q", s.Column, c.value))
			}
		}
	}
	for _, c := range t.Columns {
		switch name := plain(c.Name); {
		case c.Name == s.Column:
		case slices.Contains([]string{"reportstatus", "sbzt", "syncstatus", "uploadstatus"}, name):
			for _, code := range codesIn(c.Comment) {
				switch {
				case strings.Contains(code.label, "成功"), strings.HasPrefix(code.label, "已上报"):
					delivered = append(delivered, fmt.Sprintf("%s: %q", c.Name, code.value))
				case strings.Contains(code.label, "失败"), strings.Contains(code.label, "退回"):
					rejected = append(rejected, fmt.Sprintf("%s: %q", c.Name, code.value))
				}
			}
		case slices.Contains([]string{"sbxx", "reportmsg", "reportmessage", "syncmsg", "failreason"}, name):
			delivered = append(delivered, c.Name+`: ""`)
			rejected = append(rejected, c.Name+`: "{message}"`)
		}
	}
	if len(delivered)+len(rejected) == 0 {
		return nil
	}
	out := []string{"writeback:"}
	if len(delivered) > 0 {
		out = append(out, "  delivered: {"+strings.Join(delivered, ", ")+"}")
	}
	if len(rejected) > 0 {
		out = append(out, "  rejected:  {"+strings.Join(rejected, ", ")+"}")
	}
	return out
}
