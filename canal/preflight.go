package canal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"go.uber.org/zap"
)

// Preflight looks whether the server and its tables are such that Run can work, and gives everything that is wrong in one error,
// each with the statement or setting that mends it. It changes nothing.
func (s *Source) Preflight(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*sqlTimeout)
	defer cancel()
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return fmt.Errorf("source: %w", reachable(s.options.Addr, classify(err)))
	}
	problems := srv.settings()
	if srv.id == s.serverID.Load() {
		problems = append(problems, fmt.Errorf("source.server_id %d is the server's own. Set another, or auto", srv.id))
	}
	problems = append(problems, s.metadata(ctx, srv)...)
	problems = append(problems, s.grants(ctx, srv)...)
	if err := s.checkTables(ctx); err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("source %s (%s %s):\n%w", s.options.Addr, srv.flavor, srv.version, err)
	}
	return nil
}

// settings gives what has to be set otherwise on the server.
func (s *server) settings() (problems []error) {
	v := s.variables
	if v["log_bin"] != "ON" {
		problems = append(problems, errors.New("the server keeps no binary log. Write log_bin=binlog and server_id=1 into my.cnf and restart it"))
	}
	for _, want := range []struct{ name, value, since string }{
		{"binlog_format", "ROW", ""},
		{"binlog_row_image", "FULL", ""},
	} {
		have, there := v[want.name]
		if have == want.value || !there && want.name == "binlog_format" { // MySQL 9 and later know no other format
			continue
		}
		problems = append(problems, fmt.Errorf("%s is %q, not %s. Run SET GLOBAL %s = %s; and write %s=%s into my.cnf%s; sessions that are "+
			"open keep the old setting until they reconnect", want.name, have, want.value, want.name, want.value, want.name, want.value, want.since))
	}
	if strings.Contains(v["binlog_row_value_options"], "PARTIAL_JSON") {
		problems = append(problems, errors.New("binlog_row_value_options is PARTIAL_JSON: the log would hold parts of JSON columns. Run "+
			"SET GLOBAL binlog_row_value_options = ''; and take it out of my.cnf"))
	}
	return problems
}

// metadata looks whether the log names its columns. Where it does not, the schema history has to, and that begins at the present: reading
// what was written before it is refused, and anything else is worth a line.
func (s *Source) metadata(ctx context.Context, srv *server) []error {
	have := srv.variables["binlog_row_metadata"]
	if have == "FULL" {
		return nil
	}
	const way = "Run SET GLOBAL binlog_row_metadata = FULL; and write binlog_row_metadata=FULL into my.cnf (it is there from MySQL 8.0.1 and " +
		"MariaDB 10.5 on)"
	switch s.options.Start.Mode {
	case StartEarliest, StartGTID, StartFile:
		if cp, saved, err := s.options.Outbox.Checkpoint(ctx); err == nil && (!saved || len(cp.Schema) == 0) {
			return []error{fmt.Errorf("binlog_row_metadata is %q, not FULL: the log does not name its columns, and what the tables looked like "+
				"in the past cannot be asked. %s; or set source.start: reconcile", have, way)}
		}
	case StartLatest, StartReconcile:
	}
	s.log.Warn("binlog_row_metadata is not FULL: the log does not name its columns, so they come from a schema history, which follows ALTER TABLE "+
		"and is compared with the log; where it cannot follow reading stops. FULL is better: "+way, zap.String("binlog_row_metadata", have))
	return nil
}

// grants tries what the account has to be allowed.
func (s *Source) grants(ctx context.Context, srv *server) (problems []error) {
	who, err := account(ctx, s.db)
	if err != nil {
		return []error{fmt.Errorf("ask who we are: %w", err)}
	}
	monitor, ask := "REPLICATION CLIENT", func() error { _, err := mysqlStatus(ctx, s.db); return err }
	if srv.flavor == FlavorMariaDB {
		monitor, ask = "BINLOG MONITOR", func() error { _, err := record(ctx, s.db, "SHOW MASTER STATUS"); return err }
	}
	if err := ask(); err != nil {
		problems = append(problems, s.denied(err, monitor, who))
	}
	if srv.variables["log_bin"] != "ON" {
		return problems
	}
	if err := s.probe(srv); err != nil {
		problems = append(problems, s.denied(err, "REPLICATION SLAVE", who))
	}
	return problems
}

// denied says what to grant where that is what is missing, and else what the server said.
func (s *Source) denied(err error, privilege, account string) error {
	switch code, message := serverError(err); code {
	case mysql.ER_SPECIFIC_ACCESS_DENIED_ERROR, mysql.ER_ACCESS_DENIED_ERROR:
		return fmt.Errorf("the account lacks %s: %s. Run GRANT %s ON *.* TO %s", privilege, message, privilege, account)
	}
	return reachable(s.options.Addr, classify(err))
}

// probe asks for the log as Run will, and hangs up: over the other client, with the same encryption, which shows whether the account
// may replicate. Its server id is one that nobody has, since a second replica with an id ends the first.
func (s *Source) probe(srv *server) error {
	l := &line{dialing: context.Background()}
	cfg := replication.BinlogSyncerConfig{
		ServerID: 4_000_000_000 + rand.Uint32N(200_000_000), //nolint:gosec // no secret
		Flavor:   string(srv.flavor), Host: s.options.Addr, User: s.options.User, Password: s.options.Password.Reveal(),
		Localhost: "talkbridge-preflight", ReadTimeout: dialTimeout, HeartbeatPeriod: time.Second, DisableRetrySync: true,
		RawModeEnabled: true, Dialer: l.dial, Logger: slog.New(slog.DiscardHandler), EventCacheCount: 1,
	}
	if srv.encrypted {
		cfg.TLSConfig = s.encryption.Clone()
	}
	syncer := replication.NewBinlogSyncer(cfg)
	defer syncer.Close()
	defer l.close(true)
	_, err := syncer.StartSync(mysql.Position{Pos: 4})
	return err
}
