package canal

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"
)

// A watch is one table that at least one route reads.
type watch struct {
	schema, table string
	routes        []*route

	raw      []byte     // the TABLE_MAP event that bindings was made from
	shape    *shape     // and the shape
	bindings []*binding // by route; nil until the first TABLE_MAP event
}

func (w *watch) String() string { return w.schema + "." + w.table }

// A filter finds the watched tables. It is made anew for every connection: a server keeps its table numbers only while it runs.
type filter struct {
	fold    bool // the server does not distinguish case in table names (lower_case_table_names)
	watches map[string]map[string]*watch
	byID    map[uint64]*watch // by the log's table number, from TABLE_MAP events; unwatched tables are not in it

	// undecoded holds why the rows of an event could not be decoded, until the reader gets to the event. It is used only in the
	// syncer's goroutine.
	undecoded map[*replication.RowsEvent]error
}

func newFilter(routes []*route, fold bool) *filter {
	f := &filter{
		fold: fold, watches: map[string]map[string]*watch{}, byID: map[uint64]*watch{},
		undecoded: map[*replication.RowsEvent]error{},
	}
	for _, r := range routes {
		schema, table := f.name(r.Schema), f.name(r.Table)
		if f.watches[schema] == nil {
			f.watches[schema] = map[string]*watch{}
		}
		w := f.watches[schema][table]
		if w == nil {
			w = &watch{schema: r.Schema, table: r.Table}
			f.watches[schema][table] = w
		}
		w.routes = append(w.routes, r)
	}
	return f
}

func (f *filter) name(s string) string {
	if f.fold {
		return strings.ToLower(s)
	}
	return s
}

// find finds the watch of a table, or nil. It is asked for every description of a table in the log, so it does not allocate.
func (f *filter) find(schema, table []byte) *watch {
	if w := f.watches[string(schema)][string(table)]; w != nil || !f.fold {
		return w
	}
	return f.watches[strings.ToLower(string(schema))][strings.ToLower(string(table))]
}

func (f *filter) watched(schema, table []byte) bool { return f.find(schema, table) != nil }

// dummyTables are the table numbers of rows events that stand for "no table": they only end a statement (MySQL, rpl_handler and
// sql_base, UINT_MAX24 and the all-ones id).
func dummyTable(id uint64) bool { return id == 1<<24-1 || id == 1<<48-1 || id == 1<<32-1 }

// decode is go-mysql's RowsEventDecodeFunc: rows of a table that nobody watches, which come here inside compressed transactions only, are
// left as they are, undecoded. It never returns what a decoder says, since that quotes the row; the reader says it in other words.
func (f *filter) decode(e *replication.RowsEvent, data []byte) error {
	pos, err := e.DecodeHeader(data)
	if err != nil {
		if dummyTable(e.TableID) {
			return nil
		}
		return fmt.Errorf("rows of table number %d without the table's description", e.TableID)
	}
	if f.find(e.Table.Schema, e.Table.Table) == nil {
		return nil
	}
	if e.Type() == replication.EnumRowsEventTypeUnknown { // PARTIAL_UPDATE_ROWS_EVENT
		f.undecoded[e] = errPartialJSON
		return nil
	}
	if pos < len(data) && (imageless(e) || !soundJSON(e, pos, data)) {
		f.undecoded[e] = errUndecodable
		return nil
	}
	if err := e.DecodeData(pos, data); err != nil {
		f.undecoded[e] = errUndecodable
	}
	return nil
}

// imageless tells whether no column is in the images of the event's rows. In a damaged event the library would look for the end of such rows
// for ever, and remember each.
func imageless(e *replication.RowsEvent) bool {
	for _, bitmap := range [][]byte{e.ColumnBitmap1, e.ColumnBitmap2} {
		for i := range min(int(e.ColumnCount), 8*len(bitmap)) {
			if bitmap[i>>3]&(1<<(i&7)) != 0 {
				return false
			}
		}
	}
	return true
}

// failure takes out why the event's rows could not be decoded, or nil.
func (f *filter) failure(e *replication.RowsEvent) error {
	err := f.undecoded[e]
	delete(f.undecoded, e)
	return err
}

// tableMap takes in a TABLE_MAP event: for a watched table it makes the bindings of its routes, unless they were made from the
// very same bytes before.
func (f *filter) tableMap(e *replication.TableMapEvent, raw []byte, x lexicon, h *history) error {
	w := f.find(e.Schema, e.Table)
	if w == nil {
		delete(f.byID, e.TableID)
		return nil
	}
	f.byID[e.TableID] = w
	body := raw[replication.EventHeaderSize:]
	compressed, err := compressedColumns(e, body) // before any of its rows is decoded
	if err != nil {
		return fmt.Errorf("table %s: %w", w, err)
	}
	x.shape = h.shape(tableName{w.schema, w.table}, f.fold)
	if w.bindings == nil || !bytes.Equal(w.raw, body) || !w.shape.equal(x.shape) {
		bindings, err := bind(w.routes, e, x, compressed)
		if err != nil {
			w.bindings = nil
			return fmt.Errorf("table %s: %w", w, err)
		}
		w.bindings, w.raw, w.shape = bindings, slices.Clone(body), x.shape
	}
	return nil
}

// forget drops the table numbers: after a change of file or connection they may mean other tables.
func (f *filter) forget() { clear(f.byID) }

// any finds a watch that is such, or nil.
func (f *filter) any(such func(*watch) bool) *watch {
	for _, tables := range f.watches {
		for _, w := range tables {
			if such(w) {
				return w
			}
		}
	}
	return nil
}
