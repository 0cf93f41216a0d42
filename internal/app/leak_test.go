package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// Invariant 8: names, numbers, contents, secrets and tokens are in no log (at debug too), page, metric or store, through success,
// refusal by the mapping, refusal by a platform that repeats an ID number, and retry.
func TestNothingOfARowOrASecretIsLeftAnywhere(t *testing.T) {
	for _, store := range []string{"embedded", "redis"} {
		t.Run(store, func(t *testing.T) {
			url, dir := "file:talkbridge.db", ""
			if store == "redis" {
				r := testserver.StartRedis(t, "--appendfsync", "always")
				url, dir = r.URL(), r.Dir()
			}
			c := newCollege(t, url)
			if dir == "" {
				dir = filepath.Dir(c.config)
			}
			leaks(t, c, dir)
		})
	}
}

func leaks(t *testing.T, c *college, storeDir string) {
	t.Helper()
	c.edit(t, "level: info", "level: debug")
	for _, f := range []platformsim.Fault{
		{Kind: platformsim.FaultReject, RecordIDs: []string{"1002"}, Msg: "身份证号 33000020060718003X 的学生张晓雯不存在,手机 13800000202"},
		{Kind: platformsim.FaultHTML, RecordIDs: []string{"1015"}}, // retried for ever: its content stays in the store
	} {
		_, err := c.sim.Inject(f)
		require.NoError(t, err)
	}
	log, err := os.Create(filepath.Join(c.dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.CommandContext(t.Context(), binary(t), "run", "-c", c.config)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for _, id := range []string{"1001", "1002", "1008", "1015", "3001"} {
		c.press(t, id)
	}
	c.taken(t, "one", "1001", 1)
	c.taken(t, "patriarch", "3001", 1)
	listen := c.load(t).Admin.Listen
	var pages bytes.Buffer
	eventually(t, 20*time.Second, func() error {
		pages.Reset()
		for _, path := range []string{"/", "/metrics", "/api/v1/status", "/api/v1/records", "/api/v1/position", "/readyz"} {
			pages.WriteString(page(t, "http://"+listen+path))
		}
		if text := pages.String(); strings.Count(text, `"status":"rejected"`) < 2 || !strings.Contains(text, `"attempts":2`) {
			return fmt.Errorf("not yet refused and retried: %s", text)
		}
		return nil
	})
	require.Contains(t, pages.String(), "不存在", "the reason itself is kept")
	places := map[string]string{"pages": pages.String()}
	for _, root := range []string{storeDir, log.Name()} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Base(path) != "talkbridge.yaml" {
				text, readErr := os.ReadFile(path)
				places[path] = string(text)
				return readErr
			}
			return err
		}))
	}
	for place, text := range places {
		require.NotEmpty(t, text, place)
		for _, canary := range []string{
			"李明", "王芳", "张晓雯", "330000200603052014", "13800000201", "33000020060718003X", "13800000202", "近两周失眠", "学业压力", "李建国",
			clientSecret, stateKey, password, "0123456789abcdeffedcba9876543210", "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba",
		} {
			require.NotContains(t, text, canary, "in %s", place)
		}
	}
}

func page(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}
