package canal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// An anchor is a consistent read of the tables and the place in the log that it agrees with exactly: what the transaction sees is
// every transaction up to the place and none behind it, as far as the flavor can say so.
type anchor struct {
	conn  *sql.Conn // in a read-only transaction at REPEATABLE READ
	place place
	taken time.Time // by the server's clock
}

// end lets go of the read.
func (a *anchor) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = a.conn.ExecContext(ctx, "ROLLBACK")
	_ = a.conn.Close()
}

// anchorTries is how often an anchor is taken anew because a watched table was changed meanwhile.
const anchorTries = 5

// snapshot opens an anchor at the present, together with what the watched tables look like at it.
func (s *Source) snapshot(ctx context.Context, srv *server) (*anchor, error) {
	for try := 1; ; try++ {
		before, err := s.readShapes(ctx, s.db, srv.fold)
		if err != nil {
			return nil, err
		}
		a, err := s.anchor(ctx, srv)
		if err != nil {
			return nil, err
		}
		same, err := s.anchorSchema(ctx, srv, a, before)
		switch {
		case err != nil:
			a.end(ctx)
			return nil, err
		case same:
			return a, nil
		case try == anchorTries: // what is written in between goes by the log's own metadata, or stops
			a.place.schema = nil
			return a, nil
		}
		a.end(ctx)
	}
}

// anchor opens a consistent read at the present.
func (s *Source) anchor(ctx context.Context, srv *server) (*anchor, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	a := &anchor{conn: conn}
	take := a.takeMySQL
	switch {
	case srv.flavor == FlavorMariaDB:
		take = a.takeMariaDB
	case srv.gtid:
		take = a.takeMySQLByGTID
	}
	err = take(ctx, s.tuning.settle)
	if err == nil {
		err = a.clock(ctx)
	}
	if err != nil {
		a.end(ctx)
		return nil, fmt.Errorf("open a consistent read of the tables: %w", err)
	}
	return a, nil
}

// clock asks what time it is at the server: the rows of the read were committed before.
func (a *anchor) clock(ctx context.Context) error {
	var err error
	a.taken, err = serverClock(ctx, a.conn)
	a.place.committed = a.taken
	return err
}

func (a *anchor) open(ctx context.Context) error {
	for _, statement := range []string{
		"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	} {
		if _, err := a.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// takeMariaDB is exact: MariaDB keeps the log's position that belongs to a consistent snapshot (MDEV-232) and tells it in the
// status of the session.
func (a *anchor) takeMariaDB(ctx context.Context, _ time.Duration) error {
	if err := a.open(ctx); err != nil {
		return err
	}
	var err error
	if a.place.file, a.place.pos, err = a.snapshotPlace(ctx); err != nil {
		return err
	}
	return a.place.resolve(ctx, a.conn)
}

// resolve asks MariaDB which GTIDs belong to a file and position. Where it cannot say, file and position alone count.
func (p *place) resolve(ctx context.Context, q querier) error {
	answer, err := record(ctx, q, "SELECT BINLOG_GTID_POS(?, ?) AS gtids", p.file, p.pos)
	if err != nil {
		return fmt.Errorf("ask for the GTIDs at %s:%d: %w", p.file, p.pos, err)
	}
	text, known := answer["gtids"]
	if !known {
		return nil
	}
	p.gtids, err = parseGTIDs(FlavorMariaDB, text)
	return err
}

// takeMySQLByGTID is exact too: a set that was the same before and after the read was opened is the set that the read sees. The
// server adds a transaction's GTID to the set only after the engine has committed it, so a read that began in between sees one
// transaction too many at worst; that one comes again from the log.
func (a *anchor) takeMySQLByGTID(ctx context.Context, _ time.Duration) error {
	for range 1000 {
		before, err := mysqlStatus(ctx, a.conn)
		if err != nil {
			return err
		}
		if err := a.open(ctx); err != nil {
			return err
		}
		after, err := record(ctx, a.conn, "SELECT @@GLOBAL.gtid_executed AS gtids")
		if err != nil {
			return err
		}
		if strings.Join(strings.Fields(before["Executed_Gtid_Set"]), "") == strings.Join(strings.Fields(after["gtids"]), "") {
			if err := a.place.fromStatus(before); err != nil {
				return err
			}
			if a.place.gtids == nil { // a server on which nothing was ever written: what comes has GTIDs
				a.place.gtids = &mysql.MysqlGTIDSet{}
			}
			return nil
		}
		if _, err := a.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	return errors.New("the server commits so fast that no quiet moment was found; try again in a quieter hour")
}

// takeMySQL is for a MySQL without GTIDs. The position is read before the read is opened, so what was committed in between is both
// read and sent again by the log: once too often, with the same content. A transaction is in the log shortly before the engine has
// committed it; the pause lets those that are at this point finish, which is no proof, but a thousand times longer than they take.
// Who needs the proof switches gtid_mode on.
func (a *anchor) takeMySQL(ctx context.Context, pause time.Duration) error {
	status, err := mysqlStatus(ctx, a.conn)
	if err != nil {
		return err
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	return a.place.fromStatus(status)
}

// mysqlStatus asks where the log ends. MySQL 8.2 renamed the statement, 8.4 dropped the old name.
func mysqlStatus(ctx context.Context, q querier) (map[string]string, error) {
	status, err := record(ctx, q, "SHOW BINARY LOG STATUS")
	if err != nil {
		var again error
		if status, again = record(ctx, q, "SHOW MASTER STATUS"); again != nil {
			if code, _ := serverError(again); code == 1064 { // a server that no longer has it: the first answer counts
				return nil, err
			}
			return nil, again
		}
	}
	if status == nil {
		return nil, errors.New("the server keeps no log: log_bin is off")
	}
	return status, nil
}

func (p *place) fromStatus(status map[string]string) (err error) {
	p.file = status["File"]
	if p.pos, err = strconv.ParseUint(status["Position"], 10, 64); err != nil {
		return fmt.Errorf("read the server's position: %w", err)
	}
	if text := status["Executed_Gtid_Set"]; text != "" {
		p.gtids, err = parseGTIDs(FlavorMySQL, text)
	}
	return err
}

// startPlace finds the place that Options.Start names.
func (s *Source) startPlace(ctx context.Context, srv *server) (place, error) {
	start := s.options.Start
	switch start.Mode {
	case StartGTID:
		set, err := parseGTIDs(srv.flavor, start.GTID)
		if err != nil {
			return place{}, &stopError{fmt.Errorf("source.start: %w", err)}
		}
		return place{gtids: set}, nil
	case StartFile:
		return s.filePlace(ctx, srv, start.File, start.Pos)
	case StartEarliest:
		first, err := record(ctx, s.db, "SHOW BINARY LOGS")
		if err != nil {
			return place{}, fmt.Errorf("ask for the server's oldest log: %w", err)
		}
		return s.filePlace(ctx, srv, first["Log_name"], 4)
	case StartLatest, StartReconcile:
	}
	a, err := s.snapshot(ctx, srv)
	if err != nil {
		return place{}, err
	}
	defer a.end(ctx)
	return a.place, nil
}

func (s *Source) filePlace(ctx context.Context, srv *server, file string, pos uint64) (place, error) {
	p := place{file: file, pos: max(pos, 4)}
	if srv.flavor == FlavorMariaDB {
		return p, p.resolve(ctx, s.db)
	}
	return p, nil
}

// zeroPositions tells whether a MariaDB leaves positions out of its log: 11.4 and later.
func zeroPositions(version string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 {
		return false
	}
	return major > 11 || major == 11 && minor >= 4
}
