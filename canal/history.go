package canal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// A history is what the watched tables look like at a place of the log: read from information_schema at the anchor, carried on by
// the DDL in the log, and saved with every position. It is compared with each TABLE_MAP event, so it is never believed alone. It
// serves where the log leaves the columns' names out, and for what the log never tells. A history is never changed: what changes
// it makes another one, so that a position that waits to be saved keeps its own.
type history struct {
	text func() []byte // encode, once

	Tables map[string]*shape `json:"tables"`
	// Schemas has the character set of tables that are created without one.
	Schemas map[string]string `json:"schemas,omitempty"`
	// Prepared are the transactions in two phases that were prepared and have no submissions in them.
	Prepared map[string]bool `json:"prepared,omitempty"`
}

// A tableName is a table with its schema.
type tableName struct{ schema, table string }

func (n tableName) String() string { return n.schema + "." + n.table }

// key is the table's place in a history. The letters' case counts only where the server says so.
func (n tableName) key(fold bool) string {
	if fold {
		return strings.ToLower(n.schema + "." + n.table)
	}
	return n.schema + "." + n.table
}

// neverRead is why a table is not known before anything was read.
const neverRead = "what the table looked like at this place of the log was never read"

// shape is what is known of a table; never nil.
func (h *history) shape(n tableName, fold bool) *shape {
	if h != nil {
		if s := h.Tables[n.key(fold)]; s != nil {
			return s
		}
	}
	return lost(neverRead)
}

// with is a history in which the table looks otherwise; nil forgets it.
func (h *history) with(n tableName, fold bool, s *shape) *history {
	next := h.clone()
	if s == nil {
		delete(next.Tables, n.key(fold))
	} else {
		next.Tables[n.key(fold)] = s
	}
	return next
}

func (h *history) clone() *history {
	next := &history{Tables: map[string]*shape{}, Schemas: map[string]string{}}
	if h != nil {
		maps.Copy(next.Tables, h.Tables)
		maps.Copy(next.Schemas, h.Schemas)
		next.Prepared = maps.Clone(h.Prepared)
	}
	return next.sealed()
}

// sealed is the history with its text made once, however many positions are saved with it.
func (h *history) sealed() *history {
	h.text = sync.OnceValue(func() []byte {
		text, err := json.Marshal(h)
		if err != nil {
			return nil // maps and strings always can be
		}
		return text
	})
	return h
}

func (h *history) equal(o *history) bool {
	return maps.EqualFunc(h.Tables, o.Tables, (*shape).equal) && maps.Equal(h.Schemas, o.Schemas)
}

// prepared is the history in which the transaction in two phases is prepared, or no longer.
func (h *history) prepared(id string, is bool) *history {
	if h.isPrepared(id) == is {
		return h
	}
	next := h.clone()
	if next.Prepared == nil {
		next.Prepared = map[string]bool{}
	}
	if is {
		next.Prepared[id] = true
	} else {
		delete(next.Prepared, id)
	}
	return next
}

func (h *history) isPrepared(id string) bool { return h != nil && h.Prepared[id] }

// encode is the history as the store keeps it.
func (h *history) encode() []byte {
	if h == nil {
		return nil
	}
	return h.text()
}

// decodeHistory reads what encode wrote; nil where nothing was saved, by an older talkbridge.
func decodeHistory(text []byte) (*history, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil //nolint:nilnil // none is no error
	}
	h := &history{}
	if err := json.Unmarshal(text, h); err != nil {
		return nil, fmt.Errorf("read the saved schema history: %w", err)
	}
	return h.sealed(), nil
}
