package setup_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"talkbridge/configs"
	"talkbridge/internal/app"
	"talkbridge/internal/fixture"
	"talkbridge/internal/setup"
	"talkbridge/internal/testserver"
)

func contracts(t *testing.T) []setup.Contract {
	t.Helper()
	var out []setup.Contract
	for _, name := range []string{"one", "multi", "patriarch"} {
		text, err := configs.Files.ReadFile("contracts/" + name + ".schema.json")
		require.NoError(t, err)
		c, err := setup.ParseContract(name, "contracts/"+name+".schema.json", text)
		require.NoError(t, err)
		out = append(out, c)
	}
	return out
}

// loads writes the proposal where its contracts are and proves that it loads and that its mapping can be meant.
func loads(t *testing.T, yaml string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, configs.Files))
	require.NoError(t, app.CheckDraft(filepath.Join(dir, "talkbridge.yaml"), []byte(yaml)), yaml)
}

// proposed makes a proposal for every contract over the table that looks likeliest.
func proposed(t *testing.T, m *testserver.SQLServer, database, table string) *setup.Result {
	t.Helper()
	db := m.DB(database)
	defer db.Close()
	tables, err := setup.ReadTables(t.Context(), db, database)
	require.NoError(t, err)
	d := setup.Draft{Addr: m.Addr, User: "talkbridge", PasswordEnv: "TALKBRIDGE_MYSQL_PASSWORD", Namespace: database}
	for _, c := range contracts(t) {
		likely := setup.Likely(tables, c)
		require.NotNil(t, likely, c.Name)
		require.Equal(t, table, likely.Name)
		d.Chosen = append(d.Chosen, setup.Choice{Contract: c, Table: likely})
	}
	r, err := d.Write(t.Context(), db, tables)
	require.NoError(t, err)
	loads(t, r.YAML)
	return r
}

// has finds a line of the proposal, whatever stands behind it.
func has(t *testing.T, yaml string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		require.Contains(t, yaml, "\n"+line, yaml)
	}
}

// Pinyin initials, no foreign keys, an old table in GBK: the mapping that a person wrote for it in configs/talkbridge.yaml is found.
func TestPinyinTablesAreUnderstood(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		pinyin(t, s.Start(t))
	})
}

func pinyin(t *testing.T, m *testserver.SQLServer) {
	t.Helper()
	require.NoError(t, m.Exec(fixture.Database))
	r := proposed(t, m, "xgxt_demo", "xl_gzth")
	has(t, r.YAML,
		`    submit: {column: tj_zt, becomes: ["1"]}`, `    where: "th_lx == \"1\" && scbz == \"0\""`, `    where: "th_lx == \"3\" && scbz == \"0\""`,
		`      gzdx: {query: "SELECT xh, gzdj FROM xgxt_demo.xl_gzdx WHERE id = :gzdx_id AND scbz = '0'"}`,
		`      student: {label: 学生, query: "SELECT xh, xm, sfzjh, sjh, xymc, zymc, bjmc, nj FROM xgxt_demo.xg_xsxx WHERE xh = :gzdx.xh AND scbz = '0'"}`,
		`      student: {label: 学生, query: "SELECT xh, xm, sfzjh, sjh, xymc, zymc, bjmc, nj FROM xgxt_demo.xg_xsxx WHERE xh = :jtcy.xh AND scbz = '0'"}`,
		`      recordId: id `, `      counselorNo: gh `, `      counselorName: counselor.xm `, `      talkMode: {from: th_fs, dict: talk_mode} `,
		`      talkTime: {from: kssj, time: "yyyy-MM-dd HH:mm:ss"} `, `      talkContent: {from: thnr, text: html, max: 2000, overflow: reject} `,
		`      attentionLevel: {from: gzdx.gzdj, dict: attention_level, optional: true} `, `      participantCount: {expr: len(participants)} `,
		`    MT: "01"`, `    "一级": "1"`, `      # problem:`,
	)
	require.Contains(t, r.YAML, "s.xh = m.xh COLLATE utf8mb4_unicode_ci", "tables of two collations are compared")
	require.Contains(t, r.YAML, "another one leads over xg_jtcy", "a choice that was made is told")
	require.Zero(t, r.Missing)
	require.NotContains(t, r.YAML, "phq9")
	t.Run("the DBA's SQL", func(t *testing.T) { kitOnServer(t, m) })
}

// A required field for which there is no column refuses every record until somebody names one: it is never left empty or made up.
func TestWhatIsNotFoundIsSaid(t *testing.T) {
	m := testserver.StartMariaDB(t)
	require.NoError(t, m.Exec(`SET NAMES utf8mb4; CREATE DATABASE odd DEFAULT CHARACTER SET utf8mb4; CREATE TABLE odd.thjl (id INT PRIMARY KEY, kssj DATETIME, thnr LONGTEXT, dd VARCHAR(9), bt VARCHAR(50),
		thfs ENUM('面谈','捎话') NOT NULL)`))
	r := proposed(t, m, "odd", "thjl")
	require.Positive(t, r.Missing)
	has(t, r.YAML, `      counselorName: {expr: "nil"} `, `    "面谈": "01"`, `    # "捎话": ""   # DECIDE: `)
	require.Contains(t, r.YAML, "talkbridge init sql has the statement that adds submit_count")
	require.Contains(t, r.YAML, "submit: {column: submit_count, changes: true}")
}

// The account that the SQL makes can do what the bridge needs and cannot write anything else. The trigger takes the flag back when the
// content changes, and only then.
func kitOnServer(t *testing.T, m *testserver.SQLServer) {
	t.Helper()
	db := m.DB("xgxt_demo")
	defer db.Close()
	exec := func(statement string) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	exec("ALTER TABLE xl_gzth DROP COLUMN sb_xx")
	k := setup.Kit{
		User: "made", Host: "127.0.0.1", Password: "it's a \\ secret", Trigger: true, Reads: []string{"xgxt_demo.xg_fdyxx"},
		Routes: []setup.KitRoute{{
			Name: "one", Schema: "xgxt_demo", Table: "xl_gzth", Flag: "tj_zt", Mode: "becomes", Values: []string{"1"}, Marks: []string{"3", "4"},
			Content: []string{"id", "bt", "thnr", "kssj", "kz", "tj_zt"}, Writeback: []string{"tj_zt", "sb_xx"},
		}},
	}
	require.NoError(t, k.Inspect(t.Context(), db))
	require.NoError(t, m.Exec(k.SQL()), k.SQL())

	account := login(t, m, "made", "it's a \\ secret")
	defer account.Close()
	for _, allowed := range []string{
		"SELECT COUNT(*) FROM xgxt_demo.xl_gzth", "SELECT COUNT(*) FROM xgxt_demo.xg_fdyxx", "SHOW BINARY LOGS",
		"UPDATE xgxt_demo.xl_gzth SET tj_zt = '3', sb_xx = '' WHERE id = 1",
	} {
		_, err := account.ExecContext(t.Context(), allowed)
		require.NoError(t, err, allowed)
	}
	for _, denied := range []string{
		"SELECT COUNT(*) FROM xgxt_demo.xg_xsxx", "SELECT COUNT(*) FROM mysql.user", "UPDATE xgxt_demo.xl_gzth SET thnr = '' WHERE FALSE",
		"INSERT INTO xgxt_demo.xl_gzth (id) VALUES (1)", "DELETE FROM xgxt_demo.xl_gzth WHERE FALSE", "DROP TABLE xgxt_demo.xl_gzth",
		"CREATE TABLE xgxt_demo.x (a INT)", "ALTER TABLE xgxt_demo.xl_gzth ADD x INT", "SET GLOBAL binlog_format = 'ROW'", "TRUNCATE xgxt_demo.xl_gzth",
		"UPDATE xgxt_demo.xg_fdyxx SET xm = '' WHERE FALSE", "CREATE USER other", "PURGE BINARY LOGS BEFORE NOW()",
	} {
		_, err := account.ExecContext(t.Context(), denied)
		require.Error(t, err, denied)
	}

	flag := func(id string) (value string) {
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT tj_zt FROM xl_gzth WHERE id = "+id).Scan(&value))
		return value
	}
	for _, c := range []struct{ before, change, after string }{
		{"1", "thnr = 'new'", "0"},
		{"3", "bt = UPPER(bt)", "3"},
		{"3", "bt = 'Case'", "0"},
		{"3", "sb_xx = 'x'", "3"},
		{"1", "tj_zt = '3', sb_xx = ''", "3"},
		{"9", "thnr = 'newer'", "9"},
		{"1", "dd = 'elsewhere'", "1"},
		{"0", "thnr = 'draft', tj_zt = '1'", "1"},
		{"3", "kssj = NULL", "0"},
	} {
		exec("UPDATE xl_gzth SET bt = 'CASE', thnr = 'x', kssj = NOW(), tj_zt = '0' WHERE id = 1001")
		exec("UPDATE xl_gzth SET tj_zt = '" + c.before + "' WHERE id = 1001")
		exec("UPDATE xl_gzth SET " + c.change + " WHERE id = 1001")
		require.Equal(t, c.after, flag("1001"), "flag %s, %s", c.before, c.change)
	}
	exec("UPDATE xl_gzth SET bt = 'case' WHERE id = 1001")
}

func login(t *testing.T, m *testserver.SQLServer, user, password string) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr = user, password, "tcp", m.Addr
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	return sql.OpenDB(connector)
}

// What each server is told differs where the servers do.
func TestTheSQLOfEachServer(t *testing.T) {
	for server, want := range map[string][]string{
		"mysql-5.7":    {"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SET GLOBAL expire_logs_days = 7;", "no binlog_row_metadata", "SET GLOBAL binlog_format"},
		"mysql-8":      {"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SET PERSIST binlog_expire_logs_seconds = 604800;", "SET PERSIST binlog_row_metadata = 'FULL';"},
		"mysql-9":      {"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SET PERSIST binlog_row_metadata = 'FULL';"},
		"mariadb-10":   {"GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.*", "SET GLOBAL binlog_row_metadata = 'FULL';"},
		"mariadb-10.4": {"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*"},
		"mariadb-11":   {"GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.*", "SET GLOBAL expire_logs_days = 7;"},
		"mariadb-11.8": {"BINLOG MONITOR"},
	} {
		s, err := setup.ParseServer(server)
		require.NoError(t, err)
		for _, mode := range []string{"becomes", "changes", "while"} {
			text := setup.Kit{Server: s, User: "tb", Host: "10.0.0.5", Routes: []setup.KitRoute{{
				Name: "one", Schema: "d", Table: "t", Flag: "f", Mode: mode, Values: []string{"1"}, Key: []string{"a", "b"}, Content: []string{"c"},
			}}}.SQL()
			for _, part := range want {
				require.Contains(t, text, part, server)
			}
			require.NotContains(t, text, "GRANT UPDATE", "nothing is written back")
			require.Contains(t, text, setup.PasswordPlace)
			require.Contains(t, text, "WHERE `a` = ? AND `b` = ?")
			require.Equal(t, mode == "changes", strings.Contains(text, "a counter needs no trigger"))
		}
	}
	_, err := setup.ParseServer("oracle-19")
	require.ErrorContains(t, err, "mysql-8")
	nine, err := setup.ParseServer("mysql-9")
	require.NoError(t, err)
	require.NotContains(t, setup.Kit{Server: nine}.SQL(), "binlog_format", "MySQL 9 logs rows and nothing else")
	require.Equal(t, "MariaDB 10.11", setup.ServerOf("10.11.14-MariaDB-0+deb12u2-log").String())
}
