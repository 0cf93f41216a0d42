package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// The page of the report in CSS pixels: A4, and what its margins leave of it.
const (
	paper      = 794
	leafWidth  = 178 * 96 / 25.4
	leafHeight = 259 * 96 / 25.4
)

// browser starts a real one that shows pages as a printer gets them.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testserver.Chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	// The browser ends with the context of the first action, so that one has no limit of its own.
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	return ctx
}

// printed opens a report in the browser, for print, as wide as the paper.
func printed(ctx context.Context, t *testing.T, r Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	_, err := r.Write(path)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(paper, 1123), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}), chromedp.Navigate("file://"+path)))
}

func seen[T any](ctx context.Context, t *testing.T, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	require.NoError(t, err, script)
	return v
}

// tooWide names what reaches over the right edge of the body.
const tooWide = `(() => { const edge = document.body.getBoundingClientRect().right + 0.5;
	return [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > edge || e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
		.map(e => e.tagName + ' ' + e.textContent.slice(0, 40)) })()`

// onLeaves lays the report out in columns of a page's size. The browser breaks columns by the rules by which it breaks pages, and tells in
// which column a thing is; of printed pages it tells nothing.
const onLeaves = `(() => { Object.assign(document.body.style, {margin: 0, maxWidth: 'none', width: '178mm', height: '259mm',
	columnWidth: '178mm', columnGap: '0', columnFill: 'auto'});
	const w = document.body.getBoundingClientRect().width;
	window.leavesOf = e => [...new Set([...e.getClientRects()].filter(r => r.height > 0).map(r => Math.floor((r.left + 1) / w)))];
	return Math.max(...[...document.querySelectorAll('tr')].flatMap(leavesOf)) + 1 })()`

// example is the report that goes with the manuals: what really was measured, of every case.
func example(t *testing.T) (r Report) {
	t.Helper()
	text, err := os.ReadFile("../../docs/zh/验收报告示例.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	r.Clauses = clauseStates(r.Cases)
	return r
}

// worst is a report with everything in it that is long: every case has failed, at its last step, or was not run, and says so in one word
// without end.
func worst(t *testing.T) Report {
	t.Helper()
	endless := strings.Repeat("0123456789abcdef", 40)
	r := Report{Version: "v1.0.0-1234-gabcdefabcdef-dirty", Environment: Environment{Config: "/" + endless, Source: endless}}
	for i, c := range Plan() {
		if i%2 == 0 {
			c.Result, c.Why = Failed, endless
			for range 1 + i {
				c.Steps = append(c.Steps, Step{What: endless[:100], Expected: endless[:50], Observed: endless, OK: true}, Step{What: endless[:200], OK: true})
			}
			c.Steps = append(c.Steps, Step{What: endless[:100], Expected: endless[:50], Observed: endless})
		} else {
			c.Result, c.Why = NotRun, "只在隔离环境中执行"+endless
		}
		r.add(c)
	}
	r.conclude()
	return r
}

// The report is printed, signed and filed: nothing is cut off at the edge, no row is torn over two pages, what spans pages says again what its
// columns are, a heading does not stay behind alone, and the lines to sign are on one page.
func TestTheReportPrintsWell(t *testing.T) {
	ctx := browser(t)
	for name, r := range map[string]Report{"the example": example(t), "the worst": worst(t)} {
		t.Run(name, func(t *testing.T) {
			printed(ctx, t, r)
			require.Empty(t, seen[[]string](ctx, t, tooWide), "on A4 without margins")
			requireHeads(ctx, t)
			leaves := seen[int](ctx, t, onLeaves)
			require.InDelta(t, leafWidth, seen[float64](ctx, t, `document.body.getBoundingClientRect().width`), 1)
			require.Greater(t, leaves, 10)
			requireWhole(ctx, t)
			printed(ctx, t, r) // as it was
			pdf := onPaper(ctx, t)
			// The PDF begins a page for the signatures, the columns do not.
			require.InDelta(t, leaves, sheets(t, pdf), 2, "pages")
			requireRead(t, pdf)
		})
	}
}

// requireHeads looks whether the browser will repeat the heads of tables: it does for a head that is no taller than a quarter of the page
// and not to be broken.
func requireHeads(ctx context.Context, t *testing.T) {
	t.Helper()
	require.Empty(t, seen[[]string](ctx, t, `[...document.querySelectorAll('table')].filter(e => e.rows.length > 8 && !e.tHead && e.className != 'facts').map(e => e.textContent.slice(0, 60))`),
		"a table that may go over a page has a head")
	require.Greater(t, seen[int](ctx, t, `document.querySelectorAll('thead').length`), 10)
	require.Empty(t, seen[[]string](ctx, t, `[...document.querySelectorAll('thead')].filter(e => getComputedStyle(e).display != 'table-header-group' ||
		getComputedStyle(e).breakInside != 'avoid' || e.getBoundingClientRect().height > 120).map(e => e.textContent)`))
}

// requireWhole looks at what may not be torn, laid out on leaves. Where a page ends is chance, so everything is moved down bit by bit.
func requireWhole(ctx context.Context, t *testing.T) {
	t.Helper()
	require.Greater(t, seen[int](ctx, t, `document.querySelectorAll('tr').length`), 60)
	seen[bool](ctx, t, `(() => { window.spacer = document.createElement('div'); document.body.prepend(spacer);
		const all = [...document.querySelectorAll('h2, h3, p, tr')], belongs = e => e.tagName == 'TR' ? !e.closest('thead') : e.tagName == 'P' && !e.classList.contains('lead');
		window.heads = all.flatMap((h, i) => h.tagName[0] == 'H' ? [[h, all.slice(i + 1).find(belongs)]] : []);
		return heads.length > 40 })()`)
	for height := 0; height < 979; height += 50 {
		seen[int](ctx, t, fmt.Sprintf(`(spacer.style.height = '%dpx').length`, height))
		require.Empty(t, seen[[]string](ctx, t, `[...document.querySelectorAll('tr')].filter(e => leavesOf(e).length != 1).map(e => e.textContent.slice(0, 60))`), "rows on two pages")
		require.Empty(t, seen[[]string](ctx, t, `heads.filter(([h, next]) => leavesOf(h)[0] != leavesOf(next)[0]).map(([h]) => h.textContent)`), "headings that stay behind")
		requireSigned(ctx, t)
	}
}

// requireSigned looks for the lines to sign, together and with room for a pen and a stamp.
func requireSigned(ctx context.Context, t *testing.T) {
	t.Helper()
	rows := seen[[]string](ctx, t, `[...document.querySelectorAll('.whole .sign tr')].map(e => [...e.cells].map(c => c.textContent).join('|'))`)
	require.Equal(t, []string{"测试人员||日期|", "承建单位（盖章）||日期|", "使用单位||日期|", "验收小组组长||日期|", "学校（盖章）||日期|", ""}, rows)
	require.Len(t, seen[[]int](ctx, t, `[...new Set([...document.querySelectorAll('.whole *')].flatMap(leavesOf))]`), 1, "all on one page")
	require.GreaterOrEqual(t, seen[float64](ctx, t, `Math.min(...[...document.querySelectorAll('.whole .sign td')].map(e => e.getBoundingClientRect().height))`), 48.0)
	require.GreaterOrEqual(t, seen[float64](ctx, t, `Math.min(...[...document.querySelectorAll('.whole .sign td:nth-child(2), .whole .sign td:nth-child(4)')].map(e => e.getBoundingClientRect().width))`), 100.0)
}

// onPaper prints on the paper that the page itself asks for.
func onPaper(ctx context.Context, t *testing.T) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(func(p *page.PrintToPDFParams) { p.PreferCSSPageSize = new(true) }))
	require.NoError(t, err)
	return pdf
}

// sheets counts the pages of a PDF, each of which has to be A4, upright.
func sheets(t *testing.T, pdf []byte) (n int) {
	t.Helper()
	require.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
	for _, m := range regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]`).FindAllSubmatch(pdf, -1) {
		width, err := strconv.ParseFloat(string(m[1]), 64)
		require.NoError(t, err)
		height, err := strconv.ParseFloat(string(m[2]), 64)
		require.NoError(t, err)
		require.Less(t, math.Abs(width-595.28), 1.0)
		require.Less(t, math.Abs(height-841.89), 1.0)
		n++
	}
	return n
}

// requireRead reads the printed pages as a person does, where there is something to read them with: between the first clause and the last,
// each page says what the columns are, and each page has its number.
func requireRead(t *testing.T, pdf []byte) {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Log("NOT TESTED: what the printed pages say, for there is no pdftotext (Debian: poppler-utils)")
		return
	}
	cmd := exec.CommandContext(t.Context(), "pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(pdf)
	text, err := cmd.Output()
	require.NoError(t, err)
	pages := strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
	require.Len(t, pages, sheets(t, pdf))
	clause := regexp.MustCompile(`(?m)^ *([1-6](?:\.[1-3][①②③]?)?-\d+) `)
	head := regexp.MustCompile(`条款 +要求 +用例 +结果 +其他依据`)
	spanned := 0
	for i, p := range pages {
		require.Contains(t, strings.ReplaceAll(p, " ", ""), "第"+strconv.Itoa(i+1)+"页，共"+strconv.Itoa(len(pages))+"页")
		if clause.MatchString(p) {
			spanned++
			require.Regexp(t, head, p, "page %d", i+1)
		}
	}
	require.GreaterOrEqual(t, spanned, 3, "the table of clauses goes over pages")
}
