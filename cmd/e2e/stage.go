package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/admin"
	"talkbridge/internal/fixture"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// A stage is everything that runs.
type stage struct {
	settings

	dir      string
	mariadb  *testserver.MariaDB
	db       *sql.DB
	redis    *redisSet
	platform *process
	simURL   string
	journal  *journal
	bridges  []*node
	overlaps int // of the platforms that were killed
}

// A node is a bridge.
type node struct {
	*process

	admin string // URL
}

func (s *stage) setUp(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "talkbridge-e2e-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	say("Starting MariaDB, Redis with a replica, three Sentinels, the stand-in platform and two bridges …")
	if s.mariadb, err = testserver.NewMariaDB(s.dir); err != nil {
		return err
	}
	account, err := configs.Files.ReadFile("demo-account.sql")
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	if err := s.mariadb.Exec(fixture.Database + string(account) + "UPDATE xgxt_demo.xl_gzth SET tj_zt = '0'"); err != nil {
		return err
	}
	s.db = s.mariadb.DB("xgxt_demo")
	if s.redis, err = startRedis(ctx, s.dir); err != nil {
		return err
	}
	secret, key := randomKey(), randomKey()
	if err := s.startPlatform(ctx, secret); err != nil {
		return err
	}
	env := []string{"TALKBRIDGE_MYSQL_PASSWORD=demo-bridge", "TALKBRIDGE_STATE_KEY=" + key, "TALKBRIDGE_CLIENT_ID=e2e", "TALKBRIDGE_CLIENT_SECRET=" + secret}
	for i := range 2 {
		if err := s.startBridge(ctx, fmt.Sprintf("bridge-%d", i+1), env); err != nil {
			return err
		}
	}
	say("  all up; logs and files in %s", s.dir)
	return nil
}

func randomKey() string {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // it never fails
	return base64.StdEncoding.EncodeToString(key)
}

func (s *stage) startPlatform(ctx context.Context, secret string) error {
	port, err := testserver.FreePort()
	if err != nil {
		return err
	}
	path, err := beside("platformsim")
	if err != nil {
		return err
	}
	listen := "127.0.0.1:" + strconv.Itoa(port)
	s.simURL, s.journal = "http://"+listen, newJournal(filepath.Join(s.dir, "journal.jsonl"))
	s.platform = &process{
		name: "platform", path: path, log: filepath.Join(s.dir, "platform.log"), ready: answers(s.simURL + "/_sim/stats"),
		args: []string{"-listen", listen, "-client-id", "e2e", "-client-secret", secret, "-journal", s.journal.path},
	}
	return s.restartPlatform(ctx)
}

// restartPlatform starts the platform, which takes a while over each call: so that there are always calls under way when something
// dies.
func (s *stage) restartPlatform(ctx context.Context) error {
	if err := s.platform.start(ctx); err != nil {
		return err
	}
	body, err := json.Marshal(platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(callTakes)})
	if err != nil {
		return fmt.Errorf("slow the platform down: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.simURL+"/_sim/faults", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("slow the platform down: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("slow the platform down: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("slow the platform down: %s", resp.Status)
	}
	return nil
}

// callTakes is how long the platform takes over a call.
const callTakes = 80 * time.Millisecond

// startBridge starts a bridge on the one configuration, with a listener of its own for its pages.
func (s *stage) startBridge(ctx context.Context, name string, env []string) error {
	port, err := testserver.FreePort()
	if err != nil {
		return err
	}
	path, err := beside("talkbridge")
	if err != nil {
		return err
	}
	listen := "127.0.0.1:" + strconv.Itoa(port)
	config, err := configs.Write(filepath.Join(s.dir, name), configs.Settings{
		SourceAddr: s.mariadb.Addr, StateURL: s.redis.url, BaseURL: s.simURL + "/api", Listen: listen,
	})
	if err != nil {
		return err
	}
	if err := impatient(config); err != nil {
		return err
	}
	n := &node{admin: "http://" + listen}
	n.process = &process{
		name: name, path: path, args: []string{"run", "-c", config}, env: env, log: filepath.Join(s.dir, name+".log"),
		ready: answers(n.admin + "/readyz"),
	}
	s.bridges = append(s.bridges, n)
	return n.start(ctx)
}

// impatient makes the example's times short enough for a demonstration: a call that was under way when its bridge was killed
// is made again when its lease ends, and that is longer than two of platform.timeout.
func impatient(config string) error {
	text, err := os.ReadFile(config) //nolint:gosec // we have just written it
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	for _, r := range [][2]string{
		{"timeout: 10s", "timeout: 2s"},
		{"rate: 50 ", "rate: 0 "},
		{"retry: {initial: 1s, max: 10m,", "retry: {initial: 500ms, max: 5s,"},
		{"open_for: 30s", "open_for: 3s"},
	} {
		if bytes.Count(text, []byte(r[0])) != 1 {
			return fmt.Errorf("the example no longer says %q once", r[0])
		}
		text = bytes.Replace(text, []byte(r[0]), []byte(r[1]), 1)
	}
	if err := os.WriteFile(config, text, 0o600); err != nil { //nolint:gosec // likewise
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// listener is the bridge that listens now, and the other one.
func (s *stage) listener(ctx context.Context) (listens, stands *node, err error) {
	err = until(ctx, 30*time.Second, func() error {
		listens, stands = nil, nil
		for _, n := range s.bridges {
			var status admin.Status
			if err := getJSON(ctx, n.admin+"/api/v1/status", &status); err != nil {
				return err
			}
			if status.Leader {
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

// stats asks the platform that runs now.
func (s *stage) stats(ctx context.Context) (platformsim.Stats, error) {
	var stats platformsim.Stats
	return stats, getJSON(ctx, s.simURL+"/_sim/stats", &stats)
}

func getJSON(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err //nolint:wrapcheck // it names the address
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return nil
}

// finish stops the bridges, which must end well.
func (s *stage) finish(ctx context.Context, r *report) error {
	stats, err := s.stats(ctx)
	if err != nil {
		return err
	}
	r.overlaps = s.overlaps + stats.Overlaps
	var problems []error
	for _, n := range s.bridges {
		problems = append(problems, n.stop())
	}
	return errors.Join(problems...)
}

func (s *stage) tearDown(failed bool) {
	for _, n := range s.bridges {
		n.kill()
	}
	if s.platform != nil {
		s.platform.kill()
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
