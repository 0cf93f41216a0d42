package canal

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fuzzed"
)

// fuzzRoutes are the routes over the table that the seeds of FuzzEvents have.
func fuzzRoutes(tb testing.TB) (routes []*route) {
	tb.Helper()
	for _, r := range []Route{
		{
			Name: "one", Schema: "fuzz", Table: "talk", Columns: strings.Split("name g b5 l body j e s b u d t dt ti c bin y fl", " "),
			Submit: Submit{Column: "flag", Mode: ModeBecomes, Values: []string{"1"}},
		},
		{Name: "two", Schema: "fuzz", Table: "talk", Submit: Submit{Column: "flag", Mode: ModeChanges}, Where: `u != nil && name != "x"`},
	} {
		c, err := newRoute(r)
		require.NoError(tb, err)
		routes = append(routes, c)
	}
	return routes
}

// fuzzCollations are a few of each kind.
var fuzzCollations = collations{
	1: "big5", 5: "latin1", 8: "latin1", 11: "ascii", 24: "gb2312", 28: "gbk", 33: "utf8mb3", 35: "ucs2", 45: "utf8mb4", 46: "utf8mb4", 54: "utf16",
	60: "utf32", 63: binaryCharset, 192: "utf8mb3", 224: "utf8mb4", 248: "gb18030", 255: "utf8mb4", 2304: "utf8mb4", 2048: "utf8mb4", 9: "hebrew",
}

// fuzzHistory is what the seeds' table looks like, for logs that do not name its columns.
func fuzzHistory(flavor Flavor) *history {
	d := &ddl{schema: "fuzz", flavor: flavor, place: "b.000001:4", follows: func(n tableName) bool { return n.table == "talk" }}
	d.tokens = cutSQL(seedTable[:strings.Index(seedTable, ";")], 0)
	return d.apply((&history{Tables: map[string]*shape{}, Schemas: map[string]string{"fuzz": "utf8mb4"}}).sealed())
}

// TestTheSeedsReachTheReader: the seeds of FuzzEvents are read as on the server that they come from, or the fuzzer would begin at a door
// that is closed.
func TestTheSeedsReachTheReader(t *testing.T) {
	captured := map[string]int{"rows": 5, "transactions": 4, "ddl": 4, "minimal": 0, "nonames": 2, "compressed": 3}
	stops := map[string]string{"minimal": "binlog_row_image"}
	for name, seed := range seedsOfTheLog(t) {
		kind := name[strings.LastIndexByte(name, '-')+1:]
		l := listenTo(t, fuzzRoutes(t), seed.log, seed.flavor, true)
		changes := 0
		for _, b := range l.sent {
			changes += len(b.changes)
		}
		if stop := stops[kind]; stop != "" {
			require.ErrorContains(t, l.err, stop, name)
		} else {
			require.NoError(t, l.err, name)
		}
		want := captured[kind]
		if kind == "ddl" && seed.flavor == FlavorMySQL { // MariaDB has no gb18030, and so not the last INSERT of the seed
			want = 6
		}
		require.Equal(t, want, changes, name)
	}
}

// A seed is a stretch of a real server's log.
type seed struct {
	log    []byte
	flavor Flavor
}

// seedsOfTheLog reads the seeds of FuzzEvents, by name.
func seedsOfTheLog(t *testing.T) map[string]seed {
	t.Helper()
	files, err := filepath.Glob("testdata/fuzz/FuzzEvents/m*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 18)
	seeds := map[string]seed{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := strings.Split(string(text), "\n")
		log, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(lines[1], "[]byte("), ")"))
		require.NoError(t, err)
		s := seed{[]byte(log), FlavorMySQL}
		if strings.Contains(lines[2], "true") {
			s.flavor = FlavorMariaDB
		}
		seeds[filepath.Base(path)] = s
	}
	return seeds
}

// A listening is what reading a stretch of log gave.
type listening struct {
	sent []batch
	err  error
}

// listenTo reads events as on a connection: the syncer's parser hands them out raw, and our reader takes them. Sizes are set right, and
// checksums looked at only where that is asked for, or hardly a mutation would get past them.
func listenTo(t require.TestingT, routes []*route, log []byte, flavor Flavor, checked bool) (l listening) {
	status, err := newTracker(nil, nil, time.Second)
	require.NoError(t, err)
	w := newFilter(routes, false)
	r := &reader{
		opener: newOpener(flavor, time.UTC, w.watched, w.decode), filter: w,
		flavor: flavor, server: "fuzz", sets: fuzzCollations, status: status, tuning: defaultTuning(),
		place: place{file: "b.000001", pos: 4, schema: fuzzHistory(flavor)}, reached: 4, savedAt: time.Now(),
		verify: func() error { return nil }, flows: func(place) {},
		send: func(b batch) error { l.sent = append(l.sent, b); return nil },
	}
	defer r.release()
	syncer := replication.NewBinlogParser()
	syncer.SetFlavor(string(flavor))
	syncer.SetRawMode(true)
	for len(log) >= replication.EventHeaderSize {
		size := min(max(int(binary.LittleEndian.Uint32(log[9:])), replication.EventHeaderSize), len(log))
		raw := append([]byte(nil), log[:size]...)
		log = log[size:]
		binary.LittleEndian.PutUint32(raw[9:], uint32(size))
		err := pass(syncer, r, raw)
		if r.opener.checksums = r.opener.checksums && checked; err != nil {
			l.err = classify(err)
			return l
		}
	}
	return l
}

// pass takes one event through the syncer's parser and the reader. A panic of the library is an error, as its syncer makes it.
func pass(syncer *replication.BinlogParser, r *reader, raw []byte) (err error) {
	e, err := func() (e *replication.BinlogEvent, err error) {
		defer func() {
			if fault := recover(); fault != nil {
				err = fmt.Errorf("panic %v\nstack: goroutine 1", fault)
			}
		}()
		return syncer.Parse(raw)
	}()
	if err != nil {
		return err
	}
	return r.HandleEvent(e)
}

// FuzzEvents holds the listener to what it promises for any bytes in the log: no fault of ours, bounded memory, an error that says
// nothing of a row, and of what it takes in only the route's columns, in text that is text, at places that go forward; and the same
// again when the log is read again.
func FuzzEvents(f *testing.F) {
	routes := fuzzRoutes(f)
	f.Fuzz(func(t *testing.T, log []byte, mariadb bool) {
		flavor := FlavorMySQL
		if mariadb {
			flavor = FlavorMariaDB
		}
		if len(log) > 1<<20 {
			return // larger than what the limits are for
		}
		var l listening
		fuzzed.Within(t, 64<<20, 4000, len(log), func() { l = listenTo(t, routes, log, flavor, false) })
		if l.err != nil {
			fuzzed.Silent(t, strings.ToValidUTF8(l.err.Error(), "?")) // the name of the log's file is the server's, damaged or not
			require.NotContains(t, l.err.Error(), "a fault of the program")
			require.NotContains(t, l.err.Error(), " at talkbridge/", "a panic of ours while the library decodes")
		}
		requireCaptured(t, routes, l, log)
		requireSame(t, l, listenTo(t, routes, log, flavor, false))
	})
}

// requireCaptured looks at what was captured.
func requireCaptured(t *testing.T, routes []*route, l listening, log []byte) {
	t.Helper()
	for _, b := range l.sent {
		require.False(t, b.part && b.save, "a place is saved in the middle of a transaction")
		for _, c := range b.changes {
			require.Contains(t, []string{"one", "two"}, c.Route)
			require.NotEmpty(t, c.Key)
			require.NotEmpty(t, c.EventID)
			require.Equal(t, bridge.OriginBinlog, c.Origin)
			for name, v := range c.Columns {
				require.True(t, wants(routes, c, name), "column %s is none of the route %s", name, c.Route)
				if v.Kind != bridge.KindBinary {
					fuzzed.Faithful(t, v.Text, log)
				}
			}
		}
	}
}

func wants(routes []*route, c bridge.Change, column string) bool {
	for _, r := range routes {
		for _, name := range append(append([]string(nil), r.names...), c.KeyColumns...) {
			if r.Name == c.Route && strings.EqualFold(name, column) {
				return true
			}
		}
	}
	return false
}

func requireSame(t *testing.T, first, again listening) {
	t.Helper()
	require.Equal(t, fmt.Sprint(first.err), fmt.Sprint(again.err))
	var a, b []bridge.Change
	for _, s := range first.sent {
		a = append(a, s.changes...)
	}
	for _, s := range again.sent {
		b = append(b, s.changes...)
	}
	require.Len(t, b, len(a))
	for i := range a {
		a[i].CapturedAt = b[i].CapturedAt
		require.Equal(t, a[i], b[i])
	}
}

// FuzzValue holds the decoding of single cells to what it promises, for any kind of column and any bytes.
func FuzzValue(f *testing.F) {
	for _, set := range []string{"utf8mb4", "gbk", "gb18030", "big5", "latin1", "ucs2", "utf16le", "utf32", "gb2312", "ascii", binaryCharset} {
		f.Add(mysql.MYSQL_TYPE_VARCHAR, uint16(200), set, []byte(fuzzed.Name), false, false)
		f.Add(mysql.MYSQL_TYPE_BLOB, uint16(2), set, []byte("\x00\x4e\x2d\xc4\xe3\xff"), false, true)
	}
	for _, kind := range []byte{
		mysql.MYSQL_TYPE_NEWDECIMAL, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_TIME2, mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_STRING,
		mysql.MYSQL_TYPE_BIT, mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET, mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_YEAR,
	} {
		f.Add(kind, uint16(0xfe03), "utf8mb4", []byte(`{"姓名": "`+fuzzed.Name+`", "n": [1.50, null]}`), true, false)
		f.Add(kind, uint16(1), "gbk", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true, false)
	}
	f.Add(mysql.MYSQL_TYPE_BLOB, uint16(2), "utf8mb4", []byte("\x81\x05x\x9c\x4b\x4c\x4a\x4e\x49\x05\x00\x05\xc8\x01\xf0"), false, true)
	f.Fuzz(func(t *testing.T, kind byte, meta uint16, set string, raw []byte, unsigned, compressed bool) {
		c := &column{name: "c", kind: kind, meta: meta, unsigned: unsigned, compressed: compressed, labels: []string{"甲", "乙"}, charset: charset{name: binaryCharset}}
		if set != binaryCharset {
			var err error
			if c.charset, err = charsetOf(set); err != nil {
				return
			}
		}
		if c.problem = readable(kind); c.problem != nil {
			return
		}
		number := int64(binary.LittleEndian.Uint64(append(append([]byte(nil), raw...), make([]byte, 8)...)))
		for _, logged := range []any{string(raw), raw, int8(number), int16(number), int32(number), number, nil, float64(number) / 3} {
			var v bridge.Value
			var err error
			fuzzed.Within(t, 1<<20, 2500, len(raw), func() { v, err = c.value(logged) })
			if err != nil {
				require.Empty(t, v.Text)
				fuzzed.Silent(t, err.Error())
				continue
			}
			require.Equal(t, logged == nil, v.IsNull())
			if v.Kind == bridge.KindText || v.Kind == bridge.KindJSON {
				require.False(t, !compressed && !utf8.ValidString(v.Text), "%q of % x", v.Text, raw)
				if !compressed {
					fuzzed.Faithful(t, v.Text, raw)
				}
			}
		}
	})
}

// FuzzDDL holds the reader of statements to what it promises for any text: no fault, the history that was there before stays as it was,
// the one behind the statement survives its checkpoint, and no reason quotes a literal.
func FuzzDDL(f *testing.F) {
	for _, sql := range []string{
		"ALTER TABLE t ADD d INT UNSIGNED FIRST, DROP b, CHANGE c e VARCHAR(9) CHARACTER SET gbk COMMENT '" + fuzzed.Talk + "'",
		"CREATE TABLE IF NOT EXISTS t2 (x INT PRIMARY KEY, y ENUM('a','b''" + fuzzed.Name + "'), KEY (y)) DEFAULT CHARSET=gbk",
		"RENAME TABLE t TO _t_old, _t_new TO t", "DROP TABLE IF EXISTS `t`, s.t /* x */", "CREATE TABLE t3 LIKE t", "ALTER DATABASE s CHARACTER SET big5",
		"/*!50000 ALTER TABLE t DROP b */", "UPDATE talk SET a='it\\'s " + fuzzed.Talk + "' WHERE id=" + fuzzed.IDCard, "ALTER TABLE t CONVERT TO CHARACTER SET utf8",
		"ALTER TABLE t ADD d DECIMAL(5,2) DEFAULT '" + fuzzed.Secret + "' GENERATED ALWAYS AS (concat(a, '" + fuzzed.Name + "'))", "XA START X'61',X'',1", "SAVEPOINT `a``b`",
	} {
		f.Add(sql, uint64(0), false)
		f.Add(sql, uint64(4|1<<20), true)
	}
	f.Fuzz(func(t *testing.T, sql string, mode uint64, mariadb bool) {
		flavor := FlavorMySQL
		if mariadb {
			flavor = FlavorMariaDB
		}
		before := (&history{Tables: map[string]*shape{
			"s.t": {Columns: []shapeColumn{{Name: "a", Type: "int(11)", Null: no}, {Name: "b", Type: "varchar(10)", Charset: "gbk", Null: yes}}, Key: []string{"a"}, Charset: "utf8mb4"},
		}, Schemas: map[string]string{"s": "latin1"}}).sealed()
		was := string(before.encode())
		fuzzed.Within(t, 4<<20, 4000, len(sql), func() {
			d := &ddl{tokens: cutSQL(sql, mode), schema: "s", mode: mode, flavor: flavor, place: "b.1:4", follows: func(n tableName) bool { return strings.Contains(n.table, "t") }}
			after := d.apply(before)
			require.Equal(t, was, string(before.clone().encode()), "the history before the statement has changed")
			back, err := decodeHistory(after.encode())
			require.NoError(t, err)
			require.True(t, !utf8.ValidString(sql) || back.equal(after), "%s\n%s", after.encode(), back.encode())
			requireReasonsAreSilent(t, after, sql)
			s := cutStatement(sql, statementWords)
			_, _ = s.kind(), s.savepoint()
			_, _ = s.changes("s", "t", true), s.mentions("s", "t", false)
			_ = xaID(sql)
		})
	})
}

// requireReasonsAreSilent looks for what seeds have in literals in the reasons why a table is lost.
func requireReasonsAreSilent(t *testing.T, h *history, sql string) {
	t.Helper()
	for _, canary := range fuzzed.Canaries() {
		if !strings.Contains(sql, "'"+canary+"'") {
			continue
		}
		for _, s := range h.Tables {
			require.NotContains(t, s.Lost, canary)
		}
	}
}

// FuzzGTIDs: a set that is accepted is written so that it is read as the same set, and what is saved comes back.
func FuzzGTIDs(f *testing.F) {
	for _, text := range []string{"0-1-5, 2-7-9", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7", "3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:1,\n3e11fa47-71ca-11e1-9e33-c80aa9429562:2", "", "x", "1-2-3-4", "0-1-18446744073709551615"} {
		f.Add(text, true, "b.000001", uint64(4), `{"tables":{"s.t":{"lost":"x"}}}`)
		f.Add(text, false, "", uint64(1<<40), "")
	}
	f.Fuzz(func(t *testing.T, text string, mariadb bool, file string, pos uint64, schema string) {
		flavor := FlavorMySQL
		if mariadb {
			flavor = FlavorMariaDB
		}
		var p place
		var err error
		fuzzed.Within(t, 1<<20, 2000, len(text)+len(schema), func() {
			p, err = placeOf(bridge.Checkpoint{File: file, Pos: pos, GTID: text, Schema: []byte(schema)}, flavor)
		})
		if err != nil {
			return
		}
		saved := p.checkpoint(flavor, "srv")
		again, err := placeOf(*saved, flavor)
		require.NoError(t, err)
		require.Equal(t, p.text(), again.text())
		require.Equal(t, saved.Schema, again.checkpoint(flavor, "srv").Schema)
		if require.Equal(t, p.byGTID(), again.byGTID()); p.byGTID() {
			require.True(t, p.gtids.Equal(again.gtids), "%s is not %s", p.gtids, again.gtids)
			require.True(t, p.gtids.Contain(again.gtids))
		}
	})
}
