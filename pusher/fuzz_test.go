package pusher

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fuzzed"
)

// fuzzPayload is the record that the answers of FuzzAnswer are about.
const fuzzPayload = `{"name":"` + fuzzed.Name + `","idCard":"` + fuzzed.IDCard + `","phone":"` + fuzzed.Phone + `","content":"` + fuzzed.Talk + `","n":1}`

// FuzzAnswer holds the reading of the platform's answers to what it promises for any answer: one of the outcomes, yes only where the
// platform's own JSON says so, and words that are short, are text, and repeat neither the record nor the secret.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"code":0,"msg":"成功"}`, `{"code":"0","msg":null,"data":{"id":1}}`, `{"code":20001,"msg":"学生[` + fuzzed.Name + `]` + fuzzed.IDCard + `不存在"}`,
		`{"code":401,"msg":"token 已过期 ` + fuzzed.Secret + `"}`, `<html>502 ` + fuzzed.Phone + `</html>`, `{"code":50001}`, "\xef\xbb\xbf" + `{"code":0.0}`, `{"code":1e400,"msg":[1]}`,
		`{"code":0,"code":1,"msg":"x"}`, `[]`, `null`, `{"code":{"code":0}}`, `{"msg":"` + strings.Repeat("谈", 400) + fuzzed.Talk + `","code":9}`, `{"code":0} {}`,
		`{"code":3,"msg":"\u6b27\u9633\u67e5\u65e0\u6b64\u4eba ` + fuzzPayloadIn64() + `"}`,
	} {
		f.Add(200, []byte(body), "", true, "code", "msg")
		f.Add(502, []byte(body), "Thu, 26 Nov 2099 12:00:00 GMT", false, "data.code", "data.msg")
	}
	f.Add(302, []byte("x"), "http://"+fuzzed.Secret+"@evil.example/"+fuzzed.IDCard, true, "code", "msg")
	f.Fuzz(func(t *testing.T, status int, body []byte, header string, whole bool, codeAt, messageAt string) {
		if len(codeAt)+len(messageAt) > 100 {
			t.Skip() // the configuration's, not the platform's
		}
		rules := exampleRules()
		rules.CodeAt, rules.MessageAt = codeAt, messageAt
		compiled, err := rules.compile()
		if err != nil {
			return
		}
		c := &Client{rules: compiled}
		r := reply{status: status, header: http.Header{"Retry-After": {header}, "Location": {header}}, body: body, whole: whole}
		var result Result
		fuzzed.Within(t, 4<<20, 4000, len(body)+len(header), func() { result = c.read(r, []byte(fuzzPayload), newRedactor(fuzzed.Secret)) })
		require.Contains(t, Outcomes(), result.Outcome)
		for _, text := range []string{result.Code, result.Message} {
			fuzzed.Silent(t, text)
			require.LessOrEqual(t, utf8.RuneCountInString(text), maxMessage+1)
			require.NotRegexp(t, `[0-9]{7}`, strings.ReplaceAll(text, strconv.Itoa(maxBody), ""), "an answer's long number is kept")
			require.False(t, strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }), "%q", text)
		}
		require.GreaterOrEqual(t, result.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, result.RetryAfter, longestRetryAfter)
		if result.Outcome == Delivered {
			require.True(t, whole && status >= 200 && status <= 299 && strings.Contains(string(body), "0"), "HTTP %d %q", status, body)
			require.True(t, json.Valid(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))), "%q", body)
		}
		again := c.read(r, []byte(fuzzPayload), newRedactor(fuzzed.Secret))
		again.RetryAfter = result.RetryAfter // it is counted from now
		require.Equal(t, result, again)
	})
}

func fuzzPayloadIn64() string { return base64.StdEncoding.EncodeToString([]byte(fuzzPayload)) }

// FuzzToken holds the reading of token answers to what it promises: a token that fits a header and lives for a bounded time, or a
// TokenError that does not repeat the secret.
func FuzzToken(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"abc","token_type":"bearer","expires_in":7199}`, `{"code":200,"data":{"access_token":"x","expires_in":"7200"}}`, `{"data":"eyJ"}`,
		`{"error":"invalid_client","error_description":"Bad credentials ` + fuzzed.Secret + `"}`, `{"code":500,"msg":"` + fuzzed.Secret + `"}`, `{"success":false}`,
		`{"token":"a b"}`, `{"access_token":"x","expires_in":-1}`, `{"access_token":"x","expires_in":1e308}`, `{"access_token":"x","expire":"2026-12-01 08:00:00"}`,
		`{"access_token":"x","expires_in":1795475561000}`, `<html>`, `{"access_token":{"access_token":"x"}}`, `{"access_token":""}`, `{"` + fuzzed.Secret + `":{"a":1}}`,
	} {
		for _, unit := range units() {
			f.Add(200, []byte(body), "access_token", "expires_in", unit)
		}
		f.Add(401, []byte(body), "data.access_token", "expire", UnitAuto)
	}
	now := time.Unix(1_780_000_000, 0)
	f.Fuzz(func(t *testing.T, status int, body []byte, tokenAt, expiresAt, unit string) {
		if len(tokenAt)+len(expiresAt) > 100 || !slices.Contains(units(), unit) {
			t.Skip()
		}
		d := Dialect{TokenAt: []string{tokenAt}, ExpiresAt: []string{expiresAt}, ExpiresUnit: unit}.withDefaults()
		var token bridge.Token
		var err error
		fuzzed.Within(t, 4<<20, 1000, len(body), func() { token, err = d.readToken(status, body, now, newRedactor(fuzzed.Secret)) })
		if err != nil {
			var told *TokenError
			require.ErrorAs(t, err, &told)
			require.Zero(t, token)
			fuzzed.Silent(t, strings.ReplaceAll(strings.ReplaceAll(err.Error(), tokenAt, ""), expiresAt, ""))
			require.Less(t, len(err.Error()), 8<<10)
			return
		}
		require.True(t, status >= 200 && status <= 299)
		require.NotEmpty(t, token.Value.Reveal())
		require.False(t, strings.ContainsFunc(token.Value.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }))
		require.True(t, token.ExpiresAt.After(now), "%v", token.ExpiresAt)
		require.LessOrEqual(t, token.ExpiresAt.Sub(now), longestLifetime)
	})
}

// FuzzJSONPath holds the reader of dotted paths against one that is written otherwise: it walks the same object by its members.
func FuzzJSONPath(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"x","c":null},"a.b":7}`), "a.b")
	f.Add([]byte(`{"a":{"b":{"c":true}},"a.b":{"c":1e0}}`), "a.b.c")
	f.Add([]byte(`{"":{"":"x"}}`), ".")
	f.Add([]byte(`{"a":"\ud800 \u0000"} x`), "a")
	f.Fuzz(func(t *testing.T, body []byte, path string) {
		if len(path) > 40 {
			t.Skip()
		}
		root, ok := object(body)
		if !ok {
			return
		}
		require.True(t, json.Valid(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
		text := textAt(root, path)
		require.True(t, utf8.ValidString(text))
		found := map[string]bool{"": true}
		reach(root, path, found)
		require.True(t, found[text], "%q is at none of the places that %q can mean in %s", text, path, body)
	})
}

// reach gathers the texts of all places that a path can mean.
func reach(object map[string]any, path string, found map[string]bool) {
	for name, value := range object {
		if name == path {
			found[scalar(value)] = true
		}
		if inner, ok := value.(map[string]any); ok && strings.HasPrefix(path, name+".") {
			reach(inner, path[len(name)+1:], found)
		}
	}
}

// FuzzKey holds the reading of client secrets to what it promises: 16 bytes that are what the text says in its encoding, or an error that
// says nothing of the text.
func FuzzKey(f *testing.F) {
	for _, secret := range []string{testSecret, "0123456789abcdeffedcba9876543210", "MDEyMzQ1Njc4OWFiY2RlZmZlZGNiYTk4NzY1NDMyMTA=", " ASNFZ4mrze_-3LqYdlQyEA \u200b", "short", "中文" + fuzzed.Secret, ""} {
		for _, encoding := range []string{"", EncodingAuto, EncodingHex, EncodingBase64, EncodingBase64Hex, "rot13"} {
			f.Add(secret, encoding)
		}
	}
	f.Fuzz(func(t *testing.T, secret, encoding string) {
		key, err := Key(bridge.Secret(secret), encoding)
		if err != nil {
			require.Nil(t, key)
			fuzzed.Silent(t, strings.ReplaceAll(err.Error(), encoding, ""))
			if text := trimSecret(bridge.Secret(secret)); len(text) > 8 && !strings.Contains(encoding, text) {
				require.NotContains(t, err.Error(), text)
			}
			return
		}
		require.Len(t, key, keySize)
		text := urlSafe.Replace(trimSecret(bridge.Secret(secret)))
		inHex, in64 := hex.EncodeToString(key), base64.RawStdEncoding.EncodeToString(key)
		bare := strings.TrimRight(text, "=")
		inner, _ := base64.RawStdEncoding.DecodeString(bare)
		require.True(t, strings.EqualFold(text, inHex) || bare == in64 || strings.EqualFold(string(inner), inHex), "%q is not the key %x", secret, key)
	})
}

// FuzzUnseal holds Open to what it promises for any text: one error, or what is sealed as the very same text.
func FuzzUnseal(f *testing.F) {
	sealer, err := NewSealer([]byte("0123456789abcdef"))
	require.NoError(f, err)
	f.Add("", []byte(fuzzPayload))
	f.Add(sealer.Seal([]byte(fuzzPayload)), []byte{})
	f.Add("AAAAAAAAAAAAAAAAAAAAAA==", bytes.Repeat([]byte{16}, 16))
	f.Add(sealer.Seal([]byte("x"))+"\n", []byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, sealed string, plain []byte) {
		var opened []byte
		fuzzed.Within(t, 1<<20, 20, len(sealed), func() { opened, err = sealer.Open(sealed) })
		if err != nil {
			require.Equal(t, ErrNotSealed, err)
		} else {
			require.Equal(t, strings.NewReplacer("\r", "", "\n", "").Replace(sealed), sealer.Seal(opened)) // who copies it may have broken the line
		}
		before := bytes.Clone(plain)
		back, err := sealer.Open(sealer.Seal(plain))
		require.NoError(t, err)
		require.True(t, bytes.Equal(before, back) && bytes.Equal(before, plain))
	})
}

// FuzzRedact holds what is kept of foreign texts to what it promises, for any text and any record.
func FuzzRedact(f *testing.F) {
	f.Add("学生["+fuzzed.Name+"]"+fuzzed.IDCard, fuzzed.Name, fuzzed.Secret)
	f.Add("１３９００００１２３４ 139-0000-1234", "a\"b\\c\n", "p%q&r")
	f.Add(strings.Repeat("1", 2000), "谈", "abcd")
	f.Fuzz(func(t *testing.T, text, value, secret string) {
		payload, err := json.Marshal(map[string]string{"v": value})
		if err != nil || !utf8.ValidString(value) || !utf8.ValidString(secret) {
			t.Skip()
		}
		r := newRedactor(secret)
		for _, kept := range []string{r.answer(text, payload), r.text(text), r.failure(errors.Join(io.ErrUnexpectedEOF, errors.New(text)), payload)} {
			require.True(t, utf8.ValidString(kept))
			require.LessOrEqual(t, utf8.RuneCountInString(kept), maxMessage+1)
			require.NotRegexp(t, `[0-9]{7}`, kept)
			if len(secret) >= 8 && !strings.Contains(mask, secret) && !strings.ContainsAny(secret, " \t\r\n*") && !strings.Contains("unexpected EOF", secret) {
				require.NotContains(t, kept, secret)
			}
		}
	})
}
