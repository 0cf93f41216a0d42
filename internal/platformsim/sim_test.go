package platformsim_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"talkbridge/internal/fixture"
	"talkbridge/internal/platformsim"

	"github.com/emmansun/gmsm/sm4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "ASNFZ4mrze/+3LqYdlQyEA=="

// client speaks to a simulator as plainly as can be.
type client struct {
	t      *testing.T
	sim    *platformsim.Sim
	server *httptest.Server
	token  string
}

func start(t *testing.T, o platformsim.Options) *client {
	t.Helper()
	o.ClientID, o.ClientSecret = "college", secret
	sim, err := platformsim.New(o)
	require.NoError(t, err)
	c := &client{t: t, sim: sim, server: httptest.NewServer(sim)}
	t.Cleanup(func() {
		sim.Close()
		c.server.Close()
	})
	return c
}

func (c *client) do(method, path, contentType, body string) (status int, answer string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.server.Client().Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, string(text)
}

func (c *client) login() {
	c.t.Helper()
	_, body := c.do("POST", "/api/oauth2/token", "application/x-www-form-urlencoded",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {"college"}, "client_secret": {secret}}.Encode())
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	require.NoError(c.t, json.Unmarshal([]byte(body), &answer))
	require.NotEmpty(c.t, answer.AccessToken)
	require.Positive(c.t, answer.ExpiresIn)
	c.token = answer.AccessToken
}

// seal encrypts block by block, with padding made by hand.
func seal(t *testing.T, plain string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(secret)
	require.NoError(t, err)
	block, err := sm4.NewCipher(key)
	require.NoError(t, err)
	n := 16 - len(plain)%16
	data := append([]byte(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	for i := 0; i < len(data); i += 16 {
		block.Encrypt(data[i:i+16], data[i:i+16])
	}
	return base64.StdEncoding.EncodeToString(data)
}

func (c *client) push(endpoint, plain string) (status int, answer platformsim.Answer) {
	c.t.Helper()
	status, body := c.do("POST", "/api/talk-record/"+endpoint, "application/json", `{"data":"`+seal(c.t, plain)+`"}`)
	_ = json.Unmarshal([]byte(body), &answer)
	return status, answer
}

const good = `{"recordId":"r1","counselorNo":"1","counselorName":"王芳","talkType":"05","talkMode":"01","talkTime":"2026-03-05 14:30:00",
	"talkTitle":"学业","talkContent":"内容","studentNo":"2","studentName":"李明"}`

func TestARecordIsTakenAndOverwritten(t *testing.T) {
	var journal, verbose bytes.Buffer
	c := start(t, platformsim.Options{Journal: &journal, Verbose: &verbose, Show: true})
	c.login()
	for _, plain := range []string{good, strings.Replace(good, "内容", "改过的内容", 1)} {
		status, answer := c.push("one", plain)
		assert.Equal(t, 200, status)
		assert.Equal(t, platformsim.Answer{Code: 0, Msg: "成功"}, answer)
	}
	_, body := c.do("GET", "/_sim/records/one/r1", "", "")
	var record platformsim.Record
	require.NoError(t, json.Unmarshal([]byte(body), &record))
	assert.Equal(t, 2, record.Count)
	assert.Contains(t, string(record.Payload), "改过的内容")
	status, _ := c.do("GET", "/_sim/records/one/none", "", "")
	assert.Equal(t, 404, status)
	_, body = c.do("GET", "/_sim/records?endpoint=multi", "", "")
	assert.JSONEq(t, `{"records":[]}`, body)
	assert.Len(t, c.sim.Records(""), 1)
	require.Len(t, c.sim.Journal(), 2)
	assert.Contains(t, string(c.sim.Journal()[0].Payload), `"内容"`)
	assert.Equal(t, 2, strings.Count(journal.String(), "\n"))
	assert.Contains(t, verbose.String(), "one       r1 code=0")
	assert.Contains(t, verbose.String(), "改过的内容")
}

func TestWhatThePlatformRefuses(t *testing.T) {
	c := start(t, platformsim.Options{})
	status, _ := c.push("one", good)
	assert.Equal(t, 401, status, "no token")
	c.login()
	tests := []struct{ name, contentType, body, msg string }{
		{"not JSON", "application/json", "x", "请求体应为JSON，且含有data字段"},
		{"no data", "application/json", "{}", "请求体应为JSON，且含有data字段"},
		{"Base64 with a line break", "application/json", `{"data":"` + seal(t, good)[:40] + `\n` + seal(t, good)[40:] + `"}`, "数据不是标准BASE64编码"},
		{"URL-safe Base64", "application/json", `{"data":"ab-_"}`, "数据不是标准BASE64编码"},
		{"half a block", "application/json", `{"data":"AAAA"}`, "密文长度不是16字节的整数倍"},
		{"empty", "application/json", `{"data":""}`, "密文长度不是16字节的整数倍"},
		{"another key", "application/json", `{"data":"AAAAAAAAAAAAAAAAAAAAAA=="}`, "数据解密失败"},
		{"plain text inside", "text/plain", seal(t, "hello"), "业务数据不是UTF-8编码的JSON"},
		{"GBK inside", "text/plain", seal(t, "{\"a\":\"\xc0\xee\"}"), "业务数据不是UTF-8编码的JSON"},
		{"a form that lost its plus signs", "application/x-www-form-urlencoded", "x=1", "表单应含有data字段"},
		{"missing member", "text/plain", seal(t, strings.Replace(good, `"studentNo":"2",`, "", 1)), "缺少必填字段：studentNo"},
		{"unknown member", "text/plain", seal(t, strings.Replace(good, `"talkMode"`, `"x":1,"talkMode"`, 1)), "未知字段：x"},
		{"too long", "text/plain", seal(t, strings.Replace(good, "学业", strings.Repeat("长", 101), 1)), "talkTitle长度不能超过100"},
		{"empty text", "text/plain", seal(t, strings.Replace(good, "学业", "", 1)), "talkTitle不能为空"},
		{"unknown code", "text/plain", seal(t, strings.Replace(good, `"05"`, `"55"`, 1)), "talkType取值不在代码表内"},
		{"wrong type", "text/plain", seal(t, strings.Replace(good, `"recordId":"r1"`, `"recordId":1`, 1)), "recordId类型错误，应为string"},
		{"wrong form", "text/plain", seal(t, strings.Replace(good, "14:30:00", "14:30", 1)), "talkTime格式错误"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, body := c.do("POST", "/api/talk-record/one", tt.contentType, tt.body)
			assert.JSONEq(t, `{"code":500,"msg":"`+tt.msg+`"}`, body)
		})
	}
	stats := c.sim.Stats()
	assert.Equal(t, len(tests)+1, stats.Refused)
	assert.Equal(t, 1, stats.Unauthorized)
	assert.Zero(t, stats.Applied)
	status, _ = c.do("GET", "/api/talk-record/one", "", "")
	assert.Equal(t, 405, status)
}

func TestEveryVectorIsDecrypted(t *testing.T) {
	var vectors struct {
		Encrypt []struct {
			Name, Key  string
			Plaintext  *string `json:"plaintext_utf8"`
			Ciphertext string  `json:"ciphertext_base64"`
		} `json:"encrypt"`
	}
	require.NoError(t, json.Unmarshal(fixture.SM4Vectors, &vectors))
	c := start(t, platformsim.Options{})
	c.login()
	for _, v := range vectors.Encrypt {
		if v.Key != "k1" || v.Plaintext == nil || !json.Valid([]byte(*v.Plaintext)) {
			continue
		}
		_, body := c.do("POST", "/api/talk-record/one", "application/json", `{"data":"`+v.Ciphertext+`"}`)
		assert.Contains(t, body, `"code":500`, "read as far as the contract: "+v.Name)
	}
	assert.Zero(t, c.sim.Stats().Unreadable)
}

func TestTokensEnd(t *testing.T) {
	c := start(t, platformsim.Options{TokenTTL: 50 * time.Millisecond})
	c.login()
	require.Eventually(t, func() bool {
		status, _ := c.push("one", good)
		return status == 401
	}, 5*time.Second, 10*time.Millisecond)

	c = start(t, platformsim.Options{VoidOnFetch: true})
	c.login()
	old := c.token
	c.login()
	c.token, old = old, c.token
	status, _ := c.push("one", good)
	assert.Equal(t, 401, status, "a fetch voids the token before it")
	c.token = old
	status, _ = c.push("one", good)
	assert.Equal(t, 200, status)
	status, _ = c.do("DELETE", "/_sim/tokens", "", "")
	assert.Equal(t, 204, status)
	status, _ = c.push("one", good)
	assert.Equal(t, 401, status)
}

func TestFaults(t *testing.T) {
	c := start(t, platformsim.Options{})
	c.login()
	tests := []struct {
		fault   string
		status  int
		answer  platformsim.Answer
		applied int
	}{
		{`{"kind":"status","status":503,"times":1}`, 503, platformsim.Answer{}, 0},
		{`{"kind":"status","status":500,"code":9,"msg":"x","times":1,"apply":true}`, 500, platformsim.Answer{Code: 9, Msg: "x"}, 1},
		{`{"kind":"answer","code":7,"msg":"忙","times":1}`, 200, platformsim.Answer{Code: 7, Msg: "忙"}, 0},
		{`{"kind":"reject","record_ids":["r1"],"msg":"不收","times":1}`, 200, platformsim.Answer{Code: 500, Msg: "不收"}, 0},
		{`{"kind":"reject","record_ids":["r2"],"msg":"不收","times":1}`, 200, platformsim.Answer{Msg: "成功"}, 1},
		{`{"kind":"reject","endpoint":"multi","msg":"不收","times":1}`, 200, platformsim.Answer{Msg: "成功"}, 1},
		{`{"kind":"delay","delay":"20ms","times":1}`, 200, platformsim.Answer{Msg: "成功"}, 1},
		{`{"kind":"html","times":1}`, 502, platformsim.Answer{}, 0},
		{`{"kind":"throttle","retry_after":"3","times":1}`, 429, platformsim.Answer{Code: 429, Msg: "请求过于频繁"}, 0},
		{`{"kind":"reset","times":1}`, 0, platformsim.Answer{}, 0},
		{`{"kind":"reset","apply":true,"times":1}`, 0, platformsim.Answer{}, 1},
		{`{"kind":"void_tokens","times":1}`, 401, platformsim.Answer{Code: 401, Msg: "令牌无效或已过期"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			c.login()
			created, body := c.do("POST", "/_sim/faults", "application/json", tt.fault)
			require.Equal(t, 201, created, body)
			before := c.sim.Stats().Applied
			status, answer := c.push("one", good)
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.answer, answer)
			assert.Equal(t, tt.applied, c.sim.Stats().Applied-before)
			c.sim.ClearFaults()
			status, _ = c.push("one", good)
			assert.Contains(t, []int{200, 401}, status)
		})
	}
}

func TestFaultsAreCountedListedAndCleared(t *testing.T) {
	c := start(t, platformsim.Options{})
	c.login()
	first, err := c.sim.Inject(platformsim.Fault{Kind: "answer", Code: 1, Times: 2})
	require.NoError(t, err)
	_, err = c.sim.Inject(platformsim.Fault{Kind: "answer", Code: 2})
	require.NoError(t, err)
	var codes []int
	for range 4 {
		_, answer := c.push("one", good)
		codes = append(codes, answer.Code)
	}
	assert.Equal(t, []int{1, 1, 2, 2}, codes)
	_, body := c.do("GET", "/_sim/faults", "", "")
	assert.Contains(t, body, `"fired":2`)
	status, _ := c.do("DELETE", "/_sim/faults/"+string(rune('0'+first)), "", "")
	assert.Equal(t, 404, status, "it has left by itself")
	status, _ = c.do("DELETE", "/_sim/faults", "", "")
	assert.Equal(t, 204, status)
	assert.Empty(t, c.sim.Faults())
	for _, bad := range []string{`{`, `{"kind":"x"}`, `{"kind":"hang","endpoint":"two"}`, `{"kind":"hang","probability":2}`, `{"kind":"hang","no":1}`} {
		status, _ := c.do("POST", "/_sim/faults", "application/json", bad)
		assert.Equal(t, 400, status, bad)
	}
}

func TestChanceIsRepeatable(t *testing.T) {
	run := func() (codes []int) {
		c := start(t, platformsim.Options{})
		c.login()
		_, err := c.sim.Inject(platformsim.Fault{Kind: "answer", Code: 1, Probability: 0.5, Seed: 7})
		require.NoError(t, err)
		for range 20 {
			_, answer := c.push("one", good)
			codes = append(codes, answer.Code)
		}
		return codes
	}
	first := run()
	assert.Equal(t, first, run())
	assert.Contains(t, first, 0)
	assert.Contains(t, first, 1)
}

func TestMemoryIsBounded(t *testing.T) {
	c := start(t, platformsim.Options{JournalLimit: 3, RecordLimit: 2})
	c.login()
	for _, id := range []string{"r1", "r2", "r3", "r4", "r5"} {
		c.push("one", strings.Replace(good, "r1", id, 1))
	}
	journal := c.sim.Journal()
	require.Len(t, journal, 3)
	assert.Equal(t, []string{"r3", "r4", "r5"}, []string{journal[0].RecordID, journal[1].RecordID, journal[2].RecordID})
	assert.Len(t, c.sim.Records("one"), 2)
	stats := c.sim.Stats()
	assert.Equal(t, 5, stats.Applied)
	assert.Equal(t, 3, stats.Forgotten)
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, o := range []platformsim.Options{
		{ClientSecret: "c2hvcnQ="},
		{Dialect: "Z"},
		{Contracts: os.DirFS(t.TempDir())},
		{Contracts: fstest.MapFS{"one.schema.json": {Data: []byte("{")}}},
	} {
		_, err := platformsim.New(o)
		require.Error(t, err)
	}
	sim, err := platformsim.New(platformsim.Options{})
	require.NoError(t, err)
	assert.Len(t, sim.ClientSecret(), 24, "a generated key")
}

func TestServeEndsWhatHangs(t *testing.T) {
	sim, err := platformsim.New(platformsim.Options{})
	require.NoError(t, err)
	_, err = sim.Inject(platformsim.Fault{Kind: "hang", Endpoint: "token"})
	require.NoError(t, err)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, listener) }()
	hung := make(chan struct{})
	go func() {
		defer close(hung)
		resp, err := http.Post("http://"+listener.Addr().String()+"/api/oauth2/token", "", nil)
		if err == nil {
			resp.Body.Close()
		}
	}()
	require.Eventually(t, func() bool { return sim.Faults()[0].Fired == 1 }, 5*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-served)
	<-hung
}
