package mapper_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

// mapValue maps one field called x over the column a. property is the contract's schema for x, empty for no contract.
func mapValue(tb testing.TB, f mapper.Field, property string, v bridge.Value) (member string, problems []bridge.Problem) {
	tb.Helper()
	f.Name = "x"
	if f.Expr == "" && !f.HasValue {
		f.From = "a"
	}
	r := mapper.Route{Name: "r", Fields: []mapper.Field{f}}
	if property != "" {
		r.Contract = fmt.Appendf(nil, `{"type": "object", "properties": {"x": %s}}`, property)
	}
	m := newMapper(tb, mapper.Options{Routes: []mapper.Route{r}, Now: presentMoment, Location: shanghai(), Dicts: map[string]mapper.Dict{
		"mode": {Entries: map[string]string{"MT": "01", "空": " ", "n": "5"}},
	}})
	payload, problems, err := m.Map(tb.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": v}})
	require.NoError(tb, err)
	if problems != nil {
		require.Nil(tb, payload)
		return "", problems
	}
	require.True(tb, json.Valid(payload), "%s", payload)
	member, _ = strings.CutPrefix(string(payload), `{"x":`)
	return strings.TrimSuffix(member, "}"), nil
}

func val(kind bridge.Kind, text string) bridge.Value { return bridge.Value{Kind: kind, Text: text} }

// TestValuesWithoutConversion: what the contract asks for where that loses nothing, else the natural form of DESIGN.md.
func TestValuesWithoutConversion(t *testing.T) {
	for name, c := range map[string]struct {
		value    bridge.Value
		property string
		want     string
	}{
		"text":                            {val(bridge.KindText, "中文 <b>&\u2028"), "", `"中文 <b>&` + "\u2028" + `"`},
		"text with everything to escape":  {val(bridge.KindText, "\"\\/\b\f\n\r\t\x00\x1f\x7f"), "", `"\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f" + `"`},
		"emoji":                           {val(bridge.KindText, "𠮷👨‍👩‍👧"), "", `"𠮷👨‍👩‍👧"`},
		"enum":                            {val(bridge.KindEnum, "在读"), "", `"在读"`},
		"set":                             {val(bridge.KindSet, "情绪,学业"), "", `"情绪,学业"`},
		"set as array":                    {val(bridge.KindSet, "情绪,学业"), `{"type": "array", "items": {"type": "string"}}`, `["情绪","学业"]`},
		"date":                            {val(bridge.KindDate, "2026-03-05"), "", `"2026-03-05"`},
		"datetime":                        {val(bridge.KindDateTime, "2026-03-05 14:30:00.123"), "", `"2026-03-05 14:30:00.123"`},
		"time":                            {val(bridge.KindTime, "-838:59:59"), "", `"-838:59:59"`},
		"int":                             {val(bridge.KindInt, "-60"), "", `-60`},
		"int of 2^53":                     {val(bridge.KindInt, "9007199254740992"), "", `9007199254740992`},
		"int beyond 2^53":                 {val(bridge.KindInt, "9007199254740993"), "", `"9007199254740993"`},
		"int below -2^53":                 {val(bridge.KindInt, "-9007199254740993"), "", `"-9007199254740993"`},
		"int of 2^64-1":                   {val(bridge.KindInt, "18446744073709551615"), "", `"18446744073709551615"`},
		"int as string":                   {val(bridge.KindInt, "1001"), `{"type": "string"}`, `"1001"`},
		"int of 2^64-1 as integer":        {val(bridge.KindInt, "18446744073709551615"), `{"type": "integer"}`, `18446744073709551615`},
		"int as number":                   {val(bridge.KindInt, "45"), `{"type": "number"}`, `45`},
		"int as string or integer":        {val(bridge.KindInt, "45"), `{"type": ["string", "integer"]}`, `45`},
		"int as nullable string":          {val(bridge.KindInt, "45"), `{"type": ["string", "null"]}`, `"45"`},
		"int as boolean":                  {val(bridge.KindInt, "1"), `{"type": "boolean"}`, `true`},
		"int through a reference":         {val(bridge.KindInt, "1001"), `{"allOf": [{"type": "string"}]}`, `"1001"`},
		"year":                            {val(bridge.KindYear, "2024"), "", `2024`},
		"year zero":                       {val(bridge.KindYear, "0000"), "", `0`},
		"year as string":                  {val(bridge.KindYear, "2024"), `{"type": "string", "pattern": "^\\d{4}$"}`, `"2024"`},
		"decimal":                         {val(bridge.KindDecimal, "555.50"), "", `555.50`},
		"decimal with every digit":        {val(bridge.KindDecimal, "12345678901234567890.1234567890"), "", `12345678901234567890.1234567890`},
		"decimal as string":               {val(bridge.KindDecimal, "12.0"), `{"type": "string"}`, `"12.0"`},
		"whole decimal as integer":        {val(bridge.KindDecimal, "45.00"), `{"type": "integer"}`, `45`},
		"negative decimal":                {val(bridge.KindDecimal, "-0.50"), `{"type": "number"}`, `-0.50`},
		"float":                           {val(bridge.KindFloat, "1e+20"), "", `1e+20`},
		"bit":                             {val(bridge.KindBool, "1"), "", `true`},
		"bit as integer":                  {val(bridge.KindBool, "1"), `{"type": "integer"}`, `1`},
		"bit as string":                   {val(bridge.KindBool, "0"), `{"type": "string"}`, `"0"`},
		"wider bit":                       {val(bridge.KindBits, "5"), "", `5`},
		"wider bit as boolean":            {val(bridge.KindBits, "0"), `{"type": "boolean"}`, `false`},
		"JSON":                            {val(bridge.KindJSON, `{"b": [1, 2.50, null], "a": "<&>"}`), "", `{"b":[1,2.50,null],"a":"<&>"}`},
		"JSON as string":                  {val(bridge.KindJSON, `{"b": 1}`), `{"type": "string"}`, `"{\"b\":1}"`},
		"JSON text as object":             {val(bridge.KindText, `{"b": 1}`), `{"type": "object"}`, `{"b":1}`},
		"binary":                          {val(bridge.KindBinary, "\x00\xff"), "", `"AP8="`},
		"text as integer":                 {val(bridge.KindText, "45"), `{"type": "integer"}`, `45`},
		"text as number":                  {val(bridge.KindText, "-4.50"), `{"type": "number"}`, `-4.50`},
		"text true as boolean":            {val(bridge.KindText, "true"), `{"type": "boolean"}`, `true`},
		"text of digits stays text":       {val(bridge.KindText, "45"), "", `"45"`},
		"enum as integer":                 {val(bridge.KindEnum, "2"), `{"type": "integer"}`, `2`},
		"contract silent on this field":   {val(bridge.KindInt, "7"), `{}`, `7`},
		"contract silent on 2^64 - field": {val(bridge.KindInt, "18446744073709551615"), `{"title": "号"}`, `"18446744073709551615"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := mapValue(t, mapper.Field{}, c.property, c.value)
			require.Empty(t, problems)
			require.Equal(t, c.want, got)
		})
	}
}

// TestWhatWouldLoseSomethingIsNotFitted leaves the natural form, and the contract refuses it.
func TestWhatWouldLoseSomethingIsNotFitted(t *testing.T) {
	for name, c := range map[string]struct {
		value    bridge.Value
		property string
		want     string
	}{
		"leading zero":  {val(bridge.KindText, "045"), `{"type": "integer"}`, "x应为整数，请更正后重新递交"},
		"words":         {val(bridge.KindText, "很多"), `{"type": "number"}`, "x应为数字，请更正后重新递交"},
		"fraction":      {val(bridge.KindDecimal, "45.5"), `{"type": "integer"}`, "x应为整数，请更正后重新递交"},
		"two":           {val(bridge.KindInt, "2"), `{"type": "boolean"}`, "x应为“是”或“否”，请更正后重新递交"},
		"text as array": {val(bridge.KindText, "[1"), `{"type": "array"}`, "x应为列表，请更正后重新递交"},
		"array as object": {
			val(bridge.KindText, "[1]"), `{"type": "object"}`, "x应为一组内容，请更正后重新递交",
		},
		"a megabyte of digits": {val(bridge.KindText, strings.Repeat("9", 1<<20)), `{"type": "integer", "minimum": 1}`, "x应为整数，请更正后重新递交"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := mapValue(t, mapper.Field{}, c.property, c.value)
			require.Equal(t, []bridge.Problem{{Field: "x", Column: "a", Rule: "contract.type", Message: c.want}}, problems)
		})
	}
}

func TestConversions(t *testing.T) {
	for name, c := range map[string]struct {
		field mapper.Field
		value bridge.Value
		want  string
	}{
		"trim":                     {mapper.Field{Trim: true}, text(" 20190005\u3000"), `"20190005"`},
		"no trim":                  {mapper.Field{}, text(" 20190005"), `" 20190005"`},
		"dict":                     {mapper.Field{Dict: "mode"}, text("MT"), `"01"`},
		"dict and type":            {mapper.Field{Dict: "mode", Type: "integer"}, text("n"), `5`},
		"trim before dict":         {mapper.Field{Dict: "mode", Trim: true}, text(" MT "), `"01"`},
		"time":                     {mapper.Field{Time: "yyyy/MM/dd HH:mm"}, val(bridge.KindDateTime, "2026-03-05 14:30:00"), `"2026/03/05 14:30"`},
		"time of a date":           {mapper.Field{Time: "yyyyMMddHHmmss"}, val(bridge.KindDate, "2026-03-05"), `"20260305000000"`},
		"time of a text":           {mapper.Field{Time: "yyyy-MM-dd"}, text("2026/3/5 9:00"), `"2026-03-05"`},
		"integer of text":          {mapper.Field{Type: "integer"}, text(" 045 "), `45`},
		"integer of decimal":       {mapper.Field{Type: "integer"}, val(bridge.KindDecimal, "-60.00"), `-60`},
		"integer of 2^64-1":        {mapper.Field{Type: "integer"}, val(bridge.KindInt, "18446744073709551615"), `18446744073709551615`},
		"integer of -0":            {mapper.Field{Type: "integer"}, text("-0"), `0`},
		"decimal of text":          {mapper.Field{Type: "decimal"}, text("+012.50"), `12.50`},
		"decimal without a whole":  {mapper.Field{Type: "decimal"}, text(".5"), `0.5`},
		"decimal with a dot":       {mapper.Field{Type: "decimal"}, text("5."), `5`},
		"boolean of TINYINT":       {mapper.Field{Type: "boolean"}, val(bridge.KindInt, "1"), `true`},
		"boolean of a word":        {mapper.Field{Type: "boolean"}, text("否"), `false`},
		"boolean of a letter":      {mapper.Field{Type: "boolean"}, text("Y"), `true`},
		"string of an integer":     {mapper.Field{Type: "string"}, val(bridge.KindInt, "7"), `"7"`},
		"html":                     {mapper.Field{Text: "html"}, text("<p>一</p><p>二</p>"), `"一\n二"`},
		"html in a BLOB":           {mapper.Field{Text: "html"}, val(bridge.KindBinary, "<p>一</p>"), `"一"`},
		"max counts after html":    {mapper.Field{Text: "html", Max: 3}, text("<p><b>一二</b>三</p>"), `"一二三"`},
		"max counts characters":    {mapper.Field{Max: 3}, text("𠮷𠮷𠮷"), `"𠮷𠮷𠮷"`},
		"truncate":                 {mapper.Field{Max: 3, Overflow: "truncate"}, text("𠮷一二三"), `"𠮷一二"`},
		"truncate leaves the rest": {mapper.Field{Max: 9, Overflow: "truncate"}, text("𠮷一二三"), `"𠮷一二三"`},
		"max of a number":          {mapper.Field{Max: 5}, val(bridge.KindInt, "12345"), `"12345"`},
		"check makes x upper case": {mapper.Field{Check: "id_card"}, text("33000020061111019x"), `"33000020061111019X"`},
		"mobile":                   {mapper.Field{Check: "mobile"}, text("13800000201"), `"13800000201"`},
		"mobile of a number":       {mapper.Field{Check: "mobile"}, val(bridge.KindInt, "13800000201"), `"13800000201"`},
		"constant text":            {mapper.Field{HasValue: true, Value: "13001"}, bridge.Value{}, `"13001"`},
		"constant null":            {mapper.Field{HasValue: true}, bridge.Value{}, `null`},
		"constant tree":            {mapper.Field{HasValue: true, Value: map[string]any{"a": []any{1, true, "<"}}}, bridge.Value{}, `{"a":[1,true,"<"]}`},
		"expression text":          {mapper.Field{Expr: `upper(a) + "!"`}, text("ab"), `"AB!"`},
		"expression integer":       {mapper.Field{Expr: `a * 60`}, val(bridge.KindInt, "2"), `120`},
		"expression float":         {mapper.Field{Expr: `a / 4`}, val(bridge.KindInt, "1"), `0.25`},
		"expression boolean":       {mapper.Field{Expr: `a > 1`}, val(bridge.KindInt, "2"), `true`},
		"expression list":          {mapper.Field{Expr: `split(a, ",")`}, val(bridge.KindSet, "一,二"), `["一","二"]`},
		"expression with a type":   {mapper.Field{Expr: `a ?? "0"`, Type: "integer"}, bridge.Value{}, `0`},
		"expression binary":        {mapper.Field{Expr: `a`}, val(bridge.KindBinary, "\xff"), `"/w=="`},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := mapValue(t, c.field, "", c.value)
			require.Empty(t, problems)
			require.Equal(t, c.want, got)
		})
	}
}

// TestRefusals has the sentence for every way in which a value can be refused.
func TestRefusals(t *testing.T) {
	const title = `{"title": "谈话内容"}`
	for name, c := range map[string]struct {
		field    mapper.Field
		value    bridge.Value
		property string
		rule     string
		message  string
	}{
		"NULL":               {mapper.Field{}, bridge.Value{}, title, "required", "谈话内容为空，请补充后重新递交"},
		"empty":              {mapper.Field{}, text(""), title, "required", "谈话内容为空，请补充后重新递交"},
		"blank":              {mapper.Field{}, text(" \u3000\n"), title, "required", "谈话内容为空，请补充后重新递交"},
		"invalid enum":       {mapper.Field{Dict: "mode"}, val(bridge.KindEnum, ""), title, "required", "谈话内容为空，请补充后重新递交"},
		"HTML without text":  {mapper.Field{Text: "html"}, text("<p>&nbsp;</p>"), title, "required", "谈话内容为空，请补充后重新递交"},
		"blank dict entry":   {mapper.Field{Dict: "mode"}, text("空"), title, "required", "谈话内容为空，请补充后重新递交"},
		"unknown code":       {mapper.Field{Dict: "mode"}, text("YJ"), title, "dict", "谈话内容的选项没有对应的平台代码（对照表 mode），请改选其他选项，或联系管理员补充对照表"},
		"zero date":          {mapper.Field{Time: "yyyy"}, val(bridge.KindDate, "0000-00-00"), title, "time", "谈话内容不是有效的日期（年月日含零），请更正"},
		"partial date":       {mapper.Field{Time: "yyyy"}, val(bridge.KindDate, "2026-00-10"), title, "time", "谈话内容不是有效的日期（年月日含零），请更正"},
		"no such day":        {mapper.Field{Time: "yyyy"}, text("2026-02-30"), title, "time", "谈话内容不是有效的日期（没有这一天或这个时刻），请更正"},
		"no date":            {mapper.Field{Time: "yyyy"}, text("上周"), title, "time", "谈话内容不是有效的日期（应形如 2026-03-05 14:30:00），请更正"},
		"zero date optional": {mapper.Field{Time: "yyyy", Optional: true}, val(bridge.KindDate, "0000-00-00"), title, "time", "谈话内容不是有效的日期（年月日含零），请更正"},
		"no integer":         {mapper.Field{Type: "integer"}, text("4.5"), title, "type", "谈话内容应为整数，请更正后重新递交"},
		"no number":          {mapper.Field{Type: "decimal"}, text("4,5"), title, "type", "谈话内容应为数字，请更正后重新递交"},
		"huge exponent":      {mapper.Field{Type: "decimal"}, text("1e999999999"), title, "type", "谈话内容应为数字，请更正后重新递交"},
		"no boolean":         {mapper.Field{Type: "boolean"}, val(bridge.KindInt, "2"), title, "type", "谈话内容应为“是”或“否”，请更正后重新递交"},
		"too long":           {mapper.Field{Max: 2000}, text(strings.Repeat("谈", 210000)), title, "max", "谈话内容有 210000 字，超过上限 2000 字，请精简后重新递交"},
		"mobile":             {mapper.Field{Check: "mobile"}, text("1380000217 "), title, "mobile", "谈话内容不是有效的 11 位手机号码，请核对后重新递交"},
		"id card":            {mapper.Field{Check: "id_card"}, text("330000200603052010"), title, "id_card", "谈话内容的最后一位校验码不对，可能录错了数字，请核对"},
		"optional check":     {mapper.Field{Check: "mobile", Optional: true}, text("x"), title, "mobile", "谈话内容不是有效的 11 位手机号码，请核对后重新递交"},
		"broken JSON":        {mapper.Field{}, val(bridge.KindJSON, `{"a": `), title, "json", "谈话内容的数据格式有误，无法读取，请联系管理员核对"},
		"JSON with rest":     {mapper.Field{}, val(bridge.KindJSON, `{} {}`), title, "json", "谈话内容的数据格式有误，无法读取，请联系管理员核对"},
		"monstrous number":   {mapper.Field{}, val(bridge.KindJSON, `[1e999999999]`), title, "json", "谈话内容的数据格式有误，无法读取，请联系管理员核对"},
		"broken UTF-8":       {mapper.Field{}, text("a\xff"), title, "encoding", "谈话内容含有无法识别的字符（编码错误），请重新填写后递交"},
		"cut character":      {mapper.Field{Expr: `"谈" + a`}, text("\xe8\xb0"), title, "encoding", "谈话内容含有无法识别的字符（编码错误），请重新填写后递交"},

		"contract enum":      {mapper.Field{}, text("77"), `{"title": "主题", "enum": ["01"]}`, "contract.enum", "主题不是平台认可的选项，请重新选择后递交"},
		"contract const":     {mapper.Field{}, text("77"), `{"title": "主题", "const": "01"}`, "contract.const", "主题不是平台认可的选项，请重新选择后递交"},
		"contract pattern":   {mapper.Field{}, text("77"), `{"title": "主题", "pattern": "^a"}`, "contract.pattern", "主题的格式不符合平台的要求，请更正后重新递交"},
		"contract minLength": {mapper.Field{}, text("𠮷"), `{"title": "主题", "minLength": 2}`, "contract.minLength", "主题只有 1 字，至少需要 2 字，请补充后重新递交"},
		"contract maxLength": {mapper.Field{}, text("𠮷二三"), `{"title": "主题", "maxLength": 2}`, "contract.maxLength", "主题有 3 字，超过上限 2 字，请精简后重新递交"},
		"contract minimum":   {mapper.Field{}, val(bridge.KindInt, "-60"), `{"title": "时长", "minimum": 1}`, "contract.minimum", "时长不能小于 1，请更正后重新递交"},
		"contract maximum":   {mapper.Field{}, val(bridge.KindDecimal, "9.75"), `{"title": "时长", "maximum": 9.5}`, "contract.maximum", "时长不能大于 9.5，请更正后重新递交"},
		"exclusiveMinimum":   {mapper.Field{}, val(bridge.KindInt, "0"), `{"title": "时长", "exclusiveMinimum": 0}`, "contract.exclusiveMinimum", "时长必须大于 0，请更正后重新递交"},
		"exclusiveMaximum":   {mapper.Field{}, val(bridge.KindInt, "9"), `{"title": "时长", "exclusiveMaximum": 9}`, "contract.exclusiveMaximum", "时长必须小于 9，请更正后重新递交"},
		"multipleOf":         {mapper.Field{}, val(bridge.KindInt, "7"), `{"title": "时长", "multipleOf": 5}`, "contract.multipleOf", "时长必须是 5 的整数倍，请更正后重新递交"},
		"contract format":    {mapper.Field{}, text("5.3.2026"), `{"title": "日期", "format": "date"}`, "contract.format", "日期不是有效的日期（应形如 2026-03-05），请更正后重新递交"},
		"contract minItems":  {mapper.Field{}, val(bridge.KindJSON, "[1]"), `{"title": "名单", "minItems": 2}`, "contract.minItems", "名单只有 1 项，至少需要 2 项，请补充后重新递交"},
		"contract maxItems":  {mapper.Field{}, val(bridge.KindJSON, "[1,2,3]"), `{"title": "名单", "maxItems": 2}`, "contract.maxItems", "名单有 3 项，超过上限 2 项，请分成几条记录递交"},
		"uniqueItems":        {mapper.Field{}, val(bridge.KindJSON, "[1,2,1]"), `{"title": "名单", "uniqueItems": true}`, "contract.uniqueItems", "名单中第 1 项与第 3 项重复，请删去一项后重新递交"},
		"contract anyOf":     {mapper.Field{}, text("x"), `{"title": "主题", "anyOf": [{"type": "array"}, {"const": "y"}]}`, "contract.anyOf", "主题不符合平台的要求（anyOf），请更正后重新递交"},
		"through allOf":      {mapper.Field{}, text("77"), `{"allOf": [{"title": "主题", "enum": ["01"]}]}`, "contract.enum", "主题不是平台认可的选项，请重新选择后递交"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := mapValue(t, c.field, c.property, c.value)
			require.Equal(t, []bridge.Problem{{Field: "x", Column: "a", Rule: c.rule, Message: c.message}}, problems)
		})
	}
}

func TestNestedContractViolationsNameThePlace(t *testing.T) {
	property := `{"title": "扩展", "required": ["consent"], "additionalProperties": false, "properties": {"consent": {"type": "boolean"}}}`
	_, problems := mapValue(t, mapper.Field{}, property, val(bridge.KindJSON, `{"other": 1}`))
	require.ElementsMatch(t, []bridge.Problem{
		{Field: "x.consent", Column: "a", Rule: "contract.required", Message: "扩展中的 consent 为空，请补充后重新递交"},
		{Field: "x.other", Column: "a", Rule: "contract.additionalProperties", Message: "扩展中的 other 不是平台接收的内容，请联系管理员调整配置"},
	}, problems)
}

func TestOptionalFieldsAreLeftOut(t *testing.T) {
	r := mapper.Route{Name: "r", Fields: []mapper.Field{
		{Name: "a", From: "a", Optional: true},
		{Name: "b", From: "b"},
		{Name: "c", From: "c", Optional: true, Text: "html"},
		{Name: "d", Expr: "upper(a)", Optional: true},
	}}
	m := newMapper(t, mapper.Options{Routes: []mapper.Route{r}})
	for _, blank := range []bridge.Value{{}, text(""), text("   ")} {
		payload, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": blank, "b": text("1"), "c": blank}})
		require.NoError(t, err)
		require.Empty(t, problems)
		require.JSONEq(t, `{"b":"1"}`, string(payload))
	}
}

func TestExpressionsThatFail(t *testing.T) {
	r := mapper.Route{Name: "r", Fields: []mapper.Field{{Name: "x", Expr: "a - 1"}}}
	m := newMapper(t, mapper.Options{Routes: []mapper.Route{r}})
	_, problems, err := m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": {}}})
	require.NoError(t, err)
	require.Equal(t, []bridge.Problem{{Field: "x", Column: "a", Rule: "required", Message: "x为空，请补充后重新递交"}}, problems, "NULL gives NULL, as in SQL")
	_, problems, err = m.Map(t.Context(), bridge.Change{Route: "r", Columns: map[string]bridge.Value{"a": text("secret")}})
	require.Empty(t, problems)
	require.EqualError(t, err, "route r: field x: the expression a - 1 cannot be evaluated with a string; correct it in the configuration")
}

func TestAColumnThatWasNotCapturedIsNotNull(t *testing.T) {
	m := newMapper(t, mapper.Options{Routes: []mapper.Route{{Name: "r", Fields: []mapper.Field{{Name: "x", From: "a", Optional: true}}}}})
	_, problems, err := m.Map(t.Context(), bridge.Change{Route: "r"})
	require.NoError(t, err)
	require.Equal(t, []bridge.Problem{{Field: "x", Column: "a", Rule: "column", Message: "递交时还没有读取x（此后调整过配置），请再递交一次"}}, problems)
}

func TestUnknownRouteIsAnError(t *testing.T) {
	m := newMapper(t, specOptions(t))
	_, _, err := m.Map(t.Context(), bridge.Change{Route: "gone"})
	require.ErrorContains(t, err, "route gone is not configured")
}

func TestExplainKeepsWhatCouldBeMapped(t *testing.T) {
	m := newMapper(t, plainOptions(t))
	c := plainChange()
	c.Columns["thnr"] = bridge.Value{}
	e, err := m.Explain(t.Context(), c)
	require.NoError(t, err)
	require.Len(t, e.Problems, 1)
	require.True(t, json.Valid(e.Payload))
	require.Contains(t, string(e.Payload), `"talkTitle":"学业压力与睡眠","measure"`)
	require.Len(t, e.Fields, 20)
}
