package acceptance

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"talkbridge/internal/bridge"
	"talkbridge/state"
)

func sqlOpen(c driver.Connector) *sql.DB { return sql.OpenDB(c) }

// summary is what backup, verify and restore print.
type summary struct {
	Records int
	Digest  string
	Bytes   int64
}

func (b *bench) backupFile() string { return filepath.Join(b.dir, "acceptance.backup") }

func backupCase(ctx context.Context, t *trial) error {
	var made, read summary
	if err := t.asked(ctx, &made, "backup", t.backupFile()); err != nil {
		return err
	}
	t.did("备份：%d 条记录，%d 字节", made.Records, made.Bytes)
	info, err := os.Stat(t.backupFile())
	if err != nil {
		return fmt.Errorf("look at the backup: %w", err)
	}
	if err := t.equal("备份文件的权限", "0600", fmt.Sprintf("%04o", info.Mode().Perm())); err != nil {
		return err
	}
	if err := t.asked(ctx, &read, "verify", t.backupFile()); err != nil {
		return err
	}
	if err := t.equal("校验（verify）所得摘要与备份时相同", made.Digest, read.Digest); err != nil {
		return err
	}
	text, err := os.ReadFile(t.backupFile())
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	text[len(text)/2] ^= 1
	broken := filepath.Join(t.dir, "broken.backup")
	if err := os.WriteFile(broken, text, 0o600); err != nil { //nolint:gosec // a folder of our own
		return fmt.Errorf("write a broken backup: %w", err)
	}
	t.did("复制一份备份，把正中间的字节改掉一位")
	a, err := t.talkbridge(ctx, "verify", broken)
	if err != nil {
		return err
	}
	return t.check("改动过的备份", "校验不通过，退出码 1", fmt.Sprintf("退出码 %d：%s", a.code, short(a.said(), 160)), a.code == 1)
}

// scratchCase restores into a store that is made for it and thrown away; the store in use is not touched.
func scratchCase(ctx context.Context, t *trial) error {
	namespace, key := t.seal()
	store, err := state.Open(ctx, state.Options{URL: "file:" + filepath.Join(t.dir, "scratch.db"), Namespace: namespace, Key: key})
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // thrown away
	file, err := os.Open(t.backupFile())
	if err != nil {
		return fmt.Errorf("没有 B01 的备份：%w", err)
	}
	defer file.Close()
	t.did("恢复到临时目录中新建的空存储，不触动正在使用的存储")
	back, err := store.Restore(ctx, file, state.RestoreOptions{})
	if err != nil {
		return err
	}
	var made summary
	if err := t.asked(ctx, &made, "verify", t.backupFile()); err != nil {
		return err
	}
	if err := t.equal("恢复的记录数", made.Records, back.Records); err != nil {
		return err
	}
	again, err := os.Create(filepath.Join(t.dir, "again.backup"))
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	defer again.Close()
	sum, err := store.Backup(ctx, again, nil)
	if err != nil {
		return err
	}
	if err := t.equal("从恢复的存储再备份，摘要相同", made.Digest, sum.Digest); err != nil {
		return err
	}
	_, paused, err := store.Paused(ctx)
	if err != nil {
		return err
	}
	return t.equal("恢复后上报处于暂停（防止重复外发）", true, paused)
}

// seal gives what a store of this bench is sealed with.
func (b *bench) seal() (namespace string, key bridge.Secret) {
	if b.stand != nil {
		return "nbufe", bridge.Secret(b.stand.secrets.State)
	}
	return b.config.State.Namespace, b.config.State.Key
}

// disasterCase loses the store under a bridge and gets everything back from a backup.
func disasterCase(ctx context.Context, t *trial) error {
	sent, waits, later, err := t.beforeDisaster(ctx)
	if err != nil {
		return err
	}
	t.did("断电并删除存储文件 talkbridge.db")
	t.stand.bridge.Kill()
	if err := os.Remove(filepath.Join(filepath.Dir(t.stand.bridge.Config), "talkbridge.db")); err != nil {
		return fmt.Errorf("destroy the store: %w", err)
	}
	var back summary
	if err := t.asked(ctx, &back, "restore", filepath.Join(t.dir, "disaster.backup")); err != nil {
		return err
	}
	a, err := t.talkbridge(ctx, "resume")
	if err != nil {
		return err
	}
	if err := t.check("读到最新之前恢复上报", "拒绝，退出码 1", fmt.Sprintf("退出码 %d", a.code), a.code == 1); err != nil {
		return err
	}
	calls := t.stand.platform.Stats().Calls
	t.did("启动上报程序，从备份中的位点读起")
	if err := t.stand.bridge.Start(ctx); err != nil {
		return err
	}
	for _, key := range later {
		if _, err := t.ends(ctx, "one/"+key, bridge.StatusPending); err != nil {
			return err
		}
	}
	if err := t.equal("恢复上报之前对平台的调用", "0 次", fmt.Sprintf("%d 次", t.stand.platform.Stats().Calls-calls)); err != nil {
		return err
	}
	if err := t.await(ctx, "恢复上报（resume）", "退出码 0", patience, func() (string, error) {
		a, err := t.quiet(ctx, nil, "resume")
		if err == nil && a.code != 0 {
			err = errors.New(a.said())
		}
		return "退出码 0", err
	}); err != nil {
		return err
	}
	for _, key := range append(append(sent, waits...), later...) {
		if _, err := t.arrives(ctx, "one/"+key, 1); err != nil {
			return err
		}
	}
	return nil
}

// beforeDisaster delivers some records, lets some wait, takes a backup, and submits some more.
func (t *trial) beforeDisaster(ctx context.Context) (sent, waits, later []string, err error) {
	if sent, err = t.several(ctx, 3); err != nil {
		return nil, nil, nil, err
	}
	for _, key := range sent {
		if err := t.submits(ctx, key); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, key := range sent {
		if _, err := t.ends(ctx, "one/"+key, bridge.StatusDelivered); err != nil {
			return nil, nil, nil, err
		}
	}
	if _, err := t.talkbridge(ctx, "pause", "--reason", "演练"); err != nil {
		return nil, nil, nil, err
	}
	if waits, err = t.waiting(ctx, 3); err != nil {
		return nil, nil, nil, err
	}
	var made summary
	if err := t.asked(ctx, &made, "backup", filepath.Join(t.dir, "disaster.backup")); err != nil {
		return nil, nil, nil, err
	}
	t.did("备份：%s 条记录；此后又有递交，只在源库日志中", strconv.Itoa(made.Records))
	later, err = t.waiting(ctx, 2)
	return sent, waits, later, err
}

// waiting submits records while delivery is paused.
func (t *trial) waiting(ctx context.Context, n int) (keys []string, err error) {
	if keys, err = t.several(ctx, n); err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := t.submits(ctx, key); err != nil {
			return nil, err
		}
		if _, err := t.ends(ctx, "one/"+key, bridge.StatusPending); err != nil {
			return nil, err
		}
	}
	return keys, nil
}
