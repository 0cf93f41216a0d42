package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"talkbridge/internal/bridge"
)

func guard(t *testing.T) (*Guard, *time.Time) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	require.NoError(t, err)
	g, err := New([]User{{"ops", bridge.Secret(hash), Operator}, {"boss", bridge.Secret(hash), Viewer}}, true)
	require.NoError(t, err)
	g.dummy = hash // as quick as the others
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	g.now = func() time.Time { return now }
	return g, &now
}

func asks(g *Guard, change func(*http.Request)) Who {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.9:1234"
	change(r)
	return g.who(r)
}

func TestASessionEnds(t *testing.T) {
	for name, then := range map[string]func(g *Guard, now *time.Time, token string){
		"idle": func(_ *Guard, now *time.Time, _ string) { *now = now.Add(IdleLimit + time.Second) },
		"old": func(g *Guard, now *time.Time, token string) {
			for range int(SessionLimit/IdleLimit) * 2 { // never idle
				*now = now.Add(IdleLimit/2 + time.Second)
				g.of(token, "", true)
			}
		},
		"logout": func(g *Guard, _ *time.Time, token string) { g.Logout(token) },
	} {
		t.Run(name, func(t *testing.T) {
			g, now := guard(t)
			token, who, err := g.Login(t.Context(), "ops", "right", "10.0.0.9")
			require.NoError(t, err)
			require.Equal(t, Who{Name: "ops", Role: Operator, From: "10.0.0.9"}, who)
			cookie := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: CookieName, Value: token}) }
			require.Equal(t, who, asks(g, cookie))
			then(g, now, token)
			require.False(t, asks(g, cookie).Known())
		})
	}
}

func TestWrongPasswordsLock(t *testing.T) {
	g, now := guard(t)
	for range LockAfter {
		_, _, err := g.Login(t.Context(), "ops", "wrong", "10.0.0.9")
		require.ErrorIs(t, err, ErrWrong)
	}
	_, _, err := g.Login(t.Context(), "ops", "right", "10.0.0.9")
	require.ErrorIs(t, err, ErrLocked, "even the right one")
	require.False(t, asks(g, func(r *http.Request) { r.SetBasicAuth("ops", "right") }).Known(), "nor a program")
	_, _, err = g.Login(t.Context(), "ops", "right", "10.0.0.10")
	require.NoError(t, err, "the user elsewhere is not kept out")
	*now = now.Add(LockFor)
	_, _, err = g.Login(t.Context(), "ops", "right", "10.0.0.9")
	require.NoError(t, err)
	for i := range LockAfterName {
		_, _, err = g.Login(t.Context(), "boss", "wrong", "10.0.1."+string(rune('a'+i)))
		require.ErrorIs(t, err, ErrWrong)
	}
	_, _, err = g.Login(t.Context(), "boss", "right", "10.0.2.1")
	require.ErrorIs(t, err, ErrLocked, "guesses from everywhere")
	_, _, err = g.Login(t.Context(), "nobody", "x", "10.0.0.9")
	require.ErrorIs(t, err, ErrWrong, "a name that there is not says nothing else")
}

func TestRoles(t *testing.T) {
	g, _ := guard(t)
	page := g.Identify(Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), DenyPlain, Operator))
	code := func(name, password string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if name != "" {
			r.SetBasicAuth(name, password)
		}
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, http.StatusUnauthorized, code("", ""))
	require.Equal(t, http.StatusUnauthorized, code("ops", "wrong"))
	require.Equal(t, http.StatusForbidden, code("boss", "right"))
	require.Equal(t, http.StatusNoContent, code("ops", "right"))
	open, err := New(nil, false)
	require.NoError(t, err)
	who := asks(open, func(*http.Request) {})
	require.True(t, who.Local && who.May(Viewer) && !who.May(Operator, Auditor), "without users everybody looks on")
}

func TestTheCookieIsForThisSiteAndNoScript(t *testing.T) {
	g, _ := guard(t)
	w := httptest.NewRecorder()
	g.SetCookie(w, "token")
	c := w.Result().Cookies()[0]
	require.True(t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteStrictMode)
}

// A guesser who tries very many at once gets no more guesses than one who waits for each answer.
func TestGuessesSideBySideAreCounted(t *testing.T) {
	g, _ := guard(t)
	var wrong, locked atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, _, err := g.Login(t.Context(), "ops", "wrong", "10.0.0.9")
			if errors.Is(err, ErrWrong) {
				wrong.Add(1)
			} else if errors.Is(err, ErrLocked) {
				locked.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, LockAfter, wrong.Load())
	require.EqualValues(t, 50-LockAfter, locked.Load())
}

// Names that there are not neither undo the lock of one that there is, nor fill the memory.
func TestMadeUpNamesUndoNoLock(t *testing.T) {
	g, _ := guard(t)
	for range LockAfter {
		_, _, err := g.Login(t.Context(), "ops", "wrong", "10.0.0.9")
		require.ErrorIs(t, err, ErrWrong)
	}
	for i := range 20 * failuresLimit { // if any might go, the lock would hardly stay
		g.failures[fmt.Sprint("made up ", i)] = &failure{count: 1, last: g.now()}
	}
	_, _, err := g.Login(t.Context(), "nobody", "x", "10.0.0.9")
	require.ErrorIs(t, err, ErrWrong)
	require.LessOrEqual(t, len(g.failures), failuresLimit+2)
	_, _, err = g.Login(t.Context(), "ops", "right", "10.0.0.9")
	require.ErrorIs(t, err, ErrLocked)
}

// Whoever is kept out is in the trail, by page and by program, with no text of his own but a user's name; a lock once.
func TestRefusalsAreTold(t *testing.T) {
	g, _ := guard(t)
	var told []string
	g.Refused = func(name, from string, err error) { told = append(told, name+"|"+from+"|"+err.Error()) }
	_, _, err := g.Login(t.Context(), "a password in the wrong field", "x", "10.0.0.9")
	require.ErrorIs(t, err, ErrWrong)
	for range LockAfter + 3 {
		asks(g, func(r *http.Request) { r.SetBasicAuth("ops", "wrong") })
	}
	require.Len(t, told, 1+LockAfter+1)
	require.Equal(t, "|10.0.0.9|"+ErrWrong.Error(), told[0])
	require.Equal(t, "ops|10.0.0.9|"+ErrLocked.Error(), told[len(told)-1])
}

// A page that keeps itself up to date is no person: it sees the session's end and does not put it off.
func TestAnOpenPageKeepsNoSessionAlive(t *testing.T) {
	g, now := guard(t)
	token, _, err := g.Login(t.Context(), "ops", "right", "10.0.0.9")
	require.NoError(t, err)
	page := func(header, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: CookieName, Value: token})
			if header != "" {
				r.Header.Set(header, value)
			}
		}
	}
	*now = now.Add(IdleLimit - time.Minute)
	require.True(t, asks(g, page(ByItself, "1")).Known())
	require.True(t, asks(g, page("Accept", "text/event-stream")).Known())
	stream := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil)
	page("Accept", "text/event-stream")(stream)
	require.False(t, g.Over(stream))
	*now = now.Add(2 * time.Minute)
	require.True(t, g.Over(stream), "the stream ends too")
	require.False(t, asks(g, page("", "")).Known())

	token, _, err = g.Login(t.Context(), "ops", "right", "10.0.0.9")
	require.NoError(t, err)
	*now = now.Add(IdleLimit - time.Minute)
	require.True(t, asks(g, page("", "")).Known(), "a person")
	*now = now.Add(2 * time.Minute)
	require.True(t, asks(g, page("", "")).Known())
}
