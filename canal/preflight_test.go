package canal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

func preflight(t *testing.T, o Options) error {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	defer s.Close()
	return s.Preflight(t.Context())
}

func requireAll(t *testing.T, err error, wants ...string) {
	t.Helper()
	for _, want := range wants {
		require.ErrorContains(t, err, want)
	}
}

func TestPreflightPasses(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	require.NoError(t, preflight(t, options(t, m, &memory{}, talkRoute(schema))))
}

// The account of the documents: no more than what is needed.
func TestLeastPrivilege(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks+"INSERT INTO talk (id, flag) VALUES (1, '1')")
	require.NoError(t, m.Exec("CREATE OR REPLACE USER tb@127.0.0.1 IDENTIFIED BY 'x'"))
	out := &memory{}
	o := options(t, m, out, talkRoute(schema))
	o.User, o.Password, o.Start.Mode = "tb", "x", StartReconcile
	err := preflight(t, o)
	requireAll(t, err, "GRANT REPLICATION SLAVE ON *.* TO 'tb'@'127.0.0.1'", "GRANT BINLOG MONITOR ON *.* TO 'tb'@'127.0.0.1'",
		"GRANT SELECT ON `"+schema+"`.`talk` TO 'tb'@'127.0.0.1'")
	require.NoError(t, m.Exec("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO tb@127.0.0.1; GRANT SELECT ON "+schema+".talk TO tb@127.0.0.1"))
	require.NoError(t, preflight(t, o))
	startRun(t, o).connected()
	exec(t, schema, "INSERT INTO talk (id, flag) VALUES (2, '1')")
	require.Equal(t, []string{"1", "2"}, keys(changes(t, out, 2)))
	require.NoError(t, m.Exec("DROP USER tb@127.0.0.1"))
}

func TestPreflightNamesEverything(t *testing.T) {
	m := ownMariaDB(t, "--binlog-row-image=MINIMAL", "--binlog-row-metadata=MINIMAL", "--binlog-format=MIXED")
	schema := database(t, m, talks+"CREATE VIEW v AS SELECT * FROM talk; CREATE TABLE bare (id INT, flag INT, u UUID, z TEXT COMPRESSED, l2 CHAR(1) CHARACTER SET latin2)")
	absent, view, bare, columns := talkRoute(schema), talkRoute(schema), talkRoute(schema), talkRoute(schema)
	absent.Name, absent.Table = "absent", "nowhere"
	view.Name, view.Table = "view", "v"
	bare.Name, bare.Table, bare.Columns = "bare", "bare", []string{"u", "z", "l2"}
	columns.Name, columns.Columns, columns.Where, columns.Submit.Column, columns.Key = "columns", []string{"bodi"}, "knd == 1", "flagg", []string{"kind"}
	o := options(t, m, &memory{}, absent, view, bare, columns)
	o.ServerID = 1
	requireAll(t, preflight(t, o),
		`binlog_format is "MIXED"`, "SET GLOBAL binlog_format = ROW",
		"SET GLOBAL binlog_row_image = FULL", "binlog_row_image=FULL into my.cnf",
		"source.server_id 1 is the server's own",
		"route absent: the table "+schema+".nowhere does not exist",
		"route view: "+schema+".v is a view",
		"route bare: the table "+schema+".bare has no primary key", "column l2 of", `"latin2"`,
		"column bodi is not in the table "+schema+".talk (used by fields or lookups)", "column knd", "(used by where)", "column flagg", "(used by submit)",
		"key column kind", "NOT NULL")
}

// Without the names in the log there is no guessing: the past cannot be read, and the present is read with a warning.
func TestPreflightOnLogsWithoutNames(t *testing.T) {
	m := ownMariaDB(t, "--binlog-row-metadata=MINIMAL")
	schema := database(t, m, talks)
	logger, logs := observed()
	o := options(t, m, &memory{}, talkRoute(schema))
	o.Logger = logger
	require.NoError(t, preflight(t, o))
	require.Equal(t, 1, logs.FilterMessageSnippet("FULL is better").Len())
	o.Start = Start{Mode: StartEarliest}
	requireAll(t, preflight(t, o), "SET GLOBAL binlog_row_metadata = FULL", "source.start: reconcile")
}

func TestConnectionErrorsSayTheWayOut(t *testing.T) {
	m := mariadb(t)
	schema := database(t, m, talks)
	port, err := testserver.FreePort()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"password":    {func(o *Options) { o.Password = "wrong" }, []string{"Access denied", "source.password"}},
		"unreachable": {func(o *Options) { o.Addr = "127.0.0.1:" + itoa(port) }, []string{"source.addr (127.0.0.1:" + itoa(port) + ")", "cannot be reached", "firewall"}},
		"host":        {func(o *Options) { o.Addr = "no-such-host.invalid:3306" }, []string{"source.addr", "is not known", "DNS"}},
		"flavor":      {func(o *Options) { o.Flavor = FlavorMySQL }, []string{"source.flavor is mysql", "mariadb", "auto"}},
		"tls":         {func(o *Options) { o.TLS.Mode = TLSRequired }, []string{"TLS"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, m, &memory{}, talkRoute(schema))
			if name == "tls" { // MariaDB 11.4 and later make themselves a certificate
				plain := ownMariaDB(t, "--skip-ssl")
				o.Addr = plain.Addr
			}
			c.change(&o)
			requireAll(t, preflight(t, o), c.want...)
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{
		Addr: "nowhere", TLS: TLSOptions{Mode: "maybe", CA: "/no/such/file"}, OnPurged: "ignore", Flavor: "oracle", Start: Start{Mode: "never"},
		Routes: []Route{
			{Name: "a/b"},
			{Name: "x", Schema: "s", Table: "t", Submit: Submit{Column: "c", Mode: ModeBecomes}},
			{Name: "x", Schema: "s", Table: "t", Where: "1 +", Submit: Submit{Column: "c", Mode: ModeChanges}},
			{Name: "y", Schema: "s", Table: "t", Submit: Submit{Column: "c", Mode: "sometimes"}},
		},
	})
	requireAll(t, err, "source.addr", "source.user", "outbox", "source.tls", "/no/such/file", "source.on_purged", "source.flavor", "source.start",
		"slash", "names no value", "route x: where", "two routes are called x", "sometimes")
	_, err = New(Options{Start: Start{Mode: StartGTID}})
	require.ErrorContains(t, err, "gtid is empty")
}
