package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
)

// handCase is what an operator does with refused records: one is sent again once the platform knows the student, one is given up.
func handCase(ctx context.Context, t *trial) error {
	keys, err := t.several(ctx, 2)
	if err != nil {
		return err
	}
	if err := t.breaks(platformsim.Fault{Kind: platformsim.FaultReject, RecordIDs: keys, Code: 1003, Msg: "学号在平台上不存在", Times: 2},
		"对两条记录返回 code=1003"); err != nil {
		return err
	}
	for _, key := range keys {
		if err := t.submits(ctx, key); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if err := t.refused(ctx, "one/"+key, bridge.StagePlatform, "学号在平台上不存在"); err != nil {
			return err
		}
	}
	t.did("平台侧补录学号")
	for _, c := range []struct {
		args []string
		want bridge.Status
	}{
		{[]string{"records", "retry", "one/" + keys[0]}, bridge.StatusDelivered},
		{[]string{"records", "discard", "one/" + keys[1], "--yes"}, bridge.StatusDiscarded},
	} {
		a, err := t.talkbridge(ctx, c.args...)
		if err != nil {
			return err
		}
		if err := t.check("命令", "退出码 0", fmt.Sprintf("退出码 %d", a.code), a.code == 0); err != nil {
			return err
		}
		if _, err := t.ends(ctx, c.args[2], c.want); err != nil {
			return err
		}
	}
	_, held := t.stand.platform.Record("one", keys[1])
	return t.check("放弃的记录", "平台没有", "平台"+has(held), !held)
}

// pushCase sends one row at once. It is one of a route without write-back: a row that is marked is no submission any more.
func pushCase(ctx context.Context, t *trial) error {
	if err := t.submits(ctx, "2002"); err != nil {
		return err
	}
	before, err := t.arrives(ctx, "multi/2002", 1)
	if err != nil {
		return err
	}
	if _, err := t.ends(ctx, "multi/2002", bridge.StatusDelivered); err != nil {
		return err
	}
	a, err := t.talkbridge(ctx, "push", "--route", "multi", "--key", "2002")
	if err != nil {
		return err
	}
	if err := t.check("立即上报", "退出码 0", fmt.Sprintf("退出码 %d：%s", a.code, short(a.said(), 120)), a.code == 0); err != nil {
		return err
	}
	_, err = t.arrives(ctx, "multi/2002", before.Count+1)
	return err
}

// auditCase looks for what this run did itself, and alters a copy of the log.
func auditCase(ctx context.Context, t *trial) error {
	a, err := t.talkbridge(ctx, "audit", "show", "--limit", "0", "--json")
	if err != nil {
		return err
	}
	for _, action := range []string{"pause", "resume", "retry", "discard", "push"} {
		if err := t.check("审计日志中本次执行的操作 "+action, "有", has(strings.Contains(a.stdout, action)), strings.Contains(a.stdout, action)); err != nil {
			return err
		}
	}
	found := t.stand.found(a.stdout)
	if err := t.check("审计日志中的姓名、证件号、正文、密钥", "均未出现", "出现 "+fmt.Sprint(len(found))+" 处", len(found) == 0); err != nil {
		return err
	}
	t.did("停止上报程序，核对哈希链与存储中的锚点")
	if err := t.stand.bridge.Stop(); err != nil {
		return err
	}
	seen := t.auditChain(ctx)
	return errors.Join(seen, t.stand.bridge.Start(ctx))
}

func (t *trial) auditChain(ctx context.Context) error {
	a, err := t.talkbridge(ctx, "audit", "verify")
	if err != nil {
		return err
	}
	if err := t.check("核对审计日志", "退出码 0", fmt.Sprintf("退出码 %d：%s", a.code, short(a.said(), 160)), a.code == 0); err != nil {
		return err
	}
	log := filepath.Join(filepath.Dir(t.stand.bridge.Config), "audit.log")
	altered := filepath.Join(t.dir, "altered.log")
	if err := alterLine(log, altered); err != nil {
		return err
	}
	t.did("复制一份审计日志，删去其中一行")
	if a, err = t.talkbridge(ctx, "audit", "verify", altered); err != nil {
		return err
	}
	return t.check("删去一行的审计日志", "核对不通过，退出码 1", fmt.Sprintf("退出码 %d：%s", a.code, short(a.said(), 160)), a.code == 1)
}

// alterLine copies a log without its second line.
func alterLine(from, to string) error {
	text, err := os.ReadFile(from) //nolint:gosec // the log of our own stand
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	if len(lines) < 4 {
		return fmt.Errorf("the audit log has %d lines only", len(lines))
	}
	if err := os.WriteFile(to, []byte(strings.Join(slices.Delete(lines, 1, 2), "")), 0o600); err != nil { //nolint:gosec // a folder of our own
		return fmt.Errorf("write an altered log: %w", err)
	}
	return nil
}
