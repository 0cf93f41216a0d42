package mapper

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// A violation is one thing that the contract has against a payload.
type violation struct {
	location []string // of the value: members and indexes from the root
	keyword  string
	say      func(label string) string
}

// violations lists what the contract has against the payload; none if all is well.
func (c *contract) violations(payload map[string]any) ([]violation, error) {
	if c.quick.sure(payload) {
		return nil, nil
	}
	err := c.schema.Validate(payload)
	if err == nil {
		return nil, nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil, fmt.Errorf("check the payload against contract %s: %w", c.name, err)
	}
	return flatten(nil, invalid), nil
}

// flatten walks down to the causes that say something by themselves. Of anyOf and oneOf only the outcome is told: the branches
// contradict each other.
func flatten(found []violation, e *jsonschema.ValidationError) []violation {
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range e.Causes {
			found = flatten(found, cause)
		}
		return found
	case *kind.Required:
		return appendMembers(found, e.InstanceLocation, "required", k.Missing, sayEmpty)
	case *kind.DependentRequired:
		return appendMembers(found, e.InstanceLocation, "dependentRequired", k.Missing, sayEmpty)
	case *kind.AdditionalProperties:
		return appendMembers(found, e.InstanceLocation, "additionalProperties", k.Properties, func(label string) string {
			return label + "不是平台接收的内容，" + askAdmin + "调整配置"
		})
	default:
		keyword := strings.Join(e.ErrorKind.KeywordPath(), ".")
		if keyword == "" {
			keyword = "schema"
		}
		return append(found, violation{location: e.InstanceLocation, keyword: keyword, say: sayViolation(e.ErrorKind, keyword)})
	}
}

func appendMembers(found []violation, at []string, keyword string, names []string, say func(string) string) []violation {
	for _, name := range names {
		found = append(found, violation{location: append(slices.Clone(at), name), keyword: keyword, say: say})
	}
	return found
}

// sayViolation finds the sentence for one keyword. The library's own texts repeat the value, so none of them is used.
func sayViolation(k jsonschema.ErrorKind, keyword string) func(label string) string {
	ending := "不符合平台的要求（" + keyword + "），" + askRevise
	switch k := k.(type) {
	case *kind.Type:
		ending = "应为" + typeNames(k.Want) + "，" + askRevise
	case *kind.Enum, *kind.Const:
		ending = "不是平台认可的选项，请重新选择后递交"
	case *kind.Pattern:
		ending = "的格式不符合平台的要求，" + askRevise
	case *kind.Format:
		ending = "不是有效的" + formatName(k.Want) + "，" + askRevise
	case *kind.MinLength:
		ending = fmt.Sprintf("只有 %d 字，至少需要 %d 字，%s", k.Got, k.Want, askRetry)
	case *kind.MaxLength:
		return func(label string) string { return sayTooLong(label, k.Got, k.Want) }
	case *kind.MinItems:
		ending = fmt.Sprintf("只有 %d 项，至少需要 %d 项，%s", k.Got, k.Want, askRetry)
		if k.Got == 0 {
			ending = fmt.Sprintf("没有内容，至少需要 %d 项，%s", k.Want, askRetry)
		}
	case *kind.MaxItems:
		ending = fmt.Sprintf("有 %d 项，超过上限 %d 项，请分成几条记录递交", k.Got, k.Want)
	case *kind.UniqueItems:
		ending = fmt.Sprintf("中第 %d 项与第 %d 项重复，请删去一项后重新递交", k.Duplicates[0]+1, k.Duplicates[1]+1)
	case *kind.Minimum:
		ending = "不能小于 " + ratio(k.Want) + "，" + askRevise
	case *kind.Maximum:
		ending = "不能大于 " + ratio(k.Want) + "，" + askRevise
	case *kind.ExclusiveMinimum:
		ending = "必须大于 " + ratio(k.Want) + "，" + askRevise
	case *kind.ExclusiveMaximum:
		ending = "必须小于 " + ratio(k.Want) + "，" + askRevise
	case *kind.MultipleOf:
		ending = "必须是 " + ratio(k.Want) + " 的整数倍，" + askRevise
	}
	return func(label string) string { return label + ending }
}

func typeNames(names []string) string {
	var words []string
	for _, name := range names {
		switch name {
		case "string":
			words = append(words, "文字")
		case "integer":
			words = append(words, "整数")
		case "number":
			words = append(words, "数字")
		case "boolean":
			words = append(words, "“是”或“否”")
		case "array":
			words = append(words, "列表")
		case "object":
			words = append(words, "一组内容")
		default:
			words = append(words, "空值")
		}
	}
	return strings.Join(words, "或")
}

func formatName(format string) string {
	switch format {
	case "date":
		return "日期（应形如 2026-03-05）"
	case "date-time":
		return "日期和时间（应形如 2026-03-05T14:30:00+08:00）"
	case "time":
		return "时间（应形如 14:30:00）"
	case "email":
		return "电子邮箱地址"
	case "uri", "url":
		return "网址"
	default:
		return format + " 格式"
	}
}

func ratio(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(6), "0")
}
