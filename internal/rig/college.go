package rig

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/fixture"
	"talkbridge/internal/testserver"
)

// Database is the invented college's.
const Database = "xgxt_demo"

// Fill puts the invented college and the bridge's account into a server. Nobody has pressed 递交 yet.
func Fill(m *testserver.SQLServer) error {
	account, err := configs.Files.ReadFile("demo-account.sql")
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	if m.Flavor == "mysql" { // where the same privilege has its old name
		account = bytes.ReplaceAll(account, []byte("BINLOG MONITOR"), []byte("REPLICATION CLIENT"))
	}
	return m.Exec(fixture.Database + string(account) + "UPDATE " + Database + ".xl_gzth SET tj_zt = '0'")
}

// Secrets are what a bridge finds in its environment.
type Secrets struct{ Client, State string }

// NewSecrets draws them.
func NewSecrets() Secrets { return Secrets{randomKey(), randomKey()} }

func randomKey() string {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // it never fails
	return base64.StdEncoding.EncodeToString(key)
}

// Env is the environment of a bridge.
func (s Secrets) Env() []string {
	return []string{
		"TALKBRIDGE_MYSQL_PASSWORD=demo-bridge", "TALKBRIDGE_STATE_KEY=" + s.State, "TALKBRIDGE_CLIENT_ID=" + PlatformAccount,
		"TALKBRIDGE_CLIENT_SECRET=" + s.Client,
	}
}

// A Bridge is talkbridge as a process of its own.
type Bridge struct {
	*Process

	Config string // file
	Admin  string // URL of its pages
}

// NewBridge writes a configuration under dir and makes a bridge of it, which Start starts. edits replace parts of the annotated example,
// each of which must be there once.
func NewBridge(programs, dir, name string, settings configs.Settings, secrets Secrets, edits ...[2]string) (*Bridge, error) {
	port, err := testserver.FreePort()
	if err != nil {
		return nil, err
	}
	settings.Listen = "127.0.0.1:" + strconv.Itoa(port)
	config, err := configs.Write(filepath.Join(dir, name), settings)
	if err != nil {
		return nil, fmt.Errorf("write a configuration: %w", err)
	}
	if err := edit(config, edits); err != nil {
		return nil, err
	}
	b := &Bridge{Config: config, Admin: "http://" + settings.Listen}
	b.Process = &Process{
		Name: name, Path: filepath.Join(programs, "talkbridge"), Args: []string{"run", "-c", config}, Env: secrets.Env(),
		Log: filepath.Join(dir, name+".log"), Ready: Answers(b.Admin + "/readyz"),
	}
	return b, nil
}

// Impatient makes the example's times short enough for a demonstration: a call that was under way when its bridge was killed
// is made again when its lease ends, and that is longer than two of platform.timeout.
func Impatient(timeout time.Duration) [][2]string {
	return [][2]string{
		{"timeout: 10s", "timeout: " + timeout.String()},
		{"rate: 50 ", "rate: 0 "},
		{"retry: {initial: 1s, max: 10m,", "retry: {initial: 500ms, max: 5s,"},
		{"open_for: 30s", "open_for: 3s"},
	}
}

func edit(file string, edits [][2]string) error {
	text, err := os.ReadFile(file) //nolint:gosec // we have just written it
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	for _, e := range edits {
		if bytes.Count(text, []byte(e[0])) != 1 {
			return fmt.Errorf("the example no longer says %q once", e[0])
		}
		text = bytes.Replace(text, []byte(e[0]), []byte(e[1]), 1)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil { //nolint:gosec // likewise
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// Programs is the folder that this program was built into, with those that it starts beside it.
func Programs() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the programs: %w", err)
	}
	return filepath.Dir(self), nil
}

// Listens tells whether a bridge listens to the source.
func (b *Bridge) Listens(ctx context.Context) (bool, error) {
	var status struct {
		Leader bool `json:"leader"`
	}
	err := GetJSON(ctx, b.Admin+"/api/v1/status", &status)
	return status.Leader, err
}
