package canal

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/testserver"
)

// The soak: writers change the rows of a watched table at random, in transactions that are committed, rolled back whole or back to a
// savepoint, while the table itself is altered under them. Each writer reads every row that it has changed inside the same transaction,
// as text, and keeps what the server answered. In the end every change that was delivered has the values of that answer, and each
// answer was delivered. make soak runs it for a minute on every server; make test for two seconds.

const soakTable = `CREATE TABLE soak (id INT PRIMARY KEY, touched BIGINT NOT NULL DEFAULT 0, body VARCHAR(200) CHARACTER SET utf8mb4, num INT,
  at DATETIME, label ENUM('甲','乙','丙') CHARACTER SET utf8mb4, parts SET('a','b','c'), bin VARBINARY(50), doc JSON, dbl DOUBLE, y YEAR, t TIME(2),
  bits BIT(9), big BIGINT UNSIGNED, price DECIMAL(20,4), word VARCHAR(60) CHARACTER SET gbk, n0 INT)`

var soakColumns = []string{"body", "num", "at", "label", "parts", "bin", "doc", "dbl", "y", "t", "bits", "big", "price", "word"}

// A soak is one run.
type soak struct {
	t       *testing.T
	server  *testserver.SQLServer
	schema  string
	db      *sql.DB
	touched atomic.Int64
	until   time.Time

	transactions, rolledBack, alters, refused atomic.Int64

	mu      sync.Mutex // guards journal
	journal map[string][]sql.NullString
}

func TestSoak(t *testing.T) {
	length := 2 * time.Second
	if text := os.Getenv("TALKBRIDGE_TEST_SOAK"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		for _, metadata := range []string{"FULL", "MINIMAL"} {
			t.Run("metadata "+metadata, func(t *testing.T) {
				m := s.Start(t, "--binlog-row-metadata="+metadata, "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0")
				newSoak(t, m, length).run()
			})
		}
	})
}

func newSoak(t *testing.T, m *testserver.SQLServer, length time.Duration) *soak {
	t.Helper()
	s := &soak{t: t, server: m, schema: database(t, m, soakTable), until: time.Now().Add(length), journal: map[string][]sql.NullString{}}
	cfg := driver.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = "root", testserver.RootPassword, "tcp", m.Addr, s.schema
	cfg.Collation = "utf8mb4_general_ci"
	cfg.Params = map[string]string{"time_zone": "'+08:00'", "sql_mode": "''", "lock_wait_timeout": "5"}
	connector, err := driver.NewConnector(cfg)
	require.NoError(t, err)
	s.db = sql.OpenDB(connector)
	t.Cleanup(func() { s.db.Close() })
	return s
}

func (s *soak) run() {
	t := s.t
	out := &memory{}
	o := options(t, s.server, out, Route{
		Name: "soak", Schema: s.schema, Table: "soak", Columns: soakColumns, Submit: Submit{Column: "touched", Mode: ModeChanges},
	})
	o.OnPurged, o.Logger = PurgedStop, nil
	r := startRun(t, o).connected()
	var writers sync.WaitGroup
	for n := range 3 {
		writers.Go(func() { s.write(n, rand.New(rand.NewPCG(uint64(n), 11))) })
	}
	writers.Go(func() { s.alter(rand.New(rand.NewPCG(99, 11))) })
	restarts := 0
	for time.Now().Before(s.until) { // a bridge that is stopped and started goes on where it was
		select {
		case err := <-r.done:
			r.done <- err
			require.NoError(t, err)
		case <-time.After(min(5*time.Second, time.Until(s.until))):
		}
		require.NoError(t, r.end())
		r = startRun(t, o)
		restarts++
	}
	writers.Wait()
	deadline := time.Now().Add(60 * time.Second)
	for len(out.all()) < len(s.journal) && time.Now().Before(deadline) {
		select {
		case err := <-r.done:
			r.done <- err
			require.NoError(t, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	require.NoError(t, r.end())
	differences := s.compare(out.all())
	t.Logf("%s: %d transactions, %d rolled back; %d changes of the table (%d refused by the server); %d rows delivered, %d read by the writers; "+
		"%d restarts; %d differences", t.Name(), s.transactions.Load(), s.rolledBack.Load(), s.alters.Load(), s.refused.Load(), len(out.all()),
		len(s.journal), restarts, differences)
	require.Zero(t, differences)
	require.Len(t, out.all(), len(s.journal))
	require.NotZero(t, s.alters.Load())
}

// write runs one writer on the rows whose id it owns.
func (s *soak) write(n int, random *rand.Rand) {
	for time.Now().Before(s.until) {
		if err := s.transaction(n, random); err != nil {
			// A deadlock, or a lock that an ALTER holds too long: the server rolled back.
			if _, known := errors.AsType[*driver.MySQLError](err); !known {
				s.t.Errorf("writer: %v", err)
				return
			}
		}
	}
}

// transaction makes one random transaction and keeps in the journal what it read, if it was committed.
func (s *soak) transaction(n int, random *rand.Rand) error {
	ctx := context.Background()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit there is nothing to roll back
	read := map[string][]sql.NullString{}
	saved := -1
	var order []string
	for range 1 + random.IntN(4) {
		switch random.IntN(12) {
		case 0:
			if _, err := tx.ExecContext(ctx, "SAVEPOINT s"); err != nil {
				return err
			}
			saved = len(order)
		case 1:
			if saved < 0 {
				continue
			}
			if _, err := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT s"); err != nil {
				return err
			}
			for _, key := range order[saved:] {
				delete(read, key)
			}
			order = order[:saved]
		case 2:
			if _, err := tx.ExecContext(ctx, "DELETE FROM soak WHERE id = ?", 3*random.IntN(100)+n); err != nil {
				return err
			}
		default:
			key, row, err := s.change(ctx, tx, 3*random.IntN(100)+n, random)
			if err != nil {
				return err
			}
			read[key] = row
			order = append(order, key)
		}
	}
	if random.IntN(8) == 0 {
		s.rolledBack.Add(1)
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.transactions.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.journal, read)
	return nil
}

// change inserts or updates one row with random values and reads it back, as the server prints it.
func (s *soak) change(ctx context.Context, tx *sql.Tx, id int, random *rand.Rand) (key string, row []sql.NullString, err error) {
	touched := s.touched.Add(1)
	names, values := []string{"touched"}, []any{touched}
	for _, name := range soakColumns {
		if random.IntN(3) > 0 {
			names, values = append(names, name), append(values, soakValue(name, random))
		}
	}
	set := strings.Join(names, " = ?, ") + " = ?"
	statement := "INSERT INTO soak SET id = " + strconv.Itoa(id) + ", " + set + " ON DUPLICATE KEY UPDATE " + set
	if _, err := tx.ExecContext(ctx, statement, append(append([]any{}, values...), values...)...); err != nil {
		return "", nil, err
	}
	row = make([]sql.NullString, len(soakColumns))
	targets := make([]any, len(row))
	for i := range row {
		targets[i] = &row[i]
	}
	// Without parameters the server answers in text; only of a YEAR the driver makes a number, so the server makes it a text first.
	query := fmt.Sprintf("SELECT %s FROM soak WHERE id = %d", strings.Replace(strings.Join(soakColumns, ", "), ", y,", ", CONCAT(y),", 1), id)
	if err := tx.QueryRowContext(ctx, query).Scan(targets...); err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%d@%d", id, touched), row, nil
}

func soakValue(name string, random *rand.Rand) any {
	if random.IntN(10) == 0 {
		return nil
	}
	pick := func(from ...any) any { return from[random.IntN(len(from))] }
	switch name {
	case "body", "word":
		return strings.Repeat(pick("谈话", "a", "记录,", " ", "'\"\\", "一\n二").(string), random.IntN(12))
	case "num":
		return random.IntN(4_000_000_000) - 2_000_000_000
	case "at":
		return fmt.Sprintf("20%02d-%02d-%02d %02d:%02d:%02d.%06d", 10+random.IntN(20), 1+random.IntN(12), 1+random.IntN(28), random.IntN(24),
			random.IntN(60), random.IntN(60), random.IntN(1_000_000))
	case "label":
		return pick("甲", "乙", "丙")
	case "parts":
		return pick("", "a", "a,c", "b", "a,b,c")
	case "bin":
		b := make([]byte, random.IntN(50))
		for i := range b {
			b[i] = byte(random.UintN(256))
		}
		return b
	case "doc":
		return pick(`{"a": 1, "b": [true, null, "谈"]}`, `[]`, `"x"`, `{"k": {"deep": -0.5}}`, `12345678901`)
	case "dbl":
		return random.NormFloat64() * 1e6
	case "y":
		return pick(0, 1901, 2026, 2155)
	case "t":
		return pick("-838:59:59", "00:00:00.25", "-00:00:00.75", "12:34:56.78", "100:00:00")
	case "bits":
		return random.IntN(512)
	case "big":
		return random.Uint64()
	default: // price
		return fmt.Sprintf("%d.%04d", random.IntN(2_000_000)-1_000_000, random.IntN(10_000))
	}
}

// alter changes the table until the time is over: other columns come, go and change names, the route's own change type and place.
func (s *soak) alter(random *rand.Rand) {
	types := map[string][]string{
		"body": {"VARCHAR(200) CHARACTER SET utf8mb4", "TEXT CHARACTER SET utf8mb4", "VARCHAR(300) CHARACTER SET gbk", "MEDIUMTEXT CHARACTER SET utf8mb4"},
		"num":  {"INT", "BIGINT", "DECIMAL(20,4)", "VARCHAR(40)", "INT"},
		"at":   {"DATETIME", "DATETIME(3)", "DATETIME(6)", "TIMESTAMP(2) NULL", "TIMESTAMP NULL"},
		"label": {
			"ENUM('甲','乙','丙') CHARACTER SET utf8mb4", "ENUM('丙','乙','甲','丁') CHARACTER SET gbk", "VARCHAR(20) CHARACTER SET utf8mb4",
		},
		"parts": {"SET('a','b','c')", "SET('x','c','b','a')"},
		"bin":   {"VARBINARY(50)", "BLOB", "VARBINARY(300)"},
		"t":     {"TIME(2)", "TIME", "TIME(6)"},
		"bits":  {"BIT(9)", "BIT(16)", "BIT(64)"},
		"price": {"DECIMAL(20,4)", "DECIMAL(30,10)", "DOUBLE"},
		"word":  {"VARCHAR(60) CHARACTER SET gbk", "VARCHAR(60) CHARACTER SET utf8mb4", "TEXT CHARACTER SET gbk"},
	}
	names := []string{"body", "num", "at", "label", "parts", "bin", "t", "bits", "price", "word"}
	place := func() string { return []string{"", " FIRST", " AFTER id", " AFTER doc"}[random.IntN(4)] }
	other, next := []string{"n0"}, 1
	for time.Now().Before(s.until) {
		var statement string
		done := func() {}
		switch kind := random.IntN(10); {
		case kind < 2 || len(other) == 0:
			name := fmt.Sprintf("n%d", next)
			next++
			statement = "ALTER TABLE soak ADD COLUMN " + name + " " + []string{
				"INT", "TEXT", "DATETIME(2) DEFAULT NOW(2)", "JSON", "BIGINT UNSIGNED DEFAULT 7",
				"VARCHAR(20) CHARACTER SET gbk DEFAULT '旧'",
			}[random.IntN(6)] + place()
			done = func() { other = append(other, name) }
		case kind < 4:
			statement = "ALTER TABLE soak DROP COLUMN " + other[0]
			done = func() { other = other[1:] }
		case kind < 5:
			name := fmt.Sprintf("n%d", next)
			next++
			statement = "ALTER TABLE soak CHANGE " + other[0] + " " + name + " VARCHAR(50) CHARACTER SET utf8mb4"
			done = func() { other[0] = name }
		case kind < 6:
			statement = fmt.Sprintf("RENAME TABLE soak TO soak_%d, soak_%d TO soak", next, next)
			next++
		case kind < 7:
			statement = "OPTIMIZE TABLE soak"
		default:
			name := names[random.IntN(len(names))]
			statement = "ALTER TABLE soak MODIFY " + name + " " + types[name][random.IntN(len(types[name]))] + place()
		}
		if _, err := s.db.ExecContext(context.Background(), statement); err != nil {
			s.refused.Add(1)
		} else {
			s.alters.Add(1)
			done()
		}
		<-time.After(time.Duration(random.IntN(60)) * time.Millisecond)
	}
}

// compare holds what was delivered against what the server answered.
func (s *soak) compare(delivered []bridge.Change) (differences int) {
	for _, c := range delivered {
		key := c.Key + "@" + c.Columns["touched"].Text
		row, known := s.journal[key]
		if !known {
			differences++
			s.t.Errorf("%s was delivered, and no writer committed it", key)
			continue
		}
		for i, name := range soakColumns {
			if !sameText(c.Columns[name], row[i]) {
				if differences++; differences < 20 {
					s.t.Errorf("%s, column %s: delivered %+v, the server answered %+q", key, name, c.Columns[name], row[i].String)
				}
			}
		}
	}
	return differences
}

// sameText compares a Value with the text that the server prints. A BIT it prints as bytes, and a DOUBLE may have more digits than it
// needs.
func sameText(v bridge.Value, printed sql.NullString) bool {
	if v.IsNull() || !printed.Valid {
		return v.IsNull() && !printed.Valid
	}
	switch v.Kind {
	case bridge.KindFloat:
		a, err := strconv.ParseFloat(v.Text, 64)
		b, err2 := strconv.ParseFloat(printed.String, 64)
		return err == nil && err2 == nil && a == b
	case bridge.KindJSON: // MySQL prints a document with spaces in it
		var compact bytes.Buffer
		return json.Compact(&compact, []byte(printed.String)) == nil && v.Text == compact.String()
	case bridge.KindBits, bridge.KindBool:
		var n uint64
		for _, b := range []byte(printed.String) {
			n = n<<8 | uint64(b)
		}
		return v.Text == strconv.FormatUint(n, 10)
	default:
		return v.Text == printed.String
	}
}
