package pusher

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exampleRules are those of the example configuration.
func exampleRules() Rules {
	return Rules{
		CodeAt: "code", MessageAt: "msg", Success: []string{"0"},
		Reauth: ReauthRules{HTTP: []int{401, 424}, Code: []string{"401"}, Message: "token.*(过期|失效|无效|expired|invalid)"},
		Retry:  RetryRules{HTTP: []int{408, 425, 429, 500, 502, 503, 504}, Code: []string{"50001"}},
	}
}

func TestDecide(t *testing.T) {
	rules, err := exampleRules().compile()
	require.NoError(t, err)
	said := func(status int, code, message string) answer {
		return answer{status: status, isObject: true, code: code, hasCode: code != "", message: message}
	}
	tests := []struct {
		name string
		a    answer
		want Outcome
	}{
		{"yes", said(200, "0", "成功"), Delivered},
		{"yes under 201", said(201, "0", "成功"), Delivered},
		{"yes that speaks of tokens", said(200, "0", "token 未过期 expired"), Delivered},
		{"HTTP 200 without a code", said(200, "", "ok"), Retry},
		{"HTTP 200 with something else than JSON", answer{status: 200}, Retry},
		{"no content", answer{status: 204}, Retry},
		{"yes under an error's status", said(500, "0", "成功"), Retry},
		{"yes under an error's status that speaks of tokens", said(500, "0", "token 未过期 expired"), Retry},
		{"yes under 400", said(400, "0", "成功"), Retry},
		{"no", said(200, "500", "学号不存在"), Rejected},
		{"no without words", said(200, "1", ""), Rejected},
		{"no under 400", said(400, "400", "字段为空"), Rejected},
		{"no under 422", said(422, "422", "字段为空"), Rejected},
		{"409", said(409, "409", "重复"), Rejected},
		{"400 without a code is not the platform's own form", said(400, "", "Bad Request"), Retry},
		{"400 in HTML", answer{status: 400}, Retry},
		{"401", said(401, "", ""), Reauth},
		{"401 in HTML", answer{status: 401}, Reauth},
		{"424", said(424, "1", "令牌过期"), Reauth},
		{"401 as a code", said(200, "401", "账号未登录"), Reauth},
		{"a message about the token", said(200, "10011", "Token 已失效"), Reauth},
		{"403 judges who asks", said(403, "403", "无权限"), Retry},
		{"404 judges where", said(404, "404", "not found"), Retry},
		{"405", said(405, "405", ""), Retry},
		{"413 in HTML", answer{status: 413}, Retry},
		{"429", said(429, "429", "频繁"), Retry},
		{"500 in the platform's form", said(500, "500", "系统异常"), Retry},
		{"501, not listed", said(501, "1", ""), Retry},
		{"502 in HTML", answer{status: 502}, Retry},
		{"a code that means not now", said(200, "50001", "系统繁忙"), Retry},
		{"redirect", answer{status: 302}, Retry},
		{"redirect with a body", said(307, "1", "moved"), Retry},
		{"no connection", answer{fault: faultNotSent}, Retry},
		{"connection lost", answer{fault: faultSent}, Unknown},
		{"connection lost within the answer", answer{fault: faultSent, status: 200}, Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, rules.decide(tt.a)) })
	}
}

func TestCodesInEverySpelling(t *testing.T) {
	tests := []struct{ body, code string }{
		{`{"code":0}`, "0"},
		{`{"code":"0"}`, "0"},
		{`{"code":0.0}`, "0"},
		{`{"code":" 0 "}`, "0"},
		{`{"code":1e2}`, "100"},
		{`{"code":true}`, "true"},
		{`{"code":null}`, ""},
		{`{"code":{"x":1}}`, ""},
		{`{"msg":"x"}`, ""},
		{`{"code":12345678901234567890}`, "12345678901234567890"},
		{`{"code":0.5}`, "0.5"},
	}
	for _, tt := range tests {
		root, ok := object([]byte(tt.body))
		require.True(t, ok, tt.body)
		assert.Equal(t, tt.code, textAt(root, "code"), tt.body)
	}
	for _, body := range []string{``, `[]`, `0`, `null`, `"0"`, `{"code":0`, `{"code":0} trailing`, `<html>`} {
		_, ok := object([]byte(body))
		assert.False(t, ok, body)
	}
	root, ok := object([]byte("\xef\xbb\xbf" + `{"a.b":"whole","a":{"b":"inner","c":{"d":1}},"r":{"code":null}}`))
	require.True(t, ok)
	assert.Equal(t, "whole", textAt(root, "a.b"))
	assert.Equal(t, "1", textAt(root, "a.c.d"))
	assert.Empty(t, textAt(root, "r.code"))
	assert.Empty(t, textAt(root, "a.x.y"))
}

func TestRulesThatCannotWork(t *testing.T) {
	for _, change := range []func(*Rules){
		func(r *Rules) { r.Success = nil },
		func(r *Rules) { r.CodeAt = "" },
		func(r *Rules) { r.Reauth.Message = "(" },
	} {
		rules := exampleRules()
		change(&rules)
		_, err := rules.compile()
		assert.ErrorContains(t, err, "response")
	}
}
