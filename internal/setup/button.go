package setup

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// buttons writes the statement behind 递交 for the mode of each route, and what goes wrong with each mode.
func (k Kit) buttons(b *bytes.Buffer) {
	section(b, 3, "“递交”按钮背后的语句", "the statement behind the button 递交")
	b.WriteString(`-- 供学工系统开发者参考,不在此执行(? 为参数)。 / For the developers of the student-affairs system; not to be run here (? is a parameter).
`)
	for _, r := range k.tables() {
		where := "WHERE " + conditions(r.Key)
		table := tableSQL(r.Schema, r.Table)
		fmt.Fprintf(b, "--\n-- %s.%s (%s), submit: {column: %s, %s}\n", r.Schema, r.Table, r.Name, r.Flag, r.modeText())
		switch r.Mode {
		case "changes":
			b.WriteString(counterText(table, r.Flag, where))
		case "while":
			b.WriteString(whileText(table, r.Flag, r.first(), where))
		default:
			b.WriteString(becomesText(table, r.Flag, r.first(), where))
		}
	}
	b.WriteString(`--
-- 三种方式对比 / the three modes:
--   becomes  标志“变为”某值才算递交。标志已是该值时再保存或再按,都不算新递交。
--            a submission is the flag becoming a value. A save or another press while it has that value already is none.
--   changes  计数器每变一次就是一次递交,任何一次都不会漏。推荐。
--            every change of a counter is a submission; none is ever missed. Recommended.
--   while    标志为某值期间,该行的任何修改都会上报,包括尚未写完的草稿。
--            every change of the row is sent while the flag has a value, unfinished drafts too.
`)
}

func conditions(key []string) string {
	if len(key) == 0 {
		return "`id` = ?"
	}
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = backquote(c) + " = ?"
	}
	return strings.Join(parts, " AND ")
}

func (r KitRoute) first() string {
	if len(r.Values) == 0 {
		return "1"
	}
	return r.Values[0]
}

func (r KitRoute) modeText() string {
	if r.Mode == "changes" {
		return "changes: true"
	}
	quoted := make([]string, len(r.Values))
	for i, v := range r.Values {
		quoted[i] = `"` + v + `"`
	}
	return r.Mode + ": [" + strings.Join(quoted, ", ") + "]"
}

func becomesText(table, flag, value, where string) string {
	return fmt.Sprintf(`--   递交 / submit:   UPDATE %[1]s SET %[2]s = %[3]s %[4]s;
--   编辑 / edit:     UPDATE %[1]s SET ..., %[2]s = '0' %[4]s;
--   陷阱 / pitfalls:
--   1. 编辑时若标志仍为 %[3]s,就不是新的递交,修改不会上报:编辑要把标志改回 '0'(或用第 5 段的触发器)。
--      An edit that leaves the flag at %[3]s is no new submission and is not sent: let the edit put it back to '0' (or see section 5).
--   2. 标志已是 %[3]s 时再执行递交语句,行没有变化,日志里什么也没有。
--      The statement on a row that has %[3]s already changes nothing, and nothing is in the log.
--   3. 在同一事务里先 '0' 后 %[3]s 也算一次递交。
--      '0' and then %[3]s in one transaction is a submission too.
`, table, backquote(flag), sqlText(value), where)
}

func counterText(table, flag, where string) string {
	return fmt.Sprintf(`--   递交 / submit:   UPDATE %[1]s SET %[2]s = %[2]s + 1 %[3]s;
--   编辑 / edit:     UPDATE %[1]s SET ... %[3]s;          -- 不动计数器 / leaves the counter alone
--   保存并递交 / save and submit, in one statement:
--                    UPDATE %[1]s SET ..., %[2]s = %[2]s + 1 %[3]s;
--   好处 / why: 计数器不会漏掉任何一次递交;编辑不必还原标志,也不需要触发器。
--               a counter never misses one; an edit has nothing to put back, and no trigger is needed.
--   陷阱 / pitfalls:
--   1. 不要由应用写固定值(SET %[2]s = 1):第二次递交就看不见了。
--      Do not write a fixed value (SET %[2]s = 1): the second submission could not be seen.
--   2. 置回 0 表示撤回,不算递交。 / Back to 0 is a withdrawal and no submission.
--   3. 不要用 ON UPDATE CURRENT_TIMESTAMP 的列当计数器:每次编辑都会上报。
--      Do not use a column with ON UPDATE CURRENT_TIMESTAMP: every edit would be sent.
`, table, backquote(flag), where)
}

func whileText(table, flag, value, where string) string {
	return fmt.Sprintf(`--   递交 / submit:   UPDATE %[1]s SET %[2]s = %[3]s %[4]s;
--   撤回 / withdraw: UPDATE %[1]s SET %[2]s = '0' %[4]s;
--   陷阱 / pitfalls:
--   1. 标志为 %[3]s 期间每次保存都会上报,一条记录可能上报多次。
--      Every save is sent while the flag is %[3]s; one record may be sent many times.
--   2. 回写列若在同一张表,回写本身也是一次修改;内容没有变化时 talkbridge 不会重发。
--      Write-back into the same table is a change of the row too; talkbridge does not send again what it has sent.
`, table, backquote(flag), sqlText(value), where)
}

// triggers writes, where it is asked for, a trigger that takes the flag back when the content changes.
func (k Kit) triggers(b *bytes.Buffer) {
	section(b, 5, "可选:内容修改后自动还原标志的触发器", "optional: a trigger that takes the flag back when the content changes")
	for _, r := range k.tables() {
		if r.Mode == "changes" {
			fmt.Fprintf(b, "-- %s.%s: 计数器不需要触发器 / a counter needs no trigger\n", r.Schema, r.Table)
			continue
		}
		text := r.trigger()
		if !k.Trigger {
			b.WriteString("-- 如需要,加 --trigger 生成,或去掉注释 / generate it with --trigger, or take the dashes away:\n")
			text = "-- " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n-- ") + "\n"
		}
		if !k.Server.MariaDB {
			b.WriteString("-- 需要 TRIGGER 权限;开启日志的 MySQL 还要 log_bin_trust_function_creators=1 或 SUPER / SET_ANY_DEFINER。\n" +
				"-- Needs TRIGGER; on MySQL with a binary log also log_bin_trust_function_creators=1, or SUPER / SET_ANY_DEFINER.\n")
		}
		b.WriteString(text)
	}
}

// trigger is one SET, so that no DELIMITER is needed. Texts are compared as bytes: a collation that takes "a" for "A" would hide an
// edit. A write-back changes only its own columns, and so does not take the flag back.
func (r KitRoute) trigger() string {
	var same []string
	for _, c := range r.Content {
		if slices.Contains(r.Writeback, c) || strings.EqualFold(c, r.Flag) {
			continue
		}
		name := backquote(c)
		same = append(same, "CAST(NEW."+name+" AS BINARY) <=> CAST(OLD."+name+" AS BINARY)")
	}
	if len(same) == 0 {
		return "-- 没有内容列 / the route reads no other column\n"
	}
	flag := backquote(r.Flag)
	marks := make([]string, 0, len(r.Values)+len(r.Marks))
	for _, v := range append(slices.Clone(r.Values), without(r.Marks, r.first())...) { // others, such as “never”, are not ours
		marks = append(marks, sqlText(v))
	}
	return fmt.Sprintf("CREATE TRIGGER %s BEFORE UPDATE ON %s FOR EACH ROW\n  SET NEW.%s = IF(NEW.%s <=> OLD.%s AND OLD.%s IN (%s) AND NOT (%s),\n    '0', NEW.%s);\n",
		backquote(r.Schema)+"."+backquote("talkbridge_"+r.Table), tableSQL(r.Schema, r.Table), flag, flag, flag, flag, strings.Join(marks, ", "),
		strings.Join(same, "\n      AND "), flag)
}
