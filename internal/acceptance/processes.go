package acceptance

import (
	"context"
	"errors"
	"fmt"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
)

func submitCase(ctx context.Context, t *trial) error {
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
	if _, err := t.ends(ctx, "one/"+key, bridge.StatusDelivered); err != nil {
		return err
	}
	return t.marked(ctx, key, "3", "")
}

func againCase(ctx context.Context, t *trial) error {
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
	if err := t.marked(ctx, key, "3", ""); err != nil {
		return err
	}
	t.did("修改谈话 %s 的内容", key)
	if err := t.stand.exec(ctx, "UPDATE xl_gzth SET thnr = '<p>复谈：睡眠已改善，<b>情绪平稳</b>。</p>', bb = bb + 1 WHERE id = ?", key); err != nil {
		return err
	}
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	r, err := t.arrives(ctx, "one/"+key, 2)
	if err != nil {
		return err
	}
	if err := t.holds(r, `"talkContent":"复谈：睡眠已改善，情绪平稳。"`); err != nil {
		return err
	}
	held := 0
	for _, r := range t.stand.platform.Records("one") {
		if r.RecordID == key {
			held++
		}
	}
	return t.equal("平台上该记录的份数（按 recordId 覆盖）", 1, held)
}

func correctCase(ctx context.Context, t *trial) error {
	if err := t.submits(ctx, "1008"); err != nil {
		return err
	}
	if err := t.refused(ctx, "one/1008", bridge.StageMapping, "结束时间早于开始时间"); err != nil {
		return err
	}
	if err := t.marked(ctx, "1008", "4", "结束时间早于开始时间"); err != nil {
		return err
	}
	t.did("更正谈话 1008 的结束时间与时长")
	if err := t.stand.exec(ctx, "UPDATE xl_gzth SET jssj = '2026-03-05 16:40:00', sc = 40 WHERE id = 1008"); err != nil {
		return err
	}
	if err := t.submits(ctx, "1008"); err != nil {
		return err
	}
	r, err := t.arrives(ctx, "one/1008", 1)
	if err != nil {
		return err
	}
	if err := t.holds(r, `"duration":40`); err != nil {
		return err
	}
	return t.marked(ctx, "1008", "3", "")
}

func refusalCase(ctx context.Context, t *trial) error {
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	if err := t.breaks(platformsim.Fault{Kind: platformsim.FaultReject, RecordIDs: []string{key}, Code: 1003, Msg: "学号在平台上不存在", Times: 1},
		"对记录 "+key+" 返回 code=1003"); err != nil {
		return err
	}
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	if err := t.refused(ctx, "one/"+key, bridge.StagePlatform, "学号在平台上不存在"); err != nil {
		return err
	}
	if err := t.marked(ctx, key, "4", "学号在平台上不存在"); err != nil {
		return err
	}
	t.did("平台侧补录学号后，再次递交")
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
		return err
	}
	return t.marked(ctx, key, "3", "")
}

// downCase unplugs the platform. A talk that is edited and submitted again meanwhile must arrive once, with its last content.
func downCase(ctx context.Context, t *trial) error {
	keys, err := t.several(ctx, 4)
	if err != nil {
		return err
	}
	t.did("平台停机：断开连接并拒绝新连接")
	t.stand.platform.unplug()
	err = t.whileDown(ctx, keys)
	t.did("平台恢复")
	if plugged := t.stand.platform.plugIn(ctx); plugged != nil {
		return errors.Join(err, plugged)
	}
	if err != nil {
		return err
	}
	for _, key := range keys {
		if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
			return err
		}
	}
	r, err := t.stand.platform.holds("one/"+keys[0], 1)
	if err != nil {
		return err
	}
	return t.holds(r, `"talkTitle":"停机期间改过"`)
}

func (t *trial) whileDown(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	err := t.await(ctx, "停机期间的记录", "留存待上报，并已尝试", patience, func() (string, error) {
		for _, key := range keys {
			r, err := t.stand.record(ctx, "one/"+key)
			if err != nil {
				return "", err
			}
			if r.Status == bridge.StatusDelivered || r.Status == bridge.StatusRejected {
				return "", fmt.Errorf("%s %s", key, statusWord(r.Status))
			}
		}
		if r, err := t.stand.record(ctx, "one/"+keys[0]); err != nil || r.Attempts == 0 {
			return "", errors.Join(errors.New("尚未尝试"), err)
		}
		return fmt.Sprintf("%d 条均待上报", len(keys)), nil
	})
	if err != nil {
		return err
	}
	t.did("停机期间修改谈话 %s 并再次递交", keys[0])
	if err := t.stand.exec(ctx, "UPDATE xl_gzth SET bt = '停机期间改过', tj_zt = '0' WHERE id = ?", keys[0]); err != nil {
		return err
	}
	return t.submits(ctx, keys[0])
}

// several makes talks to submit.
func (t *trial) several(ctx context.Context, n int) (keys []string, err error) {
	for range n {
		key, err := t.stand.talk(ctx)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	t.did("准备 %d 条未递交的谈话记录：%s 至 %s", n, keys[0], keys[n-1])
	return keys, nil
}

func troubleCase(ctx context.Context, t *trial) error {
	keys, err := t.several(ctx, 4)
	if err != nil {
		return err
	}
	for i, f := range []struct {
		fault platformsim.Fault
		what  string
	}{
		{platformsim.Fault{Kind: platformsim.FaultThrottle, RetryAfter: "1"}, "答以 429(限流)一次"},
		{platformsim.Fault{Kind: platformsim.FaultStatus, Status: 503}, "答以 503 一次"},
		{platformsim.Fault{Kind: platformsim.FaultReset}, "断开连接一次"},
		{platformsim.Fault{Kind: platformsim.FaultHTML}, "答以网关错误页一次"},
	} {
		f.fault.RecordIDs, f.fault.Times = []string{keys[i]}, 1
		if err := t.breaks(f.fault, "对记录 "+keys[i]+" "+f.what); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
			return err
		}
		r, err := t.ends(ctx, "one/"+key, bridge.StatusDelivered)
		if err != nil {
			return err
		}
		if err := t.check(key+" 的尝试次数", "2 次或以上", fmt.Sprintf("%d 次", r.Attempts), r.Attempts >= 2); err != nil {
			return err
		}
	}
	return nil
}

func voidCase(ctx context.Context, t *trial) error {
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	before := t.stand.platform.Stats()
	t.did("使平台的全部令牌立即失效")
	t.stand.platform.VoidTokens()
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
		return err
	}
	after := t.stand.platform.Stats()
	if err := t.equal("因令牌失效被平台拒绝的调用", "1 次", fmt.Sprintf("%d 次", after.Unauthorized-before.Unauthorized)); err != nil {
		return err
	}
	return t.check("重新获取的令牌", "至少 1 个", fmt.Sprintf("%d 个", after.TokensIssued-before.TokensIssued), after.TokensIssued > before.TokensIssued)
}

// renewCase looks at the tokens of the whole run so far: those that were voided were refused once, and no other ever was.
func renewCase(ctx context.Context, t *trial) error {
	issued := t.stand.platform.Stats().TokensIssued
	t.did("每 2 秒递交一次，直到令牌被更新")
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	refused := t.stand.platform.Stats().Unauthorized
	err = t.await(ctx, "令牌到期前被更新", "平台发出新令牌", tokenLife+patience, func() (string, error) {
		if err := t.stand.exec(ctx, "UPDATE xl_gzth SET tj_zt = '0' WHERE id = ?", key); err != nil {
			return "", err
		}
		if err := t.stand.press(ctx, key); err != nil {
			return "", err
		}
		if err := t.quiets(ctx, patience); err != nil {
			return "", err
		}
		if now := t.stand.platform.Stats().TokensIssued; now == issued {
			return "", errors.New("没有更新")
		}
		return "已更新", nil
	})
	if err != nil {
		return err
	}
	return t.equal("其间因令牌过期被拒绝的调用", "0 次", fmt.Sprintf("%d 次", t.stand.platform.Stats().Unauthorized-refused))
}

// backlogSize is how many records come at once.
const backlogSize = 200
