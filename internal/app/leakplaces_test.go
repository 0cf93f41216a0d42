package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// pages reads every page, event and answer of the API, as a user of each role and as nobody.
func (l *leakCollege) pages(t *testing.T, places map[string][]byte) {
	t.Helper()
	base := "http://" + l.load(t).Admin.Listen
	paths := []string{
		"/", "/records", "/records?status=rejected", "/records?key=1001", "/position", "/audit", "/preview", "/history", "/healthz", "/readyz", "/metrics",
		"/login", "/api/v1/status", "/api/v1/position", "/api/v1/records", "/nowhere",
	}
	for _, r := range leakRecords {
		paths = append(paths, "/records/"+r.id, "/api/v1/records/"+r.id)
	}
	for _, role := range []string{"viewer", "operator", "auditor", ""} {
		client := l.login(t, base, role)
		for _, path := range paths {
			places["GET "+path+" as "+role] = fetchPage(t, client, http.MethodGet, base+path, nil)
		}
		if role != "" {
			places["GET /events as "+role] = l.listen(t, client, base)
		}
	}
	operator := l.login(t, base, "operator")
	places["POST /preview"] = fetchPage(t, operator, http.MethodPost, base+"/preview", url.Values{"route": {"one"}, "key": {"1001"}, "reason": {"核对"}})
	places["POST /records/retry"] = fetchPage(t, operator, http.MethodPost, base+"/records/retry", url.Values{"id": {"one/1012"}})
	places["POST /login, wrong"] = fetchPage(t, operator, http.MethodPost, base+"/login", url.Values{"name": {"operator"}, "password": {leakWrong}})
}

// login gives a client with the session of a role; without a role it is nobody's.
func (l *leakCollege) login(t *testing.T, base, role string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Timeout: time.Minute}
	if role == "" {
		return client
	}
	fetchPage(t, client, http.MethodPost, base+"/login", url.Values{"name": {role}, "password": {leakConsole}})
	address, err := url.Parse(base)
	require.NoError(t, err)
	cookies := jar.Cookies(address)
	require.NotEmpty(t, cookies, "%s is logged in", role)
	l.sessions = append(l.sessions, cookies[0].Value)
	return client
}

// fetchPage gives headers and body of an answer; its own Set-Cookie is how a session comes about.
func fetchPage(t *testing.T, client *http.Client, method, address string, form url.Values) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	resp.Header.Del("Set-Cookie")
	var page bytes.Buffer
	fmt.Fprintln(&page, resp.Status)
	require.NoError(t, resp.Header.Write(&page))
	_, err = io.Copy(&page, resp.Body)
	require.NoError(t, err)
	return page.Bytes()
}

// listen reads the stream of events until two of them have come.
func (l *leakCollege) listen(t *testing.T, client *http.Client, base string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/events", nil)
	require.NoError(t, err)
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	var said []byte
	chunk := make([]byte, 64<<10)
	for bytes.Count(said, []byte("\n\n")) < 2 {
		n, err := resp.Body.Read(chunk)
		said = append(said, chunk[:n]...)
		require.NoError(t, err, "%s", said)
	}
	return said
}

// Lines that only look, and lines that do something; FILE is a backup.
var (
	leakLooks = []string{
		"check", "check --json", "records list", "records list --json", "records list --status rejected", "position show", "position show --json",
		"token show", "token show --json", "reconcile", "reconcile --json", "audit show", "audit show --json", "audit verify", "contract show",
		"map --route one --key 1001", "map --route one --key 1001 --json", "map --route one --key 1012", "map --route one --all",
		"map --route one --key 1001 --diff", "replay --from 2020-01-01 --dry-run", "records show one/404", "records nothing", "version",
		"init sql --server mariadb-10", "__complete records show one/",
	}
	leakDoes = []string{
		"token refresh", "token refresh --json", // the first is refused, and its refusal repeats the secret
		"push --route one --key 1012 --json", "push --route one --key 1013", "records retry one/1012", "backfill --route one", "pause --reason test", "resume",
		"backup FILE", "verify FILE",
	}
)

// commands runs the command line, beside the bridge and without it.
func (l *leakCollege) commands(t *testing.T, places map[string][]byte, when string) {
	t.Helper()
	backup := filepath.Join(l.dir, "backup"+strings.TrimSpace(when))
	_, err := l.sim.Inject(platformTokenRefusal())
	require.NoError(t, err)
	said := func(line string) []byte {
		args := append(strings.Fields(strings.ReplaceAll(line, "FILE", backup)), "-c", l.config)
		if args[0] == "__complete" { // what is behind its arguments would be completed
			args = append([]string{"__complete", "-c", l.config}, args[1:len(args)-2]...)
		}
		out, err := exec.CommandContext(t.Context(), binary(t), args...).CombinedOutput()
		if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
			t.Errorf("%s: %v", line, err)
		}
		return out
	}
	for _, line := range leakDoes {
		places["talkbridge "+line+when] = said(line)
	}
	looks := slices.Clone(leakLooks)
	for _, r := range leakRecords {
		looks = append(looks, "records show "+r.id, "records show "+r.id+" --json")
	}
	var group errgroup.Group
	group.SetLimit(8) // they mostly wait: for the lock of a file that the bridge has
	if when != "" {
		group.SetLimit(1) // one after the other has the file
	}
	outputs := make([][]byte, len(looks))
	for i, line := range looks {
		group.Go(func() error { outputs[i] = said(line); return nil })
	}
	require.NoError(t, group.Wait())
	for i, line := range looks {
		places["talkbridge "+line+when] = outputs[i]
	}
}

// refused runs commands with each secret wrong in turn: what is said of it must not show it, nor the right one.
func (l *leakCollege) refused(t *testing.T, places map[string][]byte) {
	t.Helper()
	for secret, text := range map[string]string{"mysql": leakWrong, "redis": leakWrong, "client": leakWrongKey, "key": leakWrongKey} {
		config := l.wrong(t, secret, text)
		for _, line := range []string{"check", "check --json", "run", "records list", "token refresh", "position show"} {
			if line == "run" && (secret == "redis" && l.redis == nil || secret == "key" && l.redis == nil) {
				continue // it is right there
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, err := exec.CommandContext(ctx, binary(t), append(strings.Fields(line), "-c", config)...).CombinedOutput()
			cancel()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok && err != nil || ok && exit.ExitCode() < 0 {
				t.Fatalf("%s with another %s: %v: %s", line, secret, err, out)
			}
			places["talkbridge "+line+" with another "+secret] = append(out, '\n')
		}
	}
}

// stored reads what the store, the trail and the log hold, and what the source was told.
func (l *leakCollege) stored(t *testing.T, places map[string][]byte, when string) {
	t.Helper()
	files := []string{filepath.Join(l.dir, "log"), l.load(t).Admin.AuditLog}
	for _, pattern := range []string{filepath.Join(l.dir, "backup*"), filepath.Join(filepath.Dir(l.config), "talkbridge.db*")} {
		more, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, more...)
	}
	if l.redis != nil {
		l.redisDump(t, places, when)
		require.NoError(t, filepath.WalkDir(l.redis.Dir(), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		}))
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		if len(content) > 0 {
			places["file "+strings.TrimPrefix(path, l.dir)+when] = content
		}
	}
	var told string
	require.NoError(t, l.db.QueryRowContext(t.Context(), "SELECT GROUP_CONCAT(sb_xx SEPARATOR '\n') FROM xl_gzth").Scan(&told))
	places["xl_gzth.sb_xx"+when] = []byte(told)
}

// redisDump reads every key and every value of Redis, and has it write its file.
func (l *leakCollege) redisDump(t *testing.T, places map[string][]byte, when string) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: l.redis.Addr, Password: leakRedis})
	defer client.Close()
	require.NoError(t, client.Save(t.Context()).Err())
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	for _, key := range keys {
		dump, err := client.Dump(t.Context(), key).Result()
		require.NoError(t, err)
		places["Redis key "+key+when] = []byte(key + "\n" + dump)
	}
}
