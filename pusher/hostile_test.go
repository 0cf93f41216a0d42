package pusher

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hostilePlatform answers the token request as it should and every other with what answer writes onto the bare connection.
func hostilePlatform(t *testing.T, answer func(conn net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "/token") {
			_, _ = io.WriteString(w, `{"access_token":"canary-token","expires_in":3600}`)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			answer(conn)
			_ = conn.Close()
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return "http://" + l.Addr().String()
}

// until writes piece again and again until the other side has had enough.
func until(conn net.Conn, piece string, pause time.Duration) {
	for {
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

func bomb(t *testing.T, text string, size int) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	for n := 0; n < size; n += 1 << 20 {
		_, err = z.Write(bytes.Repeat([]byte(" "), 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.String()
}

// TestAHostilePlatform: whatever comes back, a call ends in its time and in bounded memory, with an outcome that neither takes a record
// for delivered nor for refused that is not.
func TestAHostilePlatform(t *testing.T) {
	const head, yes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", `{"code":0,"msg":"ok"}`
	sized := func(body string) string { return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body) }
	zipped := bomb(t, yes, 200<<20)
	const timeout = 600 * time.Millisecond
	for _, tt := range []struct {
		name   string
		answer func(conn net.Conn)
		want   Outcome
	}{
		{"a plain yes", func(c net.Conn) { _, _ = io.WriteString(c, sized(yes)) }, Delivered},
		{"HTTP/1.0, no length", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n"+yes) }, Delivered},
		{"HTTP/1.0 that breaks off", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n"+yes[:9]) }, Retry},
		{"a wrong content type", func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Replace(sized(yes), "application/json", "image/png", 1))
		}, Delivered},
		{"a body without end", func(c net.Conn) { _, _ = io.WriteString(c, head+"\r\n"+yes); until(c, strings.Repeat(" ", 1<<16), 0) }, Retry},
		{"a body without end that is slow", func(c net.Conn) { _, _ = io.WriteString(c, head+"\r\n"+yes); until(c, " ", 5*time.Millisecond) }, Unknown},
		{"headers without end", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			until(c, "X-A: "+strings.Repeat("a", 1<<12)+"\r\n", 0)
		}, Unknown},
		{"headers without end that are slow", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			until(c, "X-A: a\r\n", 5*time.Millisecond)
		}, Unknown},
		{"a status line without end", func(c net.Conn) { until(c, "H", 5*time.Millisecond) }, Unknown},
		{"1xx without end", func(c net.Conn) { until(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0) }, Unknown},
		{"chunks without end", func(c net.Conn) {
			_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
			until(c, "10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", 0)
		}, Retry},
		{"a gzip bomb", func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", head, len(zipped), zipped)
		}, Retry},
		{"gzip that is none", func(c net.Conn) {
			_, _ = io.WriteString(c, head+"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"+yes[:4])
		}, Unknown},
		{"a yes that is shorter than it says", func(c net.Conn) { _, _ = io.WriteString(c, head+"Content-Length: 500\r\n\r\n"+yes) }, Unknown},
		{"two lengths", func(c net.Conn) { _, _ = io.WriteString(c, head+"Content-Length: 21\r\nContent-Length: 5\r\n\r\n"+yes) }, Unknown},
		{"100 MB of msg", func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n{\"code\":7,\"msg\":\"", head, 100<<20)
			until(c, strings.Repeat("李明", 1<<14), 0)
		}, Retry},
		{"invalid UTF-8 in msg", func(c net.Conn) { _, _ = io.WriteString(c, sized("{\"code\":7,\"msg\":\"\xff\xfe\xc0\"}")) }, Rejected},
		{"a code twice, no first", func(c net.Conn) { _, _ = io.WriteString(c, sized(`{"code":500,"msg":"no","code":0}`)) }, Retry},
		{"a code twice, yes first", func(c net.Conn) { _, _ = io.WriteString(c, sized(`{"code":0,"msg":"no","code":7}`)) }, Retry},
		{"the same code twice", func(c net.Conn) { _, _ = io.WriteString(c, sized(`{"code":0,"code":0,"data":{"x":1,"x":2}}`)) }, Delivered},
		{"a code in two cases", func(c net.Conn) { _, _ = io.WriteString(c, sized(`{"Code":0}`)) }, Retry},
		{"deep JSON", func(c net.Conn) { _, _ = io.WriteString(c, sized(`{"code":7,"data":`+strings.Repeat("[", 400_000))) }, Retry},
		{"deep JSON that is whole", func(c net.Conn) {
			_, _ = io.WriteString(c, sized(`{"code":7,"data":`+strings.Repeat("[", 400_000)+strings.Repeat("]", 400_000)+"}"))
		}, Retry},
		{"something behind the JSON", func(c net.Conn) { _, _ = io.WriteString(c, sized(yes+yes)) }, Retry},
		{"a list", func(c net.Conn) { _, _ = io.WriteString(c, sized("["+yes+"]")) }, Retry},
		{"nothing", func(net.Conn) {}, Unknown},
		{"noise", func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("\x00\xff\r\n", 5000)) }, Unknown},
		{"another protocol", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		}, Retry},
		{"a status out of range", func(c net.Conn) { _, _ = io.WriteString(c, strings.Replace(sized(yes), "200 OK", "999 X", 1)) }, Retry},
		{"no content", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n") }, Retry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(hostilePlatform(t, tt.answer))
			o.Timeout = timeout
			client := newTestClient(t, o)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			result := client.Push(t.Context(), "/talk-record/one", talk("r1"))
			took := time.Since(begun)
			runtime.ReadMemStats(&after)
			require.Equal(t, tt.want, result.Outcome, "%+v", result)
			require.Less(t, took, PushLimit(timeout)+2*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(48<<20), "bytes allocated")
			require.Less(t, len(result.Message), 4*maxMessage)
			require.NotContains(t, result.Message, "canary-token")
		})
	}
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
