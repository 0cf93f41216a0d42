package app_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/check"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// checked runs talkbridge check --json and gives its items by id.
func (c *college) checked(t *testing.T, args ...string) (code int, items map[string]check.Item) {
	t.Helper()
	code, out, stderr := c.talkbridge(t, append([]string{"check", "--json"}, args...)...)
	var list []check.Item
	require.NoError(t, json.Unmarshal([]byte(out), &list), "%s%s", out, stderr)
	items = map[string]check.Item{}
	for _, i := range list {
		items[i.ID] = i
		require.NotEmpty(t, i.What, i.ID)
		if i.Level != check.Pass {
			require.NotEmpty(t, i.Fix, "%+v says what mends it", i)
		}
	}
	require.Equal(t, check.Failed(list), code == 1)
	return code, items
}

// mend runs what an item says mends it, as the DBA would.
func (c *college) mend(t *testing.T, i check.Item) {
	t.Helper()
	statement, _, ok := strings.Cut(i.Fix, ";")
	require.True(t, ok, "%s: %s", i.ID, i.Fix)
	require.NoError(t, c.mariadb.Exec(statement), i.ID)
}

// place is where the server's log ends.
func (c *college) place(t *testing.T) string {
	t.Helper()
	var file, pos, do, ignore, gtids string
	if c.mariadb.Flavor == "mysql" {
		require.NoError(t, c.db.QueryRowContext(t.Context(), "SHOW BINARY LOG STATUS").Scan(&file, &pos, &do, &ignore, &gtids))
	} else {
		require.NoError(t, c.db.QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &pos, &do, &ignore))
	}
	return file + ":" + pos
}

// rows are n rows for an INSERT, each made of its number.
func rows(n int, row string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(row, i+1)
	}
	return "VALUES " + strings.Join(all, ", ")
}

// Each thing that is wrong on the server is found, and what check says mends it, mends it. Nothing is written anywhere.
func TestCheckSaysWhatMendsTheSource(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	retention, monitor := "expire_logs_days = 1", "BINLOG MONITOR"
	if c.mariadb.Flavor == "mysql" {
		retention, monitor = "binlog_expire_logs_seconds = 86400", "REPLICATION CLIENT"
	}
	require.NoError(t, c.mariadb.Exec(`USE xgxt_demo; SET GLOBAL binlog_row_image = 'MINIMAL'; SET GLOBAL binlog_row_metadata = 'MINIMAL';
		SET GLOBAL `+retention+`; REVOKE REPLICATION SLAVE, `+monitor+` ON *.* FROM talkbridge@'127.0.0.1';
		GRANT DELETE ON xgxt_demo.xg_jtcy TO talkbridge@'127.0.0.1'; REVOKE UPDATE (sb_xx) ON xgxt_demo.xl_gzth FROM talkbridge@'127.0.0.1';
		ALTER TABLE xgxt_demo.xg_jtcy MODIFY id INT UNSIGNED NOT NULL, DROP PRIMARY KEY;
		INSERT INTO xgxt_demo.xg_jtcy (id, xh, xm) `+rows(1500, "(1000 + %d, 'x', 'x')")+`; ANALYZE TABLE xgxt_demo.xg_jtcy`))
	before := c.place(t)
	code, items := c.checked(t)
	require.Equal(t, 1, code)
	for id, level := range map[string]check.Level{
		"source.connect": check.Pass, "source.binlog_format": check.Pass, "source.binlog_row_image": check.Fail, "source.grants.replication": check.Fail,
		"source.grants.monitor": check.Fail, "source.retention": check.Warn, "source.grants.excess": check.Warn, "source.writeback": check.Fail,
		"source.lookup.patriarch.parent": check.Warn, "source.lookup.one.student": check.Pass, "source.flag.one": check.Pass, "source.table.one": check.Pass,
		"crypto.vectors": check.Pass, "store.reach": check.Pass, "platform.token": check.Pass, "mapping.one": check.Warn,
	} {
		require.Equal(t, level, items[id].Level, "%s: %+v", id, items[id])
	}
	require.NotEqual(t, check.Pass, items["source.binlog_row_metadata"].Level)
	require.NotContains(t, items, "source.preflight", "everything that the listener says has its own item")
	require.Contains(t, items["source.grants.excess"].Detail, "DELETE")
	require.Contains(t, items["mapping.one"].Detail, "谈话内容")

	require.Equal(t, before, c.place(t), "nothing was written to the source")
	require.Zero(t, c.sim.Stats().Calls, "no business endpoint was called")
	require.NoFileExists(t, filepath.Join(filepath.Dir(c.config), "talkbridge.db"), "no store was made")

	for _, id := range []string{
		"source.binlog_row_image", "source.binlog_row_metadata", "source.retention", "source.grants.replication", "source.grants.monitor",
		"source.lookup.patriarch.parent", "source.grants.excess", "source.writeback",
	} {
		c.mend(t, items[id])
	}
	code, items = c.checked(t)
	require.Zero(t, code)
	for id, i := range items {
		require.True(t, i.Level == check.Pass || strings.HasPrefix(id, "mapping."), "%+v", i)
	}
	require.NoError(t, c.mariadb.Exec(`REVOKE SELECT ON xgxt_demo.* FROM talkbridge@'127.0.0.1'; GRANT SELECT ON xgxt_demo.xl_gzth TO talkbridge@'127.0.0.1';
		GRANT SELECT ON xgxt_demo.xg_jtcy TO talkbridge@'127.0.0.1'; GRANT SELECT ON xgxt_demo.xl_gzdx TO talkbridge@'127.0.0.1';
		GRANT SELECT ON xgxt_demo.xl_gzth_cy TO talkbridge@'127.0.0.1'; GRANT SELECT ON xgxt_demo.xg_xsxx TO talkbridge@'127.0.0.1'`))
	_, items = c.checked(t)
	require.Equal(t, check.Fail, items["mapping.lookups"].Level)
	c.mend(t, items["mapping.lookups"])
	code, _ = c.checked(t)
	require.Zero(t, code)
	c.mariadb.Stop()
	c.checkedWithoutSource(t)
}

func TestCheckSaysWhatIsWrongWithStoreAndPlatform(t *testing.T) {
	r := testserver.StartRedis(t, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
	c := newCollege(t, r.URL())
	_, items := c.checked(t)
	require.Equal(t, check.Pass, items["store.reach"].Level)
	require.Contains(t, items["store.key"].What, "empty", "looking left nothing behind")
	require.Equal(t, check.Warn, items["store.persistence"].Level)
	require.Equal(t, check.Warn, items["store.eviction"].Level)
	_, items = c.checked(t)
	require.Contains(t, items["store.key"].What, "empty", "nor did looking twice")

	stop := c.run(t)
	_, items = c.checked(t)
	require.Contains(t, items["store.key"].What, "opens the store")
	require.Contains(t, items["platform.token"].What, "in the store", "the token that the bridge uses is not fetched anew")
	issued := c.sim.Stats().TokensIssued
	require.Eventually(t, func() bool { // the bridge answers before it leads, and has saved where it began
		_, items = c.checked(t)
		return items["source.position"].Level == check.Pass
	}, 20*time.Second, 100*time.Millisecond)
	require.Equal(t, issued, c.sim.Stats().TokensIssued)
	stop()

	t.Setenv("TALKBRIDGE_STATE_KEY", "AAECAwQFBgcICQoLDA0ODw==")
	code, items := c.checked(t)
	require.Equal(t, 1, code)
	require.Equal(t, check.Fail, items["store.key"].Level)
	r.Stop()
	_, items = c.checked(t)
	require.Equal(t, check.Fail, items["store.reach"].Level)
	require.Equal(t, check.Pass, items["source.connect"].Level, "one part that is away does not hide the others")
	c.edit(t, "url: "+r.URL(), "url: file:talkbridge.db")
	c.checkedInDialects(t)
}

// The platform speaks another dialect than the configuration: check finds it when it may try, and asks once when it may not.
func (c *college) checkedInDialects(t *testing.T) {
	t.Helper()
	sim, err := platformsim.New(platformsim.Options{ClientID: clientID, ClientSecret: clientSecret, Dialect: "I"})
	require.NoError(t, err)
	c.sim = sim
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c.edit(t, "base_url: "+c.simURL, "base_url: "+server.URL)
	c.edit(t, "path: /oauth2/token", "path: /v1/oauth/token")
	code, items := c.checked(t)
	require.Equal(t, 1, code)
	require.Equal(t, check.Fail, items["platform.token"].Level)
	require.Contains(t, items["platform.token"].Fix, "--try-dialects")
	require.NotContains(t, items, "platform.dialect")
	require.Equal(t, 1, sim.Stats().TokenRefused)

	code, items = c.checked(t, "--try-dialects")
	require.Equal(t, 1, code, "as configured it still does not work")
	require.Equal(t, check.Warn, items["platform.dialect"].Level)
	require.Contains(t, items["platform.dialect"].Fix, "send: json")
	require.Less(t, sim.Stats().TokenRefused, 41)
	require.Zero(t, sim.Stats().Calls)

	c.edit(t, "send: form ", "send: json ")
	code, items = c.checked(t)
	require.Zero(t, code, "%+v", items["platform.token"])
}

// One part that is away does not hide the others.
func (c *college) checkedWithoutSource(t *testing.T) {
	t.Helper()
	code, items := c.checked(t)
	require.Equal(t, 1, code)
	require.Equal(t, check.Fail, items["source.connect"].Level)
	require.Equal(t, check.Pass, items["platform.token"].Level)
	code, out, _ := c.talkbridge(t, "check")
	require.Equal(t, 1, code)
	require.Contains(t, out, "FAIL  source.connect")
	require.Contains(t, out, "mend: ")
	for _, secret := range []string{password, clientSecret, stateKey} {
		require.NotContains(t, out, secret)
	}
}

func TestMapShowsAWholeTable(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	c.press(t, "1008")
	code, out, _ := c.talkbridge(t, "map", "--route", "one", "--all", "--json")
	require.Zero(t, code)
	var tally check.Tally
	require.NoError(t, json.Unmarshal([]byte(out), &tally))
	require.Equal(t, 24, tally.Rows, "1011 is deleted and where leaves it out")
	require.Equal(t, 1, tally.Submitted)
	require.Equal(t, 1, tally.SubmittedRefused)
	require.Len(t, tally.Refusals, tally.Refused)
	require.InDelta(t, float64(tally.Refused)/24, tally.Share, 0.001)
	for i := 1; i < len(tally.Reasons); i++ {
		require.GreaterOrEqual(t, tally.Reasons[i-1].Count, tally.Reasons[i].Count, "ranked")
	}
	_, out, _ = c.talkbridge(t, "map", "--route", "one", "--all", "--limit", "3", "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &tally))
	require.Equal(t, 3, tally.Rows)
	_, out, _ = c.talkbridge(t, "map", "--route", "one", "--key", "1001")
	require.Regexp(t, `"counselorName": "王芳", +← counselor\.xm`, out)
	require.Zero(t, c.sim.Stats().Calls)
	for _, args := range [][]string{{"--all", "--key", "1"}, {}, {"--key", "1", "--limit", "3"}} {
		code, _, _ = c.talkbridge(t, append([]string{"map", "--route", "one"}, args...)...)
		require.Equal(t, 2, code, "%v", args)
	}
	c.mapsAllPages(t)
}

// A table that is larger than one page is walked from both ends, each row once.
func (c *college) mapsAllPages(t *testing.T) {
	t.Helper()
	require.NoError(t, c.mariadb.Exec("USE xgxt_demo; INSERT INTO xgxt_demo.xl_gzth (id, gzdx_id, th_lx, gh, scbz) "+rows(450, "(500000 + %d, 1, '1', '20150012', '0')")))
	_, out, _ := c.talkbridge(t, "map", "--route", "one", "--all", "--json")
	var tally check.Tally
	require.NoError(t, json.Unmarshal([]byte(out), &tally))
	require.Equal(t, 474, tally.Rows)
	keys := map[string]bool{}
	for _, r := range tally.Refusals {
		require.False(t, keys[r.Key], "%s came twice", r.Key)
		keys[r.Key] = true
	}
	_, items := c.checked(t, "--sample", "460")
	require.Contains(t, items["mapping.one"].What, "460 rows")
}

func TestAFileIsNeverOverwritten(t *testing.T) {
	c := newCollege(t, "file:talkbridge.db")
	before, err := os.ReadFile(c.config)
	require.NoError(t, err)
	t.Setenv("DBA", testserver.RootPassword)
	args := []string{"init", "config", "--addr", c.mariadb.Addr, "--user", "root", "--password-env", "DBA"}
	code, _, stderr := c.talkbridge(t, append(args, "--route", "one=xgxt_demo.xl_gzth")...)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "--force")
	after, err := os.ReadFile(c.config)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	c.initAsksForWhatIsMissing(t, args)
}

func (c *college) initAsksForWhatIsMissing(t *testing.T, args []string) {
	t.Helper()
	c.config = filepath.Join(t.TempDir(), "new.yaml")
	for missing, args := range map[string][]string{
		"--addr":     {"init", "config"},
		"--user":     {"init", "config", "--addr", c.mariadb.Addr},
		"NO_SUCH":    {"init", "config", "--addr", c.mariadb.Addr, "--user", "root", "--password-env", "NO_SUCH"},
		"--database": args,
		"--route":    append(args, "--database", "xgxt_demo"),
	} {
		code, _, stderr := c.talkbridge(t, args...)
		require.Equal(t, 2, code, stderr)
		require.Contains(t, stderr, missing, "the flag that is missing is named")
	}
	code, out, stderr := c.talkbridge(t, append(args, "--route", "one=xgxt_demo.xl_gzth", "--base-url", c.simURL+"/api", "--tls", "off")...)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "DECIDE")
	require.FileExists(t, filepath.Join(filepath.Dir(c.config), "contracts", "one.schema.json"))
	code, items := c.checked(t)
	require.Zero(t, code, "a proposal is good enough to be checked: %+v", items)
	code, out, _ = c.talkbridge(t, "init", "sql", "--server", "mysql-8")
	require.Zero(t, code)
	require.Contains(t, out, "REPLICATION CLIENT")
	code, _, stderr = c.talkbridge(t, "init", "sql")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "--server")
}
