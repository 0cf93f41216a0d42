package acceptance

import (
	"context"
	"fmt"
	"strings"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/writeback"
)

// What the cases on a stand say again and again.

// submits presses 递交 on a talk.
func (t *trial) submits(ctx context.Context, key string) error {
	t.did("在学工系统中对谈话 %s 按“递交”（标志列 tj_zt 置 1）", key)
	return t.stand.press(ctx, key)
}

// talks makes a talk to work with.
func (t *trial) talks(ctx context.Context) (key string, err error) {
	if key, err = t.stand.talk(ctx); err == nil {
		t.did("准备一条未递交的谈话记录 %s（内容同 1001）", key)
	}
	return key, err
}

// arrives waits until the platform has taken a record so often.
func (t *trial) arrives(ctx context.Context, id string, times int) (r platformsim.Record, err error) {
	err = t.await(ctx, "平台收到 "+id, fmt.Sprintf("共 %d 次", times), patience, func() (string, error) {
		r, err = t.stand.platform.holds(id, times)
		return fmt.Sprintf("共 %d 次", r.Count), err
	})
	if err == nil && r.Count > times {
		err = t.check("平台收到 "+id, fmt.Sprintf("共 %d 次", times), fmt.Sprintf("共 %d 次", r.Count), false)
	}
	return r, err
}

// holds looks for a piece of a payload.
func (t *trial) holds(r platformsim.Record, piece string) error {
	ok := strings.Contains(string(r.Payload), piece)
	observed := piece
	if !ok {
		observed = short(string(r.Payload), 200)
	}
	return t.check("平台解密所得内容含有", piece, observed, ok)
}

// ends waits until a record has a status.
func (t *trial) ends(ctx context.Context, id string, want bridge.Status) (r bridge.Record, err error) {
	err = t.await(ctx, "上报台账中 "+id+" 的状态", statusWord(want), patience, func() (string, error) {
		if r, err = t.stand.record(ctx, id); err != nil {
			return "", err
		}
		if r.Status != want {
			return "", fmt.Errorf("%s %s", statusWord(r.Status), r.Message)
		}
		return statusWord(r.Status), nil
	})
	return r, err
}

// marked waits until the row says what became of it.
func (t *trial) marked(ctx context.Context, key, flag, message string) error {
	expected := fmt.Sprintf("tj_zt = %s", flag)
	if message != "" {
		expected += "，sb_xx 含“" + message + "”"
	}
	return t.await(ctx, "学工系统中该行的回写", expected, patience, func() (string, error) {
		f, m, err := t.stand.mark(ctx, key)
		if err != nil {
			return "", err
		}
		observed := "tj_zt = " + f
		if m != "" {
			observed += "，sb_xx = " + m
		}
		if f != flag || !strings.Contains(m, message) {
			return "", fmt.Errorf("%s", observed)
		}
		return observed, nil
	})
}

// refused waits until a record is refused at a stage, with a reason that a counsellor reads.
func (t *trial) refused(ctx context.Context, id string, stage bridge.Stage, reason string) error {
	expected := fmt.Sprintf("已拒绝（%s），原因含“%s”", stageWord(stage), reason)
	return t.await(ctx, "上报台账中 "+id+" 的状态与原因", expected, patience, func() (string, error) {
		r, err := t.stand.record(ctx, id)
		if err != nil {
			return "", err
		}
		why := writeback.Reason(bridge.Settlement{Message: r.Message, Problems: r.Problems})
		observed := fmt.Sprintf("%s（%s）：%s", statusWord(r.Status), stageWord(r.Stage), why)
		if r.Status != bridge.StatusRejected || r.Stage != stage || !strings.Contains(why, reason) {
			return "", fmt.Errorf("%s", observed)
		}
		return observed, nil
	})
}

// breaks lets something go wrong at the platform.
func (t *trial) breaks(f platformsim.Fault, what string) error {
	t.did("使平台%s", what)
	_, err := t.stand.platform.Inject(f)
	return err
}

func statusWord(s bridge.Status) string {
	words := map[bridge.Status]string{
		bridge.StatusPending: "待上报", bridge.StatusSending: "上报中", bridge.StatusDelivered: "已送达",
		bridge.StatusRejected: "已拒绝", bridge.StatusDiscarded: "已放弃",
	}
	if word, ok := words[s]; ok {
		return word
	}
	return string(s)
}

func stageWord(s bridge.Stage) string {
	switch s {
	case bridge.StageMapping:
		return "上报前校验"
	case bridge.StagePlatform:
		return "平台返回"
	case bridge.StageWriteback:
		return "回写"
	default:
		return string(s)
	}
}
