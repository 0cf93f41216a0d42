package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"talkbridge/configs"
)

// variant writes another configuration of the stand, with parts replaced, and gives its file.
func (s *stand) variant(name string, edits ...[2]string) (string, error) {
	text, err := os.ReadFile(s.bridge.Config)
	if err != nil {
		return "", fmt.Errorf("read the configuration: %w", err)
	}
	config := string(text)
	for _, e := range edits {
		if !strings.Contains(config, e[0]) {
			return "", fmt.Errorf("the configuration no longer says %q", e[0])
		}
		config = strings.Replace(config, e[0], e[1], 1)
	}
	dir := filepath.Join(s.dir, name)
	file, err := configs.Write(dir, configs.Settings{SourceAddr: s.mariadb.Addr, StateURL: "file:talkbridge.db", BaseURL: s.platform.url(), Listen: "127.0.0.1:0"})
	if err != nil {
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil { //nolint:gosec // we have just made its name
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	return file, nil
}

// finds runs check under another configuration and wants a FAIL of this kind with this word in it.
func (t *trial) finds(ctx context.Context, file string, env []string, what, id string, words ...string) error {
	a, err := t.under(ctx, file, env, "check", "--json")
	if err != nil {
		return err
	}
	expected := "自检不通过，退出码 1"
	var items []checkItem
	if json.Unmarshal([]byte(a.stdout), &items) != nil {
		return t.check(what, expected, a.said(), a.code == 1 && containsOne(a.stderr, words))
	}
	for _, i := range items {
		if i.Level == "FAIL" && strings.HasPrefix(i.ID, id) && containsOne(i.What+i.Detail+i.Fix, words) {
			return t.check(what, expected, fmt.Sprintf("%s:%s，退出码 %d", i.ID, short(i.What+":"+i.Detail, 200), a.code), a.code == 1)
		}
	}
	return t.check(what, expected, a.said(), false)
}

func containsOne(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return len(words) == 0
}

func certificateCase(ctx context.Context, t *trial) error {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS() // its certificate is nobody's
	defer server.Close()
	t.did("把平台地址换成一个证书不可信的 https 服务")
	file, err := t.stand.variant("untrusted", [2]string{t.stand.platform.url(), server.URL + "/api"})
	if err != nil {
		return err
	}
	return t.finds(ctx, file, nil, "证书不可信的平台", "platform.", "certificate", "x509")
}

func keyCase(ctx context.Context, t *trial) error {
	t.did("client_secret 不是 16 字节密钥")
	file, err := t.stand.variant("badkey")
	if err != nil {
		return err
	}
	if err := t.finds(ctx, file, []string{"TALKBRIDGE_CLIENT_SECRET=c2hvcnQ="}, "client_secret 长度不对", "crypto.key"); err != nil {
		return err
	}
	t.did("停止上报程序，用错误的 state.key 启动")
	if err := t.stand.bridge.Stop(); err != nil {
		return err
	}
	a, err := t.quiet(ctx, []string{"TALKBRIDGE_STATE_KEY=MDEyMzQ1Njc4OWFiY2RlZg=="}, "run")
	if err != nil {
		return err
	}
	seen := t.check("用错误的 state.key 启动", "拒绝启动，退出码 1", fmt.Sprintf("退出码 %d：%s", a.code, short(a.said(), 160)), a.code == 1)
	t.did("用正确的密钥启动")
	if err := t.stand.bridge.Start(ctx); err != nil {
		return errors.Join(seen, err)
	}
	return seen
}

func grantsCase(ctx context.Context, t *trial) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = "talkbridge", "demo-bridge", "tcp", t.stand.mariadb.Addr, "xgxt_demo"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("open the bridge's account: %w", err)
	}
	db := sqlOpen(connector)
	defer db.Close()
	for _, statement := range []string{
		"UPDATE xl_gzth SET thnr = '改' WHERE id = 1001", "DELETE FROM xl_gzth WHERE id = 1001", "INSERT INTO xg_xsxx (xh) VALUES ('1')",
		"CREATE TABLE x (a INT)", "DROP TABLE xl_gzth_cy",
	} {
		_, err := db.ExecContext(ctx, statement)
		denied, ok := errors.AsType[*mysql.MySQLError](err)
		observed := "被允许"
		if err != nil {
			observed = short(err.Error(), 120)
		}
		if err := t.check("以上报账号执行："+statement, "被源库拒绝", observed, ok && (denied.Number == 1142 || denied.Number == 1143 || denied.Number == 1044)); err != nil {
			return err
		}
	}
	return nil
}

func neverSendCase(ctx context.Context, t *trial) error {
	t.did("在配置中让“措施”取自量表得分列 sds")
	file, err := t.stand.variant("scales", [2]string{"measure: {from: clyj,", "measure: {from: sds,"})
	if err != nil {
		return err
	}
	return t.finds(ctx, file, nil, "映射量表得分列", "mapping.", "sds")
}

// wordsOfPeople is how many canaries are about people; the others are secrets, and are not named where they are found.
const wordsOfPeople = 11

// canaries are texts of the invented people and the run's secrets, none of which may be found where it is not meant to be.
func (s *stand) canaries() []string {
	key, _ := s.key()
	tokens := map[string]bool{}
	for _, c := range s.platform.noted(func(call) bool { return true }) {
		if token, ok := strings.CutPrefix(c.authorization, "Bearer "); ok {
			tokens[token] = true
		}
	}
	return append([]string{
		"李明", "张晓雯", "王芳", "李建国", "330000200603052014", "33000020060718003X", "13800000201", "13800000202", "近两周失眠",
		"学业压力", "情绪平稳", s.secrets.Client, s.secrets.State, "demo-bridge", string(key),
	}, slices.Sorted(maps.Keys(tokens))...)
}

func (s *stand) found(text string) []string {
	var out []string
	for i, c := range s.canaries() {
		if strings.Contains(text, c) {
			if i >= wordsOfPeople {
				c = "(密钥或口令)"
			}
			out = append(out, c)
		}
	}
	return out
}

// leakCase reads every file that the bridge made in this run.
func leakCase(ctx context.Context, t *trial) error {
	backup := filepath.Join(t.dir, "leak.backup")
	if _, err := t.talkbridge(ctx, "backup", backup); err != nil {
		return err
	}
	dir := filepath.Dir(t.stand.bridge.Config)
	files := []string{t.stand.bridge.Log, backup}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list the bridge's files: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() && e.Name() != filepath.Base(t.stand.bridge.Config) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	n := len(t.stand.canaries())
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the files of our own stand
		if err != nil {
			return t.check("读取 "+filepath.Base(file), "可读", err.Error(), false)
		}
		found := t.stand.found(string(text))
		observed := fmt.Sprintf("查找 %d 个词，%d 字节中无一出现", n, len(text))
		if len(found) > 0 {
			observed = "出现 " + strings.Join(found, "、")
		}
		if err := t.check(filepath.Base(file)+" 中的姓名、证件号、电话、正文、令牌密钥", "均未出现", observed, len(found) == 0 && len(text) > 0); err != nil {
			return err
		}
	}
	return nil
}

func pagesLeakCase(ctx context.Context, t *trial) error {
	for _, path := range []string{"/", "/metrics", "/api/v1/status", "/api/v1/records?limit=1000", "/api/v1/position", "/records", "/position"} {
		text, err := t.stand.page(ctx, path)
		if err != nil {
			return t.check("页面 "+path, "可读", err.Error(), false)
		}
		found := t.stand.found(text)
		observed := fmt.Sprintf("%d 字节中无一出现", len(text))
		if len(found) > 0 {
			observed = "出现 " + strings.Join(found, "、")
		}
		if err := t.check("页面 "+path+" 中的姓名、证件号、正文、密钥", "均未出现", observed, len(found) == 0); err != nil {
			return err
		}
	}
	t.did("改为在所有地址上监听，且不设用户")
	file, err := t.stand.variant("open", [2]string{"listen: " + strings.TrimPrefix(t.stand.bridge.Admin, "http://"), "listen: 0.0.0.0:0"})
	if err != nil {
		return err
	}
	a, err := t.under(ctx, file, nil, "run")
	if err != nil {
		return err
	}
	return t.check("无用户而对外监听", "拒绝启动，退出码 1", fmt.Sprintf("退出码 %d：%s", a.code, short(a.said(), 160)), a.code == 1 && strings.Contains(a.stderr, "admin"))
}
