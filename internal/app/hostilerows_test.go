package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/admin"
	"talkbridge/internal/bridge"
)

// A hostile row, by what is set in a copy of record 1001, and what has to come of it.
type hostileRow struct {
	name    string
	set     string   // columns of xl_gzth
	before  []string // statements that come first
	refused string   // part of the reason; empty: it is delivered
	payload func(t *testing.T, payload map[string]any)
}

// holds asks that a field of the payload is exactly this.
func holds(field, want string) func(t *testing.T, payload map[string]any) {
	return func(t *testing.T, payload map[string]any) {
		t.Helper()
		require.Equal(t, want, payload[field])
	}
}

const evilTitle = `<script>alert(1)</script>'";--${jndi:ldap://x}{{7*7}}`

func hostileRows() []hostileRow {
	return []hostileRow{
		{name: "64 MB of text", set: "thnr = REPEAT('谈', 22369621)", refused: "谈话内容过大，超过 16 MB"},
		{name: "15 MB of text", set: "thnr = REPEAT('谈', 5242880)", refused: "谈话内容有 5242880 字，超过上限 2000 字"},
		{name: "15 MB of tags", set: "thnr = REPEAT('<b>', 5242880)", refused: "谈话内容为空"},
		{name: "4 MB of open brackets and a tag", set: "thnr = CONCAT('<p>', REPEAT('<', 4194304), '</p>')", refused: "超过上限 2000 字"},
		{
			name: "a picture of 12 MB in the text", set: "thnr = CONCAT('<p>正文<img src=\"data:image/png;base64,', REPEAT('A', 12582912), '\"></p>')",
			payload: holds("talkContent", "正文"),
		},
		{name: "NULs in rich text", set: "thnr = CONCAT('一', CHAR(0), '二', CHAR(0))", payload: holds("talkContent", "一二")},
		{name: "NUL in a title", set: "bt = CONCAT('一', CHAR(0), '二')", payload: holds("talkTitle", "一\x00二")},
		{name: "script in rich text", set: "thnr = '<script>alert(1)</script><p onclick=x>正文</p><style>p{}</style>'", payload: holds("talkContent", "正文")},
		{name: "script in a title", set: "bt = '" + strings.ReplaceAll(evilTitle, "'", "''") + "'", payload: holds("talkTitle", evilTitle)},
		{name: "deep JSON as text", set: "thnr = CONCAT(REPEAT('[', 900), REPEAT(']', 900))", payload: holds("talkContent", strings.Repeat("[", 900)+strings.Repeat("]", 900))},
		{name: "deep JSON in a JSON column", set: "kz = CONCAT(REPEAT('[', 30), REPEAT(']', 30))"},
		{name: "deep tags", set: "thnr = CONCAT(REPEAT('<div>', 200000), '正文')", payload: holds("talkContent", "正文")},
		{name: "emoji", set: "bt = '👩🏽‍🎓🏳️‍🌈𠮷'", payload: holds("talkTitle", "👩🏽‍🎓🏳️‍🌈𠮷")},
		{name: "controls of direction", set: "bt = CONCAT('a', _utf8mb4 x'E280AE', 'b', _utf8mb4 x'E281A6', 'c')", payload: holds("talkTitle", "a\u202eb\u2066c")},
		{name: "zero dates", set: "kssj = '0000-00-00 00:00:00', jssj = '2026-00-10 00:00:00'", refused: "谈话开始时间不是有效的日期"},
		{name: "bytes that are no GBK", before: []string{
			"ALTER TABLE xl_gzth MODIFY dd VARCHAR(100) CHARACTER SET gbk",
		}, set: "dd = _gbk x'D7FAD7FB'", refused: "谈话地点含有无法识别的字符"},
		{name: "1000 columns", before: []string{manyColumns(974)}, set: "c973 = 'end'", payload: holds("talkTitle", "学业压力与睡眠")},
	}
}

func manyColumns(n int) string {
	columns := make([]string, n)
	for i := range columns {
		columns[i] = fmt.Sprintf("ADD COLUMN c%d VARCHAR(3) CHARACTER SET ascii DEFAULT 'x'", i)
	}
	return "ALTER TABLE xl_gzth " + strings.Join(columns, ", ")
}

// Whatever stands in a row, it is delivered as it is or refused with a reason that its writer understands, and the next one goes through.
func TestHostileRows(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.quick(t)
	c.exec(t, "SET GLOBAL max_allowed_packet = 1073741824")
	c.db.SetMaxIdleConns(0) // new connections have the new limit, and the mode of the next line
	c.exec(t, "SET GLOBAL sql_mode = ''")
	b := c.node(t, "listener")
	b.takesOver(30 * time.Second)
	t.Logf("before: resident %.0f MB", mb(b.memory("VmRSS")))
	id := 6000
	copyOf := func(set string) string {
		id++
		columns := "gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, gh"
		c.exec(t, fmt.Sprintf("INSERT INTO xl_gzth (id, %s) SELECT %d, %s FROM xl_gzth WHERE id = 1001", columns, id, columns))
		if set != "" {
			set += ", "
		}
		c.exec(t, fmt.Sprintf("UPDATE xl_gzth SET %stj_zt = '1' WHERE id = %d", set, id))
		return strconv.Itoa(id)
	}
	for _, row := range hostileRows() {
		t.Run(row.name, func(t *testing.T) {
			for _, statement := range row.before {
				c.exec(t, statement)
			}
			begun := time.Now()
			hostile := copyOf(row.set)
			next := copyOf("")
			c.arrives(t, b, next, "")
			record := c.arrives(t, b, hostile, row.refused)
			t.Logf("after %v: %s %s; resident %.0f MB, ever %.0f MB", time.Since(begun).Round(time.Millisecond), record.Status, record.Message,
				mb(b.memory("VmRSS")), mb(b.memory("VmHWM")))
			if row.payload != nil {
				held, ok := c.sim.Record("one", hostile)
				require.True(t, ok)
				var payload map[string]any
				require.NoError(t, json.Unmarshal(held.Payload, &payload))
				row.payload(t, payload)
			}
		})
	}
	require.Zero(t, c.sim.Stats().Unreadable)
}

// arrives waits until a record of route one is delivered, or refused with a reason.
func (c *college) arrives(t *testing.T, b *node, key, refused string) (record bridge.Record) {
	t.Helper()
	eventually(t, 2*time.Minute, func() error {
		select {
		case ended := <-b.ended:
			b.ended <- ended
			t.Fatalf("the bridge ended: %v\n%s", ended, b.said())
		default:
		}
		text := page(t, "http://"+b.admin+"/api/v1/records/one/"+key)
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			return fmt.Errorf("one/%s: %s", key, text)
		}
		if refused == "" && record.Status != bridge.StatusDelivered || refused != "" && (record.Status != bridge.StatusRejected || !strings.Contains(record.Message, refused)) {
			return errors.New(text)
		}
		return nil
	})
	return record
}

const keyedRoute = `  - name: keyed
    table: xgxt_demo.th_key
    submit: {column: zt, becomes: ["1"]}
    endpoint: /talk-record/one
    contract: contracts/one.schema.json
    fields:
      recordId: k
      counselorNo: {value: "1"}
      counselorName: {value: 王}
      talkType: {value: "05"}
      talkMode: {value: "01"}
      talkTime: {value: "2026-03-05 14:30:00"}
      talkTitle: {value: t}
      talkContent: {value: c}
      studentNo: {value: "1"}
      studentName: {value: 李}
`

// Keys are what people wrote into a table: long, with slashes and line breaks in them, and like parts of an address. Each is a record of its
// own, found by its key.
func TestHostileKeys(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.exec(t, "CREATE TABLE th_key (k VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, zt CHAR(1))")
	c.edit(t, "  - name: multi ", keyedRoute+"\n  - name: multi ")
	keys := map[string]bridge.Status{
		"a": bridge.StatusDelivered, "A": bridge.StatusDelivered, "a b": bridge.StatusDelivered, "a/b": bridge.StatusDelivered, "../../etc": bridge.StatusDelivered, "..": bridge.StatusDelivered, "a//b": bridge.StatusDelivered, "?a=1#b": bridge.StatusDelivered,
		"a\nb": bridge.StatusDelivered, "%2e%2e": bridge.StatusDelivered, "a,b": bridge.StatusDelivered, "'; DROP TABLE x": bridge.StatusDelivered, "键\u202e👩": bridge.StatusDelivered,
		"{nbufe}:due": bridge.StatusDelivered, strings.Repeat("键", 500): bridge.StatusRejected, // the contract takes 64 characters
	}
	c.run(t)
	for key := range keys {
		c.exec(t, "INSERT INTO th_key VALUES (?, '1')", key)
	}
	client := admin.NewClient(c.load(t).Admin.Listen)
	for key, status := range keys {
		written := bridge.JoinKey([]string{key})
		var record bridge.Record
		eventually(t, time.Minute, func() (err error) {
			if record, _, err = client.Record(t.Context(), bridge.RecordID("keyed", written)); err == nil && record.Status != status {
				err = fmt.Errorf("%q is %q", key, record.Status)
			}
			return err
		})
		require.Equal(t, written, record.Key)
		if status == bridge.StatusDelivered {
			_, ok := c.sim.Record("one", key)
			require.True(t, ok, key)
		}
	}
	base := "http://" + c.load(t).Admin.Listen
	links := regexp.MustCompile(`href="(/records/keyed[^"]+)"`).FindAllStringSubmatch(page(t, base+"/records?route=keyed"), -1)
	require.Len(t, links, len(keys))
	for _, link := range links {
		require.Contains(t, page(t, base+html.UnescapeString(link[1])), `id="record"`, "%s leads to its record", link[1])
	}
}
