package console

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/audit"
	"talkbridge/internal/bridge"
	"talkbridge/state"
)

// view is what every page gets.
type view struct {
	Page     string
	Language string
	Who      access.Who
	Console  *Console
	Path     string // of this page, with its query
	Live     Snapshot
	Data     any
}

func isAnchorOnly(err error) bool { return errors.Is(err, audit.ErrNotAnchored) }

func (c *Console) show(w http.ResponseWriter, r *http.Request, code int, page string, data any) {
	v := view{
		Page: page, Language: languageOf(r), Who: access.From(r.Context()), Console: c, Path: r.URL.RequestURI(), Live: c.hub.now(), Data: data,
	}
	var out bytes.Buffer
	if err := c.pages[page].Execute(&out, v); err != nil {
		c.Logger.Error("a page could not be made", zap.String("page", page), zap.Error(err))
		http.Error(w, "this page could not be made; see the log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	if _, err := out.WriteTo(w); err != nil {
		c.Logger.Debug("page not sent", zap.Error(err))
	}
}

// message is a page with one sentence.
func (c *Console) message(w http.ResponseWriter, r *http.Request, code int, word string) {
	c.show(w, r, code, "message", word)
}

// failed says that the store does not answer.
func (c *Console) failed(w http.ResponseWriter, r *http.Request, err error) {
	c.Logger.Warn("cannot answer from the store", zap.Error(err))
	c.message(w, r, http.StatusServiceUnavailable, "store_away")
}

// overview shows the last snapshot and asks the store nothing, however many look.
func (c *Console) overview(w http.ResponseWriter, r *http.Request) {
	if c.hub.now().At.IsZero() {
		c.hub.take(c.snapshot(r.Context()))
	}
	c.show(w, r, http.StatusOK, "overview", nil)
}

// recordsPage is the list of records.
type recordsPage struct {
	Status, Route, Key string
	Records            []bridge.Record
	Next               string // the address of the next page
	Statuses           []bridge.Status
}

const recordsPerPage = 50

func (c *Console) records(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := recordsPage{Status: q.Get("status"), Route: q.Get("route"), Key: strings.TrimSpace(q.Get("key")), Statuses: bridge.Statuses()}
	if p.Key != "" {
		found, err := c.find(r, p.Key)
		if err != nil {
			c.failed(w, r, err)
			return
		}
		p.Records = found
		c.show(w, r, http.StatusOK, "records", p)
		return
	}
	records, next, err := c.Ledger.Records(r.Context(), state.Filter{
		Status: bridge.Status(p.Status), Route: p.Route, After: q.Get("after"), Limit: recordsPerPage,
	})
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p.Records = records
	if next != "" {
		p.Next = "/records?" + url.Values{"status": {p.Status}, "route": {p.Route}, "after": {next}}.Encode()
	}
	c.show(w, r, http.StatusOK, "records", p)
}

// find looks a key up on every route; a whole record id is found too.
func (c *Console) find(r *http.Request, key string) ([]bridge.Record, error) {
	ids := []string{key}
	for _, route := range c.Routes {
		ids = append(ids, bridge.RecordID(route, key))
	}
	var out []bridge.Record
	for _, id := range ids {
		record, ok, err := c.Ledger.Record(r.Context(), id)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, record)
		}
	}
	return out, nil
}

func (c *Console) record(w http.ResponseWriter, r *http.Request) {
	record, ok, err := c.Ledger.Record(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		c.failed(w, r, err)
	case !ok:
		c.message(w, r, http.StatusNotFound, "no_such_record")
	default:
		c.show(w, r, http.StatusOK, "record", record)
	}
}

func (c *Console) position(w http.ResponseWriter, r *http.Request) {
	cp, ok, err := c.Ledger.Checkpoint(r.Context())
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if !ok {
		c.show(w, r, http.StatusOK, "position", nil)
		return
	}
	c.show(w, r, http.StatusOK, "position", &cp)
}

// auditPage is the trail with what its chain says.
type auditPage struct {
	Events []audit.Event
	Report audit.Report
	Next   uint64 // the next page begins before this event; 0: none
}

const eventsPerPage = 100

func (c *Console) audit(w http.ResponseWriter, r *http.Request) {
	if c.Trail == nil {
		c.message(w, r, http.StatusNotFound, "no_trail")
		return
	}
	before := number(r.URL.Query().Get("before"))
	events, err := c.Trail.Read(audit.Query{Before: before, Limit: eventsPerPage})
	if err == nil {
		var report audit.Report
		if report, err = c.Trail.Verify(r.Context()); err == nil {
			p := auditPage{Events: events, Report: report}
			if len(events) == eventsPerPage && events[len(events)-1].N > 1 {
				p.Next = events[len(events)-1].N
			}
			c.show(w, r, http.StatusOK, "audit", p)
			return
		}
	}
	c.Logger.Error("the audit trail cannot be read", zap.Error(err))
	c.message(w, r, http.StatusInternalServerError, "trail_unreadable")
}
