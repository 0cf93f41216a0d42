package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// A load is one run.
type load struct {
	records     int
	rate        float64
	concurrency int
	store       string
	every       time.Duration

	dir      string
	mariadb  *testserver.MariaDB
	db       *sql.DB
	redis    *testserver.Redis // nil: the embedded file
	platform *rig.Platform
	bridge   *rig.Bridge
	journal  rig.Journal
	arrived  []bool // by record
	distinct int
	taken    int
}

const (
	firstRecord = 10_000_000
	batch       = 1000 // rows a transaction
)

func (l *load) run(ctx context.Context) (err error) {
	defer func() { l.tearDown() }()
	if err := l.setUp(ctx); err != nil {
		return err
	}
	empty, err := l.sample(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	written := make(chan error, 1)
	go func() { written <- l.submit(ctx) }()
	w := &watch{l: l, begun: begun, empty: empty}
	if err := w.until(ctx, written); err != nil {
		return err
	}
	if err := l.bridge.Stop(); err != nil {
		return err
	}
	w.summary()
	if missing := l.records - l.distinct; missing > 0 {
		return fmt.Errorf("%d records are missing", missing)
	}
	say("\nAll %d records arrived; %d calls were taken.", l.distinct, l.taken)
	return nil
}

func (l *load) setUp(ctx context.Context) (err error) {
	if l.dir, err = os.MkdirTemp("", "load-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if l.mariadb, err = testserver.NewMariaDB(l.dir,
		"--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M", "--innodb-flush-log-at-trx-commit=2"); err != nil {
		return err
	}
	if err := rig.Fill(l.mariadb); err != nil {
		return err
	}
	l.db = l.mariadb.DB(rig.Database)
	if err := l.numbers(ctx); err != nil {
		return err
	}
	return l.startBridge(ctx)
}

// startBridge starts the store, the platform and the bridge, and waits until it listens.
func (l *load) startBridge(ctx context.Context) (err error) {
	url := "file:" + filepath.Join(l.dir, "talkbridge.db")
	if l.store == "redis" {
		folder := filepath.Join(l.dir, "redis")
		if err := os.Mkdir(folder, 0o700); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		if l.redis, err = testserver.NewRedis(folder); err != nil {
			return err
		}
		url = l.redis.URL()
	}
	programs, err := rig.Programs()
	if err != nil {
		return err
	}
	secrets := rig.NewSecrets()
	if l.platform, err = rig.NewPlatform(ctx, programs, l.dir, secrets.Client, 0); err != nil {
		return err
	}
	l.journal, l.arrived = rig.Journal{Path: l.platform.Journal}, make([]bool, l.records)
	l.bridge, err = rig.NewBridge(programs, l.dir, "bridge", configs.Settings{
		SourceAddr: l.mariadb.Addr, StateURL: url, BaseURL: l.platform.URL + "/api",
	}, secrets,
		[2]string{"rate: 50 ", fmt.Sprintf("rate: %v ", l.rate)}, [2]string{"concurrency: 8 ", fmt.Sprintf("concurrency: %d ", l.concurrency)})
	if err != nil {
		return err
	}
	if err := l.bridge.Start(ctx); err != nil {
		return err
	}
	return rig.Until(ctx, 30*time.Second, func() error {
		leads, err := l.bridge.Listens(ctx)
		if err == nil && !leads {
			err = errors.New("the bridge does not listen")
		}
		return err
	})
}

// numbers makes a table to multiply a record by. It is not watched.
func (l *load) numbers(ctx context.Context) error {
	if _, err := l.db.ExecContext(ctx, "CREATE TABLE numbers (n INT PRIMARY KEY)"); err != nil {
		return fmt.Errorf("make a table of numbers: %w", err)
	}
	for n := range batch {
		if _, err := l.db.ExecContext(ctx, "INSERT INTO numbers VALUES (?)", n); err != nil {
			return fmt.Errorf("make a table of numbers: %w", err)
		}
	}
	return nil
}

// submit inserts the records with the flag set, as fast as the server takes them.
func (l *load) submit(ctx context.Context) error {
	for first := 0; first < l.records; first += batch {
		n := min(batch, l.records-first)
		if _, err := l.db.ExecContext(ctx, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, thnr, gh, tj_zt, tjsj)
			SELECT ? + n, gzdx_id, th_lx, th_fs, th_zt, CONCAT('第 ', ? + n, ' 条'), kssj, jssj, sc, REPEAT(thnr, 10), gh, '1', NOW()
			FROM xl_gzth JOIN numbers WHERE id = 1001 AND n < ?`, firstRecord+first, firstRecord+first, n); err != nil {
			return fmt.Errorf("submit: %w", err)
		}
	}
	return nil
}

// count takes in what arrived at the platform since the last time.
func (l *load) count() error {
	more, err := l.journal.Next()
	for _, a := range more {
		if !a.Applied {
			continue
		}
		l.taken++
		id, err := strconv.Atoi(a.RecordID)
		if err != nil || id < firstRecord || id >= firstRecord+l.records {
			return fmt.Errorf("record %s arrived, which nobody submitted", a.RecordID)
		}
		if !l.arrived[id-firstRecord] {
			l.arrived[id-firstRecord] = true
			l.distinct++
		}
	}
	return err
}

func (l *load) tearDown() {
	if l.bridge != nil {
		l.bridge.Kill()
	}
	if l.platform != nil {
		l.platform.Kill()
	}
	if l.redis != nil {
		l.redis.Kill()
	}
	if l.db != nil {
		_ = l.db.Close()
	}
	if l.mariadb != nil {
		l.mariadb.Kill()
	}
	_ = os.RemoveAll(l.dir)
}
