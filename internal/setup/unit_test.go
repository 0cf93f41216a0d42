package setup

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodesAreReadOutOfComments(t *testing.T) {
	for text, want := range map[string][]code{
		"递交状态 0未递交 1待上报 2上报中":            {{"0", "未递交"}, {"1", "待上报"}, {"2", "上报中"}},
		"谈话方式:01面谈 02电话 04微信/QQ等网络 99其他": {{"01", "面谈"}, {"02", "电话"}, {"04", "微信/QQ等网络"}, {"99", "其他"}},
		"类型(1=一对一,2=一对多)":                {{"1", "一对一"}, {"2", "一对多"}},
		"GB/T 2261.1: 0未知 1男 2女":         {{"0", "未知"}, {"1", "男"}, {"2", "女"}},
		"关注等级:0一般 1一级(重点) 2二级":           {{"0", "一般"}, {"1", "一级"}, {"2", "二级"}},
		"谈话内容":     nil,
		"2026年起使用": nil,
	} {
		require.Equal(t, want, codesIn(text), text)
	}
}

func TestTranslationsAreFoundAndGapsAreLeftOpen(t *testing.T) {
	mode := Property{Name: "talkMode", Type: "string", Enum: []string{"01", "02", "99"}, Description: "谈话方式:01面谈 02电话 99其他"}
	rows := func(remarks ...string) *dictionary {
		d := &dictionary{table: &Table{Schema: "s", Name: "sys_dict_data"}, kind: "dict_type", value: "dict_value", label: "dict_label", others: []string{"remark"}}
		d.kinds = map[string][]dictRow{"talk_mode": {
			{"a", "面谈", map[string]string{"remark": remarks[0]}}, {"b", "书信", map[string]string{"remark": remarks[1]}},
		}}
		return d
	}
	column := &Column{Name: "talk_mode", Kind: "varchar"}
	byQuery := translate(mode, column, rows("01", "99"))
	require.Contains(t, byQuery.query, "SELECT dict_value, remark FROM s.sys_dict_data WHERE dict_type = 'talk_mode'")
	byLabel := translate(mode, column, rows("", ""))
	require.Equal(t, []entry{{from: "a", to: "01", note: "面谈"}, {from: "b", note: "书信", open: true}}, byLabel.entries)
	same := translate(mode, &Column{Name: "x", Comment: "方式 01面谈 02电话"}, nil)
	require.True(t, same.same)
	require.Nil(t, translate(mode, &Column{Name: "x"}, nil), "nothing is known of its codes")
	require.Nil(t, translate(Property{Name: "title"}, column, rows("01", "99")), "the contract lists no codes")
}

func TestYAMLTextReadsBack(t *testing.T) {
	for text, want := range map[string]string{
		"a.b": "a.b", "127.0.0.1:3306": "127.0.0.1:3306", "http://127.0.0.1:9190/api": "http://127.0.0.1:9190/api", "file:talkbridge.db": "file:talkbridge.db",
		"1": `"1"`, "yes": `"yes"`, "a: b": `"a: b"`, `say "x" && <y>`: `"say \"x\" && <y>"`, "": `""`, "#x": `"#x"`, "一般": `"一般"`,
	} {
		require.Equal(t, want, yamlText(text))
	}
}

func TestContractsFollowReferences(t *testing.T) {
	c, err := ParseContract("one", "c.json", []byte(`{"title": "T", "allOf": [{"$ref": "#/$defs/R"}], "$defs": {
		"S": {"type": "object", "required": ["no"], "properties": {"no": {"type": "string"}}},
		"R": {"required": ["b"], "properties": {"b": {"type": "string", "maxLength": 9, "enum": ["1"]}, "a": {"type": "array", "items": {"$ref": "#/$defs/S"}}}}}}`))
	require.NoError(t, err)
	require.Equal(t, []Property{
		{Name: "b", Type: "string", Required: true, MaxLength: 9, Enum: []string{"1"}},
		{Name: "a", Type: "array", Items: []Property{{Name: "no", Type: "string", Required: true}}},
	}, c.Fields, "in the order of the document")
	for _, bad := range []string{"", "[1", `{"type": "object"}`} {
		_, err := ParseContract("one", "c.json", []byte(bad))
		require.ErrorContains(t, err, "c.json")
	}
}

func TestTablesOfAQuery(t *testing.T) {
	require.Equal(t, []string{"a.b", "c.d"}, TablesOf("SELECT 'FROM x' FROM a.b JOIN `c`.`d` ON 1"))
}
