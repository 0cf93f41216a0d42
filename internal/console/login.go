package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"talkbridge/internal/access"
	"talkbridge/internal/audit"
)

// loginPage is the form, and why nobody was let in.
type loginPage struct {
	Name, Next, Why string
}

func (c *Console) loginForm(w http.ResponseWriter, r *http.Request) {
	if access.From(r.Context()).Known() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	c.show(w, r, http.StatusOK, "login", loginPage{Next: own(r.URL.Query().Get("next"))})
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	p := loginPage{Name: r.PostForm.Get("name"), Next: own(r.PostForm.Get("next"))}
	token, who, err := c.Guard.Login(r.Context(), p.Name, r.PostForm.Get("password"), access.From(r.Context()).From)
	if err != nil { // the guard tells the trail
		switch p.Why = "wrong_password"; {
		case errors.Is(err, access.ErrLocked):
			p.Why = "locked"
		case errors.Is(err, access.ErrBusy):
			p.Why = "busy"
		}
		c.show(w, r, http.StatusUnauthorized, "login", p)
		return
	}
	e := audit.Event{Actor: who.Name, Action: "login", Result: audit.Done, Reason: string(who.Role)}
	if !c.note(r, e) {
		c.Guard.Logout(token)
		c.message(w, r, http.StatusInternalServerError, "trail_unreadable")
		return
	}
	c.Guard.SetCookie(w, token)
	http.Redirect(w, r, p.Next, http.StatusSeeOther)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if access.From(r.Context()).Known() {
		c.note(r, audit.Event{Action: "logout", Result: audit.Done})
	}
	c.Guard.DropCookie(w, r)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// own is an address of this site, or its first page: a login page must not send people elsewhere.
func own(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

const languageCookie = "talkbridge_language"

// language changes the language and goes back.
func (c *Console) language(w http.ResponseWriter, r *http.Request) {
	to := "zh"
	if r.URL.Query().Get("to") == "en" {
		to = "en"
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // a language is no secret
		Name: languageCookie, Value: to, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(400 * 24 * time.Hour / time.Second),
	})
	http.Redirect(w, r, own(r.URL.Query().Get("next")), http.StatusSeeOther) //nolint:gosec // own lets nobody off this site
}

// languageOf is Chinese unless somebody chose otherwise.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && c.Value == "en" {
		return "en"
	}
	return "zh"
}
