package mapper

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestHTMLToText(t *testing.T) {
	for name, c := range map[string]struct{ html, want string }{
		"fixture 1002": {
			`<p style="color:red">你好&nbsp;&nbsp;<b>加粗</b><br/>换行&lt;tag&gt;</p><script>alert("xss")</script><o:p></o:p>` +
				`<img src="data:image/png;base64,iVBORw0KGgo=" onerror=alert(1)>&#128512;<table><tr><td>a</td><td>b</td></tr></table>`,
			"你好  加粗\n换行<tag>\n😀\na b",
		},
		"no markup keeps its lines":      {"第一行\n\n\n第二行", "第一行\n\n\n第二行"},
		"CRLF and NUL":                   {"CRLF\r\n制表\t控制符\x00结束\x1b", "CRLF\n制表\t控制符结束"},
		"entities without tags":          {"a &lt; b&nbsp;&amp;&nbsp;c\n成绩&gt;60", "a < b & c\n成绩>60"},
		"ampersands that are none":       {"R&D 与 A & B", "R&D 与 A & B"},
		"a < b is no tag":                {"成绩 a<b,但是 b>c。后面还有字", "成绩 a<b,但是 b>c。后面还有字"},
		"a < at the end":                 {"<p>小于<</p>1<2", "小于<\n1<2"},
		"a stray < beside tags":          {"<p>a<b,然后</p><p>完</p>", "a<b,然后\n完"},
		"paragraphs":                     {"<p>一</p><p>二</p>\n<div>三<div>四</div></div>", "一\n二\n三\n四"},
		"line breaks":                    {"一<br>二<BR/>三<br><br><br><br>四", "一\n二\n三\n\n四"},
		"empty paragraphs":               {"<p>一</p><p><br></p><p>&nbsp;</p><p><br></p><p>二</p>", "一\n\n二"},
		"lists":                          {"<ul><li>甲</li><li>乙<li>丙</ul>", "甲\n乙\n丙"},
		"tables":                         {"<table><tr><th>姓名</th><th>分</th></tr><tr><td>x</td><td></td><td>1</td></tr></table>", "姓名 分\nx 1"},
		"white space runs together":      {"<p>  一\n   二\t三  </p>", "一 二 三"},
		"inline tags join":               {"<p>情<b>绪</b><span>低</span>落</p>", "情绪低落"},
		"pre keeps its lines":            {"<pre>一\n二</pre>三", "一\n二\n三"},
		"style and script go":            {"<style>p{color:red}</style><p>正文</p><script>if (a<b) x()</script>", "正文"},
		"Word markup":                    {"<!--[if gte mso 9]><xml>x</xml><![endif]--><p class=MsoNormal>正文<o:p></o:p></p><?xml:namespace prefix = o />", "正文"},
		"comments go":                    {"<p>一<!-- 秘密 -->二</p>", "一二"},
		"unclosed tags":                  {"<p>一<p>二<b>三", "一\n二三"},
		"frameset does not eat the text": {"<frameset><p>正文</p>", "正文"},
		"only an image":                  {`<p><img src="x"></p>`, ""},
		"only white space":               {"<p>&nbsp; </p>\n", ""},
		"zero-width space stays":         {"<p>零宽\u200b字符</p>", "零宽\u200b字符"},
		"numeric entity for NUL":         {"<p>a&#0;b&#7;c</p>", "a\ufffdbc"},
		"surrogate pairs and ZWJ":        {"<p>👨‍👩‍👧 𪚥</p>", "👨‍👩‍👧 𪚥"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, htmlToText(c.html)) })
	}
}

func TestHTMLToTextHasNoDepthLimit(t *testing.T) {
	deep := strings.Repeat("<div>", 100_000) + "底" + strings.Repeat("</div>", 100_000)
	require.Equal(t, "底", htmlToText(deep))
	require.Equal(t, strings.Repeat("<", 50_000), htmlToText(strings.Repeat("<", 50_000)))
}

func FuzzHTMLToText(f *testing.F) {
	for _, seed := range []string{"<p>a&nbsp;<b>b</b><br>c</p>", "a<b", "<script>x", "<pre>\n\n</pre>", "<td>a<td>", "\x00<!-->", "</textarea <"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // a value is UTF-8 when it comes here
		}
		got := htmlToText(s)
		require.True(t, utf8.ValidString(got))
		require.Equal(t, strings.TrimSpace(got), got)
		require.NotContains(t, got, "\r")
		require.NotContains(t, got, "\x00")
		require.NotContains(t, got, "\u00a0")
	})
}
