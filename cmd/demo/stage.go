package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
)

// A stage is the three processes and what the scenario needs to reach them.
type stage struct {
	dir      string
	mariadb  *testserver.MariaDB
	db       *sql.DB
	platform *process
	bridge   *process
	simURL   string // of the platform simulator
	adminURL string // of the bridge
	config   string // file
}

const (
	startLimit = 30 * time.Second
	stopLimit  = 20 * time.Second
)

func setUp(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.showLogTail()
			s.tearDown()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "talkbridge-demo-"); err != nil {
		return s, fmt.Errorf("make a folder: %w", err)
	}
	if err := s.startMariaDB(ctx); err != nil {
		return s, err
	}
	secret, err := randomKey()
	if err != nil {
		return s, err
	}
	if err := s.startPlatform(ctx, secret); err != nil {
		return s, err
	}
	return s, s.startBridge(ctx, secret)
}

func (s *stage) startMariaDB(ctx context.Context) error {
	say("Starting a private MariaDB …")
	var err error
	if s.mariadb, err = testserver.NewMariaDB(s.dir); err != nil {
		return err
	}
	account, err := configs.Files.ReadFile("demo-account.sql")
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	if err := s.mariadb.Exec(fixture.Database + string(account)); err != nil {
		return err
	}
	s.db = s.mariadb.DB("xgxt_demo")
	// Nobody has pressed 递交 yet: the story starts with an empty desk.
	if _, err := s.db.ExecContext(ctx, "UPDATE xl_gzth SET tj_zt = '0', sb_xx = NULL"); err != nil {
		return fmt.Errorf("clear the flags: %w", err)
	}
	var version string
	if err := s.db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return fmt.Errorf("ask MariaDB: %w", err)
	}
	say("  MariaDB %s on %s, database xgxt_demo: an invented college, 35 talk records", version, s.mariadb.Addr)
	return nil
}

func (s *stage) startPlatform(ctx context.Context, secret string) error {
	say("Starting the stand-in platform …")
	port, err := testserver.FreePort()
	if err != nil {
		return err
	}
	listen := "127.0.0.1:" + strconv.Itoa(port)
	s.simURL = "http://" + listen
	if s.platform, err = s.spawn("platformsim", nil, "-listen", listen, "-client-id", "demo", "-client-secret", secret); err != nil {
		return err
	}
	if err := s.platform.answers(ctx, s.simURL+"/_sim/stats"); err != nil {
		return err
	}
	say("  %s/api: token endpoint and /talk-record/{one,multi,patriarch}", s.simURL)
	return nil
}

func (s *stage) startBridge(ctx context.Context, secret string) error {
	say("Starting the bridge on its embedded store …")
	port, err := testserver.FreePort()
	if err != nil {
		return err
	}
	listen := "127.0.0.1:" + strconv.Itoa(port)
	s.adminURL = "http://" + listen
	s.config, err = configs.Write(filepath.Join(s.dir, "bridge"), configs.Settings{
		SourceAddr: s.mariadb.Addr, StateURL: "file:talkbridge.db", BaseURL: s.simURL + "/api", Listen: listen,
	})
	if err != nil {
		return err
	}
	key, err := randomKey()
	if err != nil {
		return err
	}
	env := []string{"TALKBRIDGE_MYSQL_PASSWORD=demo-bridge", "TALKBRIDGE_STATE_KEY=" + key, "TALKBRIDGE_CLIENT_ID=demo", "TALKBRIDGE_CLIENT_SECRET=" + secret}
	if s.bridge, err = s.spawn("talkbridge", env, "run", "-c", s.config); err != nil {
		return err
	}
	if err := s.bridge.answers(ctx, s.adminURL+"/readyz"); err != nil {
		return err
	}
	say("  configuration %s, store and log beside it", s.config)
	return nil
}

func randomKey() (string, error) {
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(key), nil
}

// A process is one of our own programs, with its output in a file.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read it after done
}

// spawn starts a program that lies beside this one.
func (s *stage) spawn(name string, env []string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the programs: %w", err)
	}
	p := &process{name: name, log: filepath.Join(s.dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	defer out.Close()
	p.cmd = exec.CommandContext(context.Background(), filepath.Join(filepath.Dir(self), name), args...) //nolint:gosec // our own programs
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us: we end them in order
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// answers waits until the address answers 200.
func (p *process) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if get(ctx, url) == nil {
			return nil
		}
		select {
		case <-p.done:
			text, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s ended (%w):\n%s", p.name, p.err, tail(text))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer on %s: %w", p.name, url, ctx.Err())
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// tearDown ends everything in the order in which a machine is shut down: the bridge first, the source last.
func (s *stage) tearDown() {
	s.bridge.stop()
	s.platform.stop()
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.mariadb != nil {
		s.mariadb.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

func (s *stage) showLogTail() {
	if s.bridge == nil {
		return
	}
	if text, err := os.ReadFile(s.bridge.log); err == nil {
		fmt.Fprintf(os.Stderr, "\nThe end of the bridge's log:\n%s\n", tail(text))
	}
}

func tail(text []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-15):], []byte("\n"))
}

func (s *stage) showAddresses() {
	say("\nStill up:")
	say("  MariaDB   mariadb -h 127.0.0.1 -P %d -u root -p%s xgxt_demo", s.mariadb.Port, testserver.RootPassword)
	say("  platform  %s/_sim/records (what it holds), %s/_sim/journal (what arrived)", s.simURL, s.simURL)
	say("  bridge    %s/api/v1/status, %s/api/v1/records, %s/metrics", s.adminURL, s.adminURL, s.adminURL)
	say("  log       %s", s.bridge.log)
	say("  submit    UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = 1015;")
}
