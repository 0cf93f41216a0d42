package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"talkbridge/internal/bridge"
)

// consoleCase asks for the console's pages as a browser does, in both languages, finds a refused record with its reason, and tries to
// change something without having logged in. What a person sees of them is a matter for a browser, and for whoever accepts.
func consoleCase(ctx context.Context, t *trial) error {
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	t.did("将谈话 %s 的时长改为 0 分钟", key)
	if err := t.stand.exec(ctx, "UPDATE xl_gzth SET sc = 0 WHERE id = ?", key); err != nil {
		return err
	}
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	const reason = "时长不能小于 1"
	if err := t.refused(ctx, "one/"+key, bridge.StageMapping, reason); err != nil {
		return err
	}
	for _, p := range []struct{ path, language, holds string }{
		{"/", "zh", "运行正常"},
		{"/", "zh", "最近被拒"},
		{"/", "en", "Lately refused"},
		{"/records", "zh", "one"},
		{"/records?status=rejected", "zh", reason},
		{"/records?key=" + key, "zh", reason},
		{"/records/one/" + key, "zh", reason},
		{"/records/one/" + key, "zh", "请在学工系统中更正后重新递交"},
		{"/position", "zh", "位点"},
		{"/position", "en", "Position"},
	} {
		what := fmt.Sprintf("控制台页面 %s（%s）", p.path, map[string]string{"zh": "中文", "en": "英文"}[p.language])
		if err := t.await(ctx, what, "含有“"+p.holds+"”", patience, func() (string, error) {
			code, text, err := t.stand.visit(ctx, http.MethodGet, p.path, p.language)
			if err == nil && (code != http.StatusOK || !strings.Contains(text, p.holds)) {
				err = fmt.Errorf("状态 %d，没有“%s”", code, p.holds)
			}
			return "含有", err
		}); err != nil {
			return err
		}
	}
	for _, path := range []string{"/pause", "/records/retry", "/records/discard"} {
		code, _, err := t.stand.visit(ctx, http.MethodPost, path, "zh")
		if err != nil {
			return err
		}
		if err := t.check("未登录而操作 POST "+path, "拒绝（403）", fmt.Sprint(code), code == http.StatusForbidden); err != nil {
			return err
		}
	}
	return nil
}

// visit asks the bridge for a page, as a browser that chose a language.
func (s *stand) visit(ctx context.Context, method, path, language string) (code int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, s.bridge.Admin+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Cookie", "talkbridge_language="+language)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// reconcileCase changes a row in a way that leaves no trace in the log, and has it found.
func reconcileCase(ctx context.Context, t *trial) error {
	if err := t.agrees(ctx, "核对全部已递交的记录"); err != nil {
		return err
	}
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	t.did("关闭日志（sql_log_bin=0），把谈话 %s 的标志列置 1：监听看不到这次递交", key)
	if err := t.stand.mariadb.Exec("SET SESSION sql_log_bin = 0; UPDATE xgxt_demo.xl_gzth SET tj_zt = '1' WHERE id = " + key); err != nil {
		return err
	}
	found, code, err := t.reconciles(ctx)
	if err != nil {
		return err
	}
	one := found["one"]
	if err := t.check("核对的结果", "缺失 1 条："+key+"，退出码 1", fmt.Sprintf("缺失 %d 条：%s，退出码 %d", one.Missing, strings.Join(one.MissingIDs, " "), code),
		code == 1 && one.Missing == 1 && strings.Join(one.MissingIDs, " ") == "one/"+key); err != nil {
		return err
	}
	if found, code, err = t.reconciles(ctx, "--fix"); err != nil {
		return err
	}
	if err := t.check("核对并补报的结果", "补报 1 条，退出码 0", fmt.Sprintf("补报 %d 条，退出码 %d", found["one"].Queued, code),
		code == 0 && found["one"].Queued == 1); err != nil {
		return err
	}
	if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
		return err
	}
	if _, err := t.ends(ctx, "one/"+key, bridge.StatusDelivered); err != nil {
		return err
	}
	if err := t.agrees(ctx, "再次核对"); err != nil {
		return err
	}
	page, err := t.stand.page(ctx, "/api/v1/status")
	if err != nil {
		return err
	}
	shown := strings.Contains(page, `"cause":"hand"`)
	return t.check("页面 /api/v1/status 中最近一次核对的起因", "人工（hand）", has(shown), shown)
}

// reconciledRoute is what reconcile --json says of one route.
type reconciledRoute struct {
	Route      string   `json:"route"`
	Scanned    int      `json:"scanned"`
	Missing    int      `json:"missing"`
	Differing  int      `json:"differing"`
	Queued     int      `json:"queued"`
	MissingIDs []string `json:"missing_ids"`
}

func (t *trial) reconciles(ctx context.Context, args ...string) (found map[string]reconciledRoute, code int, err error) {
	a, err := t.talkbridge(ctx, append([]string{"reconcile", "--json"}, args...)...)
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Routes []reconciledRoute `json:"routes"`
	}
	if err := json.Unmarshal([]byte(a.stdout), &answer); err != nil {
		return nil, a.code, fmt.Errorf("read what reconcile says: %w: %s", err, a.said())
	}
	found = map[string]reconciledRoute{}
	for _, r := range answer.Routes {
		found[r.Route] = r
	}
	return found, a.code, nil
}

// agrees has everything compared, and nothing missing or differing.
func (t *trial) agrees(ctx context.Context, what string) error {
	found, code, err := t.reconciles(ctx)
	if err != nil {
		return err
	}
	scanned, doubtful := 0, 0
	for _, r := range found {
		scanned, doubtful = scanned+r.Scanned, doubtful+r.Missing+r.Differing
	}
	return t.check(what, "缺失与不同 0 条，退出码 0", fmt.Sprintf("比对 %d 行，缺失与不同 %d 条，退出码 %d", scanned, doubtful, code), code == 0 && doubtful == 0)
}
