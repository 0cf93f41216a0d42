// Package console is the bridge's face: pages for the operator, the DBA, the auditor, and whoever a counsellor asks what became of a
// record. In come the ledger, the state of the bridge once a second, and the operations that a person may ask for; out go pages in
// Chinese or English that keep themselves up to date.
//
// No page shows a row's content, but for a preview that an operator asks for, says why, and finds in the audit trail. Whatever is done
// here is in the audit trail before its answer is shown.
package console

import (
	"context"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/audit"
	"talkbridge/internal/bridge"
	"talkbridge/internal/control"
	"talkbridge/state"
)

// Ledger is what the pages read from the store.
type Ledger interface {
	Checkpoint(ctx context.Context) (bridge.Checkpoint, bool, error)
	Record(ctx context.Context, id string) (bridge.Record, bool, error)
	Records(ctx context.Context, f state.Filter) ([]bridge.Record, string, error)
	Counts(ctx context.Context) (map[bridge.Status]int, time.Time, error)
	Reconciled(ctx context.Context, routes []string) ([]state.Reconciled, error)
}

// Trail is the audit trail.
type Trail interface {
	Append(ctx context.Context, e audit.Event) error
	Read(q audit.Query) ([]audit.Event, error)
	Verify(ctx context.Context) (audit.Report, error)
	Path() string
}

// Options are what the console stands on.
type Options struct {
	Version   string
	Namespace string
	Platform  string   // base URL, for people
	Routes    []string // in the order of the configuration
	Guard     *access.Guard
	Ledger    Ledger
	Live      func(ctx context.Context) Live
	Actions   control.Asker
	Preview   func(ctx context.Context, route, key string) (Preview, error)
	Trail     Trail
	Location  *time.Location // in which times are shown
	Logger    *zap.Logger
}

// A Preview is what one row would become.
type Preview struct {
	Payload  string // indented JSON, with all that could be mapped
	Problems []bridge.Problem
	Why      string // why the row would not be submitted as it is; empty: it would
}

//go:embed templates assets
var files embed.FS

// A Console serves the pages. Run keeps them up to date.
type Console struct {
	Options

	hub   *hub
	pages map[string]*template.Template
}

// New makes a Console.
func New(o Options) (*Console, error) {
	if o.Location == nil {
		o.Location = time.Local
	}
	c := &Console{Options: o, hub: newHub(), pages: map[string]*template.Template{}}
	for _, name := range []string{"overview", "records", "record", "position", "preview", "audit", "login", "message"} {
		t, err := template.New("layout.html").Funcs(c.functions()).ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name+".html")
		if err != nil {
			return nil, err
		}
		c.pages[name] = t
	}
	return c, nil
}

// Register puts the pages into mux.
func (c *Console) Register(mux *http.ServeMux) {
	all := []access.Role{access.Viewer, access.Operator, access.Auditor}
	page := func(pattern string, h http.HandlerFunc, roles ...access.Role) {
		mux.Handle(pattern, access.Require(h, c.deny, roles...))
	}
	page("GET /{$}", c.overview, all...)
	page("GET /records", c.records, all...)
	page("GET /records/{id...}", c.record, all...)
	page("GET /position", c.position, all...)
	page("GET /events", c.events, all...)
	page("GET /history", c.history, all...)
	page("GET /preview", c.previewForm, access.Operator)
	page("POST /preview", c.preview, access.Operator)
	page("POST /records/retry", c.act("records.retry"), access.Operator)
	page("POST /records/discard", c.act("records.discard"), access.Operator)
	page("POST /pause", c.pause, access.Operator)
	page("POST /resume", c.resume, access.Operator)
	page("GET /audit", c.audit, access.Auditor)
	mux.HandleFunc("GET /login", c.loginForm)
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("POST /logout", c.logout)
	mux.HandleFunc("GET /language", c.language)
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", cached(http.FileServerFS(sub(files, "assets")))))
}

func sub(f embed.FS, dir string) fs.FS {
	s, err := fs.Sub(f, dir)
	if err != nil { // only where dir is no path
		return f
	}
	return s
}

// cached lets a browser keep an asset for an hour: its address has the version in it.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=3600")
		next.ServeHTTP(w, r)
	})
}

// deny sends who is not logged in to the login page, and tells others that it is not theirs.
func (c *Console) deny(w http.ResponseWriter, r *http.Request, who access.Who) {
	if who.Known() {
		c.note(r, audit.Event{Action: "page.open", Object: r.URL.Path, Result: audit.Refused, Reason: "role"})
		c.message(w, r, http.StatusForbidden, "forbidden")
		return
	}
	if r.Method != http.MethodGet || r.URL.Path == "/events" || r.URL.Path == "/history" {
		http.Error(w, "log in", http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, "/login?next="+template.URLQueryEscaper(r.URL.RequestURI()), http.StatusSeeOther) //nolint:gosec // the login page of this site
}

// note writes an event of the request's sender to the audit trail. It reports false where that failed: then nothing may be done.
func (c *Console) note(r *http.Request, e audit.Event) bool {
	who := access.From(r.Context())
	if e.Actor == "" {
		e.Actor = who.Name
	}
	e.Role, e.From = string(who.Role), who.From
	if c.Trail == nil {
		return true
	}
	if err := c.Trail.Append(context.WithoutCancel(r.Context()), e); err != nil {
		c.Logger.Error("the audit trail could not be written", zap.Error(err))
		return isAnchorOnly(err)
	}
	return true
}
