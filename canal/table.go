package canal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// A column is what a TABLE_MAP event says of one column.
type column struct {
	name    string
	kind    byte   // MYSQL_TYPE_…, ENUM and SET told apart from the strings that they are packed as
	meta    uint16 // its meaning depends on kind: length, width, digits of the fraction
	charset charset
	labels  []string // of an ENUM or SET
	problem error    // why its values cannot be read; an error only if a route uses it
}

// A layout is the columns of a table as they were when its rows were written.
type layout struct {
	columns []column
	key     []int // the primary key, as indexes into columns
}

// collations says which character set a collation belongs to, by the server's own numbers.
type collations map[uint64]string

// errNoMetadata says that the log does not tell what its columns are called.
var errNoMetadata = errors.New("the log does not name the columns: binlog_row_metadata was not FULL when this was written. " +
	"Run SET GLOBAL binlog_row_metadata = FULL; write binlog_row_metadata=FULL into my.cnf; then start behind this place with " +
	"source.start (the saved position has to be cleared first)")

// newLayout reads the columns out of a TABLE_MAP event.
//
// Invariant 6: names, types, signedness, character sets and labels are those that were in force when the rows were written, for
// they stand in the log right before them. The table's present columns are never asked.
func newLayout(e *replication.TableMapEvent, sets collations) (*layout, error) {
	n := int(e.ColumnCount)
	if len(e.ColumnName) != n {
		return nil, errNoMetadata
	}
	m, err := readMetadata(e)
	if err != nil {
		return nil, err
	}
	l := &layout{columns: make([]column, n)}
	for i := range l.columns {
		c := &l.columns[i]
		c.name, c.kind, c.meta = string(e.ColumnName[i]), realType(e, i), e.ColumnMeta[i]
		if c.problem = readable(c.kind); c.problem == nil {
			c.problem = c.describe(i, m, sets)
		}
	}
	for _, i := range e.PrimaryKey {
		if int(i) >= n {
			return nil, fmt.Errorf("the primary key names column %d of %d", i, n)
		}
		l.key = append(l.key, int(i))
	}
	return l, nil
}

// metadata is the optional part of a TABLE_MAP event, by column.
type metadata struct {
	text, enumSet map[int]uint64 // collation
	enum, set     map[int][]string
}

// readMetadata deals the lists of the metadata out to the columns that they belong to, and makes sure that they are as long. What
// go-mysql has for this panics on a short list, and passes over the VECTOR of MySQL 9, whose character set stands in the list of
// the text columns: every later column would get its neighbour's.
func readMetadata(e *replication.TableMapEvent) (m metadata, err error) {
	var text, enumSet, enum, set []int
	for i := range int(e.ColumnCount) {
		switch {
		case e.IsEnumColumn(i):
			enum, enumSet = append(enum, i), append(enumSet, i)
		case e.IsSetColumn(i):
			set, enumSet = append(set, i), append(enumSet, i)
		case e.IsCharacterColumn(i), e.ColumnType[i] == mysql.MYSQL_TYPE_VECTOR:
			text = append(text, i)
		}
	}
	if len(e.EnumStrValue) != len(enum) || len(e.SetStrValue) != len(set) {
		return m, fmt.Errorf("labels of %d ENUM and %d SET columns for %d and %d: %w",
			len(e.EnumStrValue), len(e.SetStrValue), len(enum), len(set), errNoMetadata)
	}
	m.enum, m.set = e.EnumStrValueMap(), e.SetStrValueMap()
	if m.text, err = dealCollations(text, e.DefaultCharset, e.ColumnCharset); err != nil {
		return m, err
	}
	m.enumSet, err = dealCollations(enumSet, e.EnumSetDefaultCharset, e.EnumSetColumnCharset)
	return m, err
}

// dealCollations reads one of the two forms that a list of collations has: one for most columns, with pairs of a column's place in
// the list and its own collation for the rest; or one for each.
func dealCollations(columns []int, most, each []uint64) (map[int]uint64, error) {
	out := make(map[int]uint64, len(columns))
	if len(most) == 0 {
		if len(each) != len(columns) {
			return nil, fmt.Errorf("%d collations for %d columns: %w", len(each), len(columns), errNoMetadata)
		}
		for k, i := range columns {
			out[i] = each[k]
		}
		return out, nil
	}
	for _, i := range columns {
		out[i] = most[0]
	}
	for k := 1; k+1 < len(most); k += 2 {
		if most[k] >= uint64(len(columns)) {
			return nil, fmt.Errorf("a collation for column %d of %d: %w", most[k], len(columns), errNoMetadata)
		}
		out[columns[most[k]]] = most[k+1]
	}
	return out, nil
}

// describe finds the column's character set and labels.
func (c *column) describe(i int, m metadata, sets collations) (err error) {
	switch c.kind {
	case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
		if c.charset, err = sets.charset(m.enumSet[i]); err != nil {
			return err
		}
		labels := m.enum[i]
		if c.kind == mysql.MYSQL_TYPE_SET {
			labels = m.set[i]
		}
		c.labels = make([]string, len(labels))
		for k, label := range labels {
			if c.labels[k], err = c.charset.text(label); err != nil {
				return fmt.Errorf("label %d: %w", k+1, err)
			}
		}
		return nil
	case mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_BLOB:
		c.charset, err = sets.charset(m.text[i])
		return err
	case mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_VECTOR:
		c.charset = charset{name: binaryCharset}
	}
	return nil
}

// charset finds the decoder of a collation.
func (s collations) charset(id uint64) (charset, error) {
	name, ok := s[id]
	if !ok {
		return charset{}, fmt.Errorf("the server does not list the collation number %d", id)
	}
	if name == binaryCharset {
		return charset{name: name, ascii: false, decode: nil}, nil
	}
	return charsetOf(name)
}

// realType tells ENUM and SET from the strings that the log packs them as.
func realType(e *replication.TableMapEvent, i int) byte {
	if e.ColumnType[i] == mysql.MYSQL_TYPE_STRING {
		if packed := byte(e.ColumnMeta[i] >> 8); packed == mysql.MYSQL_TYPE_ENUM || packed == mysql.MYSQL_TYPE_SET {
			return packed
		}
	}
	return e.ColumnType[i]
}

// index finds a column by name. The server does not distinguish case in column names.
func (l *layout) index(name string) (int, bool) {
	for i := range l.columns {
		if strings.EqualFold(l.columns[i].name, name) {
			return i, true
		}
	}
	return 0, false
}
