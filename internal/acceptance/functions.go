package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
)

func versionCase(ctx context.Context, t *trial) error {
	var v struct{ Version, Go, OS, Arch string }
	if err := t.asked(ctx, &v, "version"); err != nil {
		return err
	}
	return t.equal("程序报告的版本", t.Version, v.Version)
}

// checkItem is a line of talkbridge check --json.
type checkItem struct{ ID, Level, What, Detail, Fix string }

func checkCase(ctx context.Context, t *trial) error {
	a, err := t.talkbridge(ctx, "check", "--sample", fmt.Sprint(t.Sample), "--json")
	if err != nil {
		return err
	}
	var items []checkItem
	if err := json.Unmarshal([]byte(a.stdout), &items); err != nil {
		return t.check("自检的输出", "逐项结果", a.said(), false)
	}
	counts := map[string]int{}
	for _, i := range items {
		counts[i.Level]++
		switch i.Level {
		case "FAIL":
			_ = t.check("自检项 "+i.ID, "通过", short(i.What+":"+i.Detail, 300), false)
		case "WARN":
			t.did("自检提示 %s:%s", i.ID, short(i.What, 160))
		}
	}
	observed := fmt.Sprintf("共 %d 项：通过 %d，提示 %d，不通过 %d", len(items), counts["PASS"], counts["WARN"], counts["FAIL"])
	return t.check("自检（源库、存储、平台、加密、映射）", "不通过 0 项，退出码 0", observed, counts["FAIL"] == 0 && a.code == 0 && len(items) > 0)
}

func tokenCase(ctx context.Context, t *trial) error {
	requests := t.stand.platform.noted(call.token)
	if len(requests) == 0 {
		return t.check("令牌请求", "至少 1 次", "0 次", false)
	}
	form, err := url.ParseQuery(string(requests[0].body))
	if err != nil {
		return t.check("令牌请求的正文", "表单", "不是表单", false)
	}
	if err := t.equal("令牌请求的方式与类型", "POST application/x-www-form-urlencoded", requests[0].method+" "+requests[0].contentType); err != nil {
		return err
	}
	if err := t.equal("令牌请求的 grant_type", "client_credentials", form.Get("grant_type")); err != nil {
		return err
	}
	given := form.Get("client_id") == t.stand.platform.ClientID() && form.Get("client_secret") == t.stand.platform.ClientSecret()
	if err := t.check("令牌请求的 client_id、client_secret", "与平台发放的一致", map[bool]string{true: "一致", false: "不一致"}[given], given); err != nil {
		return err
	}
	t.did("用错误的 client_secret 执行：talkbridge check")
	a, err := t.quiet(ctx, []string{"TALKBRIDGE_CLIENT_SECRET=MDEyMzQ1Njc4OWFiY2RlZg=="}, "check", "--json")
	if err != nil {
		return err
	}
	var items []checkItem
	if err := json.Unmarshal([]byte(a.stdout), &items); err != nil {
		return t.check("自检的输出", "逐项结果", a.said(), false)
	}
	for _, i := range items {
		if i.Level == "FAIL" && strings.HasPrefix(i.ID, "platform.") {
			return t.check("错误的密钥", "自检指出平台不认，退出码 1", fmt.Sprintf("%s:%s，退出码 %d", i.ID, short(i.What, 120), a.code), a.code == 1)
		}
	}
	return t.check("错误的密钥", "自检指出平台不认，退出码 1", a.said(), false)
}

func headerCase(ctx context.Context, t *trial) error {
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
		return err
	}
	with, without := 0, 0
	for _, c := range t.stand.platform.noted(func(c call) bool { return strings.Contains(c.path, "/talk-record/") }) {
		if token, ok := strings.CutPrefix(c.authorization, "Bearer "); ok && token != "" {
			with++
		} else {
			without++
		}
	}
	if err := t.check("迄今每个上报请求的请求头 Authorization", "都有 Bearer 令牌", fmt.Sprintf("有 %d 个，无 %d 个", with, without), with > 0 && without == 0); err != nil {
		return err
	}
	t.did("不带令牌直接调用平台接口，以证明平台确在验证")
	status, text, err := t.stand.platform.post(ctx, "/talk-record/one", "application/json", `{"data":"AA=="}`)
	if err != nil {
		return err
	}
	return t.check("不带令牌的请求", "被平台拒绝", fmt.Sprintf("HTTP %d %s", status, short(text, 120)), status == 401 || strings.Contains(text, "401"))
}

func oneCase(ctx context.Context, t *trial) error {
	return endpointCase(ctx, t, "one", "1001", `"studentName":"李明"`, `"talkTitle":"学业压力与睡眠"`)
}

func multiCase(ctx context.Context, t *trial) error {
	return endpointCase(ctx, t, "multi", "2001", `"participantCount":6`, `"studentName":"买买提·阿卜杜拉"`)
}

func patriarchCase(ctx context.Context, t *trial) error {
	return endpointCase(ctx, t, "patriarch", "3001", `"patriarchName":"李建国"`)
}

func endpointCase(ctx context.Context, t *trial, endpoint, key string, pieces ...string) error {
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	r, err := t.arrives(ctx, endpoint+"/"+key, 1)
	if err != nil {
		return err
	}
	called := t.stand.platform.noted(func(c call) bool { return strings.HasSuffix(c.path, "/talk-record/"+endpoint) })
	if len(called) == 0 {
		return t.check("调用的接口", "/api/talk-record/"+endpoint, "没有调用", false)
	}
	if err := t.equal("调用的接口", "POST /api/talk-record/"+endpoint, called[0].method+" "+called[0].path); err != nil {
		return err
	}
	for _, piece := range pieces {
		if err := t.holds(r, piece); err != nil {
			return err
		}
	}
	_, err = t.ends(ctx, endpoint+"/"+key, bridge.StatusDelivered)
	return err
}

func answerCase(ctx context.Context, t *trial) error {
	good, err := t.talks(ctx)
	if err != nil {
		return err
	}
	bad, err := t.talks(ctx)
	if err != nil {
		return err
	}
	if err := t.breaks(platformsim.Fault{Kind: platformsim.FaultReject, RecordIDs: []string{bad}, Code: 1003, Msg: "学号在平台上不存在", Times: 1},
		"对记录 "+bad+" 返回 code=1003、msg=学号在平台上不存在"); err != nil {
		return err
	}
	for _, key := range []string{good, bad} {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	r, err := t.ends(ctx, "one/"+good, bridge.StatusDelivered)
	if err != nil {
		return err
	}
	if err := t.equal("平台返回 code=0 的记录，台账中的 code", "0", r.Code); err != nil {
		return err
	}
	if r, err = t.ends(ctx, "one/"+bad, bridge.StatusRejected); err != nil {
		return err
	}
	return t.equal("平台返回 code=1003 的记录，台账中的 code 与 msg", "1003 学号在平台上不存在", r.Code+" "+r.Message)
}
