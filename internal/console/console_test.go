package console

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// ledger has one record.
type ledger struct {
	record bridge.Record
	asked  *atomic.Int64 // nil: not counted
}

func (l ledger) Checkpoint(context.Context) (bridge.Checkpoint, bool, error) {
	return bridge.Checkpoint{File: "binlog.000001", Pos: 4}, true, nil
}

func (l ledger) Record(_ context.Context, id string) (bridge.Record, bool, error) {
	return l.record, id == l.record.ID, nil
}

func (l ledger) Records(context.Context, state.Filter) ([]bridge.Record, string, error) {
	if l.asked != nil {
		l.asked.Add(1)
	}
	return []bridge.Record{l.record}, "", nil
}

func (l ledger) Counts(context.Context) (map[bridge.Status]int, time.Time, error) {
	return map[bridge.Status]int{bridge.StatusRejected: 1}, time.Time{}, nil
}

func (l ledger) Reconciled(context.Context, []string) ([]state.Reconciled, error) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return []state.Reconciled{{Route: "one", Cause: state.CauseStart, EndedAt: at, Figures: state.Figures{Scanned: 1234, InSync: 1233, Missing: 1, Queued: 1}}}, nil
}

// pages is the console without users, with one record.
func pages(t *testing.T, r bridge.Record, live Live, users ...access.User) http.Handler {
	t.Helper()
	g, err := access.New(users, false)
	require.NoError(t, err)
	c, err := New(Options{Version: "test", Routes: []string{"one"}, Guard: g, Ledger: ledger{record: r}, Live: func(context.Context) Live { return live }, Logger: zap.NewNop()})
	require.NoError(t, err)
	mux := http.NewServeMux()
	c.Register(mux)
	return g.Identify(mux)
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

// Every text that a page asks for is there in both languages.
func TestEveryWordIsThereInBothLanguages(t *testing.T) {
	templates, err := fs.Glob(files, "templates/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, templates)
	asked := regexp.MustCompile(`\bt (?:\$l|\$\.Language|\.Language) "([a-z_]+)"`)
	n := 0
	for _, name := range templates {
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
			require.Contains(t, words, m[1], name)
			n++
		}
	}
	require.Greater(t, n, 50)
	for _, s := range bridge.Statuses() {
		require.Contains(t, words, "status_"+string(s))
	}
	for _, r := range []access.Role{access.Viewer, access.Operator, access.Auditor} {
		require.Contains(t, words, "role_"+string(r))
	}
	for key, w := range words {
		require.Equal(t, w.zh == "", w.en == "", key)
	}
}

// A login goes on to a page of this site, whatever its address says.
func TestALoginLeadsNowhereElse(t *testing.T) {
	for next, want := range map[string]string{
		"/records?status=rejected": "/records?status=rejected", "": "/", "https://elsewhere.example/": "/", "//elsewhere.example": "/",
		`/\elsewhere.example`: "/", "/\t/elsewhere.example": "/", "javascript:alert(1)": "/", "records": "/",
	} {
		require.Equal(t, want, own(next), "%q", next)
	}
}

// A key may hold anything, and its page is its own.
func TestEveryKeyHasItsPage(t *testing.T) {
	for _, key := range []string{"1001", "a%2Fb", "a/b", "a b?c#d", "甲,乙", `"><script>`} {
		r := bridge.Record{ID: bridge.RecordID("one", key), Route: "one", Key: key, Status: bridge.StatusRejected, Message: "why it was refused"}
		h := pages(t, r, Live{})
		href := regexp.MustCompile(`<a href="(/records/[^"]+)"`).FindStringSubmatch(get(t, h, "/records").Body.String())
		require.NotNil(t, href, key)
		require.Equal(t, recordPath(r.ID), href[1])
		page := get(t, h, href[1])
		require.Equal(t, http.StatusOK, page.Code, "%s %s", key, href[1])
		require.Contains(t, page.Body.String(), "why it was refused")
		require.NotContains(t, page.Body.String(), "<script>\n")
	}
}

// What is not known is not said to be well: a bridge that stands by, or cannot ask the server, does not promise that nothing is purged.
func TestFiguresThatAreNotKnownAreNotInvented(t *testing.T) {
	card := func(live Live, id string) string {
		_, rest, _ := strings.Cut(get(t, pages(t, bridge.Record{}, live), "/").Body.String(), `id="`+id+`"`)
		text, _, _ := strings.Cut(rest, "</b>")
		return text
	}
	require.Contains(t, card(Live{}, "card-headroom"), "未知")
	require.Contains(t, card(Live{}, "card-lag"), "–")
	zero := uint64(0)
	require.Contains(t, card(Live{Leader: true, Connected: true, LagBytes: &zero}, "card-headroom"), "不会清除")
	require.Contains(t, card(Live{Leader: true, Connected: true, LagBytes: &zero}, "card-lag"), "0.0")
}

// Nobody reads anything without logging in where there are users.
func TestNothingIsReadWithoutALogin(t *testing.T) {
	h := pages(t, bridge.Record{ID: "one/1001", Route: "one", Key: "1001", Message: "why it was refused"}, Live{}, access.User{Name: "ops", Role: access.Operator})
	for path, want := range map[string]int{
		"/events": http.StatusUnauthorized, "/history": http.StatusUnauthorized, "/": http.StatusSeeOther, "/records": http.StatusSeeOther,
		"/records/one/1001": http.StatusSeeOther, "/position": http.StatusSeeOther, "/preview": http.StatusSeeOther, "/audit": http.StatusSeeOther,
	} {
		w := get(t, h, path)
		require.Equal(t, want, w.Code, path)
		require.NotContains(t, w.Body.String(), "why it was refused", path)
	}
	require.Equal(t, http.StatusOK, get(t, h, "/assets/console.css").Code)
}

// The charts hold an hour; the rate is of the last minute; a store that is away does not look like an empty one.
func TestTheHourOnTheCharts(t *testing.T) {
	h := newHub()
	begun := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for i := range 2 * historyLength {
		h.take(Snapshot{At: begun.Add(time.Duration(i) * pointEvery), Live: Live{Delivered: uint64(i * 10)}, Records: map[bridge.Status]int{bridge.StatusPending: 7}})
	}
	require.Len(t, h.points, historyLength)
	require.InDelta(t, 120, h.now().PerMinute, 0.1) // ten in five seconds
	h.take(Snapshot{At: begun.Add(2*historyLength*pointEvery + pointEvery), StoreError: "away"})
	require.Equal(t, 7, h.points[len(h.points)-1].Backlog)
}

// However many look at the overview, the store is asked once for all of them.
func TestManyViewersAskTheStoreOnce(t *testing.T) {
	g, err := access.New(nil, false)
	require.NoError(t, err)
	var asked atomic.Int64
	r := bridge.Record{ID: "one/1001", Route: "one", Key: "1001", Status: bridge.StatusRejected, Message: "why it was refused"}
	c, err := New(Options{Guard: g, Ledger: ledger{r, &asked}, Live: func(context.Context) Live { return Live{} }, Logger: zap.NewNop()})
	require.NoError(t, err)
	mux := http.NewServeMux()
	c.Register(mux)
	h := g.Identify(mux)
	for range 20 {
		require.Contains(t, get(t, h, "/").Body.String(), "why it was refused")
	}
	require.EqualValues(t, 1, asked.Load())
}

func TestNumbersAsPeopleReadThem(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 100_000: "100,000", 1_234_567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		require.Equal(t, want, grouped(n))
	}
}
