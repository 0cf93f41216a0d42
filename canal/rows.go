package canal

import (
	"fmt"
	"time"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/replication"
)

// rows looks at the rows of one event: at those of a watched table, the others were never decoded.
func (r *reader) rows(e *replication.RowsEvent, start uint64) error {
	r.tx.rowsEvents++
	number := r.tx.rowsEvents
	if e.Table == nil {
		return nil
	}
	w := r.filter.find(e.Table.Schema, e.Table.Table)
	if w == nil {
		return nil
	}
	if err := r.filter.failure(e); err != nil {
		return r.stop(start, fmt.Errorf("table %s: %w", w, err))
	}
	if w.bindings == nil || r.filter.byID[e.TableID] != w {
		return r.stop(start, fmt.Errorf("table %s: rows without the table's description before them", w))
	}
	kind := e.Type()
	if kind == replication.EnumRowsEventTypeDelete { // a deleted row is no submission
		return nil
	}
	step := 1
	if kind == replication.EnumRowsEventTypeUpdate {
		step = 2
	}
	for i := 0; i+step <= len(e.Rows); i += step {
		var before *image
		if step == 2 {
			before = &image{e.Rows[i], e.SkippedColumns[i]}
		}
		last := i + step - 1
		after := image{e.Rows[last], e.SkippedColumns[last]}
		if err := r.row(w, before, after, rowNumber(number, uint64(i/step)+1)); err != nil {
			return r.stop(start, fmt.Errorf("table %s: %w", w, err))
		}
	}
	return nil
}

// row asks every route of the table about one changed row.
func (r *reader) row(w *watch, before *image, after image, number uint64) error {
	for _, b := range w.bindings {
		columns, key, ok, err := b.submission(before, after)
		if err != nil {
			return fmt.Errorf("route %s: %w", b.route.Name, err)
		}
		if !ok {
			continue
		}
		at := r.tx.at
		at.Row = number
		change := bridge.Change{
			Route: b.route.Name, Key: key, KeyColumns: b.keys, Origin: bridge.OriginBinlog,
			EventID: fmt.Sprintf("%s#%d.%d", r.tx.name(), number>>rowBits, number&(1<<rowBits-1)),
			At:      at, CapturedAt: time.Now(), Columns: columns,
		}
		if err := r.tx.pile.add(change); err != nil {
			return err
		}
	}
	return nil
}

// query looks at a statement that stands in the log as text: the frame of a transaction, DDL, or rows changed by a statement.
func (r *reader) query(e *replication.QueryEvent, h *replication.EventHeader, start uint64) error {
	s := cutStatement(string(e.Query), statementWords)
	switch s.kind() {
	case statementBegin:
		if !r.tx.open { // a server that writes no GTID events at all
			r.begin(gtid{}, start, time.Time{}, false)
		}
		r.tx.began = true
		return nil
	case statementCommit:
		return r.commit(h)
	case statementRollback:
		r.tx.pile.drop()
		return r.commit(h)
	case statementSavepoint:
		r.tx.save(s.savepoint())
		return nil
	case statementRollbackTo:
		known, err := r.tx.rollbackTo(s.savepoint())
		if !known && r.tx.pile.len() > 0 {
			return r.stop(start, errSavepoint)
		}
		return err
	case statementXA:
		return r.xa(s, string(e.Query), h, start)
	case statementChange:
		if w := r.changed(s, e.Schema); w != nil {
			return r.stop(start, fmt.Errorf("table %s: %w", w, errStatementFormat))
		}
	case statementDefines:
		r.follow(e, start)
		if r.defined(s, e.Schema) {
			if err := r.verify(); err != nil {
				return fmt.Errorf("at %s:%d, after %s %s: %w", r.place.file, start, s.keyword(0), s.keyword(1), err)
			}
		}
	case statementOther:
	}
	return r.endOfSingle(h)
}

// statementWords is how many words of a statement are looked at. The names of the tables that a statement changes come first.
const statementWords = 4096

// endOfSingle ends the group behind a statement that has no COMMIT of its own.
func (r *reader) endOfSingle(h *replication.EventHeader) error {
	single := r.tx.single
	if r.flavor != FlavorMariaDB {
		single = !r.tx.began && !r.tx.xa
	}
	if !r.tx.open || single {
		return r.commit(h)
	}
	return nil
}

// changed finds the watched table that a statement changes, or nil.
func (r *reader) changed(s statement, schema []byte) *watch {
	return r.filter.any(func(w *watch) bool {
		return s.changes(w.schema, w.table, r.filter.name(string(schema)) == r.filter.name(w.schema))
	})
}

// defined tells whether DDL is about a watched table, or about the database that one is in.
func (r *reader) defined(s statement, schema []byte) bool {
	object := s.keyword(1)
	return r.filter.any(func(w *watch) bool {
		if object == "DATABASE" || object == "SCHEMA" {
			return s.mentions("", w.schema, true)
		}
		return s.mentions(w.schema, w.table, r.filter.name(string(schema)) == r.filter.name(w.schema))
	}) != nil
}
