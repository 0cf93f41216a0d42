package pusher

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"talkbridge/internal/bridge"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// An attack is what a platform writes onto the bare connection in place of an answer.
type attack func(conn net.Conn)

// says writes a text and closes.
func says(text string) attack { return func(c net.Conn) { _, _ = io.WriteString(c, text) } }

// floods writes a beginning, and then a piece again and again until the other side has had enough.
func floods(beginning, piece string, pause time.Duration) attack {
	return func(c net.Conn) {
		_, err := io.WriteString(c, beginning)
		for err == nil {
			_, err = io.WriteString(c, piece)
			time.Sleep(pause)
		}
	}
}

const (
	jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	yes      = `{"code":0,"msg":"ok"}`
)

// whole is a whole answer.
func whole(body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", jsonHead, len(body), body)
}

// hostilePlatform attacks at paths that end with where, and answers as it should at others.
func hostilePlatform(t *testing.T, where string, answer attack) (url string) {
	t.Helper()
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if !strings.HasSuffix(r.URL.Path, where) {
			_, _ = io.WriteString(w, `{"access_token":"canary-token","expires_in":3600}`)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			answer(conn)
			_ = conn.Close()
		}
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return "http://" + l.Addr().String()
}

// counted counts the bytes that the client takes from its connections.
func counted(t *testing.T, c *Client) *atomic.Int64 {
	t.Helper()
	transport, ok := c.http.Transport.(*http.Transport)
	require.True(t, ok)
	taken, dial := &atomic.Int64{}, transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return countedConn{conn, taken}, err
	}
	return taken
}

type countedConn struct {
	net.Conn

	taken *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.taken.Add(int64(n))
	return n, err
}

// mostTaken is what a call may take in: a body, the headers, a buffer, and the answer with the token.
const mostTaken = maxBody + 128<<10

// bomb is a text and then size bytes of blanks, packed.
func bomb(t *testing.T, text string, size int) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.WriteString(z, text+strings.Repeat(" ", size))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// A hostile answer, how a call that gets it has to end, and whether it goes on until the call's deadline.
type hostileAnswer struct {
	name   string
	answer attack
	want   Outcome
	slow   bool
}

func hostileAnswers(t *testing.T) []hostileAnswer {
	t.Helper()
	header := "X-A: " + strings.Repeat("a", 1<<12) + "\r\n"
	return []hostileAnswer{
		{"a plain yes", says(whole(yes)), Delivered, false},
		{"HTTP/1.0, no length", says("HTTP/1.0 200 OK\r\n\r\n" + yes), Delivered, false},
		{"HTTP/1.0 that breaks off", says("HTTP/1.0 200 OK\r\n\r\n" + yes[:9]), Retry, false},
		{"a wrong content type", says(strings.Replace(whole(yes), "application/json", "image/png", 1)), Delivered, false},
		{"HTML", says(whole("<html><body>code: 0 success</body></html>")), Retry, false},
		{"a body without end", floods(jsonHead+"\r\n"+yes, strings.Repeat(" ", 1<<16), 0), Retry, false},
		{"a body that drips", floods(jsonHead+"\r\n"+yes, " ", 5*time.Millisecond), Unknown, true},
		{"headers without end", floods("HTTP/1.1 200 OK\r\n", header, 0), Unknown, false},
		{"headers that drip", floods("HTTP/1.1 200 OK\r\n", "X-A: a\r\n", 5*time.Millisecond), Unknown, true},
		{"a status line that drips", floods("", "H", 5*time.Millisecond), Unknown, true},
		{"silence", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, Unknown, true},
		{"1xx without end", floods("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0), Unknown, false},
		{"chunks without end", floods(jsonHead+"Transfer-Encoding: chunked\r\n\r\n", "10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", 0), Retry, false},
		{"trailers without end", floods(jsonHead+"Transfer-Encoding: chunked\r\n\r\n15\r\n"+yes+"\r\n0\r\n", header, 0), Unknown, false},
		{"a chunk of a wrong length", says(jsonHead + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + yes), Unknown, false},
		{"a gzip bomb", func(c net.Conn) {
			packed := bomb(t, yes, 32<<20)
			_, _ = fmt.Fprintf(c, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", jsonHead, len(packed), packed)
		}, Retry, false},
		{"gzip that is none", says(jsonHead + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n" + yes[:4]), Unknown, false},
		{"a yes that is shorter than it says", says(jsonHead + "Content-Length: 500\r\n\r\n" + yes), Unknown, false},
		{"two lengths", says(jsonHead + "Content-Length: 21\r\nContent-Length: 5\r\n\r\n" + yes), Unknown, false},
		{"100 MB of msg", floods(fmt.Sprintf("%sContent-Length: %d\r\n\r\n{\"code\":7,\"msg\":\"", jsonHead, 100<<20), strings.Repeat("李明", 1<<14), 0), Retry, false},
		{"just under 1 MiB of msg", says(whole(`{"code":7,"msg":"` + strings.Repeat("李明 11010519491231002X ", 30_000) + `"}`)), Rejected, false},
		{"invalid UTF-8 in msg", says(whole("{\"code\":7,\"msg\":\"\xff\xfe\xc0\"}")), Rejected, false},
		{"GBK in msg", says(whole("{\"code\":7,\"msg\":\"\xc0\xee\xc3\xf7\"}")), Rejected, false},
		{"control characters in msg", says(whole(`{"code":7,"msg":"a\u0000\u001b[2Jb\u202ec\r\nd"}`)), Rejected, false},
		{"a code twice, no first", says(whole(`{"code":500,"msg":"no","code":0}`)), Retry, false},
		{"a code twice, yes first", says(whole(`{"code":0,"msg":"no","code":7}`)), Retry, false},
		{"the same code twice", says(whole(`{"code":0,"code":0,"data":{"x":1,"x":2}}`)), Delivered, false},
		{"a code in another case", says(whole(`{"Code":0}`)), Retry, false},
		{"code as text", says(whole(`{"code":"0"}`)), Delivered, false},
		{"code as text with blanks", says(whole(`{"code":" 0 "}`)), Delivered, false},
		{"code as 0.0", says(whole(`{"code":0.0}`)), Delivered, false},
		{"code as a fraction", says(whole(`{"code":0.5}`)), Rejected, false},
		{"code as true", says(whole(`{"code":true}`)), Rejected, false},
		{"code as false", says(whole(`{"code":false}`)), Rejected, false},
		{"code as null", says(whole(`{"code":null}`)), Retry, false},
		{"code as empty text", says(whole(`{"code":""}`)), Retry, false},
		{"code as a list", says(whole(`{"code":[0]}`)), Retry, false},
		{"code as an object", says(whole(`{"code":{"code":0}}`)), Retry, false},
		{"no code", says(whole(`{"msg":"ok"}`)), Retry, false},
		{"code as 1e999", says(whole(`{"code":1e999}`)), Rejected, false},
		{"code of 5000 digits", says(whole(`{"code":` + strings.Repeat("9", 5000) + `}`)), Rejected, false},
		{"code as NaN", says(whole(`{"code":NaN}`)), Retry, false},
		{"deep JSON", says(whole(`{"code":7,"data":` + strings.Repeat("[", 400_000))), Retry, false},
		{"deep JSON that is whole", says(whole(`{"code":7,"data":` + strings.Repeat("[", 400_000) + strings.Repeat("]", 400_000) + "}")), Retry, false},
		{"something behind the JSON", says(whole(yes + yes)), Retry, false},
		{"a list", says(whole("[" + yes + "]")), Retry, false},
		{"null", says(whole("null")), Retry, false},
		{"an empty body", says(whole("")), Retry, false},
		{"nothing", says(""), Unknown, false},
		{"noise", says(strings.Repeat("\x00\xff\r\n", 5000)), Unknown, false},
		{"another protocol", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), Retry, false},
		{"a status out of range", says(strings.Replace(whole(yes), "200 OK", "999 X", 1)), Retry, false},
		{"no content", says("HTTP/1.1 204 No Content\r\n\r\n"), Retry, false},
	}
}

// Whatever comes back, a call ends in its time and takes in a bounded amount, with an outcome that neither takes a record for delivered nor
// for refused that is not, and with a short message that repeats nothing.
func TestAHostilePlatform(t *testing.T) {
	for _, tt := range hostileAnswers(t) {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(hostilePlatform(t, "/one", tt.answer))
			if o.Timeout = time.Minute; tt.slow {
				o.Timeout = 2 * time.Second
				t.Parallel()
			}
			client := signedIn(t, o)
			taken := counted(t, client)
			result := client.Push(t.Context(), "/talk-record/one", talk("r1"))
			require.Equal(t, tt.want, result.Outcome, "%+v", result)
			require.Equal(t, tt.slow, result.Code == codeTimeout, "%+v", result)
			require.LessOrEqual(t, taken.Load(), int64(mostTaken))
			require.LessOrEqual(t, utf8.RuneCountInString(result.Message), maxMessage+1)
			require.LessOrEqual(t, utf8.RuneCountInString(result.Code), maxMessage+1)
			for _, canary := range []string{"李明", "11010519491231002X", "fresh", "\x00", "\x1b", "\n", "\u202e"} {
				require.NotContains(t, result.Message+result.Code, canary)
			}
			require.True(t, utf8.ValidString(result.Message))
		})
	}
}

// Answers that never come take no worker away: eight of them hold all eight workers, and then everything is delivered.
func TestWorkersAreFreeAgain(t *testing.T) {
	var slow []attack
	for _, a := range hostileAnswers(t) {
		if a.slow {
			slow = append(slow, a.answer)
		}
	}
	var calls atomic.Int64
	o := testOptions(hostilePlatform(t, "/one", func(conn net.Conn) {
		if n := calls.Add(1); n <= 8 {
			slow[int(n)%len(slow)](conn)
			return
		}
		says(whole(yes))(conn)
	}))
	o.Timeout = 500 * time.Millisecond
	outbox := newMemoryOutbox()
	runPool(t, outbox, signedIn(t, o), zap.NewNop())
	for i := range 8 {
		outbox.submit(change(strconv.Itoa(i)))
	}
	require.Eventually(t, func() bool {
		for i := range 8 {
			if outbox.verdict("one/"+strconv.Itoa(i)) != bridge.VerdictDelivered {
				return false
			}
		}
		return true
	}, time.Minute, 20*time.Millisecond)
	require.GreaterOrEqual(t, outbox.attempts(), 8)
}

// The same answers to a token request: there is no token, or there is one that a header can carry.
func TestAHostileTokenEndpoint(t *testing.T) {
	good := `{"access_token":"good","expires_in":`
	answers := append(hostileAnswers(t), []hostileAnswer{
		{"a token", says(whole(good + `3600}`)), Delivered, false},
		{"a token that lives for 1e308 s", says(whole(good + `1e308}`)), Delivered, false},
		{"a token that lives for 1e999 s", says(whole(good + `1e999}`)), Delivered, false},
		{"a token that lives for -1 s", says(whole(good + `-1}`)), Delivered, false},
		{"a token that lives for a while", says(whole(good + `"a while"}`)), Delivered, false},
		{"a token that lives for null", says(whole(good + `null}`)), Delivered, false},
		{"a token in a flood", floods(jsonHead+"\r\n"+good+"3600}", strings.Repeat(" ", 1<<16), 0), Retry, false},
		{"a token with a line's end in it", says(whole(`{"access_token":"a\r\nX-B: c"}`)), Retry, false},
		{"a token of 9 KB", says(whole(`{"access_token":"` + strings.Repeat("x", 9<<10) + `"}`)), Retry, false},
		{"a token that is a list", says(whole(`{"access_token":["a"]}`)), Retry, false},
		{"a token beside an error", says(whole(`{"access_token":"good","error":"invalid_client"}`)), Retry, false},
		{"a token under 302", says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 23\r\n\r\n" + `{"access_token":"good"}`), Retry, false},
	}...)
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(hostilePlatform(t, "/token", tt.answer))
			if o.Timeout = time.Minute; tt.slow {
				o.Timeout = 2 * time.Second
				t.Parallel()
			}
			client := newTestClient(t, o)
			taken := counted(t, client)
			token, err := client.Tokens().Token(t.Context())
			require.LessOrEqual(t, taken.Load(), int64(mostTaken))
			if tt.want == Delivered && strings.HasPrefix(tt.name, "a token") {
				require.NoError(t, err)
				require.Equal(t, "good", token.Value.Reveal())
				require.True(t, token.ExpiresAt.After(time.Now()))
				require.LessOrEqual(t, time.Until(token.ExpiresAt), longestLifetime)
				return
			}
			require.Error(t, err)
			require.Less(t, len(err.Error()), 4*maxMessage+400)
			require.NotContains(t, err.Error(), testSecret)
			require.NotContains(t, err.Error(), "11010519491231002X")
		})
	}
}

// A redirect carries neither token nor secret nor data to another host, whatever its status, in either call.
func TestNothingFollowsARedirect(t *testing.T) {
	var reached atomic.Int64
	other := hostilePlatform(t, "", func(net.Conn) { reached.Add(1) })
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "300 Choices", "305 Use Proxy"} {
		for _, at := range []string{"/one", "/token"} {
			answer := says("HTTP/1.1 " + status + "\r\nLocation: " + other + "/x\r\nRefresh: 0; url=" + other + "\r\nContent-Length: 0\r\n\r\n")
			client := newTestClient(t, testOptions(hostilePlatform(t, at, answer)))
			result := client.Push(t.Context(), "/talk-record/one", talk("r1"))
			assert.Equal(t, Retry, result.Outcome, "%s at %s: %+v", status, at, result)
			assert.NotContains(t, result.Message, "canary-token")
		}
	}
	require.Zero(t, reached.Load())
}

// What a platform or a gateway repeats of a record is in no message, in whatever part of an answer and in whichever of the usual spellings.
func TestNoMessageRepeatsTheRecord(t *testing.T) {
	for name, answer := range map[string]string{
		"malformed answer":   "李明 近两周失眠，情绪低落\r\n\r\n",
		"malformed status":   "HTTP/1.1 李明 近两周失眠，情绪低落\r\n\r\n",
		"malformed header":   "HTTP/1.1 200 OK\r\n李明 近两周失眠，情绪低落\r\n\r\n",
		"malformed length":   "HTTP/1.1 200 OK\r\nContent-Length: 李明近两周失眠，情绪低落\r\n\r\n",
		"redirect":           "HTTP/1.1 302 Found\r\nLocation: http://李明近两周失眠，情绪低落/\r\nContent-Length: 0\r\n\r\n",
		"code":               whole(`{"code":"李明:近两周失眠，情绪低落"}`),
		"msg":                whole(`{"code":7,"msg":"李明:近两周失眠，情绪低落"}`),
		"escaped in JSON":    whole(`{"code":7,"msg":"\u674e\u660e:\u8fd1\u4e24\u5468\u5931\u7720\uff0c\u60c5\u7eea\u4f4e\u843d"}`),
		"escaped twice":      whole(`{"code":7,"msg":"\\u674e\\u660e \\u8fd1\\u4e24\\u5468\\u5931\\u7720\\uff0c\\u60c5\\u7eea"}`),
		"escaped upper case": whole(`{"code":7,"msg":"\\u674E\\u660E \\u8FD1\\u4E24\\u5468\\u5931\\u7720\\uFF0C\\u60C5\\u7EEA"}`),
		"percent-encoded":    whole(`{"code":7,"msg":"%E6%9D%8E%E6%98%8E %e6%9d%8e%e6%98%8e %E5%A4%B1%E7%9C%A0%EF%BC%8C"}`),
	} {
		t.Run(name, func(t *testing.T) {
			result := signedIn(t, testOptions(hostilePlatform(t, "/one", says(answer)))).Push(t.Context(), "/one", talk("r1"))
			require.NotEqual(t, Delivered, result.Outcome)
			require.NotEmpty(t, result.Message)
			said := result.Code + " " + result.Message
			for _, canary := range []string{
				"李明", "失眠", "情绪", `u674e`, `u660e`, `u5931`, `u674E`, `u660E`, "%E6%9D%8E", "%e6%9d%8e", "%E5%A4%B1",
				base64.StdEncoding.EncodeToString([]byte("李明")),
			} {
				require.NotContains(t, said, canary)
			}
		})
	}
}

// One value may be 64 MB and its refusal long: finding what the refusal repeats takes one pass over the value.
func TestAnEchoIsFoundInAVeryLongValue(t *testing.T) {
	value := strings.Repeat("谈", 4<<20) + "近两周失眠情绪低落" + strings.Repeat("话", 4<<20)
	text := strings.Repeat("不存在的内容啊", 30) + "近两周失眠情绪低落"
	require.NotContains(t, hideContent(text, []string{value}), "失眠")
}

func TestContradictions(t *testing.T) {
	for body, want := range map[string]bool{
		`{"a":{"code":1},"a":{"code":1}}`: false, `{"a":{"code":1},"a":{"code":2}}`: true, `{"a":{"code":1,"code":2}}`: true,
		`{"a.code":1,"a.code":2}`: true, `{"b":1,"b":2}`: false, `{"a":{"b":1,"b":2}}`: false, `[]`: false, ``: false, `{"a":{"code":1}`: false,
		"\xef\xbb\xbf{\"a\":1,\"a\":2}": true,
	} {
		require.Equal(t, want, contradicts([]byte(body), "a.code"), body)
	}
}
