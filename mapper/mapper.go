// Package mapper turns a submitted row into the record that the platform wants, or into the reasons why it cannot be one.
//
// What comes in is a bridge.Change: the columns that a route uses, as they were at the submission. What goes out is the payload, as
// compact JSON with its members in the order of the configuration, or a list of bridge.Problem, each a sentence that a counsellor
// can act on. An error is neither: it means that the record could not be judged now (the database is away, a query is refused, an
// expression is wrong), and that it goes out once that is mended.
//
// Everything that can be known beforehand is: New compiles queries, expressions, layouts, checks and contracts and reports all that
// is wrong with them at once, and Preflight asks the server about every query. Mapping itself is three steps over one record: the
// fields, each with its lookup and its conversions (run.go, conversion.go), the contract (violations.go), and the rules
// (problems.go). No step stops at the first fault.
//
// The package never writes to the source and keeps no row beyond a call, and no sentence, error or log line that it makes holds a
// row's content.
package mapper

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"talkbridge/internal/bridge"

	"go.uber.org/zap"
)

const (
	defaultTimeout = 5 * time.Second
	defaultMaxRows = 1000
)

// A Mapper maps the changes of all routes. It is safe for concurrent use.
type Mapper struct {
	routes   map[string]*route
	dicts    map[string]*dict
	db       *sql.DB
	location *time.Location
	timeout  time.Duration
	maxRows  int
	now      func() time.Time
	visible  func(context.Context, bridge.Change) error
	log      *zap.Logger
	deny     *denial
}

// New checks the whole mapping without touching the database and compiles it. All errors are joined; each names route and field.
func New(o Options) (*Mapper, error) {
	m := &Mapper{
		routes: make(map[string]*route, len(o.Routes)), dicts: make(map[string]*dict, len(o.Dicts)),
		db: o.DB, location: o.Location, now: o.Now, log: o.Logger,
		timeout: cmp.Or(o.LookupTimeout, defaultTimeout), maxRows: cmp.Or(o.MaxRows, defaultMaxRows), visible: o.Visible,
	}
	if m.location == nil {
		m.location = time.FixedZone("Asia/Shanghai", 8*60*60) // China has had one zone and no summer time since 1991
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.log == nil {
		m.log = zap.NewNop()
	}
	var errs []error
	var err error
	if m.deny, err = newDenial(o.DenyColumns, o.AllowColumns); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(o.Dicts)) {
		d, err := compileDict(name, o.Dicts[name], m.deny)
		m.dicts[name] = d
		errs = append(errs, err)
	}
	for _, r := range o.Routes {
		if _, twice := m.routes[r.Name]; twice {
			errs = append(errs, fmt.Errorf("route %s: the name is used twice", r.Name))
		}
		compiled, err := compileRoute(r, m.dicts, m.deny)
		m.routes[r.Name] = compiled
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

// Columns lists the columns of the row that the route reads, in fields, expressions and binds of lookups: each once, sorted. It is
// nil for a route that does not exist.
func (m *Mapper) Columns(route string) []string {
	if r := m.routes[route]; r != nil {
		return slices.Clone(r.columns)
	}
	return nil
}

// LooksUp tells whether something is looked up in the source for the route's records.
func (m *Mapper) LooksUp(route string) bool {
	r := m.routes[route]
	return r != nil && len(r.lookups) > 0
}

// Map makes the payload of a change, or the problems that stand against it. An error means that the record could not be judged
// now: the caller tries again later.
//
// Invariant 5: a record is refused only by a mapping that cannot be made from its data. What an operator can mend (a server that is
// away, a query that is refused, an expression or rule that fails) is an error, and the record waits.
func (m *Mapper) Map(ctx context.Context, change bridge.Change) (payload []byte, problems []bridge.Problem, err error) {
	payload, problems, err = m.mapChange(ctx, change)
	if err != nil || len(problems) > 0 {
		return nil, problems, err
	}
	return payload, nil, nil
}

func (m *Mapper) mapChange(ctx context.Context, change bridge.Change) (payload []byte, problems []bridge.Problem, err error) {
	route := m.routes[change.Route]
	if route == nil {
		return nil, nil, fmt.Errorf("route %s is not configured; add it again, or discard its records", change.Route)
	}
	r := &run{m: m, route: route, change: change, now: m.now().In(m.location), results: make([]*result, len(route.lookups)), top: &place{}}
	payload, tree, err := r.object(ctx, make([]byte, 0, 1024), route.fields, r.top)
	if err != nil {
		return nil, nil, err
	}
	r.inOrder()
	r.closeGaps()
	r.refuseUnreadable()
	if err := r.hold(tree); err != nil {
		return nil, nil, err
	}
	if err := r.judge(tree); err != nil {
		return nil, nil, err
	}
	return payload, r.problems(), nil
}

// An Explanation is a mapping with where each field comes from.
type Explanation struct {
	Payload  []byte // what could be mapped; complete only when there are no problems
	Problems []bridge.Problem
	Fields   []Source
}

// A Source says where a field comes from.
type Source struct {
	Field  string // students[].studentNo
	Source string // gh, counselor.xm, an expression, the lookup of an each; empty for a constant, an object and a list
	Kind   string // column | lookup | constant | expression | each | object | list
}

// Explain maps like Map, and keeps what could be mapped even where there are problems.
func (m *Mapper) Explain(ctx context.Context, change bridge.Change) (Explanation, error) {
	payload, problems, err := m.mapChange(ctx, change)
	if err != nil {
		return Explanation{}, err
	}
	return Explanation{Payload: payload, Problems: problems, Fields: m.Sources(change.Route)}, nil
}

// Sources lists the fields of a route with where they come from, in the order of the payload.
func (m *Mapper) Sources(route string) []Source {
	if r := m.routes[route]; r != nil {
		return appendSources(nil, r.fields)
	}
	return nil
}

func appendSources(out []Source, fields []*field) []Source {
	for _, f := range fields {
		out = append(out, Source{Field: f.path, Source: f.sourceText(), Kind: string(f.kind)})
		out = appendSources(out, f.elements)
	}
	return out
}

// Preflight asks the server about every lookup and every dictionary query. All errors are joined; each names the route and lookup,
// what the server says, and the way out.
func (m *Mapper) Preflight(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.routes)) {
		for _, l := range m.routes[name].lookups {
			errs = append(errs, m.preflightLookup(ctx, l))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.dicts)) {
		errs = append(errs, m.preflightDict(ctx, m.dicts[name]))
	}
	return errors.Join(errs...)
}

func (m *Mapper) preflightLookup(ctx context.Context, l *lookup) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	if _, _, err := m.prepared(ctx, l); err != nil {
		return fmt.Errorf("route %s: lookup %s: %w", l.route, l.name, err)
	}
	return nil
}

func (m *Mapper) preflightDict(ctx context.Context, d *dict) error {
	if d.query == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := m.readDict(ctx, d); err != nil {
		return err
	}
	for _, w := range m.dictWarnings(d) {
		m.log.Warn(w)
	}
	return nil
}

// dictWarnings holds what a query gave to the contracts. It is no error: such a table has entries that no record uses. The caller
// holds d.mu.
func (m *Mapper) dictWarnings(d *dict) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.routes)) {
		for _, use := range m.routes[name].uses {
			if use.dict != d {
				continue
			}
			for _, fault := range use.faults(d.entries) {
				out = append(out, fmt.Sprintf("route %s: field %s: %v; a record with it will be refused", use.route, use.path, fault))
			}
		}
	}
	return out
}

// Warnings lists what Preflight found unwise in the dictionaries that it read: translations that a contract does not take.
func (m *Mapper) Warnings() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.dicts)) {
		d := m.dicts[name]
		d.mu.Lock()
		out = append(out, m.dictWarnings(d)...)
		d.mu.Unlock()
	}
	return out
}
