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
)

// position is talkbridge position show --json.
type position struct {
	File string
	Pos  uint64
	GTID string
}

func (p position) String() string { return fmt.Sprintf("%s:%d %s", p.File, p.Pos, p.GTID) }

func restartCase(ctx context.Context, t *trial) error {
	sent, err := t.talks(ctx)
	if err != nil {
		return err
	}
	if err := t.submits(ctx, sent); err != nil {
		return err
	}
	if _, err := t.arrives(ctx, "one/"+sent, 1); err != nil {
		return err
	}
	t.did("停止上报程序（SIGTERM）")
	if err := t.stand.bridge.Stop(); err != nil {
		return t.check("停止", "退出码 0", err.Error(), false)
	}
	if err := t.check("停止", "退出码 0", "退出码 0", true); err != nil {
		return err
	}
	var before, after position
	if err := t.asked(ctx, &before, "position", "show"); err != nil {
		return err
	}
	t.did("停止时已保存的位点：%s", before)
	later, err := t.several(ctx, 3)
	if err != nil {
		return err
	}
	for _, key := range later {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	t.did("启动上报程序")
	if err := t.stand.bridge.Start(ctx); err != nil {
		return err
	}
	for _, key := range append(later, sent) {
		if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
			return err
		}
	}
	return t.await(ctx, "位点", "向前推进", patience, func() (string, error) {
		a, err := t.quiet(ctx, nil, "position", "show", "--json")
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal([]byte(a.stdout), &after); err != nil {
			return "", errors.New(a.said())
		}
		if after.File == before.File && after.Pos <= before.Pos {
			return "", errors.New(after.String())
		}
		return after.String(), nil
	})
}

// killCase cuts the power while a call is under way: the platform has it and has not answered.
func killCase(ctx context.Context, t *trial) error {
	keys, err := t.several(ctx, 5)
	if err != nil {
		return err
	}
	if err := t.breaks(platformsim.Fault{Kind: platformsim.FaultHang, Times: 2}, "对接下来的 2 个调用不作应答"); err != nil {
		return err
	}
	for _, key := range keys {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	if err := t.await(ctx, "在途调用", "2 个", patience, func() (string, error) {
		if n := t.stand.platform.Stats().InFlight; n != 2 {
			return "", fmt.Errorf("%d 个", n)
		}
		return "2 个", nil
	}); err != nil {
		return err
	}
	t.did("断电：kill -9 上报程序")
	t.stand.bridge.Kill()
	t.did("启动上报程序")
	if err := t.stand.bridge.Start(ctx); err != nil {
		return err
	}
	if err := t.quiets(ctx, 2*patience); err != nil {
		return t.check("台账", "没有待上报的记录", err.Error(), false)
	}
	for _, key := range keys { // a call that the platform had answered when the power went may be made again: it overwrites
		r, err := t.stand.platform.holds("one/"+key, 1)
		observed := fmt.Sprintf("收到 %d 次，保存 1 份", r.Count)
		if err != nil {
			observed = err.Error()
		}
		if err := t.check("平台上的 one/"+key, "收到至少 1 次，保存 1 份", observed, err == nil); err != nil {
			return err
		}
	}
	return t.equal("同一条记录同时有两个请求在途", "0 次", fmt.Sprintf("%d 次", t.stand.platform.Stats().Overlaps))
}

func sourceCase(ctx context.Context, t *trial) error {
	key, err := t.talks(ctx)
	if err != nil {
		return err
	}
	t.did("停止并重新启动源库")
	t.stand.db.SetMaxIdleConns(0)
	defer t.stand.db.SetMaxIdleConns(2)
	t.stand.mariadb.Stop()
	if err := t.stand.mariadb.Start(); err != nil {
		return err
	}
	if err := t.submits(ctx, key); err != nil {
		return err
	}
	_, err = t.arrives(ctx, "one/"+key, 1)
	return err
}

func pauseCase(ctx context.Context, t *trial) error {
	var p struct{ Paused, Changed bool }
	if err := t.asked(ctx, &p, "pause", "--reason", "验收"); err != nil {
		return err
	}
	if err := t.equal("暂停", true, p.Paused && p.Changed); err != nil {
		return err
	}
	calls := t.stand.platform.Stats().Calls
	keys, err := t.several(ctx, 3)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if _, err := t.ends(ctx, "one/"+key, bridge.StatusPending); err != nil {
			return err
		}
	}
	if err := t.equal("暂停期间对平台的调用", "0 次", fmt.Sprintf("%d 次", t.stand.platform.Stats().Calls-calls)); err != nil {
		return err
	}
	if err := t.asked(ctx, &p, "resume"); err != nil {
		return err
	}
	for _, key := range keys {
		if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
			return err
		}
	}
	return nil
}

func backlogCase(ctx context.Context, t *trial) error {
	keys, err := t.several(ctx, backlogSize)
	if err != nil {
		return err
	}
	calls, began := t.stand.platform.Stats().Calls, t.Now()
	t.did("一次递交全部 %d 条", backlogSize)
	if err := t.stand.exec(ctx, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id IN ("+strings.Join(keys, ",")+")"); err != nil {
		return err
	}
	if err := t.await(ctx, "平台收到", fmt.Sprintf("%d 条", backlogSize), 2*patience, func() (string, error) {
		n := 0
		for _, key := range keys {
			if _, ok := t.stand.platform.Record("one", key); ok {
				n++
			}
		}
		if n != backlogSize {
			return "", fmt.Errorf("%d 条", n)
		}
		return fmt.Sprintf("%d 条", n), nil
	}); err != nil {
		return err
	}
	spent := t.Now().Sub(began)
	t.did("记录值：%s，每秒 %.0f 条（本机回环，仅供参考；规格未规定速率）", took(spent), backlogSize/max(spent, time.Millisecond).Seconds())
	return t.equal("为此调用平台", fmt.Sprintf("%d 次（一条一次）", backlogSize), fmt.Sprintf("%d 次（一条一次）", t.stand.platform.Stats().Calls-calls))
}
