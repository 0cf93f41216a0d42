package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"talkbridge/internal/rig"
)

// The look-ups of the example's first route, as a bridge makes them: prepared, one after the other for a record, over as many
// connections as there are calls in flight. How many records a second that allows is a limit that no bridge can pass.

// lookups runs them alone, in a process of its own, and gives records a second.
func (s *stage) lookups(ctx context.Context) (float64, error) {
	cmd := exec.CommandContext(ctx, s.self, "lookups", "-source", s.mariadb.Addr, "-workers", strconv.Itoa(drainWorkers), //nolint:gosec // ourselves
		"-n", strconv.Itoa(drainRecords))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("look-ups alone: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

func lookupsMain(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("lookups", flag.ExitOnError)
	source := flags.String("source", "", "address of the server")
	workers := flags.Int("workers", 8, "connections")
	n := flags.Int("n", 1000, "records")
	_ = flags.Parse(args) // it exits
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Collation = "talkbridge", "demo-bridge", "tcp", *source, rig.Database, "utf8mb4_general_ci"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("look-ups: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(*workers)
	db.SetMaxIdleConns(*workers)
	l := &lookUps{}
	if err := l.prepare(ctx, db); err != nil {
		return err
	}
	if err := l.times(ctx, 10**workers, *workers); err != nil { // every connection knows the statements
		return err
	}
	begun := time.Now()
	if err := l.times(ctx, *n, *workers); err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%.1f\n", float64(*n)/time.Since(begun).Seconds())
	return err
}

type lookUps struct{ counselor, concern, student *sql.Stmt }

func (l *lookUps) prepare(ctx context.Context, db *sql.DB) error {
	var errs [3]error
	l.counselor, errs[0] = db.PrepareContext(ctx, "SELECT xm, sfzjh FROM xgxt_demo.xg_fdyxx WHERE gh = ?")
	l.concern, errs[1] = db.PrepareContext(ctx, "SELECT xh, gzdj FROM xgxt_demo.xl_gzdx WHERE id = ? AND scbz = '0'")
	l.student, errs[2] = db.PrepareContext(ctx,
		"SELECT xh, xm, sfzjh, sjh, xymc, zymc, bjmc, nj FROM xgxt_demo.xg_xsxx WHERE xh = ? AND scbz = '0'")
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("prepare a look-up: %w", err)
	}
	return nil
}

// times looks up for n records, as many at once as there are workers.
func (l *lookUps) times(ctx context.Context, n, workers int) error {
	group, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			for range n/workers + min(1, max(0, n%workers-worker)) {
				if err := l.once(ctx); err != nil {
					return fmt.Errorf("look up: %w", err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (l *lookUps) once(ctx context.Context) error {
	var text [8]sql.NullString
	if err := l.counselor.QueryRowContext(ctx, "20150012").Scan(&text[0], &text[1]); err != nil {
		return err
	}
	if err := l.concern.QueryRowContext(ctx, "1").Scan(&text[0], &text[1]); err != nil {
		return err
	}
	into := make([]any, len(text))
	for i := range text {
		into[i] = &text[i]
	}
	return l.student.QueryRowContext(ctx, text[0].String).Scan(into...)
}
