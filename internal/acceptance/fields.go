package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
)

// fieldsCase compares single fields with what the school's tables hold.
func fieldsCase(ctx context.Context, t *trial) error {
	if err := t.submits(ctx, "1002"); err != nil {
		return err
	}
	r, err := t.arrives(ctx, "one/1002", 1)
	if err != nil {
		return err
	}
	for _, f := range []struct{ what, piece string }{
		{"教师姓名由工号查得", `"counselorName":"陈镕"`},
		{"学生姓名、学号由关注对象查得", `"studentNo":"2024010202","studentName":"张晓雯"`},
		{"谈话方式 MT 转为平台代码", `"talkMode":"01"`},
		{"关注等级“一级”转为平台代码", `"attentionLevel":"1"`},
		{"时间格式 yyyy-MM-dd HH:mm:ss", `"talkTime":"2026-03-06 08:00:00"`},
		{"富文本转为纯文本，脚本与图片去除", `"talkContent":"你好`},
		{"时长为数字", `"duration":45`},
	} {
		t.did("%s", f.what)
		if err := t.holds(r, f.piece); err != nil {
			return err
		}
	}
	if err := t.check("内容中没有脚本与标签残留", "无 script、onerror、base64", present(r, "script", "onerror", "base64"), present(r, "script", "onerror", "base64") == "无"); err != nil {
		return err
	}
	a, err := t.talkbridge(ctx, "map", "--route", "one", "--key", "1002", "--json")
	if err != nil {
		return err
	}
	var shown struct {
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal([]byte(a.stdout), &shown); err != nil {
		return t.check("预览的输出", "JSON", a.said(), false)
	}
	return t.check("预览（map）与实际上报内容", "相同", map[bool]string{true: "相同", false: "不同"}[sameJSON(shown.Payload, r.Payload)], sameJSON(shown.Payload, r.Payload))
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

func present(r platformsim.Record, words ...string) string {
	var found []string
	for _, w := range words {
		if strings.Contains(string(r.Payload), w) {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return "无"
	}
	return "有 " + strings.Join(found, "、")
}

// wrongTalks are talks of the invented college that must not go out, each with what the counsellor reads.
func wrongTalks() [][3]string {
	return [][3]string{
		{"1005", "谈话内容为空", "必填项为空"},
		{"1007", "不是有效的日期", "零日期"},
		{"1009", "谈话时间不能晚于现在", "时间在将来"},
		{"1018", "没有查到谈话教师姓名", "教师工号查无此人"},
		{"1020", "没有对应的平台代码", "字典外的谈话方式"},
		{"1021", "不是平台认可的选项", "平台字典外的主题"},
		{"1025", "超过上限 100 字", "标题过长"},
		{"1004", "超过上限 2000 字", "正文过长"},
	}
}

func validationCase(ctx context.Context, t *trial) error {
	for _, w := range wrongTalks() {
		t.did("错误类型：%s", w[2])
		if err := t.submits(ctx, w[0]); err != nil {
			return err
		}
		if err := t.refused(ctx, "one/"+w[0], bridge.StageMapping, w[1]); err != nil {
			return err
		}
		if err := t.marked(ctx, w[0], "4", w[1]); err != nil {
			return err
		}
	}
	sent := 0
	for _, a := range t.stand.platform.Journal() {
		for _, w := range wrongTalks() {
			if a.RecordID == w[0] {
				sent++
			}
		}
	}
	return t.equal("以上记录被发往平台", "0 次", fmt.Sprintf("%d 次", sent))
}

// unsentCase submits rows that are no submissions, and one after them that is: when that has arrived, the others have been read too.
func unsentCase(ctx context.Context, t *trial) error {
	draft, err := t.talks(ctx)
	if err != nil {
		return err
	}
	t.did("只编辑、不按“递交”：谈话 %s", draft)
	if err := t.stand.exec(ctx, "UPDATE xl_gzth SET bt = '草稿' WHERE id = ?", draft); err != nil {
		return err
	}
	t.did("逻辑删除的谈话 1011")
	if err := t.submits(ctx, "1011"); err != nil {
		return err
	}
	after, err := t.talks(ctx)
	if err != nil {
		return err
	}
	if err := t.submits(ctx, after); err != nil {
		return err
	}
	if _, err := t.arrives(ctx, "one/"+after, 1); err != nil {
		return err
	}
	for _, key := range []string{draft, "1011"} {
		_, held := t.stand.platform.Record("one", key)
		_, err := t.stand.record(ctx, "one/"+key)
		known := err == nil
		if err := t.check("谈话 "+key, "平台没有，台账也没有", fmt.Sprintf("平台%s，台账%s", has(held), has(known)), !held && !known); err != nil {
			return err
		}
	}
	return nil
}

func has(yes bool) string {
	if yes {
		return "有"
	}
	return "没有"
}

// mapCase maps rows of each route. Only counts and reasons come out.
func mapCase(ctx context.Context, t *trial) error {
	for _, route := range t.routes() {
		var tally struct {
			Rows, Refused, Submitted int
			Reasons                  []struct {
				Count   int
				Message string
			}
		}
		if err := t.asked(ctx, &tally, "map", "--route", route, "--all", "--limit", fmt.Sprint(t.Sample)); err != nil {
			return err
		}
		explained := 0
		for _, r := range tally.Reasons {
			if r.Message != "" {
				explained++
			}
		}
		observed := fmt.Sprintf("%d 行，其中 %d 行不能上报，原因 %d 种", tally.Rows, tally.Refused, len(tally.Reasons))
		ok := explained == len(tally.Reasons) && (tally.Refused == 0 || explained > 0)
		if err := t.check("路由 "+route+" 的试算", "每一行要么可上报，要么有原因", observed, ok); err != nil {
			return err
		}
	}
	return nil
}

func pagesCase(ctx context.Context, t *trial) error {
	for _, p := range [][2]string{
		{"/healthz", "ok"},
		{"/readyz", "ready"},
		{"/api/v1/status", `"records"`},
		{"/metrics", "talkbridge_push_total"},
		{"/metrics", "talkbridge_source_lag_seconds"},
		{"/metrics", "talkbridge_outbox_records"},
		{"/metrics", "talkbridge_token_expiry_timestamp_seconds"},
		{"/metrics", "talkbridge_source_purge_headroom_seconds"},
	} {
		text, err := t.stand.page(ctx, p[0])
		if err != nil {
			return t.check("页面 "+p[0], "含有 "+p[1], err.Error(), false)
		}
		if err := t.check("页面 "+p[0], "含有 "+p[1], map[bool]string{true: "含有", false: "没有"}[strings.Contains(text, p[1])], strings.Contains(text, p[1])); err != nil {
			return err
		}
	}
	return nil
}

// rowsCase waits for records that somebody submits in the real system.
func rowsCase(ctx context.Context, t *trial) error {
	if len(t.Rows) == 0 {
		return notHereError("没有指定测试记录（--row 路由/主键）；未经学校指定，不触动任何一条真实记录")
	}
	began := t.Now()
	for _, id := range t.Rows {
		t.did("由学校人员在学工系统中对测试记录 %s 按“递交”", id)
		t.Ask("请在学工系统中对测试记录 %s 按“递交”，至多等待 %v …", id, t.Wait)
		var r bridge.Record
		err := t.await(ctx, "台账中 "+id+" 的状态", "本次递交已送达，code 为平台的成功码", t.Wait, func() (string, error) {
			a, err := t.quiet(ctx, nil, "records", "show", id, "--json")
			if err != nil {
				return "", err
			}
			if a.code != 0 {
				return "", errors.New(a.said())
			}
			if err := json.Unmarshal([]byte(a.stdout), &r); err != nil {
				return "", fmt.Errorf("read the record: %w", err)
			}
			if r.Status != bridge.StatusDelivered || r.DeliveredAt.Before(began) {
				return "", fmt.Errorf("%s %s %s", statusWord(r.Status), r.Code, r.Message)
			}
			return "已送达，code " + r.Code, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// routes are the names of the configuration's routes.
func (b *bench) routes() []string {
	if b.stand != nil {
		return platformsim.Endpoints()
	}
	var names []string
	for _, r := range b.config.Routes {
		names = append(names, r.Name)
	}
	return names
}

// quiets waits until nothing waits to be delivered.
func (t *trial) quiets(ctx context.Context, limit time.Duration) error {
	return rig.Until(ctx, limit, func() error {
		s, err := t.stand.status(ctx)
		if err != nil {
			return err
		}
		if n := s.Records[bridge.StatusPending] + s.Records[bridge.StatusSending]; n > 0 {
			return fmt.Errorf("%d 条待上报", n)
		}
		return nil
	})
}
