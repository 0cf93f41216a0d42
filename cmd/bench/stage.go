package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"talkbridge/configs"
	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// A stage is what all subjects share: one MariaDB, one Redis, one sink.
type stage struct {
	b        *bench
	dir      string
	self     string // this program
	programs string // folder
	mariadb  *testserver.MariaDB
	db       *sql.DB
	redis    *testserver.Redis
	client   *redis.Client
	sink     *receiver
	secrets  rig.Secrets
	runs     int // how many subjects were started
}

// newStage starts all of it. The source's own promises of durability are off: they cost the same on both sides, and would hide what
// the sides differ in.
func newStage(ctx context.Context, b *bench) (s *stage, err error) {
	s = &stage{b: b, secrets: rig.NewSecrets()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "tbb"); err != nil {
		return s, fmt.Errorf("make a folder: %w", err)
	}
	if s.self, err = os.Executable(); err != nil {
		return s, fmt.Errorf("find this program: %w", err)
	}
	if s.programs, err = rig.Programs(); err != nil {
		return s, err
	}
	if s.mariadb, err = testserver.NewMariaDB(s.dir, "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0",
		"--max-binlog-size=1073741824", "--innodb-buffer-pool-size=512M"); err != nil {
		return s, err
	}
	if err := errors.Join(rig.Fill(s.mariadb), s.mariadb.Exec(plainSQL)); err != nil {
		return s, err
	}
	s.db = s.mariadb.DB(rig.Database)
	folder := filepath.Join(s.dir, "redis")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return s, fmt.Errorf("make a folder: %w", err)
	}
	// A Redis that writes its file anew while it is measured takes a core for it, and twice the memory: not here.
	if s.redis, err = testserver.NewRedis(folder, "--auto-aof-rewrite-percentage", "0"); err != nil {
		return s, err
	}
	s.client = redis.NewClient(&redis.Options{Addr: s.redis.Addr, DisableIdentity: true, ReadTimeout: time.Minute})
	s.sink, err = newReceiver(ctx, s.self, s.dir, s.secrets.Client)
	return s, err
}

func (s *stage) close() {
	if s.sink != nil {
		s.sink.Kill()
	}
	if s.client != nil {
		_ = s.client.Close()
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.mariadb != nil {
		s.mariadb.Kill()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// A place in the source's log.
type place struct {
	file string
	pos  uint64
}

func (s *stage) place(ctx context.Context) (p place, err error) {
	p.file, p.pos, err = end(ctx, s.mariadb)
	return p, err
}

// A subject is what is measured: a floor or a bridge, as a process of its own.
type subject struct {
	name  string
	start func(ctx context.Context, from place) (running, error)
}

// A running subject. release lets it send, where it was started to wait for that; nil: it sends at once.
type running struct {
	*rig.Process

	release func(ctx context.Context) error
	others  []*rig.Process // that run beside it
}

// Kill ends all of it, or nothing where nothing was started.
func (r running) Kill() {
	for _, other := range r.others {
		other.Kill()
	}
	if r.Process != nil {
		r.Process.Kill()
	}
}

// begin starts the subject. What was started of one that cannot be is ended: it would take its part of the machine while others are measured.
func (s subject) begin(ctx context.Context, from place) (running, error) {
	r, err := s.start(ctx, from)
	if err != nil {
		r.Kill()
	}
	return r, err
}

// floor gives a floor that keeps nothing, or keeps in "redis" or "file".
func (s *stage) floor(name, store string, workers int) subject {
	return subject{name, func(ctx context.Context, from place) (running, error) {
		s.runs++
		log := filepath.Join(s.dir, fmt.Sprintf("floor%d.log", s.runs))
		plan := floorplan{source: s.mariadb.Addr, file: from.file, pos: uint(from.pos), sink: s.sink.posts + "/floor", workers: workers}
		switch store {
		case "redis":
			plan.store = "redis:" + s.redis.Addr
		case "file":
			plan.store = "file:" + filepath.Join(s.dir, fmt.Sprintf("floor%d.db", s.runs))
		}
		p := &rig.Process{Name: name, Path: s.self, Args: plan.args(), Log: log, Ready: func(context.Context) error {
			text, err := os.ReadFile(log) //nolint:gosec // our own
			if err == nil && !strings.Contains(string(text), floorReads) {
				err = errors.New("it does not read yet")
			}
			return err
		}}
		return running{Process: p}, errors.Join(s.empty(ctx), p.Start(ctx))
	}}
}

// A setting is a part of the annotated example that a measurement replaces.
type setting = [2]string

// plain is the setting that lets a bridge watch the plain table.
func plain() setting { return setting{"routes:\n", "routes:\n" + plainRoute} }

// begin is the setting of where a bridge begins to read that has no position.
func begin(from place) setting {
	return setting{"start: reconcile  ", fmt.Sprintf("start: {file: %q, pos: %d}  ", from.file, from.pos)}
}

// bridge gives the bridge, with its store in "redis" or "file".
func (s *stage) bridge(name, store string, workers int, more ...setting) subject {
	return subject{name, func(ctx context.Context, from place) (running, error) {
		if err := s.empty(ctx); err != nil {
			return running{}, err
		}
		b, err := s.newBridge(store, workers, append(more, begin(from))...)
		if err != nil {
			return running{}, err
		}
		return running{Process: b.Process}, b.listens(ctx)
	}}
}

// waiting gives a bridge on Redis that has n records in its outbox when it is released.
func (s *stage) waiting(name string, n, workers int, more ...setting) subject {
	return subject{name, func(ctx context.Context, from place) (running, error) {
		if err := s.empty(ctx); err != nil {
			return running{}, err
		}
		b, err := s.newBridge("redis", workers, append(more, begin(from))...)
		if err != nil {
			return running{}, err
		}
		if err := errors.Join(b.command(ctx, "pause"), b.listens(ctx)); err != nil {
			return running{Process: b.Process}, err
		}
		err = rig.Until(ctx, time.Minute, func() error {
			waiting, err := b.pending(ctx)
			if err == nil && waiting != n {
				err = fmt.Errorf("%d records wait, not %d", waiting, n)
			}
			return err
		})
		return running{Process: b.Process, release: func(ctx context.Context) error { return b.command(ctx, "resume") }}, err
	}}
}

// A talkbridge is the bridge, and what it is asked.
type talkbridge struct{ *rig.Bridge }

// newBridge makes a bridge without starting it.
func (s *stage) newBridge(store string, workers int, more ...setting) (talkbridge, error) {
	s.runs++
	name := fmt.Sprintf("bridge%d", s.runs)
	url := s.redis.URL()
	if store == "file" {
		url = "file:" + filepath.Join(s.dir, name+".db")
	}
	edits := append([]setting{
		{"rate: 50 ", "rate: 0 "}, {"concurrency: 8 ", fmt.Sprintf("concurrency: %d ", workers)}, {writebackSetting, ""},
	}, more...)
	b, err := rig.NewBridge(s.programs, s.dir, name, configs.Settings{
		SourceAddr: s.mariadb.Addr, StateURL: url, BaseURL: s.sink.base(),
	}, s.secrets, edits...)
	return talkbridge{b}, err
}

// listens starts the bridge and waits until it listens.
func (b talkbridge) listens(ctx context.Context) error {
	if err := b.Start(ctx); err != nil {
		return err
	}
	return rig.Until(ctx, 30*time.Second, func() error {
		leads, err := b.Listens(ctx)
		if err == nil && !leads {
			err = errors.New("the bridge does not listen")
		}
		return err
	})
}

// command runs a command of the program under the bridge's configuration.
func (b talkbridge) command(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, b.Path, append(args, "-c", b.Config)...) //nolint:gosec // our own program
	cmd.Env = append(os.Environ(), b.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("talkbridge %s: %w: %s", args[0], err, out)
	}
	return nil
}

// pending asks the bridge how many records wait.
func (b talkbridge) pending(ctx context.Context) (int, error) {
	var status struct {
		Records map[string]int `json:"records"`
	}
	err := rig.GetJSON(ctx, b.Admin+"/api/v1/status", &status)
	return status.Records["pending"], err
}

// empty empties Redis.
func (s *stage) empty(ctx context.Context) error {
	if err := s.client.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("empty Redis: %w", err)
	}
	return nil
}

// stored is what Redis has in use, and how long its append-only file is, bytes.
func (s *stage) stored(ctx context.Context) (memory, file float64, err error) {
	for _, figure := range []struct {
		section, name string
		into          *float64
	}{{"memory", "used_memory:", &memory}, {"persistence", "aof_current_size:", &file}} {
		text, err := s.client.Info(ctx, figure.section).Result()
		if err != nil {
			return 0, 0, fmt.Errorf("ask Redis: %w", err)
		}
		_, rest, _ := strings.Cut(text, figure.name)
		value, _, _ := strings.Cut(rest, "\r")
		if *figure.into, err = strconv.ParseFloat(value, 64); err != nil {
			return 0, 0, fmt.Errorf("ask Redis: %w", err)
		}
	}
	return memory, file, nil
}
