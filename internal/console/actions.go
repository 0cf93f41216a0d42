package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"talkbridge/internal/access"
	"talkbridge/internal/audit"
	"talkbridge/internal/control"
)

// formLimit bounds what a form may send.
const formLimit = 64 << 10

func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// form reads a form of bounded size.
func form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "this form cannot be read", http.StatusBadRequest)
		return false
	}
	return true
}

// recordsAnswer is what an operation on records says of the one that it was asked about.
type recordsAnswer struct {
	Changed int `json:"changed"`
	Records []struct {
		Message string `json:"message"`
	} `json:"records"`
}

// act has one record retried or discarded, and shows it again.
func (c *Console) act(operation string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !form(w, r) {
			return
		}
		id := r.PostForm.Get("id")
		answer, err := control.Ask[recordsAnswer](r.Context(), c.Actions, operation, c.by(r), map[string][]string{"ids": {id}}, nil)
		if err == nil && answer.Changed == 0 {
			why := "no such record"
			if len(answer.Records) > 0 && answer.Records[0].Message != "" {
				why = answer.Records[0].Message
			}
			err = errors.New(why)
		}
		if !c.done(w, r, audit.Event{Action: operation, Object: id}, err) {
			return
		}
		http.Redirect(w, r, recordPath(id), http.StatusSeeOther) //nolint:gosec // below /records/, every part escaped
	}
}

// by names the sender for the log.
func (c *Console) by(r *http.Request) string { return "console:" + access.From(r.Context()).Name }

// done writes what was done into the trail, and answers where it could not be. It reports whether all went well.
func (c *Console) done(w http.ResponseWriter, r *http.Request, e audit.Event, err error) bool {
	e.Result = audit.ResultOf(err)
	if err != nil {
		e.Reason = strings.TrimSpace(e.Reason + " " + err.Error())
	}
	kept := c.note(r, e)
	c.hub.soon()
	switch {
	case err != nil:
		c.Logger.Warn("an operation of the console failed", zap.String("operation", e.Action), zap.Error(err))
		c.message(w, r, http.StatusConflict, "failed:"+err.Error())
		return false
	case !kept:
		c.message(w, r, http.StatusInternalServerError, "trail_unreadable")
		return false
	}
	return true
}

func (c *Console) pause(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	reason := strings.TrimSpace(r.PostForm.Get("reason"))
	_, err := c.ask(r.Context(), "pause", c.by(r), map[string]any{"reason": reason})
	if c.done(w, r, audit.Event{Action: "pause", Reason: reason}, err) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (c *Console) resume(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	_, err := c.ask(r.Context(), "resume", c.by(r), map[string]any{})
	if c.done(w, r, audit.Event{Action: "resume"}, err) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (c *Console) ask(ctx context.Context, operation, by string, args any) (json.RawMessage, error) {
	return control.Ask[json.RawMessage](ctx, c.Actions, operation, by, args, nil)
}

// previewPage is the form, and what came of it.
type previewPage struct {
	Route, Key, Reason string
	Missing            bool // no reason was given
	Error              string
	Shown              bool
	Preview            Preview
}

func (c *Console) previewForm(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.show(w, r, http.StatusOK, "preview", previewPage{Route: q.Get("route"), Key: q.Get("key")})
}

// preview shows the content of one row to an operator who says why. The trail has it before the page does: without a trail there is
// nothing to see.
func (c *Console) preview(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	p := previewPage{Route: r.PostForm.Get("route"), Key: strings.TrimSpace(r.PostForm.Get("key")), Reason: strings.TrimSpace(r.PostForm.Get("reason"))}
	if p.Reason == "" || p.Key == "" {
		p.Missing = true
		c.show(w, r, http.StatusBadRequest, "preview", p)
		return
	}
	if !c.note(r, audit.Event{Action: "preview", Object: p.Route + "/" + p.Key, Result: audit.Done, Reason: p.Reason}) {
		c.message(w, r, http.StatusInternalServerError, "trail_unreadable")
		return
	}
	preview, err := c.Preview(r.Context(), p.Route, p.Key)
	if err != nil {
		p.Error = err.Error()
	} else {
		p.Shown, p.Preview = true, preview
	}
	c.show(w, r, http.StatusOK, "preview", p)
}
