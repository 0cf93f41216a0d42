package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// A stage is everything that runs.
type stage struct {
	settings

	dir      string
	mariadb  *testserver.MariaDB
	db       *sql.DB
	redis    *redisSet
	platform *rig.Platform
	journal  *journal
	bridges  []*rig.Bridge
	overlaps int // of the platforms that were killed
}

func (s *stage) setUp(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "talkbridge-e2e-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	say("Starting MariaDB, Redis with a replica, three Sentinels, the stand-in platform and two bridges …")
	if s.mariadb, err = testserver.NewMariaDB(s.dir); err != nil {
		return err
	}
	if err := rig.Fill(s.mariadb); err != nil {
		return err
	}
	s.db = s.mariadb.DB("xgxt_demo")
	if s.redis, err = startRedis(ctx, s.dir); err != nil {
		return err
	}
	programs, err := rig.Programs()
	if err != nil {
		return err
	}
	secrets := rig.NewSecrets()
	if s.platform, err = rig.NewPlatform(ctx, programs, s.dir, secrets.Client, callTakes); err != nil {
		return err
	}
	s.journal = newJournal(s.platform.Journal)
	for i := range 2 {
		b, err := rig.NewBridge(programs, s.dir, fmt.Sprintf("bridge-%d", i+1), configs.Settings{
			SourceAddr: s.mariadb.Addr, StateURL: s.redis.url, BaseURL: s.platform.URL + "/api",
		}, secrets, rig.Impatient(2*time.Second)...)
		if err != nil {
			return err
		}
		s.bridges = append(s.bridges, b)
		if err := b.Start(ctx); err != nil {
			return err
		}
	}
	say("  all up; logs and files in %s", s.dir)
	return nil
}

// callTakes is how long the platform takes over a call.
const callTakes = 80 * time.Millisecond

// listener is the bridge that listens now, and the other one.
func (s *stage) listener(ctx context.Context) (listens, stands *rig.Bridge, err error) {
	err = rig.Until(ctx, 30*time.Second, func() error {
		listens, stands = nil, nil
		for _, n := range s.bridges {
			leads, err := n.Listens(ctx)
			if err != nil {
				return err
			}
			if leads {
				listens = n
			} else {
				stands = n
			}
		}
		if listens == nil || stands == nil {
			return errors.New("not one of two bridges listens")
		}
		return nil
	})
	return listens, stands, err
}

// finish stops the bridges, which must end well.
func (s *stage) finish(ctx context.Context, r *report) error {
	stats, err := s.platform.Stats(ctx)
	if err != nil {
		return err
	}
	r.overlaps = s.overlaps + stats.Overlaps
	var problems []error
	for _, n := range s.bridges {
		problems = append(problems, n.Stop())
	}
	return errors.Join(problems...)
}

func (s *stage) tearDown(failed bool) {
	for _, n := range s.bridges {
		n.Kill()
	}
	if s.platform != nil {
		s.platform.Kill()
	}
	s.redis.stop()
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.mariadb != nil {
		s.mariadb.Stop()
	}
	if failed || s.keep {
		say("Logs and files stay in %s", s.dir)
		return
	}
	_ = os.RemoveAll(s.dir)
}
