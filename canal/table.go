package canal

import (
	"errors"
	"fmt"
	"slices"
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
	// What the log does not tell, from the history.
	unsigned   bool   // the log has not said so, and the number was read as a signed one
	shownAs    string // uuid, inet4, inet6: bytes that the server shows as text
	compressed bool   // MariaDB's column compression
	generated  bool   // AS (…)
	problem    error  // why its values cannot be read; an error only if a route uses it
}

// A layout is the columns of a table as they were when its rows were written.
type layout struct {
	columns []column
	key     []int // the primary key, as indexes into columns

	versioned bool // the table keeps its former rows
	rowEnd    int  // then: the column that says until when a row was
}

// collations says which character set a collation belongs to, by the server's own numbers.
type collations map[uint64]string

// errNoMetadata says that the log does not tell what its columns are called.
var errNoMetadata = errors.New("the log does not name the columns (binlog_row_metadata was not FULL when this was written). " +
	"Run SET GLOBAL binlog_row_metadata = FULL; and write binlog_row_metadata=FULL into my.cnf where the server has it; then begin anew behind " +
	"this place: talkbridge position clear, with source.start: reconcile")

// A lexicon is what the columns of a TABLE_MAP event are read with.
type lexicon struct {
	flavor Flavor
	sets   collations
	shape  *shape // what the history says of the table at this place; never nil
}

// newLayout makes the columns of a table from its TABLE_MAP event.
//
// Invariant 6: names, types, signedness, character sets and labels are those that were in force when the rows were written: they stand
// in the log right before them, or, where the log leaves them out, in the history, which has to agree with everything that the log does
// say. The table's present columns are never asked.
func newLayout(e *replication.TableMapEvent, x lexicon, compressed []bool) (*layout, error) {
	named := len(e.ColumnName) == int(e.ColumnCount)
	var differences []string
	if x.shape.known() {
		differences = x.shape.differences(e, x.sets)
	}
	switch {
	case named:
	case !x.shape.known():
		return nil, fmt.Errorf("%w. The schema history does not help: %s", errNoMetadata, x.shape.Lost)
	case len(differences) > 0:
		return nil, fmt.Errorf("%w. The schema history does not help, since it differs from the log: %s", errNoMetadata, strings.Join(differences, "; "))
	}
	trusted := x.shape.known() && len(differences) == 0 && (!named || x.shape.namedAs(e))
	l, err := x.fromHistory(e)
	if named {
		l, err = x.fromLog(e)
	}
	if err != nil {
		return nil, err
	}
	for i, is := range compressed {
		l.columns[i].compressed = is
	}
	if trusted {
		x.hint(l)
		return l, nil
	}
	return l, x.doubt(l, e)
}

// fromLog takes everything from a TABLE_MAP event with full metadata.
func (x lexicon) fromLog(e *replication.TableMapEvent) (*layout, error) {
	n := int(e.ColumnCount)
	m, err := readMetadata(e)
	if err != nil {
		return nil, err
	}
	l := &layout{columns: make([]column, n)}
	for i := range l.columns {
		c := &l.columns[i]
		c.name, c.kind, c.meta = string(e.ColumnName[i]), realType(e, i), e.ColumnMeta[i]
		if c.problem = readable(c.kind); c.problem == nil {
			c.problem = c.describe(i, m, x.sets)
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

// fromHistory takes types and lengths from the event, and the rest from the history, which agrees with the event.
func (x lexicon) fromHistory(e *replication.TableMapEvent) (*layout, error) {
	if len(x.shape.Columns) != int(e.ColumnCount) {
		return nil, errNoMetadata
	}
	l := &layout{columns: make([]column, len(x.shape.Columns))}
	signed := len(e.SignednessBitmap) == 0
	for i, known := range x.shape.Columns {
		c := &l.columns[i]
		t := parseType(known.Type)
		c.name, c.kind, c.meta = known.Name, realType(e, i), e.ColumnMeta[i]
		c.unsigned = t.unsigned && signed
		c.charset, c.labels = charset{name: binaryCharset}, t.labels
		if c.problem = readable(c.kind); c.problem == nil && known.Charset != "" && known.Charset != binaryCharset {
			c.charset, c.problem = charsetOf(known.Charset)
		}
	}
	for _, name := range x.shape.Key {
		if i, ok := l.index(name); ok {
			l.key = append(l.key, i)
		}
	}
	return l, nil
}

// hint adds what no log tells.
func (x lexicon) hint(l *layout) {
	for i, known := range x.shape.Columns {
		l.columns[i].generated = known.Generated
		switch t := parseType(known.Type); t.base {
		case "uuid", "inet4", "inet6":
			l.columns[i].shownAs = t.base
		}
	}
	if x.shape.RowEnd == "" {
		return
	}
	if i, ok := l.index(x.shape.RowEnd); ok {
		// The end is part of every unique key of such a table, and no part of what a record is.
		l.versioned, l.rowEnd = true, i
		l.key = slices.DeleteFunc(l.key, func(k int) bool { return k == i })
	}
}

// errAmbiguous is for a column of which the log alone does not say what it is.
const errAmbiguous = "the log does not say whether it is %s, and the schema history does not help: %s. Begin anew behind this place: talkbridge " +
	"position clear, with source.start: reconcile"

// doubt refuses, on MariaDB, what looks in the log like something else: it keeps a UUID as BINARY(16), and the former rows of a
// system-versioned table as rows like any other.
func (x lexicon) doubt(l *layout, e *replication.TableMapEvent) error {
	if x.flavor != FlavorMariaDB {
		return nil
	}
	why := x.shape.Lost
	if why == "" {
		why = "it differs from the log"
	}
	moments := 0
	for i := range l.columns {
		c := &l.columns[i]
		if n := c.fixedLength(); c.kind == mysql.MYSQL_TYPE_STRING && c.charset.name == binaryCharset && (n == 4 || n == 16) && c.problem == nil {
			c.problem = fmt.Errorf(errAmbiguous, map[int]string{4: "a BINARY(4) or an INET4", 16: "a BINARY(16), a UUID or an INET6"}[n], why)
		}
		if _, nullable := e.Nullable(i); c.kind == mysql.MYSQL_TYPE_TIMESTAMP2 && c.meta == 6 && !nullable {
			moments++
		}
	}
	if moments >= 2 {
		return fmt.Errorf("it has two TIMESTAMP(6) NOT NULL: "+errAmbiguous, "a system-versioned table, with its former rows among the others", why)
	}
	return nil
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
	var enumSet, enum, set []int
	for i := range int(e.ColumnCount) {
		switch {
		case e.IsEnumColumn(i):
			enum, enumSet = append(enum, i), append(enumSet, i)
		case e.IsSetColumn(i):
			set, enumSet = append(set, i), append(enumSet, i)
		}
	}
	if len(e.EnumStrValue) != len(enum) || len(e.SetStrValue) != len(set) {
		return m, fmt.Errorf("labels of %d ENUM and %d SET columns for %d and %d: %w",
			len(e.EnumStrValue), len(e.SetStrValue), len(enum), len(set), errNoMetadata)
	}
	m.enum, m.set = e.EnumStrValueMap(), e.SetStrValueMap()
	if m.text, err = dealCollations(textColumns(e), e.DefaultCharset, e.ColumnCharset); err != nil {
		return m, err
	}
	m.enumSet, err = dealCollations(enumSet, e.EnumSetDefaultCharset, e.EnumSetColumnCharset)
	return m, err
}

// loggedCollations are the collations by column, where the event has them.
func loggedCollations(e *replication.TableMapEvent) map[int]uint64 {
	if len(e.DefaultCharset) == 0 && len(e.ColumnCharset) == 0 {
		return nil
	}
	out, err := dealCollations(textColumns(e), e.DefaultCharset, e.ColumnCharset)
	if err != nil {
		return nil
	}
	return out
}

// textColumns are those whose collation stands in the list of the text columns. The VECTOR of MySQL 9 is one of them.
func textColumns(e *replication.TableMapEvent) []int {
	var text []int
	for i := range int(e.ColumnCount) {
		if !e.IsEnumColumn(i) && !e.IsSetColumn(i) && (e.IsCharacterColumn(i) || e.ColumnType[i] == mysql.MYSQL_TYPE_VECTOR) {
			text = append(text, i)
		}
	}
	return text
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
			set := c.charset
			if set.decode == nil { // CHARACTER SET binary: labels of bytes, which are shown where they are text
				set.decode = decodeUTF8
			}
			if c.labels[k], err = set.text(label); err != nil {
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
