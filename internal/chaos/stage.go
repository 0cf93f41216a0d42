package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"talkbridge/configs"
	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// A leg is one of the three ways from a bridge.
type leg string

const (
	toSource   leg = "source"
	toRedis    leg = "redis"
	toPlatform leg = "platform"
)

// A stage is everything that runs.
type stage struct {
	Settings

	dir      string
	source   *testserver.SQLServer
	db       *sql.DB
	redis    *redisServer // nil: the store is the embedded file
	platform *rig.Platform
	bridges  []*keeper
	lines    []map[leg]*rig.Line // of each bridge
	disk     string              // where the embedded file lies; a small disk of its own where one could be had
	small    bool                // it is one
	ends     []func()            // of what Between made
	clock    atomic.Int64        // how far the source's clock is ahead of the machine's, nanoseconds

	endKeeping context.CancelFunc
	keeping    *errgroup.Group
}

// callTakes is how long the platform takes over a call: so that there are always calls under way when something happens.
const callTakes = 30 * time.Millisecond

// callLimit is platform.timeout: longer than it takes to notice that a Redis lost something, so that a call may be under way all the
// while.
const callLimit = 5 * time.Second

func (s *stage) setUp(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp(s.Dir, "chaos-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if s.source, err = startSource(s.Source, s.dir); err != nil {
		return err
	}
	if err := rig.Fill(s.source); err != nil {
		return err
	}
	s.db = s.source.DB(rig.Database)
	stateURL := ""
	if s.Store == StoreRedis {
		if s.redis, err = startRedis(ctx, s.dir); err != nil {
			return err
		}
	} else {
		s.makeDisk()
		stateURL = "file:" + filepath.Join(s.disk, "talkbridge.db")
	}
	secrets := rig.NewSecrets()
	if s.platform, err = rig.NewPlatform(ctx, s.Programs, s.dir, secrets.Client, callTakes); err != nil {
		return err
	}
	bridges := 2
	if s.redis == nil {
		bridges = 1 // a file belongs to one process
	}
	for i := range bridges {
		if err := s.addBridge(fmt.Sprintf("bridge-%d", i+1), stateURL, secrets); err != nil {
			return err
		}
	}
	s.keep(ctx)
	return nil
}

// startSource starts a server of the kind, which is mariadb, mysql, or the name of one of those that this machine has.
func startSource(kind, dir string) (*testserver.SQLServer, error) {
	for _, source := range testserver.AllSources() {
		if strings.EqualFold(source.Name, kind) || source.Flavor == kind {
			return source.New(dir)
		}
	}
	return nil, fmt.Errorf("no %s: %w (make chaos installs MariaDB, and fetches MySQL into ROOTS)", kind, testserver.ErrMissing)
}

// addBridge makes a bridge with lines of its own.
func (s *stage) addBridge(name, stateURL string, secrets rig.Secrets) error {
	lines := map[leg]*rig.Line{}
	s.lines = append(s.lines, lines)
	to := map[leg]string{toSource: s.source.Addr, toPlatform: s.platform.Addr}
	if s.redis != nil {
		to[toRedis] = s.redis.addr
	}
	if s.Between != nil {
		addr, end, err := s.Between(s.platform.URL)
		if err != nil {
			return err
		}
		s.ends = append(s.ends, end)
		to[toPlatform] = addr
	}
	for l, addr := range to {
		var err error
		if lines[l], err = rig.NewLine(addr); err != nil {
			return err
		}
	}
	if s.redis != nil {
		stateURL = "redis://" + lines[toRedis].Addr + "/0"
	}
	b, err := rig.NewBridge(s.Programs, s.dir, name, configs.Settings{
		SourceAddr: lines[toSource].Addr, StateURL: stateURL, BaseURL: "http://" + lines[toPlatform].Addr + "/api",
	}, secrets, rig.Impatient(callLimit)...)
	if err != nil {
		return err
	}
	s.bridges = append(s.bridges, newKeeper(b))
	return nil
}

// keep keeps the bridges running until endKeeping.
func (s *stage) keep(ctx context.Context) {
	ctx, s.endKeeping = context.WithCancel(ctx)
	s.keeping = &errgroup.Group{}
	for _, k := range s.bridges {
		s.keeping.Go(func() error { return k.run(ctx) })
	}
}

// listener is the bridge that listens, and the other one, which is the same where there is one only. While nobody can say, dice decide.
func (s *stage) listener(ctx context.Context, dice float64) (listens, stands int) {
	listens = int(dice * float64(len(s.bridges)))
	for i, k := range s.bridges {
		if leads, err := k.Listens(ctx); err == nil && leads {
			listens = i
		}
	}
	return listens, len(s.bridges) - 1 - listens
}

// finish ends the bridges, which must end well.
func (s *stage) finish() error {
	problems := make([]error, 0, len(s.bridges)+1)
	for _, k := range s.bridges {
		problems = append(problems, k.down(true))
	}
	s.endKeeping()
	return errors.Join(append(problems, s.keeping.Wait())...)
}

func (s *stage) tearDown(keep bool) {
	if s.endKeeping != nil {
		for _, k := range s.bridges {
			_ = k.down(false)
		}
		s.endKeeping()
		_ = s.keeping.Wait()
	}
	for _, lines := range s.lines {
		for _, l := range lines {
			l.Close()
		}
	}
	for _, end := range s.ends {
		end()
	}
	if s.platform != nil {
		s.platform.Kill()
	}
	if s.redis != nil {
		_ = s.redis.client.Close()
		s.redis.Kill()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.source != nil {
		_ = syscall.Kill(s.source.Pid(), syscall.SIGCONT)
		s.source.Kill()
	}
	s.removeDisk()
	if !keep {
		_ = os.RemoveAll(s.dir)
	}
}
