package mapper

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// What a counsellor reads. Every sentence names the field as the contract's title does, and says what is wrong and what to do.
//
// Invariant 8: a sentence holds nothing of the row but lengths and counts: it is kept in the ledger, shown on pages and written back
// to the source, all in clear.

const (
	askAdmin  = "请联系管理员"
	askRetry  = "请补充后重新递交"
	askRevise = "请更正后重新递交"
)

func sayEmpty(label string) string { return label + "为空，" + askRetry }

func sayTooLong(label string, have, limit int) string {
	return fmt.Sprintf("%s有 %d 字，超过上限 %d 字，请精简后重新递交", label, have, limit)
}

func sayTooShort(label string, have, limit int) string {
	return fmt.Sprintf("%s只有 %d 字，至少需要 %d 字，%s", label, have, limit, askRetry)
}

func sayNeverSend(label string) string {
	return label + "中含有规定不得上报的内容（如量表分、诊断），" + askAdmin
}

func sayNoCheck(label, column string) string {
	return fmt.Sprintf("无法核对%s：没有填写证件类型，或者该类型没有对应的规则（%s），%s核对", label, column, askAdmin)
}

func sayOutOfOrder(label, other string, before bool) string {
	if before {
		return label + "晚于" + other + "，" + askRevise
	}
	return label + "早于" + other + "，" + askRevise
}

func sayNotInDict(label, dict string) string {
	return fmt.Sprintf("%s的选项没有对应的平台代码（对照表 %s），请改选其他选项，或联系管理员补充对照表", label, dict)
}

func sayBadDate(label string, fault dateFault) string {
	switch fault {
	case dateZero, datePartial:
		return label + "不是有效的日期（年月日含零），" + "请更正"
	case dateUnreal:
		return label + "不是有效的日期（没有这一天或这个时刻），" + "请更正"
	default:
		return label + "不是有效的日期（应形如 2026-03-05 14:30:00），" + "请更正"
	}
}

func sayNotJSON(label string) string {
	return label + "的数据格式有误，无法读取，" + askAdmin + "核对"
}

func sayBadEncoding(label string) string {
	return label + "含有无法识别的字符（编码错误），请重新填写后递交"
}

// sayUnreadable is for a value that the listener could not carry.
func sayUnreadable(label, reason string) string {
	if reason == bridge.UnreadableSize {
		return fmt.Sprintf("%s过大，超过 %d MB，无法读取；请删减（例如去掉粘贴的图片）后重新递交", label, bridge.MaxValue>>20)
	}
	return sayBadEncoding(label)
}

// sayNotRead is for a row that was read before the configuration named the column.
func sayNotRead(label string) string {
	return "递交时还没有读取" + label + "（此后调整过配置），请再递交一次"
}

// ordinal is how people count the elements of a list: 第 3 位学生, 第 3 个附件.
func ordinal(index int, noun string) string {
	if noun == "" {
		return fmt.Sprintf("第 %d 项", index+1)
	}
	measure := "个"
	if last, _ := utf8.DecodeLastRuneInString(noun); strings.ContainsRune("生人员长师者母友学伴", last) {
		measure = "位"
	}
	return fmt.Sprintf("第 %d %s%s", index+1, measure, noun)
}

// sayMissing explains why a lookup gave nothing, and what that leaves open. Without a label the fields that hang on the lookup name
// it best: its name in the configuration says nothing to a counsellor, and stands in parentheses for the administrator.
func sayMissing(r *result, fields string) string {
	l := r.root
	hint := "查询 " + l.name
	if len(l.binds) > 0 {
		hint += "，按 " + strings.Join(l.bindNames(), "、")
	}
	switch r.state {
	case foundMany:
		return fmt.Sprintf("查到不止一条%s信息（%s），无法确定%s，%s核对", l.label, hint, fields, askAdmin)
	case foundTooMany:
		return fmt.Sprintf("%s超过 %d 条（%s），%s核对", cmp.Or(l.label, fields), r.limit, hint, askAdmin)
	case foundUnreadable:
		return fmt.Sprintf("查到的%s信息过大，超过 %d MB（%s），无法读取，%s核对", l.label, bridge.MaxValue>>20, hint, askAdmin)
	case foundNullBind:
		if l.label == "" {
			return fmt.Sprintf("无法确定%s：记录中的 %s 为空（查询 %s），%s", fields, r.bind, l.name, askRetry)
		}
		return fmt.Sprintf("没有填写%s（%s 为空），无法确定%s，%s", l.label, r.bind, fields, askRetry)
	default:
		if l.label == "" {
			return fmt.Sprintf("没有查到%s（%s），请核对后重新递交", fields, hint)
		}
		return fmt.Sprintf("没有查到对应的%s（%s），无法确定%s，请核对后重新递交", l.label, hint, fields)
	}
}
