package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"talkbridge/internal/testserver"
)

const consolePassword = "correct horse battery"

// withUsers gives the configuration one user of each role, all with one password.
func (c *college) withUsers(t *testing.T) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(consolePassword), bcrypt.MinCost)
	require.NoError(t, err)
	user := func(name, role string) string {
		return fmt.Sprintf("{name: %s, password: %q, role: %s}", name, hash, role)
	}
	c.edit(t, "users: []", "users: ["+user("ops", "operator")+", "+user("look", "viewer")+", "+user("audit", "auditor")+"]")
}

// A tab is a page in a real browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func (c *college) tab(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testserver.Chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
		chromedp.WindowSize(1440, 1000))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, base: "http://" + c.load(t).Admin.Listen}
	// The browser ends with the context of the first action, so that one has no limit of its own.
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	return b
}

// do runs actions within a minute.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.fail(err)
	}
}

// fail ends the test with what the page says.
func (b *tab) fail(err error) {
	b.t.Helper()
	short, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(short, chromedp.Evaluate[string](`document.body.innerText`))
	b.t.Fatalf("%v; the page says:\n%s", err, text)
}

// value evaluates a script on the page.
func value[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.fail(err)
	}
	return v
}

// until waits until a condition holds on the page, over whatever pages come by meanwhile.
func (b *tab) until(condition string) {
	b.t.Helper()
	deadline := time.Now().Add(50 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		cancel()
		switch {
		case err == nil && holds:
			return
		case time.Now().After(deadline):
			b.fail(fmt.Errorf("%s: never held (%w)", condition, err))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// follow clicks on what leads to another page, and waits for it.
func (b *tab) follow(what string) {
	b.t.Helper()
	value[bool](b, `window.formerPage = true`)
	b.do(chromedp.Click(what))
	b.until(`!window.formerPage && document.readyState === 'complete'`)
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.base + path)) }

func (b *tab) login(name, password string) {
	b.t.Helper()
	b.open("/login")
	b.do(chromedp.WaitVisible(`input[name=name]`))
	b.do(chromedp.SendKeys(`input[name=name]`, name),
		chromedp.SendKeys(`input[name=password]`, password))
	b.follow(`main form button`)
}

// says waits until the page shows a text somewhere in a place.
func (b *tab) says(place, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q)`, place, text))
}

// shot keeps a picture where a person wants to look at it.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("TALKBRIDGE_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

// What a person does in the office: log in, find the record that was refused, read why, have it corrected, and see it delivered.
func TestARefusedRecordIsFoundReadCorrectedAndSeenDelivered(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withUsers(t)
	c.run(t)
	c.press(t, "1008") // ends before it begins
	eventually(t, 30*time.Second, func() error { return c.rejected(t, "one/1008") })

	b := c.tab(t)
	b.open("/records?status=rejected")
	b.do(chromedp.WaitVisible(`input[name=password]`)) // nobody sees it without logging in
	b.login("ops", consolePassword)
	b.says("#card-rejected", "1")
	b.shot("overview")
	b.follow(`#card-rejected`)
	b.says("#list", "结束时间早于开始时间")
	b.shot("records")
	b.follow(`#list a[href="/records/one/1008"]`)
	b.says("#why", "结束时间早于开始时间")
	b.says("#why", "kssj")
	b.shot("record")
	text := value[string](b, `document.documentElement.outerHTML`)
	for _, content := range []string{"近两周失眠", "李明", "330000200603052014", "13800000201"} {
		require.NotContains(t, text, content, "a page shows no content")
	}

	c.exec(t, "UPDATE xl_gzth SET jssj = '2026-03-05 16:40:00', sc = 40, tj_zt = '1', tjsj = NOW() WHERE id = 1008")
	b.says("#status", "已送达") // by itself: nothing was loaded anew
	b.until(`!document.querySelector('#why')`)
	b.shot("delivered")

	b.follow(`#language`)
	b.says("#status", "delivered")
	b.open("/")
	b.says("#health", "All is well")
}

func (c *college) rejected(t *testing.T, id string) error {
	t.Helper()
	code, out, stderr := c.talkbridge(t, "records", "show", id, "--json")
	if code != 0 || !strings.Contains(out, `"rejected"`) {
		return fmt.Errorf("%s%s", out, stderr)
	}
	return nil
}

// An operator retries, discards, pauses and previews; a viewer cannot; an auditor sees all of it.
func TestRolesOfTheConsole(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withUsers(t)
	c.run(t)
	c.press(t, "1008")
	eventually(t, 30*time.Second, func() error { return c.rejected(t, "one/1008") })

	look := c.tab(t)
	look.login("look", consolePassword)
	look.open("/records/one/1008")
	look.says("#why", "结束时间")
	require.Zero(t, value[int](look, `document.querySelectorAll('main form').length`))
	require.Equal(t, http.StatusForbidden, c.postAs(t, "look", "/records/retry", "", url.Values{"id": {"one/1008"}}))
	require.Equal(t, http.StatusForbidden, c.postAs(t, "audit", "/pause", "", nil))
	require.Equal(t, http.StatusForbidden, c.postAs(t, "ops", "/pause", "https://elsewhere.example", nil), "another site's form")
	require.Equal(t, http.StatusUnauthorized, c.postAs(t, "", "/pause", "", nil))

	ops := c.tab(t)
	ops.login("ops", consolePassword)
	ops.open("/preview?route=one&key=1001")
	ops.do(chromedp.SendKeys(`input[name=reason]`, "核对映射"))
	ops.follow(`main form button`)
	ops.says("#payload", "近两周失眠")
	ops.shot("preview")
	ops.open("/")
	ops.do(chromedp.SendKeys(`input[name=reason]`, "平台维护"))
	ops.follow(`form[action="/pause"] button`)
	ops.says("#health", "上报已暂停")
	ops.says("#health", "平台维护")
	ops.follow(`form[action="/resume"] button`)
	ops.says("#health", "运行正常")
	ops.open("/records/one/1008")
	ops.follow(`#retry`)
	ops.says("#status", "被拒") // it still ends before it begins
	value[bool](ops, `(window.confirm = () => true)()`)
	ops.follow(`#discard`)
	ops.says("#status", "已放弃")

	auditor := c.tab(t)
	auditor.login("audit", consolePassword)
	auditor.open("/audit")
	auditor.says("#chain", "审计链完整")
	for _, action := range []string{"preview", "核对映射", "pause", "resume", "records.retry", "records.discard", "login", "bridge.start", "refused", "one/1008"} {
		require.Contains(t, value[string](auditor, `document.querySelector('main').innerText.replaceAll('拒绝', 'refused')`), action)
	}
	auditor.shot("audit")
	auditor.do(chromedp.EmulateViewport(390, 900))
	require.Zero(t, value[float64](auditor, `document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	auditor.shot("audit-390")
	text, err := os.ReadFile(c.load(t).Admin.AuditLog)
	require.NoError(t, err)
	require.NotContains(t, string(text), "近两周失眠")
	require.NotContains(t, string(text), consolePassword)
}

// postAs sends a form as a program would, with a password where there is a name.
func (c *college) postAs(t *testing.T, name, path, origin string, values url.Values) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.load(t).Admin.Listen+path, strings.NewReader(values.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if name != "" {
		r.SetBasicAuth(name, consolePassword)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

func TestAGuesserIsLockedOut(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.withUsers(t)
	c.run(t)
	b := c.tab(t)
	for range 5 {
		b.login("ops", "wrong")
		b.says("#why", "用户名或口令不对")
	}
	b.login("ops", consolePassword)
	b.says("#why", "15 分钟")
}

// The charts move when reading falls behind: here because the server stands still.
func TestTheLagChartMoves(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.run(t)
	b := c.tab(t)
	b.open("/")
	b.says("#health", "运行正常")
	require.NoError(t, syscall.Kill(c.mariadb.Pid(), syscall.SIGSTOP))
	defer syscall.Kill(c.mariadb.Pid(), syscall.SIGCONT)
	b.until(`parseFloat(document.querySelector('#chart-lag').dataset.last) > 5`)
	b.shot("behind")
	require.NoError(t, syscall.Kill(c.mariadb.Pid(), syscall.SIGCONT))
	b.until(`document.querySelector('#card-lag b').innerText.startsWith('0.0')`)
}
