package access

import (
	"net"
	"net/http"
	"time"
)

// CookieName is the session's cookie.
const CookieName = "talkbridge_session"

// SetCookie hands the session's token to the browser: not to scripts, not to other sites, and only over TLS where there is TLS.
func (g *Guard) SetCookie(w http.ResponseWriter, token string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where there is TLS
		Name: CookieName, Value: token, Path: "/", HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode, MaxAge: int(SessionLimit / time.Second),
	})
}

// DropCookie takes it back, and ends the session.
func (g *Guard) DropCookie(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(CookieName); err == nil {
		g.Logout(c.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: CookieName, Path: "/", HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode, MaxAge: -1}) //nolint:gosec // likewise
}

// ByItself is the header by which a page says that it asks by itself, without a person.
const ByItself = "Talkbridge-By-Itself"

// byItself tells a page that keeps itself up to date from a person. Whoever lies here only shortens his own session.
func byItself(r *http.Request) bool {
	return r.Header.Get(ByItself) != "" || r.Header.Get("Accept") == "text/event-stream"
}

// Over tells that the session which r came with has ended, so that an answer that goes on for long ends too.
func (g *Guard) Over(r *http.Request) bool {
	c, err := r.Cookie(CookieName)
	return err == nil && !g.Open() && !g.of(c.Value, "", false).Known()
}

// Require lets through who has one of the roles. Others get deny, which decides between a login page and a plain answer.
func Require(next http.Handler, deny func(w http.ResponseWriter, r *http.Request, who Who), roles ...Role) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who := From(r.Context()); !who.May(roles...) {
			deny(w, r, who)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// DenyPlain answers programs: 401 asks for a login, 403 says that it would not help.
func DenyPlain(w http.ResponseWriter, _ *http.Request, who Who) {
	if who.Known() {
		http.Error(w, "your role may not do this", http.StatusForbidden)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="talkbridge", charset="UTF-8"`)
	http.Error(w, "log in: this bridge has users (admin.users)", http.StatusUnauthorized)
}

// FromLoopback tells whether the other end is on this machine.
func FromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// Headers are what every answer carries: no scripts but our own, no framing, nothing kept in a cache or told to other sites.
func Headers(next http.Handler, tls bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
			"font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if tls {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
