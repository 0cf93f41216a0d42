package canal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/fuzzed"
	"talkbridge/internal/testserver"
)

// TestSeedsOfTheLog writes the seeds of FuzzEvents: what each server that this machine has writes into its log for rows of every type,
// in every kind of transaction. TALKBRIDGE_SEEDS=1 go test ./canal -run TestSeedsOfTheLog; with TALKBRIDGE_TEST_ROOTS for more servers.
func TestSeedsOfTheLog(t *testing.T) {
	if os.Getenv("TALKBRIDGE_SEEDS") == "" {
		t.Skip("the seeds are committed: TALKBRIDGE_SEEDS=1 writes them anew")
	}
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		name := strings.ToLower(filepath.Base(t.Name()))
		for part, statements := range seedStatements(name) {
			require.NoError(t, m.Exec("DROP DATABASE IF EXISTS fuzz; CREATE DATABASE fuzz DEFAULT CHARACTER SET utf8mb4; USE fuzz; SET GLOBAL binlog_row_metadata=FULL; "+seedTable))
			file, pos := masterStatus(t, m)
			perform(t, m, statements)
			log := rawLog(t, m, file, pos)
			text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\nbool(%v)\n", log, strings.Contains(name, "mariadb"))
			path := filepath.Join("testdata", "fuzz", "FuzzEvents", name+"-"+part)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			t.Logf("%s: %d bytes of log", path, len(log))
		}
	})
}

const seedTable = `CREATE TABLE talk (id BIGINT PRIMARY KEY, flag TINYINT, name VARCHAR(40), g VARCHAR(40) CHARACTER SET gbk,
 b5 CHAR(9) CHARACTER SET big5, l TEXT CHARACTER SET latin1, body MEDIUMTEXT, j JSON, e ENUM('甲','乙') CHARACTER SET gbk, s SET('a','b'),
 b BIT(11), u BIGINT UNSIGNED, d DECIMAL(20,6), t TIMESTAMP(3) NULL, dt DATETIME(6), ti TIME(2), c BINARY(6), bin VARBINARY(9), y YEAR, fl DOUBLE);
CREATE TABLE other (id INT PRIMARY KEY, a VARCHAR(99));`

func seedStatements(name string) map[string]string {
	row := fmt.Sprintf(`'%s', '你好', '大五碼', 'é%s', '%s', '{"身份证": "%s", "n": [1.5, -9223372036854775808, null, true], "o": {"p": "q"}}',
 '乙', 'a,b', b'10101010101', 18446744073709551615, -12345678901234.567890, '2026-03-05 14:30:00.123', '0000-00-00 00:00:00', '-838:59:59.00', 'ab', x'00ff', 2026, 1.5e300`,
		fuzzed.Name, fuzzed.Phone, fuzzed.Talk, fuzzed.IDCard)
	insert := func(id, flag int) string {
		return fmt.Sprintf("SET sql_mode=''; INSERT INTO talk VALUES (%d, %d, %s);", id, flag, row)
	}
	parts := map[string]string{
		"rows": insert(1, 0) + "UPDATE talk SET flag=1;" + insert(2, 1) + "UPDATE talk SET flag=2, name=NULL, j='[]' WHERE id=2; DELETE FROM talk WHERE id=1",
		"transactions": "BEGIN; INSERT INTO other VALUES (1, 'x'); SAVEPOINT a;" + insert(1, 1) + "ROLLBACK TO a;" + insert(2, 1) + "COMMIT; BEGIN;" + insert(3, 1) +
			"ROLLBACK; XA START 'x';" + insert(4, 1) + "XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
		"ddl": insert(1, 1) + "ALTER TABLE talk ADD extra INT FIRST; INSERT INTO talk (id, flag, name) VALUES (2, 1, 'n'); ALTER TABLE talk DROP extra, MODIFY g TEXT CHARACTER SET gb18030;" +
			"UPDATE talk SET flag=2; RENAME TABLE talk TO talk2; CREATE TABLE talk LIKE talk2;" + insert(3, 1) + "DROP TABLE other; FLUSH BINARY LOGS",
		"minimal":    "SET SESSION binlog_row_image=MINIMAL;" + insert(1, 0) + "UPDATE talk SET flag=1; SET SESSION binlog_format=STATEMENT; UPDATE talk SET flag=3, name='" + fuzzed.Name + "'",
		"nonames":    "SET GLOBAL binlog_row_metadata=MINIMAL;" + insert(1, 1) + "UPDATE talk SET flag=1 WHERE id=1",
		"compressed": "SET SESSION binlog_transaction_compression=ON;" + insert(1, 1) + "UPDATE talk SET flag=3",
	}
	if strings.Contains(name, "mariadb") {
		parts["compressed"] = "SET GLOBAL log_bin_compress=ON; SET GLOBAL log_bin_compress_min_len=10; ALTER TABLE talk MODIFY body MEDIUMTEXT COMPRESSED;" + insert(1, 1) + "UPDATE talk SET flag=3; SET GLOBAL log_bin_compress=OFF"
	}
	return parts
}

// perform runs statements on one connection; what a server does not know it leaves out.
func perform(t *testing.T, m *testserver.SQLServer, statements string) {
	t.Helper()
	db := m.DB("fuzz")
	defer db.Close()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for s := range strings.SplitSeq(statements, ";") {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Logf("left out: %.60s: %v", s, err)
		}
	}
}

func masterStatus(t *testing.T, m *testserver.SQLServer) (file string, pos uint32) {
	t.Helper()
	db := m.DB("")
	defer db.Close()
	for _, ask := range []string{"SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"} {
		if answer, err := record(t.Context(), db, ask); err == nil && answer["File"] != "" {
			_, err = fmt.Sscan(answer["Position"], &pos)
			require.NoError(t, err)
			return answer["File"], pos
		}
	}
	t.Fatal("the server does not say where its log ends")
	return "", 0
}

// rawLog is the log from a place to its end, event behind event.
func rawLog(t *testing.T, m *testserver.SQLServer, file string, pos uint32) (log []byte) {
	t.Helper()
	host, port, _ := strings.Cut(m.Addr, ":")
	var number uint16
	_, err := fmt.Sscan(port, &number)
	require.NoError(t, err)
	flavor := "mysql"
	if strings.Contains(t.Name(), "MariaDB") {
		flavor = "mariadb"
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4711, Flavor: flavor, Host: host, Port: number, User: "root", Password: testserver.RootPassword,
		HeartbeatPeriod: 300 * time.Millisecond, RawModeEnabled: true,
	})
	defer syncer.Close()
	streamer, err := syncer.StartSync(mysql.Position{Name: file, Pos: pos})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		e, err := streamer.GetEvent(ctx)
		require.NoError(t, err)
		log = append(log, e.RawData...)
		if e.Header.EventType == replication.HEARTBEAT_EVENT || e.Header.EventType == replication.HEARTBEAT_LOG_EVENT_V2 {
			return log
		}
	}
}
