package acceptance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"talkbridge/internal/config"
)

// A bench is what the cases work on: a college's configuration, or a stand.
type bench struct {
	Options

	dir    string         // for temporary files
	config *config.Config // nil on a stand
	stand  *stand         // nil with a configuration
}

// needs is where a case can be run.
type needs int

const (
	anywhere   needs = iota
	standAlone       // it changes rows, breaks the platform or kills the bridge
	forReal          // it shows something only at the college
)

func (b *bench) whyNot(n needs) string {
	switch {
	case n == standAlone && b.Config != "":
		return "本用例会改动源库数据、制造平台故障或中断服务，只在隔离环境中执行（talkbridge accept --demo）"
	case n == forReal && b.Config == "":
		return "本用例须在学校正式环境中，对真实平台执行（talkbridge accept -c 配置文件）"
	default:
		return ""
	}
}

func (b *bench) open(ctx context.Context) error {
	if b.Config != "" {
		var err error
		b.config, err = config.Load(b.Config)
		return err
	}
	var err error
	b.stand, err = newStand(ctx, b.Program, b.dir)
	return err
}

func (b *bench) close() {
	if b.stand != nil {
		b.stand.close()
	}
}

// file is the configuration that the program is run with.
func (b *bench) file() string {
	if b.stand != nil {
		return b.stand.bridge.Config
	}
	return b.Config
}

// An answer is what a command line printed.
type answer struct {
	code           int
	stdout, stderr string
}

// said is what a person would have seen, on one line.
func (a answer) said() string {
	return short(strings.Join(strings.Fields(a.stderr+" "+a.stdout), " "), 300)
}

// talkbridge runs one command line of the program under the configuration, and notes it.
func (t *trial) talkbridge(ctx context.Context, args ...string) (answer, error) {
	t.did("执行：talkbridge %s -c %s", strings.Join(t.shown(args), " "), "talkbridge.yaml")
	return t.quiet(ctx, nil, args...)
}

// shown hides the names of temporary folders.
func (b *bench) shown(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if strings.HasPrefix(a, b.dir) {
			out[i] = filepath.Base(a)
		}
	}
	return out
}

// quiet runs a command line with more in its environment.
func (b *bench) quiet(ctx context.Context, env []string, args ...string) (answer, error) {
	return b.under(ctx, b.file(), env, args...)
}

// under runs a command line under a configuration.
func (b *bench) under(ctx context.Context, file string, env []string, args ...string) (answer, error) {
	cmd := exec.CommandContext(ctx, b.Program, append(args, "-c", file)...) //nolint:gosec // ourselves
	cmd.Env = os.Environ()
	if b.stand != nil {
		cmd.Env = append(cmd.Env, b.stand.secrets.Env()...)
	}
	cmd.Env = append(cmd.Env, env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	a := answer{stdout: out.String(), stderr: errOut.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() >= 0 {
		a.code = exit.ExitCode()
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("run talkbridge %s: %w", strings.Join(args, " "), err)
	}
	return a, nil
}

// asked runs a command that has to work, and reads its JSON.
func (t *trial) asked(ctx context.Context, into any, args ...string) error {
	a, err := t.talkbridge(ctx, append(args, "--json")...)
	if err != nil {
		return err
	}
	if a.code != 0 {
		return fmt.Errorf("talkbridge %s: 退出码 %d：%s", args[0], a.code, a.said())
	}
	if err := json.Unmarshal([]byte(a.stdout), into); err != nil {
		return fmt.Errorf("talkbridge %s: read its JSON: %w", args[0], err)
	}
	return nil
}

// A Program is the file that was tried.
type Program struct {
	SHA256 string `json:"sha256"`
	SM3    string `json:"sm3"`
	Bytes  int64  `json:"bytes"`
}

func programOf(path string) (p Program, err error) {
	file, err := os.Open(path) //nolint:gosec // ourselves
	if err != nil {
		return p, fmt.Errorf("read the program: %w", err)
	}
	defer file.Close()
	a, b := sha256.New(), sm3.New()
	if p.Bytes, err = io.Copy(io.MultiWriter(a, b), file); err != nil {
		return p, fmt.Errorf("read the program: %w", err)
	}
	p.SHA256, p.SM3 = hex.EncodeToString(a.Sum(nil)), hex.EncodeToString(b.Sum(nil))
	return p, nil
}

// An Environment is where the plan was run. It names no person and no password.
type Environment struct {
	Stand    bool   `json:"stand"` // the private servers with invented data
	OS       string `json:"os"`
	Source   string `json:"source"`
	Store    string `json:"store"`
	Platform string `json:"platform"`
	Config   string `json:"config"` // file
	SM3      string `json:"config_sm3"`
	OpenSSL  string `json:"openssl"` // the independent implementation; empty: none with SM4
}

func (b *bench) environment(ctx context.Context) Environment {
	e := Environment{Stand: b.stand != nil, OS: systemName() + " " + runtime.GOARCH, OpenSSL: opensslVersion(ctx)}
	if text, err := os.ReadFile(b.file()); err == nil {
		sum := sm3.Sum(text)
		e.SM3 = hex.EncodeToString(sum[:])
	}
	if b.stand != nil {
		e.Source = "MariaDB " + b.stand.mariadb.Version + "（本次验收私有实例，虚构学校）"
		e.Platform, e.Store = "模拟平台（本机回环地址）", "内嵌存储"
		e.Config = "演示配置 configs/talkbridge.yaml"
		return e
	}
	e.Source, e.Platform = b.config.Source.Addr, b.config.Platform.BaseURL
	e.Store = "内嵌存储"
	if kind, _, _ := strings.Cut(b.config.State.URL.Reveal(), ":"); kind != "file" && kind != "" {
		e.Store = kind // never the address: it may hold a password
	}
	e.Config = filepath.Base(b.Config)
	return e
}

// systemName is the operating system's own name for itself.
func systemName() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return runtime.GOOS
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return runtime.GOOS
}
