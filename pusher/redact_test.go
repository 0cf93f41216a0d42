package pusher

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRedact(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"ID number of 18", "身份证号11010519491231002X校验失败", "身份证号***校验失败"},
		{"lower case x", "id 11010519491231002x", "id ***"},
		{"ID number of 15", "证件 110105491231002 不存在", "证件 *** 不存在"},
		{"with separators", "id 110105 19491231 002X", "id ***"},
		{"mobile", "手机13812345678无效", "手机***无效"},
		{"mobile with separators", "138-1234-5678", "***"},
		{"full width", "号码１３８１２３４５６７８", "号码***"},
		{"student number", "学号2024010203不存在", "学号***不存在"},
		{"two of them", "2024010203,2024010204", "***,***"},
		{"glued to a longer run", "x110105194912310021234y", "x***y"},
		{"codes stay", "错误码 10011，字段 talkType=05", "错误码 10011，字段 talkType=05"},
		{"times stay", "时间 2026-03-05 14:30:00 晚于当前", "时间 2026-03-05 14:30:00 晚于当前"},
		{"lines become one", "第一行\r\n第二行\t\x00末", "第一行 第二行 末"},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, Redact(tt.text)) })
	}
}

func TestRedactBoundsTheLength(t *testing.T) {
	text := Redact(strings.Repeat("字", 5000))
	assert.Equal(t, maxMessage+1, utf8.RuneCountInString(text))
	number := "11010519491231002X"
	for pad := maxMessage - 20; pad <= maxMessage; pad++ { // wherever the cut falls, no part of a number is left
		assert.NotContains(t, Redact(strings.Repeat("字", pad)+number), "1101")
	}
	for pad := range 20 {
		assert.NotContains(t, Redact(strings.Repeat("1", maxExamined-3-pad)+"字"+number), "字1", "nor wherever the reading ends")
	}
}

func TestAnswersDoNotRepeatThePayload(t *testing.T) {
	payload := []byte(`{"studentName":"李明","talkType":"05","students":[{"studentName":"欧阳娜娜"}],"dorm":"B3-17","n":24011,
		"talkContent":"近两周失眠,情绪低落;已建议预约心理咨询,并联系家长。"}`)
	r := newRedactor()
	assert.Equal(t, "学生[***]不存在", r.answer("学生[李明]不存在", payload))
	assert.Equal(t, "***、***", r.answer("李明、欧阳娜娜", payload))
	assert.Equal(t, "宿舍***,人数***", r.answer("宿舍B3-17,人数24011", payload))
	assert.Equal(t, "talkType 05 不可用", r.answer("talkType 05 不可用", payload), "codes name nobody")
	assert.Equal(t, "rejected value [***...]", r.answer("rejected value [近两周失眠,情绪低落;已建议...]", payload), "the beginning of a value")
	assert.Equal(t, "内容过长", r.answer("内容过长", payload))
	assert.Equal(t, "x", r.answer("x", []byte("not JSON")))
}

func TestRedactorHidesSecretsAndAddresses(t *testing.T) {
	r := newRedactor("ASNFZ4mrze/+3LqYdlQyEA==").with("tok-abcdef")
	inner := errors.New("dial tcp 10.0.0.1:443: connection refused")
	err := &url.Error{Op: "Get", URL: "https://h/token?client_secret=ASNFZ4mrze%2F%2B3LqYdlQyEA%3D%3D", Err: inner}
	assert.Equal(t, inner.Error(), r.failure(err, nil))
	assert.Equal(t, "bad *** and *** and ***", r.text("bad ASNFZ4mrze/+3LqYdlQyEA== and ASNFZ4mrze%2F%2B3LqYdlQyEA%3D%3D and tok-abcdef"))
}

func TestRedactRow(t *testing.T) {
	change := bridge.Change{Columns: map[string]bridge.Value{"xm": {Kind: bridge.KindText, Text: "王芳"}, "zt": {Kind: bridge.KindText, Text: "1"}}}
	assert.Equal(t, "Incorrect value '***' at row 1", redactRow("Incorrect value '王芳' at row 1", change))
}

// What mayRepeat lets through, hideContent finds nothing in: pieces of payloads, whole and cut, in short messages.
func TestNothingIsLeftUnreadThatMayRepeatThePayload(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab1\"\\\n李明é😀 -<\u2028")), 0, 14, -1)
		values := rapid.SliceOfN(text, 1, 4).Draw(t, "values")
		var payload bytes.Buffer
		encoder := json.NewEncoder(&payload)
		encoder.SetEscapeHTML(false)
		require.NoError(t, encoder.Encode(map[string]any{"list": values, "n": 2400123}))
		message := text.Draw(t, "message")
		if rapid.Bool().Draw(t, "quotes") {
			runes := []rune(rapid.SampledFrom(append(values, "2400123")).Draw(t, "value"))
			from := rapid.IntRange(0, len(runes)).Draw(t, "from")
			piece := string(runes[from:rapid.IntRange(from, len(runes)).Draw(t, "to")])
			message += rapid.SampledFrom(forms(piece)).Draw(t, "spelling")
		}
		if !mayRepeat(message, payload.Bytes()) {
			assert.Equal(t, message, hideContent(message, contents(payload.Bytes())))
		}
	})
	long := []byte(`{"talkContent":"近两周失眠,情绪低落"}`)
	assert.False(t, mayRepeat("操作成功", long))
	assert.False(t, mayRepeat("success", long))
	assert.True(t, mayRepeat("内容:失眠", long))
	r := newRedactor()
	escaped := []byte(`{"talkPlace":"a\"b\"c","talkTitle":"李abcdefgh"}`)
	assert.Equal(t, "***", r.answer(`a"b"c`, escaped), "which stands in the payload with escapes")
	assert.Equal(t, "***", r.answer("ABCDEFGH", escaped), "as a gateway spells it that writes all in capitals")
}

func BenchmarkAnswer(b *testing.B) {
	payload, r := []byte(`{"talkContent":"`+strings.Repeat(`近两周失眠,情绪低落\n`, 50)+`"}`), newRedactor("a secret")
	for b.Loop() {
		r.answer("操作成功", payload)
	}
}
